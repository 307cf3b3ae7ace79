"""Go through the open jobs of the device on the line.

A job that can be repeated without harm stays queued when its session is lost.  One that cannot
is marked as sent, durably, before it goes out, so that it is never sent twice unknowingly.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from acs.devices.effects import ClearFault, RaiseFault, SaveRuleRun
from acs.devices.jobs.activation import ACTIVATE
from acs.devices.jobs.attributes import ATTRIBUTES, NAMES, NOTIFY
from acs.devices.jobs.commands import OPERATE
from acs.devices.jobs.diagnostics import DIAGNOSTIC
from acs.devices.jobs.firmware import note_firmware, under_way
from acs.devices.jobs.inventory import METHODS, OPTIONS, VOUCHERS
from acs.devices.jobs.kind import Kind, Result, Unsound, command_key, known, texts
from acs.devices.jobs.messages import MESSAGE
from acs.devices.jobs.parameters import READ, SET
from acs.devices.jobs.provision import PROVISION
from acs.devices.jobs.restarts import FACTORY_RESET, REBOOT
from acs.devices.jobs.rows import ADD, DELETE
from acs.devices.jobs.schedule import SCHEDULE_INFORM
from acs.devices.jobs.software import SOFTWARE
from acs.devices.jobs.transfer_queue import CANCEL_TRANSFER, TRANSFERS
from acs.devices.jobs.transfers import DOWNLOAD, SCHEDULE_DOWNLOAD, UPLOAD
from acs.devices.jobs.tree import TREE
from acs.devices.ledger import Ledger
from acs.devices.record import JOB_SUBJECT, FaultRecord, Job, JobKind, JobState
from acs.devices.rules.firmware import failure_key
from acs.devices.withholding import holds_job
from acs.model import DataModel, EventKind, Notice, SessionLost

KINDS: Mapping[JobKind, Kind] = {
    JobKind.READ: READ,
    JobKind.SET: SET,
    JobKind.ADD: ADD,
    JobKind.DELETE: DELETE,
    JobKind.REBOOT: REBOOT,
    JobKind.FACTORY_RESET: FACTORY_RESET,
    JobKind.PROVISION: PROVISION,
    JobKind.NAMES: NAMES,
    JobKind.ATTRIBUTES: ATTRIBUTES,
    JobKind.NOTIFY: NOTIFY,
    JobKind.SCHEDULE_INFORM: SCHEDULE_INFORM,
    JobKind.DOWNLOAD: DOWNLOAD,
    JobKind.UPLOAD: UPLOAD,
    JobKind.SCHEDULE_DOWNLOAD: SCHEDULE_DOWNLOAD,
    JobKind.CANCEL_TRANSFER: CANCEL_TRANSFER,
    JobKind.TRANSFERS: TRANSFERS,
    JobKind.METHODS: METHODS,
    JobKind.OPTIONS: OPTIONS,
    JobKind.VOUCHERS: VOUCHERS,
    JobKind.SOFTWARE: SOFTWARE,
    JobKind.TREE: TREE,
    JobKind.DIAGNOSTIC: DIAGNOSTIC,
    JobKind.OPERATE: OPERATE,
    JobKind.ACTIVATE: ACTIVATE,
    JobKind.MESSAGE: MESSAGE,
}

_OPEN = (JobState.QUEUED, JobState.SENT)
ASKING = frozenset(
    {
        JobKind.READ,
        JobKind.NAMES,
        JobKind.ATTRIBUTES,
        JobKind.TRANSFERS,
        JobKind.METHODS,
        JobKind.OPTIONS,
        JobKind.TREE,
        JobKind.PROVISION,
    }
)
"""Jobs that change nothing on a device, or, as the provisioning, see to it themselves."""


async def run_jobs(ledger: Ledger, line: DataModel) -> None:
    """Carry out the open jobs in order; a reboot or reset is the last thing of a session."""
    for opened in sorted(ledger.opened.jobs, key=_turn):
        # The device itself, or another job, may have ended it since.
        job = ledger.jobs[opened.id]
        if job.state not in _OPEN:
            continue
        kind = KINDS[job.kind]
        waits = job.state is JobState.QUEUED
        if job.kind not in ASKING and (reason := holds_job(ledger, job)):
            if waits:
                _wait(ledger, job, f"is not sent: {reason}")
            # What was sent before may take another step, which would be sent, too.
            continue
        if waits and kind.last and (firmware := under_way(ledger)) is not None:
            # A restart in the middle of writing firmware can be the end of a device.
            _wait(ledger, job, f"waits for the end of {firmware.kind} (job {firmware.id})")
            continue
        result = await _see_to(ledger, line, job, kind.carry_out if waits else kind.settle)
        # The report of a command may come before the answer that says it has begun.
        if result is None or ledger.jobs[job.id].state not in _OPEN:
            continue
        keep_result(ledger, job, result)
        if kind.last and result[0] is JobState.SENT:
            return


def _wait(ledger: Ledger, job: Job, why: str) -> None:
    """Leave a job in its queue, and say once why."""
    if job.result.get("text") != why:
        ledger.save_job(job.id, JobState.QUEUED, job.attempts, {"text": why})
        ledger.say("job", f"{job.kind} (job {job.id}) {why}")


def _turn(job: Job) -> tuple[bool, bool]:
    """What was sent is settled first: another job may wait for its end."""
    return KINDS[job.kind].last, job.state is JobState.QUEUED


async def _see_to(
    ledger: Ledger,
    line: DataModel,
    job: Job,
    step: Callable[[Ledger, DataModel, Job], Awaitable[Result | None]],
) -> Result | None:
    try:
        if job.state is JobState.QUEUED:
            KINDS[job.kind].check(job.payload)
        return await step(ledger, line, job)
    except Unsound as why:
        return JobState.FAILED, {"error": f"the job is not sound: {why}"}
    except SessionLost as lost:
        _count_try(ledger, job, f"session lost: {lost}")
        raise
    except Exception as bug:
        # Its text may quote a secret: it is for the log, which knows how to mask.
        _count_try(ledger, job, f"internal error: {type(bug).__name__}: see the log")
        raise


def _count_try(ledger: Ledger, job: Job, why: str) -> None:
    """Let no job cut short every session of its device, whether it goes out or is looked for."""
    if ledger.jobs[job.id] is not job:
        return  # It was marked as sent since, or has kept how far it is: that was the try.
    attempts = job.attempts + 1
    if attempts >= ledger.house.policy.job_attempts:
        keep_result(ledger, job, (JobState.FAILED, {**known(ledger, job), "error": why}))
    else:
        result = {"error": why} if job.state is JobState.QUEUED else job.result
        ledger.save_job(job.id, job.state, attempts, result)


def keep_result(ledger: Ledger, job: Job, result: Result) -> None:
    """Keep what came of a job, with a line on the timeline when it is over."""
    state, detail = result
    if state is JobState.QUEUED:
        return
    ledger.save_job(job.id, state, job.attempts + (job.state is JobState.QUEUED), detail)
    if state is JobState.SENT:
        return
    reason = detail.get("error") or detail.get("text", "")
    text = f"{job.kind} (job {job.id}) {state}" + (f": {reason}" if reason else "")
    ledger.say("job", text)
    if state is JobState.DONE:
        ledger.learn(ClearFault(ledger.device.id, _subject(job)))
        return
    if state is JobState.FAILED and (key := failure_key(job)):
        ledger.learn(SaveRuleRun(ledger.device.id, key, ledger.contact.at))
    if "code" in detail:
        ledger.learn(RaiseFault(_refusal(ledger, job, detail)))


def _subject(job: Job) -> str:
    """A fault of a kind of job stays open until a job of that kind is done."""
    return f"{job.kind}{JOB_SUBJECT}"


def _refusal(ledger: Ledger, job: Job, detail: Mapping[str, object]) -> FaultRecord:
    """What the device refused of a job, as a fault that is listed with its others."""
    code = detail["code"]
    return FaultRecord(
        ledger.device.id,
        _subject(job),
        ledger.contact.at,
        code if isinstance(code, int) else 0,
        f"job {job.id}: {detail.get('error', '')}",
        texts(detail, "parameters"),
    )


def take_notice(ledger: Ledger, notice: Notice) -> None:
    """Settle the job whose end the device reports, if one is open that waits for it."""
    if notice.kind is EventKind.AUTONOMOUS_TRANSFER_COMPLETE:
        note_firmware(ledger, notice)
    if notice.kind not in _REPORTS:
        return
    job = _meant(ledger, notice)
    if job is None:
        # USP tells of some ends twice: that of a job which is over by now is no news.
        over = (each for each in ledger.jobs.values() if each.state not in _OPEN)
        if notice.key not in map(command_key, over):
            ledger.say("job", f"no open job waits for {notice.kind} {notice.key}".rstrip())
        return
    result = KINDS[job.kind].report(ledger, job, notice)
    if result is not None:
        keep_result(ledger, job, result)


_REPORTS = frozenset[EventKind]().union(*(kind.reported_by for kind in KINDS.values()))


def _meant(ledger: Ledger, notice: Notice) -> Job | None:
    """Find the job by the CommandKey, wherever the device has put it.

    Some leave it out of TransferComplete and name it in the event of the Inform, or the other way
    round; where it is empty everywhere and one job alone waits, that one is meant.
    """
    open_jobs = {
        command_key(job): job
        for job in ledger.jobs.values()
        if job.state is JobState.SENT and notice.kind in KINDS[job.kind].reported_by
    }
    if notice.key:
        # Of a job of several steps each has a key of its own.
        return open_jobs.get(notice.key) or open_jobs.get(notice.key.rpartition("-")[0])
    ours = {command_key(job) for job in ledger.jobs.values()}
    done = [e.key for e in ledger.contact.events if e.kind is EventKind.COMMAND_DONE and e.key]
    named = [open_jobs[key] for key in done if key in open_jobs]
    if named or not ours.issuperset(done):
        return named[0] if len(named) == 1 else None
    waiting = list(open_jobs.values())
    return waiting[0] if len(waiting) == 1 else None
