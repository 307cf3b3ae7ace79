"""Jobs on rows of tables: add, delete.

`add`: ``table``, ``values`` (leaf → value); it is done when the row was seen and its values were
read back.  `delete`: ``row``; it is done when the row is gone.
"""

from __future__ import annotations

from collections.abc import Mapping

from acs.devices.jobs.kind import (
    UNKNOWN,
    Kind,
    Result,
    Unsound,
    failed,
    known,
    sent,
    sent_ago,
    text,
    waits,
)
from acs.devices.jobs.parameters import changes_of, judged, read_back, typed
from acs.devices.ledger import Ledger
from acs.devices.record import Job, JobState
from acs.model import DataModel, Fault


async def _add(ledger: Ledger, line: DataModel, job: Job) -> Result:
    table = text(job.payload, "table", need=True)
    await sent(ledger, job)
    added = await line.add(table)
    if isinstance(added, Fault):
        return failed(added, about=table)
    await sent(ledger, job, row=added.row, applied_later=added.pending)
    return await _filled(ledger, line, job)


async def _was_added(ledger: Ledger, line: DataModel, job: Job) -> Result | None:
    if not known(ledger, job).get("row"):
        return JobState.FAILED, {"error": UNKNOWN}
    return await _filled(ledger, line, job)


async def _filled(ledger: Ledger, line: DataModel, job: Job) -> Result:
    """Write the values of the new row, once, and see it; the job says how far it is."""
    said = known(ledger, job)
    row = str(said["row"])
    wanted = _values(job.payload, row)
    just_sent = sent_ago(ledger, job) <= 0
    early = sent_ago(ledger, job) < ledger.house.policy.settle
    if wanted and not said.get("written"):
        changes = await typed(ledger, line, wanted)
        answer = changes if isinstance(changes, Fault) else await line.set(*changes)
        if isinstance(answer, Fault):
            if early and said["applied_later"] and answer.says_absent:
                # The row itself comes later; its values are written when it is there.
                return waits(ledger, job)
            state, detail = failed(answer)
            error = f"{row} was created and stays, but its values were refused: {answer}"
            return state, {**said, **detail, "error": error}
        said["written"] = [str(each["path"]) for each in wanted]
        if answer.pending:
            said |= {"applied_later": True, "sent_at": ledger.contact.at}
            just_sent = True
    if just_sent and said["applied_later"]:
        return JobState.SENT, said
    result = await _seen(ledger, line, said, wanted)
    if result[0] is JobState.FAILED and early and said["applied_later"]:
        return JobState.SENT, said
    return result


async def _seen(
    ledger: Ledger, line: DataModel, said: Mapping[str, object], wanted: list[Mapping[str, object]]
) -> Result:
    row = str(said["row"])
    there = await _is_there(line, row)
    if isinstance(there, Fault):
        return JobState.FAILED, {**said, "error": f"{row} was created, but not seen: {there}"}
    if not there:
        return JobState.FAILED, {**said, "error": f"{row} was created, but is not there"}
    lines = await read_back(ledger, line, changes_of(ledger, wanted)) if wanted else []
    if isinstance(lines, Fault):
        return JobState.FAILED, {**said, "error": f"{row} was not read back: {lines}"}
    return judged(lines, said)


def _check_add(payload: Mapping[str, object]) -> None:
    text(payload, "table", need=True)
    _leaves(payload)


def _leaves(payload: Mapping[str, object]) -> Mapping[str, object]:
    leaves = payload.get("values") or {}
    if not isinstance(leaves, Mapping):
        raise Unsound("values is no table of leaf and value")
    return leaves


def _values(payload: Mapping[str, object], row: str) -> list[Mapping[str, object]]:
    leaves = _leaves(payload)
    return [{"path": f"{row}{leaf}", "value": value} for leaf, value in leaves.items()]


async def _delete(ledger: Ledger, line: DataModel, job: Job) -> Result:
    row = _row(job.payload)
    await sent(ledger, job)
    answer = await line.delete(row)
    if isinstance(answer, Fault):
        return failed(answer, about=row)
    if answer.pending:
        return waits(ledger, job, applied_later=True)
    return await _gone(line, row)


def _row(payload: Mapping[str, object]) -> str:
    return text(payload, "row", need=True)


async def _was_deleted(ledger: Ledger, line: DataModel, job: Job) -> Result | None:
    result = await _gone(line, text(job.payload, "row"))
    early = sent_ago(ledger, job) < ledger.house.policy.settle
    return None if early and result[0] is JobState.FAILED else result


async def _gone(line: DataModel, row: str) -> Result:
    there = await _is_there(line, row)
    if isinstance(there, Fault):
        return failed(there, about=row)
    if there:
        return JobState.FAILED, {"error": f"{row} is still there"}
    return JobState.DONE, {"text": f"{row} is gone"}


async def _is_there(line: DataModel, row: str) -> bool | Fault:
    names = await line.list(row)
    if isinstance(names, Fault):
        return False if names.says_absent else names
    return bool(names.entries)


ADD = Kind(_add, _was_added, check=_check_add)
DELETE = Kind(_delete, _was_deleted, check=_row)
