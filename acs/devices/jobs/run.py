"""Go through the open jobs of the device on the line.

A job that can be repeated without harm stays queued when its session is lost.  One that cannot
is marked as sent, durably, before it goes out, so that it is never sent twice unknowingly.
"""

from __future__ import annotations

from collections.abc import Mapping

from acs.devices.effects import SaveJob
from acs.devices.jobs.kind import Kind, Result, command_key
from acs.devices.jobs.parameters import ADD, DELETE, READ, SET
from acs.devices.jobs.provision import PROVISION
from acs.devices.jobs.restarts import FACTORY_RESET, REBOOT
from acs.devices.ledger import Ledger
from acs.devices.record import Job, JobKind, JobState
from acs.model import DataModel, Notice, SessionLost

KINDS: Mapping[JobKind, Kind] = {
    JobKind.READ: READ,
    JobKind.SET: SET,
    JobKind.ADD: ADD,
    JobKind.DELETE: DELETE,
    JobKind.REBOOT: REBOOT,
    JobKind.FACTORY_RESET: FACTORY_RESET,
    JobKind.PROVISION: PROVISION,
}


async def run_jobs(ledger: Ledger, line: DataModel) -> None:
    """Carry out the open jobs in order; a reboot or reset is the last thing of a session."""
    for job in sorted(ledger.opened.jobs, key=lambda job: KINDS[job.kind].last):
        if ledger.is_settled(job):
            continue
        kind = KINDS[job.kind]
        if job.state is JobState.SENT:
            result = await kind.settle(ledger, line, job)
            if result is None:
                continue
        else:
            result = await _carry_out(ledger, line, job)
        keep_result(ledger, job, result)
        if kind.last and result[0] is JobState.SENT:
            return


async def _carry_out(ledger: Ledger, line: DataModel, job: Job) -> Result:
    kind = KINDS[job.kind]
    try:
        return await kind.carry_out(ledger, line, job)
    except SessionLost as lost:
        if not kind.once:
            detail: Mapping[str, object] = {"error": f"session lost: {lost}"}
            attempts = job.attempts + 1
            more = attempts < ledger.house.policy.job_attempts
            state = JobState.QUEUED if more else JobState.FAILED
            ledger.learn(SaveJob(job.id, state, ledger.contact.at, attempts, detail))
        raise


def keep_result(ledger: Ledger, job: Job, result: Result) -> None:
    """Keep what came of a job, with a line on the timeline when it is over."""
    state, detail = result
    if state is JobState.QUEUED:
        return
    attempts = job.attempts + (job.state is JobState.QUEUED)
    ledger.learn(SaveJob(job.id, state, ledger.contact.at, attempts, detail))
    if state is not JobState.SENT:
        reason = detail.get("error", "")
        text = f"{job.kind} (job {job.id}) {state}" + (f": {reason}" if reason else "")
        ledger.say("job", text)


def take_notice(ledger: Ledger, notice: Notice) -> None:
    """Settle the job of which the device reports something, if one is open under that key."""
    for job in ledger.opened.jobs:
        if notice.key and notice.key == command_key(job) and not ledger.is_settled(job):
            result = KINDS[job.kind].report(ledger, job, notice)
            if result is not None:
                keep_result(ledger, job, result)
                ledger.settle(job)
