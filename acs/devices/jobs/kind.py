"""How one kind of job is done: what its module has to say, and what modules share."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass

from acs.devices.files import without_links
from acs.devices.ledger import Ledger
from acs.devices.record import Job, JobState
from acs.model import DataModel, EventKind, Fault, Notice, ProcedureOutcome, Secret

Result = tuple[JobState, Mapping[str, object]]
"""New state and result. `JobState.SENT` waits for a later contact, `JobState.QUEUED` for another
try; the result of a job that waits keeps ``sent_at``."""

UNKNOWN = "the session was lost after it was sent; whether it took effect is not known"
MOST = 2**32 - 1
"""What an unsigned int of a message holds."""
NO_SUCH_METHOD = 9000
CANCELED = 7023
"""How a command ends that was given up because we asked (TR-369, Command Canceled)."""
LONGEST = 86_400.0
"""Seconds after which what still waits is called failed."""
USP = "usp"
"""`Contact.protocol` of a device whose data model has commands."""


async def _never_known(_ledger: Ledger, _line: DataModel, _job: Job) -> Result | None:
    return JobState.FAILED, {"error": UNKNOWN}


def _nothing_to_do(_ledger: Ledger, _job: Job, _notice: Notice) -> Result | None:
    return None


CarryOut = Callable[[Ledger, DataModel, Job], Awaitable[Result]]
"""Does a job. One that must not be sent twice calls `sent` before it goes out."""


@dataclass(frozen=True, slots=True)
class Kind:
    """How one kind of job is done."""

    carry_out: CarryOut
    settle: Callable[[Ledger, DataModel, Job], Awaitable[Result | None]] = _never_known
    """Say what became of a job that was sent in an earlier session; None: not known yet."""
    report: Callable[[Ledger, Job, Notice], Result | None] = _nothing_to_do
    """Take what the device reports of it in the middle of a session; None: says nothing of it."""
    check: Callable[[Mapping[str, object]], object] = dict
    """Look at a payload before anything is sent. Raises `Unsound` when no device could do it."""
    reported_by: frozenset[EventKind] = frozenset()
    """The notices by which a device may report its end."""
    last: bool = False
    """Nothing follows it in a session."""


def command_key(job: Job) -> str:
    """The CommandKey by which a device reports the end of a job (32 characters at most)."""
    return f"job-{job.id}"


def known(ledger: Ledger, job: Job) -> dict[str, object]:
    """What the result of a job that was sent says by now; empty for one that is still queued."""
    now = ledger.jobs[job.id]
    return dict(now.result) if now.state is JobState.SENT else {}


async def sent(ledger: Ledger, job: Job, **detail: object) -> None:
    """Keep durably that the job goes out now, so that it is never sent twice unknowingly."""
    result = {"sent_at": ledger.contact.at, **known(ledger, job), **detail}
    attempts = job.attempts + (job.state is JobState.QUEUED)
    ledger.save_job(job.id, JobState.SENT, attempts, result)
    await ledger.keep()


def waits(ledger: Ledger, job: Job, **detail: object) -> Result:
    """The device took it; a later contact tells the end."""
    return JobState.SENT, {"sent_at": ledger.contact.at, **known(ledger, job), **detail}


def sent_ago(ledger: Ledger, job: Job) -> float:
    """Seconds since the job was sent; since ever, where that is not known."""
    sent_at = ledger.jobs[job.id].result.get("sent_at", 0.0)
    return ledger.contact.at - (sent_at if isinstance(sent_at, float | int) else 0.0)


def failed(fault: Fault, *secrets: str, about: str = "") -> Result:
    """A refusal of the device as the result of a job; ``secrets`` it quotes are masked.

    ``about``: the path that was asked for, where the device names none.
    """
    if fault.code == NO_SUCH_METHOD:
        error = f"the device does not know this method (fault {fault.code})"
        return JobState.FAILED, {"error": error, "code": fault.code}
    parameters = list(map(str, fault.parameters))
    error = f"{about}: {fault}" if about and not parameters else str(fault)
    told = [hidden(each, secrets) for each in (error, *parameters)]
    return JobState.FAILED, {"error": told[0], "code": fault.code, "parameters": told[1:]}


def ended_badly(fault: Fault, said: Mapping[str, object], *secrets: str) -> Result:
    """The result of what a device reports to have failed; ``said``: what is known by now."""
    if fault.code == CANCELED:
        return JobState.CANCELLED, {**said, "text": "the device gave it up, as it was asked to"}
    state, detail = failed(fault, *secrets)
    return state, {**said, **detail}


def hidden(told: str, secrets: Iterable[str]) -> str:
    """Return what a device told, with ``secrets`` and permissions in it masked."""
    for secret in filter(None, secrets):
        told = told.replace(secret, str(Secret(secret)))
    return without_links(told)


def refused(outcome: ProcedureOutcome | Fault, *secrets: str) -> Result:
    """The outcome of a procedure that is not the one it gives, most often a fault."""
    if isinstance(outcome, Fault):
        return failed(outcome, *secrets)
    return JobState.FAILED, {"error": f"answered with {type(outcome).__name__}"}


class Unsound(Exception):  # noqa: N818 - a word about the job, not a mistake of ours
    """A job asks for something that makes no sense; nothing of it was sent."""


def text(payload: Mapping[str, object], key: str, *, need: bool = False) -> str:
    """A text of a job's payload, empty where it is not there. Raises `Unsound` when needed."""
    found = payload.get(key)
    if need and found in (None, ""):
        raise Unsound(f"{key} is missing")
    return "" if found is None else str(found)


def counted(number: int, one: str) -> str:
    """Write a number of things, ``one`` being the word for one of them."""
    return f"{number} {one}" if number == 1 else f"{number} {one}s"


def number(payload: Mapping[str, object], key: str, default: int = 0) -> int:
    """A whole number of a job's payload, 0 to `MOST`. Raises `Unsound` for others."""
    found = payload.get(key, default)
    if not isinstance(found, int | float) or not 0 <= found <= MOST or found != found // 1:
        raise Unsound(f"{key} is not a whole number of 0 or more")
    return int(found)


def texts(payload: Mapping[str, object], key: str, *, need: bool = False) -> tuple[str, ...]:
    """A list of texts of a job's payload. Raises `Unsound` when one is needed."""
    found = payload.get(key)
    made = tuple(str(item) for item in found) if isinstance(found, list | tuple) else ()
    if need and not made:
        raise Unsound(f"{key} is no list with something in it")
    return made


def rows(payload: Mapping[str, object], key: str) -> tuple[Mapping[str, object], ...]:
    """A list of objects of a job's payload. Raises `Unsound` when it is something else."""
    found = payload.get(key)
    if not isinstance(found, list | tuple) or not all(isinstance(row, Mapping) for row in found):
        raise Unsound(f"{key} is not a list of objects")
    return tuple(found)
