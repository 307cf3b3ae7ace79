"""The job that has a device call at a time: schedule inform.

``delay``: seconds, 1 or more.  It is done when the device called for it.
"""

from __future__ import annotations

from collections.abc import Mapping

from acs.devices.jobs.kind import (
    Kind,
    Result,
    Unsound,
    command_key,
    ended_badly,
    known,
    number,
    refused,
    sent,
    sent_ago,
    waits,
)
from acs.devices.ledger import Ledger
from acs.devices.record import Job, JobState
from acs.model import DataModel, EventKind, Notice, ScheduleInform, Started

GRACE = 600.0
"""Seconds after its time that a device is given to call."""


async def _ask(ledger: Ledger, line: DataModel, job: Job) -> Result:
    delay = _delay(job.payload)
    await sent(ledger, job)
    answer = await line.ask(ScheduleInform(delay, command_key(job)))
    return waits(ledger, job) if isinstance(answer, Started) else refused(answer)


def _delay(payload: Mapping[str, object]) -> int:
    delay = number(payload, "delay")
    if delay < 1:
        raise Unsound("delay is less than one second")
    return delay


async def _called(ledger: Ledger, _line: DataModel, job: Job) -> Result | None:
    """Believe the CommandKey; a device that tells none is believed when its time has come."""
    contact, key = ledger.contact, command_key(job)
    late = sent_ago(ledger, job) - number(job.payload, "delay")
    keys = {e.key for e in contact.events if e.kind is EventKind.COMMAND_DONE}
    if key in keys:
        return JobState.DONE, {"text": f"called {_seconds(late)}"}
    if contact.has(EventKind.SCHEDULED) and not any(keys) and late >= 0:
        return JobState.DONE, {"text": f"called {_seconds(late)}, without our CommandKey"}
    if late > GRACE:
        return JobState.FAILED, {"error": "it did not call at the time it was given"}
    return None


def _reported(ledger: Ledger, job: Job, notice: Notice) -> Result | None:
    """Over USP the timer is a command, and its end is the call."""
    if notice.fault is not None and notice.fault.code:
        return ended_badly(notice.fault, known(ledger, job))
    late = sent_ago(ledger, job) - number(job.payload, "delay")
    return JobState.DONE, {**known(ledger, job), "text": f"called {_seconds(late)}"}


def _seconds(late: float) -> str:
    return f"{late:.0f} s after its time" if late > 0 else "at its time"


SCHEDULE_INFORM = Kind(
    _ask, _called, _reported, _delay, reported_by=frozenset((EventKind.OPERATION_COMPLETE,))
)
