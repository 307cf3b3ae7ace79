"""Jobs on the transfers a device has under way: transfers, cancel transfer.

`cancel transfer`: ``job``, the id of the job that began it, or ``key``, its CommandKey.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from acs.devices.jobs.kind import (
    Kind,
    Result,
    Unsound,
    command_key,
    counted,
    known,
    number,
    refused,
    text,
)
from acs.devices.ledger import Ledger
from acs.devices.record import Job, JobKind, JobState
from acs.model import (
    CancelTransfer,
    DataModel,
    Fault,
    ListTransfers,
    ProcedureOutcome,
    QueuedTransfer,
    Started,
    Transfers,
    TransferState,
)

KINDS = (JobKind.DOWNLOAD, JobKind.UPLOAD, JobKind.SCHEDULE_DOWNLOAD)
"""The jobs that begin a transfer."""


def can_be_given_up(job: Job) -> bool:
    """Tell whether a device may be asked to give it up: a transfer, or a command of USP."""
    return job.state is JobState.SENT and (job.kind in KINDS or "request" in job.result)


class Whereabouts(Enum):
    """What a device says of a transfer that is overdue."""

    LISTED = "listed"
    """It waits, runs, or is over and still to be reported."""
    ABSENT = "absent"
    UNKNOWN = "unknown"
    """The device cannot say."""


async def whereabouts(ledger: Ledger, line: DataModel, job: Job) -> Whereabouts:
    """Ask the device what it knows of the transfer that ``job`` began."""
    answer = await _queued(line)
    if not isinstance(answer, Transfers):
        return Whereabouts.UNKNOWN
    keys = [each.key for each in answer.entries]
    begun = [each for each in ledger.jobs.values() if each.kind in KINDS]
    under_way = [each for each in begun if each.state is JobState.SENT]
    # A device that keeps no keys and has one transfer can mean one job only.
    nameless = keys == [""] and len(under_way) == 1
    return Whereabouts.LISTED if command_key(job) in keys or nameless else Whereabouts.ABSENT


async def _queued(line: DataModel) -> ProcedureOutcome | Fault:
    answer = await line.ask(ListTransfers(all=True))
    if isinstance(answer, Fault) and answer.says_unsupported:
        # A device of CWMP 1.0 knows the older method only.
        return await line.ask(ListTransfers(all=False))
    return answer


async def _list(_ledger: Ledger, line: DataModel, _job: Job) -> Result:
    answer = await _queued(line)
    if not isinstance(answer, Transfers):
        return refused(answer)
    told = [_told(each) for each in answer.entries]
    return JobState.DONE, {"transfers": told, "text": counted(len(told), "transfer")}


def _told(transfer: QueuedTransfer) -> dict[str, object]:
    states = {state.value: state.name.lower() for state in TransferState}
    return {**transfer._asdict(), "state": states.get(transfer.state, str(transfer.state))}


def _key(payload: Mapping[str, object]) -> str:
    if key := text(payload, "key"):
        return key
    if "job" not in payload:
        raise Unsound("it names neither key nor job")
    return f"job-{number(payload, 'job')}"


async def _cancel(ledger: Ledger, line: DataModel, job: Job) -> Result:
    key = _key(job.payload)
    begun = [each for each in ledger.jobs.values() if command_key(each) == key]
    answer = await line.ask(CancelTransfer(key))
    if not isinstance(answer, Started):
        return refused(answer)
    for each in begun:
        if can_be_given_up(each):
            said = {**known(ledger, each), "text": f"cancelled by job {job.id}"}
            ledger.save_job(each.id, JobState.CANCELLED, each.attempts, said)
            ledger.say("job", f"{each.kind} (job {each.id}) cancelled by job {job.id}")
    if begun:
        return JobState.DONE, {"text": f"{key} cancelled"}
    # Devices agree to a key they do not know, too.
    return JobState.DONE, {"text": f"the device agreed; whether it knew {key} it does not say"}


TRANSFERS = Kind(_list)
CANCEL_TRANSFER = Kind(_cancel, check=_key)
