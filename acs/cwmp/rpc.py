"""One neutral operation as CWMP RPCs: the sentence on one side, the grammar on the other.

`perform` is a generator that yields requests for the CPE and is sent its answers; it returns
the outcome of the operation. It knows no session and no wire.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence

from acs.cwmp.dialect import Dialect
from acs.cwmp.faults import worded
from acs.cwmp.messages import (
    AddObject,
    AddObjectResponse,
    DeleteObject,
    DeleteObjectResponse,
    FactoryReset,
    FactoryResetResponse,
    GetParameterNames,
    GetParameterNamesResponse,
    GetParameterValues,
    GetParameterValuesResponse,
    Message,
    Reboot,
    RebootResponse,
    SetParameterValues,
    SetParameterValuesResponse,
    SoapFault,
)
from acs.cwmp.procedures import carry_out
from acs.cwmp.structures import ParameterValue
from acs.model import (
    Add,
    Added,
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
    Written,
)

FAULT_LENGTH = 256
"""Characters of a FaultString or a name (TR-069 A.5.1, A.3.2.1)."""
MAX_PARAMETER_FAULTS = 256
MAX_CODE = 65_535
"""Largest fault code that is believed; those of TR-069 have four digits."""
DeviceOperation = Get | Set | Add | Delete | List | Command | Procedure
DeviceOutcome = Values | Written | Added | Names | ProcedureOutcome | Fault
Exchange = Generator[Message, Message, DeviceOutcome]

INVALID_NAME = 9005
WORTH_LISTING = 8
"""Names in a refused batch from which listing costs less than halving."""
REQUEST_OCTETS = 30_000
"""Of changes in one SetParameterValues; the envelope around them takes less than one thousand."""
ELEMENT_OCTETS = 140
"""Of the elements around one changed parameter."""
MISUNDERSTOOD = 9002
"""Code we give to an answer that does not belong to the question (TR-069 A.5.1: internal error)."""


def perform(operation: DeviceOperation, dialect: Dialect) -> Exchange:
    """Return the exchange of RPCs that carries out ``operation``."""
    match operation:
        case Get(paths):
            return _get(paths, dialect)
        case Set(changes):
            wanted = [ParameterValue(change.path, change.value) for change in changes]
            return _set(wanted, dialect)
        case Add(table):
            return _add(table)
        case Delete(row):
            return _delete(row)
        case List(path, next_level):
            return _list(path, next_level)
        case Command(name, key):
            return _command(name, key)
        case _:
            return _procedure(operation)


def fault_of(answer: SoapFault) -> Fault:
    """A CPE's SOAP fault as a neutral value (TR-069 A.5.1), cut to what a fault may say."""
    parameters = tuple(
        ParameterFault(p.path[:FAULT_LENGTH], _code(p.code), _text(p.code, p.text))
        for p in answer.parameters[:MAX_PARAMETER_FAULTS]
    )
    return Fault(_code(answer.code), _text(answer.code, answer.text), parameters)


def _code(told: int) -> int:
    return told if told <= MAX_CODE else MISUNDERSTOOD


def _text(code: int, told: str) -> str:
    return worded(_code(code), told)[:FAULT_LENGTH]


def _odd(question: str, answer: Message) -> Fault:
    if isinstance(answer, SoapFault):
        return fault_of(answer)
    return Fault(MISUNDERSTOOD, f"{question} was answered with {type(answer).__name__}")


def _get(paths: Sequence[str], dialect: Dialect) -> Exchange:
    values: dict[str, Value] = {}
    missing: list[str] = []
    size = max(1, dialect.get_batch)
    asked = list(dict.fromkeys(paths))
    # A CPE refuses a whole request for one unknown name (A.3.2.2) and seldom says which. A large
    # batch is then held against the names the CPE lists; what is still refused is halved until
    # the name stands alone, for there are CPEs that list names they do not know.
    listed: dict[str, frozenset[str] | None] = {}
    batches = [asked[start : start + size] for start in range(0, len(asked), size)][::-1]
    while batches:
        batch = batches.pop()
        answer = yield GetParameterValues(tuple(batch))
        if isinstance(answer, GetParameterValuesResponse):
            answered = {told.name: told.value for told in answer.parameter_list}
            # A name the CPE leaves out of its answer is missing, never an empty value.
            for path in batch:
                if path.endswith("."):
                    below = {n: v for n, v in answered.items() if n.startswith(path)}
                    values.update(below)
                elif path in answered:
                    values[path] = answered[path]
                else:
                    missing.append(path)
            continue
        refused = _odd("GetParameterValues", answer)
        if refused.code != INVALID_NAME:
            return refused
        named = {p.path for p in refused.parameters} & set(batch)
        if len(batch) == 1:
            missing.append(batch[0])
            continue
        if not named and len(batch) >= WORTH_LISTING:
            named = yield from _unlisted(batch, listed)
        if named:
            missing.extend(path for path in batch if path in named)
            if rest := [path for path in batch if path not in named]:
                batches.append(rest)
        else:
            half = len(batch) // 2
            batches += [batch[half:], batch[:half]]
    return Values(values, tuple(missing))


def _unlisted(
    batch: Sequence[str], listed: dict[str, frozenset[str] | None]
) -> Generator[Message, Message, set[str]]:
    """Ask for the names below each place of ``batch``, once, and return those it has not."""
    absent: set[str] = set()
    for path in batch:
        place, next_level = _place(path)
        if place not in listed:
            answer = yield GetParameterNames(place, next_level)
            match answer:
                case GetParameterNamesResponse(parameter_list=infos):
                    listed[place] = frozenset(info.name for info in infos)
                case SoapFault(code=code) if code == INVALID_NAME:
                    listed[place] = frozenset()
                case _:
                    listed[place] = None
        names = listed[place]
        if names is not None and path not in names:
            absent.add(path)
    return absent


def _place(path: str) -> tuple[str, bool]:
    """Where ``path`` is listed: its table with all rows, or its object with its own leaves."""
    parts = path.rstrip(".").split(".")
    for number, part in enumerate(parts):
        if part.isdecimal():
            return ".".join(parts[:number]) + ".", False
    return ".".join(parts[:-1]) + ".", True


def _set(wanted: Sequence[ParameterValue], dialect: Dialect) -> Exchange:
    pending = False
    for batch in _batches(wanted, dialect.set_batch or len(wanted) or 1):
        answer = yield SetParameterValues(tuple(batch), "")
        if not isinstance(answer, SetParameterValuesResponse):
            return _odd("SetParameterValues", answer)
        pending = pending or answer.status == 1
    return Written(pending)


def _batches(wanted: Sequence[ParameterValue], size: int) -> list[list[ParameterValue]]:
    """Split by number, and below the 32 kilobytes a CPE has to accept (TR-069 3.5).

    A split gives up that all is written or nothing, so it happens only where it must.
    """
    batches: list[list[ParameterValue]] = [[]]
    octets = 0
    for change in wanted:
        weight = ELEMENT_OCTETS + len(change.name) + sum(map(_octets, change.value.text))
        if len(batches[-1]) >= size or (batches[-1] and octets + weight > REQUEST_OCTETS):
            batches.append([])
            octets = 0
        batches[-1].append(change)
        octets += weight
    return batches


def _octets(character: str) -> int:
    """Octets of a character once it is escaped."""
    return 1 if character.isascii() and character.isalnum() else 10


def _add(table: str) -> Exchange:
    answer = yield AddObject(table, "")
    if not isinstance(answer, AddObjectResponse):
        return _odd("AddObject", answer)
    if answer.instance_number < 1:
        text = f"AddObject on {table} returned instance {answer.instance_number}"
        return Fault(MISUNDERSTOOD, text, (ParameterFault(table, MISUNDERSTOOD),))
    return Added(f"{table}{answer.instance_number}.", answer.status == 1)


def _delete(row: str) -> Exchange:
    answer = yield DeleteObject(row, "")
    if not isinstance(answer, DeleteObjectResponse):
        return _odd("DeleteObject", answer)
    return Written(answer.status == 1)


def _list(path: str, next_level: bool) -> Exchange:
    answer = yield GetParameterNames(path, next_level)
    if not isinstance(answer, GetParameterNamesResponse):
        return _odd("GetParameterNames", answer)
    listed = (ListedName(info.name, info.writable) for info in answer.parameter_list)
    return Names(tuple(entry for entry in listed if entry.path != path))


def _command(name: CommandName, key: str) -> Exchange:
    match name:
        case CommandName.REBOOT:
            answer = yield Reboot(key)
            done = isinstance(answer, RebootResponse)
        case CommandName.FACTORY_RESET:
            answer = yield FactoryReset()
            done = isinstance(answer, FactoryResetResponse)
    return Started() if done else _odd(name.value, answer)


def _procedure(procedure: Procedure) -> Exchange:
    outcome = yield from carry_out(procedure)
    if isinstance(outcome, ProcedureOutcome):
        return outcome
    return _odd(type(procedure).__name__, outcome)
