"""One neutral operation as USP messages: the sentence on one side, the grammar on the other.

`perform` is a generator that yields requests for the agent and is sent its answers; it returns
the outcome of the operation.  It knows no record and no wire.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence

from acs.model import (
    Add,
    Added,
    Change,
    Command,
    CommandName,
    Delete,
    Fault,
    Get,
    List,
    ListedName,
    Names,
    ParameterFault,
    Procedure,
    ProcedureOutcome,
    Set,
    Started,
    Value,
    Values,
    ValueType,
    Written,
)
from acs.usp import messages
from acs.usp.errors import Code, name_of
from acs.usp.known import Known
from acs.usp.messages import Error, Failure, ParamError, Request, Response
from acs.usp.paths import is_search, join, parent
from acs.usp.procedures import Odd, carry_out

DeviceOperation = Get | Set | Add | Delete | List | Command | Procedure
DeviceOutcome = Values | Written | Added | Names | Started | ProcedureOutcome | Fault
Exchange = Generator[Request, Response | Error, DeviceOutcome]

PATHS_OF_A_GET = 200
"""Paths of one Get: what an agent answers to them has to fit one message."""
FAULT_LENGTH = 500
"""Characters that are kept of a text in which an agent says why."""
MAX_PARAMETER_FAULTS = 100
ABSENT = frozenset(
    (
        Code.UNSUPPORTED_PARAMETER,
        Code.OBJECT_DOES_NOT_EXIST,
        Code.INVALID_PATH,
        Code.PERMISSION_DENIED,
    )
)
"""Codes of one requested path that mean: nothing of it is shown to us."""
ROOT = "Device."


def perform(operation: DeviceOperation, known: Known) -> Exchange:
    """Return the exchange of messages that carries out ``operation``."""
    match operation:
        case Get(paths):
            return _get(paths, known)
        case Set(changes):
            return _set(changes)
        case Add(table, given):
            return _add(table, given)
        case Delete(row):
            return _delete(row)
        case List(path, next_level):
            return _list(path, next_level, known)
        case Command(name, key):
            return _command(name, key)
        case _:
            return _procedure(operation, known)


# --- values ------------------------------------------------------------------------------


def _get(paths: Sequence[str], known: Known) -> Exchange:
    values: dict[str, Value] = {}
    missing: list[str] = []
    asked = list(dict.fromkeys(paths))
    for start in range(0, len(asked), PATHS_OF_A_GET):
        batch = asked[start : start + PATHS_OF_A_GET]
        answer = yield messages.Get(tuple(batch))
        if not isinstance(answer, messages.GetResp):
            return odd("Get", answer)
        told = {result.path: result for result in answer.results}
        for path in batch:
            result = told.get(path)
            if result is None or result.code in ABSENT:
                missing.append(path)
            elif result.code:
                return Fault(result.code, _text(result.code, result.text), (_of_path(result),))
            elif not _take(path, result, values, known):
                missing.append(path)
    return Values(values, tuple(missing))


def _take(
    path: str, result: messages.RequestedPath, values: dict[str, Value], known: Known
) -> bool:
    """Keep what one path led to; False when a single parameter was asked for and is not there."""
    found = {
        join(resolved.path, name): text
        for resolved in result.resolved
        for name, text in resolved.params.items()
    }
    if path.endswith("."):
        values.update((name, known.value(name, text)) for name, text in found.items())
        return True
    if is_search(path):
        values.update((name, known.value(name, text)) for name, text in found.items())
        if len(found) != 1:
            # Of several matches none is the one that was meant.
            return False
        ((name, text),) = found.items()
        values[path] = known.value(name, text)
        return True
    if path not in found:
        return False
    values[path] = known.value(path, found[path])
    return True


def _set(changes: Sequence[Change]) -> Exchange:
    if not changes:
        return Written()
    answer = yield messages.Set(objects_of(changes))
    if not isinstance(answer, messages.SetResp):
        return odd("Set", answer)
    refused = list(refusals(answer))
    if refused:
        return Fault(refused[0].code, refused[0].text, tuple(refused))
    return Written()


def objects_of(changes: Iterable[Change]) -> tuple[messages.ObjectSettings, ...]:
    """Group changes by the object they belong to, in the order of each object's first one."""
    grouped: dict[str, list[messages.Setting]] = {}
    for change in changes:
        holder = parent(change.path)
        name = change.path[len(holder) :]
        setting = messages.Setting(name, wire_text(change.value), secret=change.secret)
        grouped.setdefault(holder, []).append(setting)
    return tuple(messages.ObjectSettings(path, tuple(each)) for path, each in grouped.items())


def wire_text(value: Value) -> str:
    """A value as USP writes it: booleans in words, for there are agents that read no others."""
    if value.type is ValueType.BOOLEAN:
        return {"1": "true", "0": "false"}.get(value.text, value.text)
    return value.text


def refusals(answer: messages.SetResp) -> Iterable[ParameterFault]:
    """All refusals in a response, those next to a success included."""
    for result in answer.results:
        match result.outcome:
            case Failure(code, text, errors):
                told = [_parameter(error) for error in errors]
                yield from told or [_blamed(result.path, code, text)]
            case messages.Updated(instances):
                if not instances and is_search(result.path):
                    # A success by R-MSG.4a; but nothing was set where something was to be.
                    yield _blamed(result.path, Code.OBJECT_DOES_NOT_EXIST, "it matches no object")
                for instance in instances:
                    for error in instance.errors:
                        path = join(instance.path, error.path)
                        yield _blamed(path, error.code, error.text)


# --- rows --------------------------------------------------------------------------------


def _add(table: str, given: Sequence[Change]) -> Exchange:
    settings = tuple(
        messages.Setting(each.path, wire_text(each.value), required=False, secret=each.secret)
        for each in given
    )
    answer = yield messages.Add((messages.ObjectSettings(table, settings),))
    if not isinstance(answer, messages.AddResp):
        return odd("Add", answer)
    outcome = answer.results[0].outcome if len(answer.results) == 1 else None
    match outcome:
        case messages.Created(path):
            return Added(path if path.endswith(".") else f"{path}.")
        case Failure(code, text):
            return Fault(code, _text(code, text), (_blamed(table, code, text),))
        case None:
            return Fault(Code.MESSAGE_FAILED, f"Add gave {len(answer.results)} results for a row")


def _delete(row: str) -> Exchange:
    answer = yield messages.Delete((row,))
    if not isinstance(answer, messages.DeleteResp):
        return odd("Delete", answer)
    for result in answer.results:
        match result.outcome:
            case Failure(code, text):
                return Fault(code, _text(code, text), (_blamed(row, code, text),))
            case messages.Deleted(_, errors) if errors:
                return Fault(errors[0].code, errors[0].text, tuple(map(_parameter, errors)))
    return Written()


# --- names -------------------------------------------------------------------------------


def _list(path: str, next_level: bool, known: Known) -> Exchange:
    if path in ("", ROOT) and not next_level:
        return _names_of_model(known)
    last = path.rstrip(".").rpartition(".")[2]
    if next_level and not last.isdecimal():
        answer = yield messages.GetInstances((path,), first_level_only=True)
        if isinstance(answer, messages.GetInstancesResp) and len(answer.results) == 1:
            rows = answer.results[0]
            if rows.code == 0 and (rows.instances or known.is_table(path)):
                names = (ListedName(_row(each.path), True) for each in rows.instances)
                return Names(tuple(names))
            if rows.code in ABSENT:
                return _absent(path, rows.code, rows.text)
        elif not (isinstance(answer, Error) and answer.code == Code.OBJECT_IS_NOT_A_TABLE):
            return odd("GetInstances", answer)
    # The parameters of an object and the objects right below, or all of both.
    answer = yield messages.Get((path,), max_depth=2 if next_level else 0)
    if not isinstance(answer, messages.GetResp) or len(answer.results) != 1:
        return odd("Get", answer)
    result = answer.results[0]
    if result.code in ABSENT:
        return _absent(path, result.code, result.text)
    if result.code:
        return Fault(result.code, _text(result.code, result.text), (_of_path(result),))
    return Names(tuple(_entries(path, next_level, result, known)))


def _entries(
    path: str, next_level: bool, result: messages.RequestedPath, known: Known
) -> Iterable[ListedName]:
    found: dict[str, bool] = {}
    for resolved in result.resolved:
        for name in (resolved.path, *(join(resolved.path, n) for n in resolved.params)):
            rest = name[len(path) :] if name.startswith(path) else ""
            steps = rest.split(".")
            # An object of the path is named, too, though nothing of its own is shown.
            for depth in range(1, len(steps)):
                found.setdefault(path + ".".join(steps[:depth]) + ".", False)
            if rest and not rest.endswith("."):
                found[name] = known.is_writable(name)
    for child in known.children(path) if next_level else ():
        found.setdefault(child, False)
    for name, writable in found.items():
        below = name[len(path) :].rstrip(".")
        if not next_level or "." not in below:
            yield ListedName(name, writable or known.is_writable(name))


def _names_of_model(known: Known) -> Names | Fault:
    if known.supported is None:
        return Fault(Code.MESSAGE_NOT_SUPPORTED, "the supported model of this agent is not known")
    return Names(tuple(ListedName(name, w) for name, w in known.supported.names.items()))


def _row(path: str) -> str:
    return path if path.endswith(".") else f"{path}."


def _absent(path: str, code: int, text: str) -> Fault:
    return Fault(code, _text(code, text), (_blamed(path, code, text),))


# --- commands ----------------------------------------------------------------------------


def _command(name: CommandName, key: str) -> Exchange:
    match name:
        case CommandName.REBOOT:
            command = "Device.Reboot()"
        case CommandName.FACTORY_RESET:
            command = "Device.FactoryReset()"
    answer = yield messages.Operate(command, key)
    if not isinstance(answer, messages.OperateResp):
        return odd("Operate", answer)
    for result in answer.results:
        if isinstance(result.outcome, Failure):
            return fault_of_failure(command, result.outcome)
    return Started()


def _procedure(procedure: Procedure, known: Known) -> Exchange:
    try:
        return (yield from carry_out(procedure, known))
    except Odd as other:
        return odd(other.question, other.answer)


# --- refusals ----------------------------------------------------------------------------


def odd(question: str, answer: Response | Error) -> Fault:
    """What was answered instead of the response ``question`` asks for, as a neutral value."""
    if isinstance(answer, Error):
        parameters = tuple(map(_parameter, answer.errors[:MAX_PARAMETER_FAULTS]))
        return Fault(answer.code, _text(answer.code, answer.text), parameters)
    text = f"{question} was answered with {type(answer).__name__}"
    return Fault(Code.MESSAGE_FAILED, text)


def fault_of_failure(path: str, failure: Failure) -> Fault:
    """A command's or object's failure as a neutral value."""
    blamed = _blamed(path, failure.code, failure.text)
    return Fault(failure.code, _text(failure.code, failure.text), (blamed,))


def _of_path(result: messages.RequestedPath) -> ParameterFault:
    return _blamed(result.path, result.code, result.text)


def _parameter(error: ParamError) -> ParameterFault:
    return _blamed(error.path, error.code, error.text)


def _blamed(path: str, code: int, text: str) -> ParameterFault:
    return ParameterFault(path[:FAULT_LENGTH], code, _text(code, text))


def _text(code: int, told: str) -> str:
    return (told or name_of(code))[:FAULT_LENGTH]
