"""Jobs after which the device is away for a while: reboot, factory reset."""

from __future__ import annotations

from acs.devices.jobs.kind import Kind, Result, command_key, failed, sent, sent_ago
from acs.devices.ledger import Ledger
from acs.devices.record import Job, JobState
from acs.model import CommandName, DataModel, EventKind, Fault, Started

REBOOT_GRACE = 600.0
"""Seconds a device is given to come back before the job is called failed."""


async def _reboot(ledger: Ledger, line: DataModel, job: Job) -> Result:
    await sent(ledger, job)
    return _started(ledger, await line.command(CommandName.REBOOT, command_key(job)))


async def _rebooted(ledger: Ledger, _line: DataModel, job: Job) -> Result | None:
    contact = ledger.contact
    reported = any(
        event.kind is EventKind.COMMAND_DONE and event.key == command_key(job)
        for event in contact.events
    )
    if reported or contact.has(EventKind.BOOT, EventKind.BOOTSTRAP):
        return JobState.DONE, {}
    return _late(ledger, job, "it called without having rebooted")


async def _reset(ledger: Ledger, line: DataModel, job: Job) -> Result:
    # It will know the bootstrap secret only, and we asked for it.
    ledger.change(own_credentials=False)
    await sent(ledger, job)
    return _started(ledger, await line.command(CommandName.FACTORY_RESET))


async def _was_reset(ledger: Ledger, _line: DataModel, job: Job) -> Result | None:
    # A USP agent that forgot our subscription to Boot! introduces itself instead.
    if ledger.contact.has(EventKind.BOOTSTRAP, EventKind.ON_BOARD_REQUEST):
        return JobState.DONE, {}
    return _late(ledger, job, "it called without a reset")


def _started(ledger: Ledger, answer: Started | Fault) -> Result:
    if isinstance(answer, Fault):
        return failed(answer)
    return JobState.SENT, {"sent_at": ledger.contact.at}


def _late(ledger: Ledger, job: Job, error: str) -> Result | None:
    late = sent_ago(ledger, job) > REBOOT_GRACE
    return (JobState.FAILED, {"error": error}) if late else None


REBOOT = Kind(_reboot, _rebooted, last=True)
FACTORY_RESET = Kind(_reset, _was_reset, last=True)
