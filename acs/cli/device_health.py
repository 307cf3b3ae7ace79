"""`acs device health`: how a device is, asked of it now or as it was last read."""

from __future__ import annotations

import time

import click

from acs.cli import render
from acs.cli.ages import Duration, age, iso, span
from acs.cli.database import opened
from acs.cli.device_show import outcome
from acs.cli.failures import DIFFERENT, Amiss, leave
from acs.cli.health_print import document, print_health
from acs.cli.health_source import Known, is_health_read, known
from acs.cli.job_request import asked_by, followed
from acs.cli.lookup import device_argument, find_device
from acs.cli.main import Context, pass_context
from acs.cli.masking import Masks
from acs.cli.waiting import waits_for
from acs.devices.jobs.absence import PURPOSE
from acs.devices.ledger import facts_of
from acs.devices.record import Device, Job, JobKind, JobState, Snapshot
from acs.profiles import Blueprint, Health, Library, Severity, Thresholds, reads_of_health
from acs.store import Database, jobs, snapshots

_WAIT = 360.0
"""Seconds: ONTs of the fleet call every five minutes."""
_EXPIRES = 86_400.0
_LOOKED_THROUGH = 200


@click.command()
@device_argument
@click.option(
    "--wait",
    type=Duration(),
    default=_WAIT,
    metavar="SECONDS",
    help="Wait so long for the device to call and answer.  [default: 6 min]",
)
@click.option("--stored", is_flag=True, help="Do not ask the device: show what was last read.")
@render.json_option
@pass_context
def health(context: Context, device: str, wait: float, stored: bool, as_json: bool) -> None:
    """Show how DEVICE is: light, WAN addresses, radios, mesh, clients, hosts, telephone.

    The device is asked at its next contact. Each value is shown with its unit, its age and the
    parameter it is read from; what cannot be true is shown as unknown, with the reason.

    Ends with 1 when something is bad, or when the device did not answer in time: then what was
    last read is shown.

    \b
    Examples:
      acs device health 22275A7000001
      acs device health EQP-00001 --stored
      acs device health 22275A7000001 --wait 10m --json | jq .health.optics.rx
    """
    with opened(context) as database:
        found = find_device(database, device)
        library = Library.load(context.settings.provisioning.blueprint_dir or None)
        blueprint = library.get(found.blueprint, found.protocol) or library.choose(facts_of(found))
        if blueprint is None or blueprint.health is None:
            why = (
                f"the blueprint {blueprint.name} does not say where {found.key} tells how it is"
                if blueprint
                else f"no blueprint fits {found.key}"
            )
            raise Amiss(f"{why}; see docs/health.md")
        asked, problem = None, ""
        if not stored:
            asked, found = _ask(database, found, blueprint, wait)
            problem = _problem(asked, found, wait)
        last = asked if asked and not problem else _last(database, found)
        with database.read() as conn:
            snapshot = snapshots.load_thd(conn, [found.id]).get(found.id, Snapshot())
    held = known(last, snapshot, Masks.of(blueprint))
    seen = held.health(blueprint, _limits(context)) if held else None
    if as_json:
        render.emit(_document(found, blueprint, asked, held, seen, problem))
    else:
        if problem:
            render.say(problem)
        if held and seen:
            _print(found, blueprint, held, seen, live=bool(asked) and not problem)
        else:
            render.say("Nothing was read of it yet.")
    bad = seen is None or any(finding.severity is Severity.BAD for finding in seen.findings)
    leave(DIFFERENT if problem or bad else 0)


def _limits(context: Context) -> Thresholds:
    set_to = context.settings.health
    return Thresholds(set_to.light_high, set_to.light_warning, set_to.light_low, set_to.signal_weak)


def _ask(
    database: Database, device: Device, blueprint: Blueprint, wait: float
) -> tuple[Job, Device]:
    """Have the device asked, by a job that waits already if there is one, and follow it."""
    now = time.time()
    with database.read() as conn:
        snapshot = snapshots.load_thd(conn, [device.id]).get(device.id, Snapshot())
        latest = jobs.list_thd(conn, device.id, limit=_LOOKED_THROUGH)
    payload = {"paths": list(reads_of_health(blueprint, snapshot.values)), "purpose": PURPOSE}
    waiting = next(
        (
            job.id
            for job in latest
            if job.state is JobState.QUEUED
            and job.payload == payload
            and job.expires_at > now + wait
        ),
        None,
    )
    job = Job(
        id=0,
        device_id=device.id,
        kind=JobKind.READ,
        payload=payload,
        created_at=now,
        created_by=asked_by(),
        expires_at=now + max(wait, _EXPIRES),
    )
    job_id = waiting or database.run("enqueue", jobs.enqueue_thd, job)
    return followed(database, job_id, device, wait)


def _problem(job: Job, device: Device, wait: float) -> str:
    """Say why the device's answer is not there, or nothing."""
    now = time.time()
    if job.state is JobState.DONE:
        return ""
    if job.state in (JobState.QUEUED, JobState.SENT):
        return (
            f"No answer within {span(wait)}: job {job.id} {waits_for(job, device, now)}. "
            "It stays in the queue; --stored shows its answer later."
        )
    return f"Job {job.id} (read) {job.state}: {outcome(job, Masks(), now)}"


def _last(database: Database, device: Device) -> Job | None:
    """The latest health read that was answered."""
    with database.read() as conn:
        latest = jobs.list_thd(conn, device.id, limit=_LOOKED_THROUGH)
    done = (job for job in latest if is_health_read(job) and job.state is JobState.DONE)
    return max(done, key=lambda job: job.finished_at, default=None)


def _document(
    device: Device,
    blueprint: Blueprint,
    asked: Job | None,
    held: Known | None,
    seen: Health | None,
    problem: str,
) -> dict[str, object]:
    missing = held.job.result.get("missing") if held and held.job else None
    return {
        "device": device.key,
        "blueprint": blueprint.name,
        "asked": asked.id if asked else None,
        "problem": problem or None,
        "source": ("job" if held.job else "snapshot") if held else None,
        "job": held.job.id if held and held.job else None,
        "read_at": iso(held.at) if held else None,
        "missing": missing if isinstance(missing, list) else [],
        "wireless_clients": seen.wireless_clients if seen else None,
        "health": document(seen) if seen else None,
    }


def _print(device: Device, blueprint: Blueprint, held: Known, seen: Health, *, live: bool) -> None:
    now = time.time()
    if held.job is None:
        source = f"no health read is kept: from the latest comparison, {age(held.at, now)}"
    elif live:
        source = f"{age(held.at, now)}, job {held.job.id}"
    else:
        source = f"{age(held.at, now)}, kept from job {held.job.id}: it may be otherwise now"
    seconds = seen.uptime.value
    render.print_facts(
        (
            ("Device", device.key),
            ("Blueprint", blueprint.name),
            ("Read", source),
            ("Seen", age(device.last_seen, now)),
            ("Running for", f"{span(seconds)} then" if isinstance(seconds, int) else ""),
        )
    )
    print_health(seen, now)
