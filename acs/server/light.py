"""The light a device last told of: its latest health read, or what it showed when compared."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import Connection

from acs.devices.jobs.absence import PURPOSE
from acs.devices.ledger import facts_of
from acs.devices.record import Device, Job, JobKind, JobState, Snapshot
from acs.devices.wake_plan import UNHURRIED
from acs.profiles import Library, health_of
from acs.profiles.health.look import reads_of_light
from acs.store.jobs import enqueue_thd

ASKED_BY = UNHURRIED
"""Who asks for it."""
OLDEST = 7 * 86_400.0
"""Seconds: an older figure says nothing of today."""


def light_of(
    library: Library, device: Device, snapshot: Snapshot, jobs: list[Job], now: float
) -> float | None:
    """Return the received optical power in dBm; None: not known, or only of long ago.

    ``jobs`` are the device's latest.
    """
    blueprint = library.get(device.blueprint, device.protocol) or library.choose(facts_of(device))
    if blueprint is None or blueprint.health is None or blueprint.health.optical is None:
        return None
    values = {path: value.text for path, value in snapshot.values.items()}
    times = dict.fromkeys(values, snapshot.at)
    for job in sorted(filter(_is_health_read, jobs), key=lambda job: job.finished_at):
        read = job.result.get("values")
        for path, text in read.items() if isinstance(read, dict) else ():
            if job.finished_at >= times.get(path, 0.0):
                values[path], times[path] = str(text), job.finished_at
    recent = {path: text for path, text in values.items() if now - times[path] < OLDEST}
    health = health_of(recent, blueprint, now, times=times) if recent else None
    power = health.optics.rx.value if health and health.optics else None
    return float(power) if isinstance(power, int | float) else None


def ask_thd(
    conn: Connection, library: Library, device: Device, latest: list[Job], now: float, until: float
) -> None:
    """Have the device read for its light at its next contact, unless that is asked for already.

    Nobody waits for it: no device is called for the sake of it. ``until``: when it is given up.
    """
    blueprint = library.get(device.blueprint, device.protocol)
    paths = reads_of_light(blueprint) if blueprint is not None else ()
    waits = any(job.created_by == ASKED_BY and job.state is JobState.QUEUED for job in latest)
    if paths and not waits:
        payload = {"paths": list(paths), "purpose": PURPOSE}
        job = Job(0, device.id, JobKind.READ, payload, created_at=now, created_by=ASKED_BY)
        enqueue_thd(conn, replace(job, expires_at=until))


def _is_health_read(job: Job) -> bool:
    done = job.kind is JobKind.READ and job.state is JobState.DONE
    return done and job.payload.get("purpose") == PURPOSE
