"""Jobs on names and attributes of parameters: names, attributes, notify.

`names`: ``path`` (default: the root), ``next_level``.  `attributes`: ``paths``.
`notify`: ``changes``, a list of ``{path, notification?, access_list?}``; it is done when the
attributes were read back as wanted.  Over USP a notification is a subscription to ValueChange.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from acs.devices.jobs.kind import (
    USP,
    Kind,
    Result,
    Unsound,
    counted,
    failed,
    number,
    refused,
    rows,
    text,
    texts,
)
from acs.devices.ledger import Ledger
from acs.devices.record import Job, JobState, Verdict
from acs.model import (
    Attribute,
    AttributeChange,
    Attributes,
    DataModel,
    Fault,
    Notification,
    ReadAttributes,
    SetAttributes,
)


async def _names(ledger: Ledger, line: DataModel, job: Job) -> Result:
    path = text(job.payload, "path") or ledger.device.root
    answer = await line.list(path, next_level=bool(job.payload.get("next_level")))
    if isinstance(answer, Fault):
        return failed(answer, about=path)
    names = {entry.path: entry.writable for entry in answer.entries}
    return JobState.DONE, {"names": names, "text": f"{counted(len(names), 'name')} below {path}"}


async def _attributes(_ledger: Ledger, line: DataModel, job: Job) -> Result:
    paths = texts(job.payload, "paths", need=True)
    answer = await line.ask(ReadAttributes(paths))
    if isinstance(answer, Fault):
        # Which of several it does not know, it does not say.
        return failed(answer, about=", ".join(paths))
    if not isinstance(answer, Attributes):
        return refused(answer)
    told = {
        each.path: {"notification": each.notification, "access_list": list(each.access_list)}
        for each in answer.entries
    }
    words = f"attributes of {counted(len(told), 'parameter')}"
    return JobState.DONE, {"attributes": told, "text": words}


async def _notify(ledger: Ledger, line: DataModel, job: Job) -> Result:
    changes = _changes(job.payload)
    if ledger.contact.protocol == USP:
        changes = tuple(map(_as_subscription, changes))
    answer = await line.ask(SetAttributes(changes))
    if isinstance(answer, Fault):
        return failed(answer, about=", ".join(change.path for change in changes))
    read = await line.ask(ReadAttributes(tuple(change.path for change in changes)))
    if not isinstance(read, Attributes):
        why = refused(read)[1]["error"]
        return JobState.DONE, {"proof": [], "text": f"accepted, but not read back: {why}"}
    return _judged(changes, read.entries)


def _as_subscription(change: AttributeChange) -> AttributeChange:
    """Over USP a parameter is subscribed to or not: whoever subscribes is told at once."""
    if change.access_list is not None:
        raise Unsound(f"{change.path}: USP has no access lists, it has roles")
    wanted = Notification.ACTIVE if change.notification else Notification.OFF
    return replace(change, notification=wanted.value)


def _judged(changes: Sequence[AttributeChange], read: Iterable[Attribute]) -> Result:
    """Hold what was read against what was asked; a later change of one path wins."""
    wanted: dict[str, AttributeChange] = {}
    told = {each.path: each for each in read}
    for change in changes:
        below = (p for p in told if p == change.path or _is_below(p, change.path))
        wanted |= dict.fromkeys([change.path] if change.path in told else below, change)
    proof = [line for path, change in wanted.items() for line in _lines(path, change, told[path])]
    unseen = [change.path for change in changes if not _covers(change.path, told)]
    wrong = [line for line in proof if line["verdict"] == Verdict.MISMATCH.value]
    if unseen:
        return JobState.FAILED, {"proof": proof, "error": f"{unseen[0]} was not read back"}
    if wrong:
        line = wrong[0]
        error = f"{line['path']} has {line['read']}, not {line['wanted']} as was asked"
        return JobState.FAILED, {"proof": proof, "error": error}
    return JobState.DONE, {"proof": proof, "text": f"set on {counted(len(wanted), 'parameter')}"}


def _lines(path: str, change: AttributeChange, read: Attribute) -> Iterable[dict[str, object]]:
    pairs = []
    if change.notification is not None:
        pairs.append((_notification(change.notification), _notification(read.notification)))
    if change.access_list is not None:
        pairs.append((_access(change.access_list), _access(read.access_list)))
    for wanted, found in pairs:
        verdict = Verdict.PROVEN if wanted == found else Verdict.MISMATCH
        yield {"path": path, "wanted": wanted, "read": found, "verdict": verdict.value}


def _notification(number: int) -> str:
    words = {each.value: each.name.lower().replace("_", " ") for each in Notification}
    return f"notification {words.get(number, number)}"


def _access(names: Iterable[str]) -> str:
    return f"access by {', '.join(sorted(names)) or 'nobody else'}"


def _is_below(path: str, place: str) -> bool:
    return place.endswith(".") and path.startswith(place)


def _covers(place: str, told: Iterable[str]) -> bool:
    # An object may have nothing below it whose attributes could be told.
    return place.endswith(".") or place in set(told)


def _changes(payload: Mapping[str, object]) -> tuple[AttributeChange, ...]:
    changes = tuple(map(_change, rows(payload, "changes")))
    if not changes:
        raise Unsound("changes are missing")
    return changes


def _change(row: Mapping[str, object]) -> AttributeChange:
    path = text(row, "path", need=True)
    notification = number(row, "notification") if "notification" in row else None
    if notification is not None and notification not in set(Notification):
        raise Unsound(f"notification of {path} is none of 0 to 6")
    access_list = texts(row, "access_list") if "access_list" in row else None
    if notification is None and access_list is None:
        raise Unsound(f"nothing is to be changed of {path}")
    return AttributeChange(path, notification, access_list)


NAMES = Kind(_names)
ATTRIBUTES = Kind(_attributes, check=partial(texts, key="paths", need=True))
NOTIFY = Kind(_notify, check=_changes)
