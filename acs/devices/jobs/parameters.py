"""Jobs on parameters and rows: read, set, add, delete."""

from __future__ import annotations

from collections.abc import Mapping

from acs.devices.jobs.kind import Kind, Result, failed, sent, texts, unsound
from acs.devices.ledger import Ledger
from acs.devices.record import Job, JobState
from acs.model import Added, Change, DataModel, Fault, Value, Values, ValueType


async def _read(_ledger: Ledger, line: DataModel, job: Job) -> Result:
    answer = await line.get(*texts(job.payload, "paths"))
    if isinstance(answer, Fault):
        return failed(answer)
    values = {path: value.text for path, value in answer.values.items()}
    return JobState.DONE, {"values": values, "missing": list(answer.missing)}


async def _set(_ledger: Ledger, line: DataModel, job: Job) -> Result:
    return await _write(line, job.payload)


async def _add(ledger: Ledger, line: DataModel, job: Job) -> Result:
    await sent(ledger, job)
    added = await line.add(str(job.payload.get("table", "")))
    if not isinstance(added, Added):
        return failed(added)
    leaves = job.payload.get("values")
    if isinstance(leaves, Mapping) and leaves:
        rows = [{"path": f"{added.row}{leaf}", "value": str(v)} for leaf, v in leaves.items()]
        state, detail = await _write(line, {"changes": rows})
        return state, {**detail, "row": added.row}
    return JobState.DONE, {"row": added.row, "applied_later": added.pending}


async def _delete(ledger: Ledger, line: DataModel, job: Job) -> Result:
    await sent(ledger, job)
    answer = await line.delete(str(job.payload.get("row", "")))
    return failed(answer) if isinstance(answer, Fault) else (JobState.DONE, {})


async def _write(line: DataModel, payload: Mapping[str, object]) -> Result:
    try:
        changes = await _typed(line, payload)
    except (KeyError, ValueError) as wrong:
        return unsound(repr(wrong))
    if isinstance(changes, Fault):
        return failed(changes)
    written = await line.set(*changes)
    if isinstance(written, Fault):
        return failed(written)
    return JobState.DONE, {"written": [c.path for c in changes], "applied_later": written.pending}


async def _typed(line: DataModel, payload: Mapping[str, object]) -> tuple[Change, ...] | Fault:
    """Give each change the type the device itself reports, where the job names none."""
    rows = payload.get("changes")
    wanted = [row for row in rows if isinstance(row, Mapping)] if isinstance(rows, list) else []
    untyped = [str(row["path"]) for row in wanted if not row.get("type")]
    known: Mapping[str, Value] = {}
    if untyped:
        answer = await line.get(*untyped)
        if isinstance(answer, Fault):
            return answer
        if isinstance(answer, Values):
            known = answer.values
    changes = []
    for row in wanted:
        path = str(row["path"])
        told = row.get("type")
        kind = ValueType(str(told)) if told else known.get(path, Value("")).type
        changes.append(Change(path, Value(str(row["value"]), kind), bool(row.get("secret"))))
    return tuple(changes)


READ = Kind(_read)
SET = Kind(_set)
ADD = Kind(_add, once=True)
DELETE = Kind(_delete, once=True)
