"""How one kind of job is done: what its module has to say, and what modules share."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from acs.devices.effects import SaveJob
from acs.devices.ledger import Ledger
from acs.devices.record import Job, JobState
from acs.model import DataModel, Fault, Notice

Result = tuple[JobState, Mapping[str, object]]
"""New state and result. `JobState.SENT` waits for a later contact, `JobState.QUEUED` for another
try; the result of a job that waits keeps ``sent_at``."""

UNKNOWN = "the session was lost after it was sent; whether it took effect is not known"


async def _never_known(_ledger: Ledger, _line: DataModel, _job: Job) -> Result | None:
    return JobState.FAILED, {"error": UNKNOWN}


def _nothing_to_do(_ledger: Ledger, _job: Job, _notice: Notice) -> Result | None:
    return None


@dataclass(frozen=True, slots=True)
class Kind:
    """How one kind of job is done."""

    carry_out: Callable[[Ledger, DataModel, Job], Awaitable[Result]]
    """Do it. A job that must not be sent twice calls `sent` before it goes out."""
    settle: Callable[[Ledger, DataModel, Job], Awaitable[Result | None]] = _never_known
    """Say what became of a job that was sent in an earlier session; None: not known yet."""
    report: Callable[[Ledger, Job, Notice], Result | None] = _nothing_to_do
    """Take what the device reports of it in the middle of a session; None: says nothing of it."""
    once: bool = False
    """It cannot be repeated without harm: a lost session leaves it sent, not queued."""
    last: bool = False
    """Nothing follows it in a session."""


def command_key(job: Job) -> str:
    """The CommandKey by which a device reports the end of a job."""
    return f"job-{job.id}"


async def sent(ledger: Ledger, job: Job, **detail: object) -> None:
    """Keep durably that the job goes out now, so that it is never sent twice unknowingly."""
    result = {**job.result, **detail, "sent_at": ledger.contact.at}
    ledger.learn(SaveJob(job.id, JobState.SENT, ledger.contact.at, job.attempts + 1, result))
    await ledger.keep()


def sent_ago(ledger: Ledger, job: Job) -> float:
    """Seconds since the job was sent; since ever, where that is not known."""
    sent_at = job.result.get("sent_at", 0.0)
    return ledger.contact.at - (sent_at if isinstance(sent_at, float | int) else 0.0)


def failed(fault: Fault) -> Result:
    """A refusal of the device as the result of a job."""
    parameters = [f"{p.path}: {p.code} {p.text}".rstrip() for p in fault.parameters]
    return JobState.FAILED, {"error": str(fault), "code": fault.code, "parameters": parameters}


def unsound(error: object) -> Result:
    """A job that asks for something that makes no sense."""
    return JobState.FAILED, {"error": f"the job is not sound: {error}"}


def texts(payload: Mapping[str, object], key: str) -> tuple[str, ...]:
    """A list of texts of a job's payload."""
    found = payload.get(key)
    return tuple(str(item) for item in found) if isinstance(found, list | tuple) else ()
