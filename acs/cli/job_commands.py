"""`acs job list`, `show`, `cancel`."""

from __future__ import annotations

import time

import click

from acs.cli import render
from acs.cli.ages import age, clock, iso
from acs.cli.asked import in_words
from acs.cli.database import opened
from acs.cli.device_show import masks_of, outcome
from acs.cli.documents import job_document
from acs.cli.failures import Amiss
from acs.cli.job_print import print_tables
from acs.cli.job_request import asked_by
from acs.cli.main import Context, pass_context
from acs.cli.masking import Masks
from acs.cli.waiting import waits_for
from acs.devices.jobs.transfer_queue import KINDS as TRANSFERS
from acs.devices.jobs.transfer_queue import can_be_given_up
from acs.devices.jobs.transfers import asked_after
from acs.devices.record import Device, Job, JobKind, JobState
from acs.store import Database, devices, jobs

_OPEN = (JobState.QUEUED, JobState.SENT)


@click.command("list")
@click.option(
    "--state",
    "states",
    type=click.Choice([state.value for state in JobState]),
    multiple=True,
    help="Only jobs in this state; may be given more than once.",
)
@click.option(
    "--kind",
    "kinds",
    type=click.Choice([kind.value for kind in JobKind]),
    multiple=True,
    help="Only jobs of this kind; may be given more than once.",
)
@click.option("--before", type=int, metavar="JOB", help="Only older ones than this job.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True)
@render.json_option
@pass_context
def list_jobs(
    context: Context,
    states: tuple[str, ...],
    kinds: tuple[str, ...],
    before: int | None,
    limit: int,
    as_json: bool,
) -> None:
    """List jobs of all devices, newest first. Those of one device: `acs device jobs DEVICE`.

    \b
    Examples:
      acs job list --state failed
      acs job list --state sent --kind download
      acs job list --json --limit 1000 --before 4711
    """
    with opened(context) as database, database.read() as conn:
        found = jobs.all_thd(
            conn,
            states=[JobState(state) for state in states],
            kinds=[JobKind(kind) for kind in kinds],
            before=before,
            limit=limit,
        )
    masks = Masks()
    if as_json:
        documents = [{"device": key, **job_document(job, masks)} for job, key in found]
        render.emit({"jobs": documents})
        return
    now = time.time()
    render.print_table(
        ("Job", "Device", "What", "State", "Asked", "By", "Ended", "Outcome"),
        (
            (
                job.id,
                key,
                job.kind.value,
                job.state.value,
                age(job.created_at, now),
                job.created_by,
                age(job.finished_at, now) if job.finished_at else "",
                outcome(job, masks, now),
            )
            for job, key in found
        ),
        "No job.",
    )


@click.command()
@click.argument("job_id", metavar="JOB", type=int)
@render.json_option
@pass_context
def show(context: Context, job_id: int, as_json: bool) -> None:
    """Show JOB: what was asked, of which device, and what came of it.

    \b
    Examples:
      acs job show 17
      acs job show 17 --json
    """
    with opened(context) as database:
        job, device = _found(database, job_id)
        masks = masks_of(context, device)
    document = job_document(job, masks)
    timeout = context.settings.provisioning.transfer_timeout_seconds
    until = asked_after(job, timeout) if job.kind in TRANSFERS else 0.0
    if as_json:
        told = {"waits_until": iso(until)} if until else {}
        render.emit({"device": device.key, "job": document, **told})
        return
    now = time.time()
    over = job.state not in _OPEN
    render.print_facts(
        (
            ("Job", f"{job.id}  ({job.kind})"),
            ("Device", device.key),
            ("State", job.state.value),
            ("Waits" if not over else "", "" if over else waits_for(job, device, now)),
            ("Until", _until(until, now) if until else ""),
            ("Wanted", in_words(document["payload"])),
            ("Asked", f"{age(job.created_at, now)} by {job.created_by or '?'}"),
            ("Expires", age(job.expires_at, now) if job.expires_at and not over else ""),
            ("Tries", job.attempts),
            ("Ended", age(job.finished_at, now) if job.finished_at else ""),
            ("Outcome", outcome(job, masks, now) if over else ""),
        )
    )
    result = document["result"]
    values = result.get("values")
    if isinstance(values, dict) and values:
        render.print_table(("Parameter", "Value"), sorted(values.items()))
    for parameter in result.get("parameters") or ():
        render.say(f"    {parameter}")
    print_tables(result)


def _until(at: float, now: float) -> str:
    """Say what happens when no report of a transfer comes."""
    when = f"{clock(at)}, {age(at, now)}"
    return f"{when}; its next contact after that has the device asked what became of it"


@click.command()
@click.argument("job_id", metavar="JOB", type=int)
@render.json_option
@pass_context
def cancel(context: Context, job_id: int, as_json: bool) -> None:
    """Take JOB back: out of the queue; of a transfer or command under way by asking the device.

    What a device was told to do otherwise cannot be taken back. A session that is open just now
    may still carry it out; the job then says so.

    \b
    Example:
      acs job cancel 17
    """
    now = time.time()
    with opened(context) as database:
        job, device = _found(database, job_id)
        if database.run("cancel", jobs.cancel_thd, job_id, now):
            job, device = _found(database, job_id)
            text = f"Job {job_id} ({job.kind}) is cancelled."
            asked = job
        elif can_be_given_up(job):
            asked = _ask_the_device(database, job, now)
            text = (
                f"Job {job_id} ({job.kind}) is under way; job {asked.id} asks the device to give "
                f"it up at its next contact: acs job show {asked.id}"
            )
        elif job.state is JobState.SENT:
            raise Amiss(f"job {job_id} ({job.kind}) was sent: the device cannot take it back")
        else:
            raise Amiss(f"job {job_id} ({job.kind}) is over: it is {job.state}")
        masks = masks_of(context, device)
    if as_json:
        render.emit({"device": device.key, "job": job_document(asked, masks)})
    else:
        render.say(text)


def _ask_the_device(database: Database, job: Job, now: float) -> Job:
    asked = Job(
        id=0,
        device_id=job.device_id,
        kind=JobKind.CANCEL_TRANSFER,
        payload={"job": job.id},
        # Before it is too late.
        priority=1000,
        created_at=now,
        created_by=asked_by(),
    )
    job_id = database.run("enqueue", jobs.enqueue_thd, asked)
    return _found(database, job_id)[0]


def _found(database: Database, job_id: int) -> tuple[Job, Device]:
    with database.read() as conn:
        job = jobs.get_thd(conn, job_id)
        device = devices.get_thd(conn, job.device_id) if job else None
    if job is None or device is None:
        raise Amiss(f"there is no job {job_id}; see `acs job list`")
    return job, device
