"""What the database tells after a run, and the jobs that are put into it."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from statistics import quantiles

from sqlalchemy import Connection, func, select

from acs.devices.record import Job, JobKind, JobState, Standing
from acs.store import Database, devices, jobs
from acs.store.tables import devices as devices_table
from acs.store.tables import jobs as jobs_table
from acs.store.tables import proofs as proofs_table
from acs.store.tables import usp_notifies
from bench.place import Place
from bench.processes import BenchError
from bench.units import Unit
from bench.usp.octets import READ

_ASKED = re.compile(r" event=visit .*events=asked .* ms=(\d+)")


def check_notifies(place: Place, since: float, count: int) -> None:
    """See that so many Notifies were kept. Raises `BenchError`."""
    database = place.database()
    with database.read() as conn:
        query = select(func.count()).select_from(usp_notifies).where(usp_notifies.c.at >= since)
        kept = conn.scalar(query) or 0
    database.dispose()
    if kept < count:
        raise BenchError(f"{count} Notifies were answered, {kept} are kept")


def queue_reads(database: Database, units: int) -> None:
    """Queue a read of one parameter for each live device, as ``acs bulk`` does."""

    def queue_thd(conn: Connection) -> int:
        known = devices.list_thd(conn, standing=Standing.LIVE, limit=units)
        now = time.time()
        new = [
            Job(0, each.id, JobKind.READ, {"paths": [READ]}, created_at=now, created_by="bench")
            for each in known
        ]
        return len(jobs.enqueue_all_thd(conn, new))

    queued = database.run("queue", queue_thd)
    if queued != units:
        raise BenchError(f"{queued} of {units} devices are live")


def reads_done(database: Database) -> list[float]:
    """Seconds from queueing to the end of each read that was done."""
    query = select(jobs_table.c.finished_at - jobs_table.c.created_at)
    with database.read() as conn:
        return list(conn.scalars(query.where(jobs_table.c.state == JobState.DONE.value)))


def visits_for_jobs(place: Place) -> list[float]:
    """Seconds that visits took which began because something was asked.

    By the log, which in a flood has the first ones only.
    """
    log = (place.folder / "logs" / "acs.log").read_text(encoding="utf-8")
    return [int(ms) / 1000 for ms in _ASKED.findall(log)]


def proven_at(database: Database) -> Mapping[str, float]:
    """When each device was proven first, in seconds since the epoch, by serial number."""
    query = (
        select(devices_table.c.serial_number, func.min(proofs_table.c.at))
        .join(devices_table, devices_table.c.id == proofs_table.c.device_id)
        .where(devices_table.c.standing == Standing.LIVE.value)
        .group_by(devices_table.c.serial_number)
    )
    with database.read() as conn:
        return {row[0]: row[1] for row in conn.execute(query)}


def count_live(database: Database) -> int:
    """How many devices are live."""
    return database.run("standings", devices.standings_thd)[Standing.LIVE]


def number_of(serial: str) -> int:
    """The number of a unit, by its serial number."""
    return int(serial[-len(Unit(0).serial[7:]) :])


def middle_and_late(seconds: list[float], late: int) -> tuple[float, float]:
    """Median and a late percentile."""
    if len(seconds) < 2:
        return (seconds or [0.0])[0], (seconds or [0.0])[0]
    hundredths = quantiles(seconds, n=100, method="inclusive")
    return hundredths[49], hundredths[late - 1]
