"""The job that installs, updates and removes software modules (ChangeDUState).

``operations``: a list of objects with ``do`` (install, update, uninstall) and what belongs to it:
``url``, ``uuid``, ``username``, ``password``, ``version``, ``environment``.  It is done when the
device has reported that each of them went well.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from acs.devices.files import without_links
from acs.devices.jobs.kind import (
    Kind,
    Result,
    Unsound,
    command_key,
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
    await sent(ledger, job)
    answer = await line.ask(ChangeSoftware(steps, command_key(job)))
    if isinstance(answer, Started):
        return waits(ledger, job)
    passwords = (s.password.reveal() for s in steps if not isinstance(s, Uninstall))
    return refused(answer, *passwords)


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


async def _overdue(ledger: Ledger, _line: DataModel, job: Job) -> Result | None:
    allowed = number(job.payload, "timeout") or ledger.house.policy.transfer_timeout
    if sent_ago(ledger, job) < allowed:
        return None
    error = f"it did not report what became of it within {allowed:.0f} s"
    return JobState.FAILED, {**known(ledger, job), "error": error}


SOFTWARE = Kind(
    _change,
    _overdue,
    _reported,
    reported_by=EventKind.DU_STATE_CHANGE_COMPLETE,
    check=_steps,
)
