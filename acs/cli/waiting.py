"""Following a job until its end, with an honest word about what it waits for."""

from __future__ import annotations

import time
from collections.abc import Callable

from acs.cli.ages import age
from acs.cli.wake_words import news, waking_thd
from acs.devices.record import Device, Job, JobKind, JobState
from acs.store import Database, devices, jobs

_FINAL = (JobState.DONE, JobState.FAILED, JobState.EXPIRED, JobState.CANCELLED)
_EVERY = 0.5


def follow(
    database: Database,
    job_id: int,
    seconds: float,
    told: Callable[[str], None],
    *,
    clock: Callable[[], float] = time.time,
    sleep: Callable[[float], None] = time.sleep,
) -> tuple[Job, Device] | None:
    """Look at a job until it ends or ``seconds`` are over, and return how it stands then.

    ``told`` hears what it waits for. None: job or device were deleted meanwhile.
    """
    until = clock() + seconds
    while True:
        with database.read() as conn:
            job = jobs.get_thd(conn, job_id)
            device = devices.get_thd(conn, job.device_id) if job else None
            waking = waking_thd(conn, job.device_id) if job else None
        if job is None or device is None:
            return None
        now = clock()
        if job.state in _FINAL or is_over(job, now) or now >= until:
            return job, device
        told(waits_for(job, device, now, news(waking, now, job.created_at)))
        sleep(min(_EVERY, max(until - now, 0.0)))


def is_over(job: Job, now: float) -> bool:
    """Tell whether an open job's time has passed: the next contact will call it expired."""
    return job.state is JobState.QUEUED and 0 < job.expires_at <= now


def waits_for(job: Job, device: Device, now: float, called: str = "") -> str:
    """Say what an open job waits for; ``called``: how the waking of its device stands."""
    seen = age(device.last_seen, now)
    if is_over(job, now):
        return "has expired"
    match job.state, job.kind:
        case JobState.QUEUED, _ if called:
            return f"queued: its device {called}"
        case JobState.QUEUED, _:
            tried = f", tried {job.attempts} times" if job.attempts else ""
            # An agent is connected all the time.
            awaited = "its agent" if device.protocol == "usp" else "the device's next contact"
            return f"queued{tried}: waits for {awaited} (last seen {seen})"
        case JobState.SENT, JobKind.REBOOT | JobKind.FACTORY_RESET:
            return f"sent: waits for the device to come back (last seen {seen})"
        case JobState.SENT, JobKind.PROVISION:
            return f"written: the device's next session proves it (last seen {seen})"
        case JobState.SENT, JobKind.SET | JobKind.ADD | JobKind.DELETE:
            return f"accepted: the device's next session proves it (last seen {seen})"
        case JobState.SENT, JobKind.OPERATE | JobKind.ACTIVATE:
            return f"sent: waits for the device to report the end (last seen {seen})"
        case JobState.SENT, JobKind.DOWNLOAD | JobKind.UPLOAD | JobKind.SCHEDULE_DOWNLOAD:
            return f"sent: waits for the device to report the end (last seen {seen})"
        case JobState.SENT, _:
            return f"sent: waits for the outcome (last seen {seen})"
        case _:
            return job.state.value
