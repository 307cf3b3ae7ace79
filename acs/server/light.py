"""The light a device last told of: its latest health read, or what it showed when compared."""

from __future__ import annotations

from acs.devices.jobs.absence import PURPOSE
from acs.devices.ledger import facts_of
from acs.devices.record import Device, Job, JobKind, JobState, Snapshot
from acs.profiles import Library, health_of

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


def _is_health_read(job: Job) -> bool:
    done = job.kind is JobKind.READ and job.state is JobState.DONE
    return done and job.payload.get("purpose") == PURPOSE
