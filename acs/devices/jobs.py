"""Jobs: what an operator or a rule wants done on a device, with an honest result.

A job that can be repeated without harm (read, set, provision) stays queued when its session is
lost.  One that cannot (add, delete, reboot, factory reset) is marked as sent, durably, before it
goes out, so that it is never sent twice unknowingly.
"""

from __future__ import annotations

from collections.abc import Mapping

from acs.devices.effects import SaveJob
from acs.devices.ledger import Ledger
from acs.devices.record import Job, JobKind, JobState, Standing
from acs.model import (
    Added,
    Change,
    CommandName,
    DataModel,
    EventKind,
    Fault,
    SessionLost,
    Value,
    Values,
    ValueType,
)

REBOOT_GRACE = 600.0
"""Seconds a device is given to come back after a reboot before the job is called failed."""
Result = tuple[JobState, Mapping[str, object]]


def command_key(job: Job) -> str:
    """The CommandKey by which a device reports the end of a job."""
    return f"job-{job.id}"


async def run_jobs(ledger: Ledger, line: DataModel) -> None:
    """Carry out the open jobs in order; a reboot or reset is the last thing of a session."""
    last = (JobKind.REBOOT, JobKind.FACTORY_RESET)
    for job in sorted(ledger.opened.jobs, key=lambda job: job.kind in last):
        if job.state is JobState.SENT:
            result = _settle(ledger, job)
            if result is None:
                continue
        else:
            result = await _carry_out(ledger, line, job)
        state, detail = result
        if state is JobState.QUEUED:
            continue
        attempts = job.attempts + (job.state is JobState.QUEUED)
        ledger.learn(SaveJob(job.id, state, ledger.contact.at, attempts, detail))
        if state is not JobState.SENT:
            reason = detail.get("error", "")
            ledger.say(
                "job", f"{job.kind} (job {job.id}) {state}" + (f": {reason}" if reason else "")
            )
        if job.kind in last and state is JobState.SENT:
            return


async def _carry_out(ledger: Ledger, line: DataModel, job: Job) -> Result:
    try:
        match job.kind:
            case JobKind.READ:
                return await _read(line, _texts(job.payload, "paths"))
            case JobKind.SET:
                return await _set(line, job.payload)
            case JobKind.ADD:
                await _sent(ledger, job)
                return await _add(line, job.payload)
            case JobKind.DELETE:
                await _sent(ledger, job)
                return _plain(await line.delete(str(job.payload.get("row", ""))))
            case JobKind.REBOOT:
                await _sent(ledger, job)
                return _started(ledger, await line.command(CommandName.REBOOT, command_key(job)))
            case JobKind.FACTORY_RESET:
                # It will know the bootstrap secret only, and we asked for it.
                ledger.change(own_credentials=False)
                await _sent(ledger, job)
                return _started(ledger, await line.command(CommandName.FACTORY_RESET))
            case JobKind.PROVISION:
                looked = ledger.device.checked_at == ledger.contact.at
                return _provisioned(ledger) if looked else (JobState.QUEUED, {})
    except SessionLost as lost:
        if job.kind in (JobKind.READ, JobKind.SET, JobKind.PROVISION):
            detail: Mapping[str, object] = {"error": f"session lost: {lost}"}
            attempts = job.attempts + 1
            more = attempts < ledger.house.policy.job_attempts
            state = JobState.QUEUED if more else JobState.FAILED
            ledger.learn(SaveJob(job.id, state, ledger.contact.at, attempts, detail))
        raise


async def _sent(ledger: Ledger, job: Job) -> None:
    detail = {"sent_at": ledger.contact.at}
    ledger.learn(SaveJob(job.id, JobState.SENT, ledger.contact.at, job.attempts + 1, detail))
    await ledger.keep()


def _settle(ledger: Ledger, job: Job) -> Result | None:
    """Decide what became of a job that was sent in an earlier session."""
    contact = ledger.contact
    sent_at = job.result.get("sent_at", 0.0)
    late = contact.at - (sent_at if isinstance(sent_at, float) else 0.0) > REBOOT_GRACE
    match job.kind:
        case JobKind.PROVISION:
            result = _provisioned(ledger)
            return None if result[0] in (JobState.SENT, JobState.QUEUED) else result
        case JobKind.REBOOT:
            reported = any(
                event.kind is EventKind.COMMAND_DONE and event.key == command_key(job)
                for event in contact.events
            )
            if reported or contact.has(EventKind.BOOT, EventKind.BOOTSTRAP):
                return JobState.DONE, {}
            return (
                (JobState.FAILED, {"error": "it called without having rebooted"}) if late else None
            )
        case JobKind.FACTORY_RESET:
            if contact.has(EventKind.BOOTSTRAP):
                return JobState.DONE, {}
            return (JobState.FAILED, {"error": "it called without a reset"}) if late else None
        case _:
            error = "the session was lost after it was sent; whether it took effect is not known"
            return JobState.FAILED, {"error": error}


def _provisioned(ledger: Ledger) -> Result:
    device = ledger.device
    match device.standing:
        case Standing.LIVE:
            return JobState.DONE, {"standing": device.standing.value, "text": device.reason}
        case Standing.VERIFYING:
            return JobState.SENT, {"standing": device.standing.value, "text": device.reason}
        case Standing.FAULTED | Standing.HELD | Standing.DRIFTED:
            return JobState.FAILED, {"error": device.reason}
        case _:
            return JobState.QUEUED, {}


async def _read(line: DataModel, paths: tuple[str, ...]) -> Result:
    answer = await line.get(*paths)
    if isinstance(answer, Fault):
        return _failed(answer)
    values = {path: value.text for path, value in answer.values.items()}
    return JobState.DONE, {"values": values, "missing": list(answer.missing)}


async def _set(line: DataModel, payload: Mapping[str, object]) -> Result:
    try:
        changes = await _typed(line, payload)
    except (KeyError, ValueError) as wrong:
        return JobState.FAILED, {"error": f"the job is not sound: {wrong!r}"}
    if isinstance(changes, Fault):
        return _failed(changes)
    written = await line.set(*changes)
    if isinstance(written, Fault):
        return _failed(written)
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


async def _add(line: DataModel, payload: Mapping[str, object]) -> Result:
    added = await line.add(str(payload.get("table", "")))
    if not isinstance(added, Added):
        return _failed(added)
    leaves = payload.get("values")
    if isinstance(leaves, Mapping) and leaves:
        rows = [{"path": f"{added.row}{leaf}", "value": str(v)} for leaf, v in leaves.items()]
        state, detail = await _set(line, {"changes": rows})
        return state, {**detail, "row": added.row}
    return JobState.DONE, {"row": added.row, "applied_later": added.pending}


def _plain(answer: object) -> Result:
    return _failed(answer) if isinstance(answer, Fault) else (JobState.DONE, {})


def _started(ledger: Ledger, answer: object) -> Result:
    if isinstance(answer, Fault):
        return _failed(answer)
    return JobState.SENT, {"sent_at": ledger.contact.at}


def _failed(fault: Fault) -> Result:
    parameters = [f"{p.path}: {p.code} {p.text}".rstrip() for p in fault.parameters]
    return JobState.FAILED, {"error": str(fault), "code": fault.code, "parameters": parameters}


def _texts(payload: Mapping[str, object], key: str) -> tuple[str, ...]:
    found = payload.get(key)
    return tuple(str(item) for item in found) if isinstance(found, list | tuple) else ()
