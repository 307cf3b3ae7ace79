"""The job that installs, updates and removes software modules (ChangeDUState).

``operations``: a list of objects with ``do`` (install, update, uninstall) and what belongs to it:
``url``, ``uuid``, ``username``, ``password``, ``version``, ``environment``.  It is done when the
device has reported that each of them went well.  Over USP each is a command of its own: the next
one goes out when the one before has ended well.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from acs.devices.files import without_links
from acs.devices.jobs.kind import (
    USP,
    Kind,
    Result,
    Unsound,
    command_key,
    ended_badly,
    known,
    number,
    refused,
    rows,
    sent,
    sent_ago,
    text,
    waits,
)
from acs.devices.ledger import Ledger
from acs.devices.record import Job, JobState
from acs.model import (
    ChangeSoftware,
    DataModel,
    EventKind,
    Install,
    Notice,
    Secret,
    Started,
    Uninstall,
    UnitResult,
    Update,
)

Step = Install | Update | Uninstall


async def _change(ledger: Ledger, line: DataModel, job: Job) -> Result:
    steps = _steps(job.payload)
    if ledger.contact.protocol == USP:
        return await _next(ledger, line, job, steps, [])
    await sent(ledger, job)
    answer = await line.ask(ChangeSoftware(steps, command_key(job)))
    if isinstance(answer, Started):
        return waits(ledger, job)
    passwords = (s.password.reveal() for s in steps if not isinstance(s, Uninstall))
    return refused(answer, *passwords)


async def _next(
    ledger: Ledger, line: DataModel, job: Job, steps: Sequence[Step], results: list[object]
) -> Result:
    """Begin the operation after those that have ``results``, under a key of its own."""
    number = len(results) + 1
    step = steps[number - 1]
    await sent(ledger, job, sent_at=ledger.contact.at, step=number, results=results)
    answer = await line.ask(ChangeSoftware((step,), f"{command_key(job)}-{number}"))
    if isinstance(answer, Started):
        return waits(ledger, job)
    state, detail = refused(answer, "" if isinstance(step, Uninstall) else step.password.reveal())
    return state, {**known(ledger, job), **detail}


def _steps(payload: Mapping[str, object]) -> tuple[Step, ...]:
    number(payload, "timeout")
    steps = tuple(map(_step, rows(payload, "operations")))
    if not steps:
        raise Unsound("operations are missing")
    return steps


def _step(row: Mapping[str, object]) -> Step:
    url, uuid, version = (text(row, name) for name in ("url", "uuid", "version"))
    username, password = text(row, "username"), Secret(text(row, "password"))
    environment = text(row, "environment")
    match text(row, "do"):
        case "install":
            text(row, "url", need=True)
            return Install(url, uuid, username, password, environment)
        case "update":
            if not (url or uuid):
                raise Unsound("an update names neither uuid nor url")
            return Update(uuid, version, url, username, password)
        case "uninstall":
            text(row, "uuid", need=True)
            return Uninstall(uuid, version, environment)
        case other:
            raise Unsound(f"{other!r} is none of install, update, uninstall")


def _reported(ledger: Ledger, job: Job, notice: Notice) -> Result | None:
    """Take the results, which stand in the order of the operations (TR-069 A.4.2.3)."""
    steps = rows(job.payload, "operations")
    if "step" in known(ledger, job):
        return _step_reported(ledger, job, notice, steps)
    results = [
        {"do": text(steps[at], "do") if at < len(steps) else "", **_told(unit)}
        for at, unit in enumerate(notice.units)
    ]
    said = {**known(ledger, job), "results": results}
    wrong = [
        f"{row['do'] or 'an operation'} {row['uuid']}".rstrip() + f": {row['error'] or 'failed'}"
        for row in results
        if row["error"] or row["state"] == "Failed"
    ]
    if wrong:
        codes = [unit.fault.code for unit in notice.units if unit.fault]
        code = {"code": codes[0]} if codes else {}
        return JobState.FAILED, {**said, **code, "error": without_links("; ".join(wrong))}
    if len(results) < len(steps):
        error = f"it reported {len(results)} results for {len(steps)} operations"
        return JobState.FAILED, {**said, "error": error}
    return JobState.DONE, {**said, "text": _summary(notice.units)}


def _step_reported(
    ledger: Ledger, job: Job, notice: Notice, steps: Sequence[Mapping[str, object]]
) -> Result | None:
    """Take the end of one operation; the next one goes out when the jobs are gone through."""
    said = known(ledger, job)
    number, results = said["step"], _results(said)
    if notice.key != f"{command_key(job)}-{number}" or number != len(results) + 1:
        return None
    step = steps[len(results)]
    row = {name: text(step, name) for name in ("do", "uuid", "version")}
    if notice.fault is not None and notice.fault.code:
        state, detail = ended_badly(notice.fault, said, text(step, "password"))
        row |= {"state": "Failed", "error": str(detail.get("error", ""))}
        return state, {**detail, "results": [*results, row]}
    row |= {"state": "Uninstalled" if row["do"] == "uninstall" else "Installed", "error": ""}
    said["results"] = [*results, row]
    if len(results) + 1 < len(steps):
        return JobState.SENT, said
    return JobState.DONE, {**said, "text": f"{len(steps)} of {len(steps)} operations ended well"}


def _results(said: Mapping[str, object]) -> list[object]:
    found = said.get("results")
    return found if isinstance(found, list) else []


def _told(unit: UnitResult) -> dict[str, object]:
    return {
        "uuid": unit.uuid,
        "version": unit.version,
        "state": unit.state,
        "path": unit.path,
        "resolved": unit.resolved,
        "execution_units": unit.execution_units,
        "error": without_links(str(unit.fault)) if unit.fault else "",
    }


def _summary(units: Sequence[UnitResult]) -> str:
    return ", ".join(f"{unit.uuid} {unit.version} {unit.state}".strip() for unit in units)


async def _overdue(ledger: Ledger, line: DataModel, job: Job) -> Result | None:
    said = known(ledger, job)
    if "step" in said and said["step"] == len(_results(said)):
        return await _next(ledger, line, job, _steps(job.payload), _results(said))
    allowed = number(job.payload, "timeout") or ledger.house.policy.transfer_timeout
    if sent_ago(ledger, job) < allowed:
        return None
    error = f"it did not report what became of it within {allowed:.0f} s"
    return JobState.FAILED, {**said, "error": error}


SOFTWARE = Kind(
    _change,
    _overdue,
    _reported,
    reported_by=frozenset((EventKind.DU_STATE_CHANGE_COMPLETE,)),
    check=_steps,
)
