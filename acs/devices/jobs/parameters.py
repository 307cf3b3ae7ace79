"""Jobs on parameters: read, set.

`read`: ``paths``.  `set`: ``changes``, a list of ``{path, value, type?, secret?}``; it is done
when every parameter was read back as wanted.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial

from acs.devices.jobs.absence import PURPOSE, known_absent, learn_absent
from acs.devices.jobs.kind import (
    USP,
    Kind,
    Result,
    Unsound,
    failed,
    known,
    rows,
    sent_ago,
    text,
    texts,
    waits,
)
from acs.devices.ledger import Ledger
from acs.devices.record import Job, JobState, Verdict
from acs.model import Change, DataModel, Fault, Secret, Value, ValueType
from acs.profiles.compare import same
from acs.profiles.secrets import Masks

ROOTS = ("Device.", "InternetGatewayDevice.")
_SEARCH = re.compile(r"\[[^\]]*\]|\*")
"""What stands in a search path in place of an instance number (TR-369, Path Names)."""
Line = Mapping[str, object]
"""Of a proof: ``path``, ``wanted``, ``read`` (None: cannot be read) and ``verdict``."""


async def _read(ledger: Ledger, line: DataModel, job: Job) -> Result:
    paths = texts(job.payload, "paths")
    of_health = job.payload.get("purpose") == PURPOSE
    absent = known_absent(ledger, paths) if of_health else ()
    answer = await line.get(*(path for path in paths if path not in absent))
    if isinstance(answer, Fault):
        return failed(answer)
    if of_health:
        await learn_absent(ledger, line, answer.missing)
    values = {path: value.text for path, value in answer.values.items()}
    missing = [path for path in answer.missing if not _matches(path, values)]
    return JobState.DONE, {"values": values, "missing": [*missing, *absent]}


async def _set(ledger: Ledger, line: DataModel, job: Job) -> Result:
    wanted = rows(job.payload, "changes")
    changes = await typed(ledger, line, wanted)
    if isinstance(changes, Fault):
        return failed(changes)
    answer = await line.set(*changes)
    if isinstance(answer, Fault):
        return failed(answer, *(change.value.text for change in changes if change.secret))
    written = {"written": [c.path for c in changes], "applied_later": answer.pending}
    if answer.pending:
        # What is read now may be the old value.
        return waits(ledger, job, **written)
    return await _proven(ledger, line, changes, written)


async def _took_effect(ledger: Ledger, line: DataModel, job: Job) -> Result | None:
    said = known(ledger, job)
    result = await _proven(ledger, line, changes_of(ledger, rows(job.payload, "changes")), said)
    early = sent_ago(ledger, job) < ledger.house.policy.settle
    return None if early and result[0] is JobState.FAILED else result


async def _proven(
    ledger: Ledger, line: DataModel, changes: Sequence[Change], said: Mapping[str, object]
) -> Result:
    lines = await read_back(ledger, line, changes)
    if isinstance(lines, Fault):
        state, detail = failed(lines)
        return state, {**said, **detail, "error": f"accepted, but not read back: {lines}"}
    return judged(lines, said)


def judged(lines: Sequence[Line], said: Mapping[str, object]) -> Result:
    """Done when every line is as wanted; else failed, and the first that is not is named."""
    said = {**said, "proof": list(lines)}
    wrong = [line for line in lines if line["verdict"] == Verdict.MISMATCH.value]
    if not wrong:
        return JobState.DONE, said
    first = wrong[0]
    error = f"{first['path']} is {first['read']!r}, not {first['wanted']!r} as was written"
    if len(wrong) > 1:
        error += f"; {len(wrong) - 1} more differ"
    return JobState.FAILED, {**said, "error": error}


async def read_back(
    ledger: Ledger, line: DataModel, changes: Sequence[Change]
) -> list[Line] | Fault:
    """Read what was written, and say of each parameter whether it is as wanted."""
    answer = await line.get(*(change.path for change in changes))
    if isinstance(answer, Fault):
        return answer
    # Which parameters an agent secures depends on our role there, not on their names.
    any_secured = ledger.contact.protocol == USP
    return [
        _line(each, read, may_hide=each.secret or any_secured)
        for change in changes
        for each, read in _matched(change, answer.values)
    ]


def _matched(change: Change, values: Mapping[str, Value]) -> Iterator[tuple[Change, Value | None]]:
    """Yield what was read of a change: of a search path of USP, each parameter it led to."""
    found = [] if change.path in values else _matches(change.path, values)
    if found:
        yield from ((replace(change, path=path), values[path]) for path in found)
    else:
        yield change, values.get(change.path)


def _matches(path: str, names: Iterable[str]) -> list[str]:
    """Return those of ``names`` that a search path may have led to; of another path, none."""
    if not _SEARCH.search(path):
        return []
    pattern = re.compile(r"[1-9]\d*".join(map(re.escape, _SEARCH.split(path))))
    return [name for name in names if pattern.fullmatch(name)]


def _line(change: Change, read: Value | None, *, may_hide: bool) -> Line:
    wanted = change.value.text
    shown = None if read is None else read.text
    if read is None or (may_hide and not read.text and wanted):
        # Passwords read empty (TR-181), and some parameters can be written only.
        verdict, shown = Verdict.WRITTEN, None
    elif same(Value(wanted, read.type), read, reference=wanted.startswith(ROOTS)):
        verdict = Verdict.PROVEN
    else:
        verdict = Verdict.MISMATCH
    if change.secret:
        wanted, shown = str(Secret(wanted)), shown and str(Secret(shown))
    return {"path": change.path, "wanted": wanted, "read": shown, "verdict": verdict.value}


def changes_of(
    ledger: Ledger,
    wanted: Iterable[Mapping[str, object]],
    types: Mapping[str, Value] | None = None,
) -> tuple[Change, ...]:
    """The changes that rows of a payload ask for; ``types``: values of the device by path."""
    masks = Masks.of(ledger.blueprint())
    made = []
    for row in wanted:
        path = text(row, "path", need=True)
        kind = _type(row) or (types or {}).get(path, Value("")).type
        secret = bool(row.get("secret")) or masks.hides(path)
        made.append(Change(path, Value(text(row, "value"), kind), secret))
    return tuple(made)


def _check_changes(payload: Mapping[str, object]) -> None:
    wanted = rows(payload, "changes")
    if not wanted:
        raise Unsound("changes are missing")
    for row in wanted:
        path = text(row, "path", need=True)
        if "value" not in row:
            raise Unsound(f"the value of {path} is missing")
        _type(row)


def _type(row: Mapping[str, object]) -> ValueType | None:
    """The type a row of a payload names; None: it names none."""
    told = text(row, "type")
    try:
        return ValueType(told) if told else None
    except ValueError:
        raise Unsound(f"{told!r} is no type of a parameter") from None


async def typed(
    ledger: Ledger, line: DataModel, wanted: Sequence[Mapping[str, object]]
) -> tuple[Change, ...] | Fault:
    """Give each change the type the device itself reports, where the job names none."""
    changes = changes_of(ledger, wanted)
    untyped = [text(row, "path") for row in wanted if not row.get("type")]
    if not untyped:
        return changes
    answer = await line.get(*untyped)
    return answer if isinstance(answer, Fault) else changes_of(ledger, wanted, answer.values)


READ = Kind(_read, check=partial(texts, key="paths", need=True))
SET = Kind(_set, _took_effect, check=_check_changes)
