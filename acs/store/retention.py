"""Forgetting what is too old or too much, a bounded piece at a time."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, Table, delete, func, select, tuple_

from acs.devices.record import JOB_SUBJECT, JobState
from acs.store import usp_agents, usp_notifies, wakes
from acs.store.jobs import OPEN, expire_thd
from acs.store.tables import faults, jobs, proofs, timeline

_DAY = 86400.0
_FINAL = tuple(state.value for state in JobState if state not in OPEN)


@dataclass(frozen=True, slots=True)
class Pruned:
    """How many rows went; ``more`` when the limit was reached and some are left."""

    timeline: int
    proofs: int
    jobs: int
    faults: int
    more: bool
    notifies: int = 0

    @property
    def rows(self) -> int:
        """How many went of all kinds."""
        return self.timeline + self.proofs + self.jobs + self.faults + self.notifies

    def and_then(self, later: Pruned) -> Pruned:
        """Add what the next call deleted."""
        return Pruned(
            self.timeline + later.timeline,
            self.proofs + later.proofs,
            self.jobs + later.jobs,
            self.faults + later.faults,
            later.more,
            self.notifies + later.notifies,
        )


def prune_thd(
    conn: Connection,
    now: float,
    keep_days: float,
    max_per_device: int,
    limit: int = 1000,
    *,
    notify_days: float | None = None,
) -> Pruned:
    """Delete history: entries older than ``keep_days``, and those past the newest per device.

    Notifies of USP agents go after ``notify_days``; None: after ``keep_days`` like all others.

    At most ``limit`` rows of each kind and reason go in one call, so that the transaction is
    short. The latest proof of a device and open jobs stay, however old; so does a fault of its
    provisioning, which lasts until the device is as wanted. A queued job whose time has passed is
    called expired first: its device may never call again.
    """
    before = now - keep_days * _DAY
    expired = expire_thd(conn, now, limit)
    lines = _old(conn, timeline, before, limit) + _many(conn, timeline, max_per_device, limit)
    proved = _old_proofs(conn, before, limit) + _many(conn, proofs, max_per_device, limit)
    done = _old_jobs(conn, before, limit)
    refused = _old_faults(conn, before, limit)
    notify_before = before if notify_days is None else now - notify_days * _DAY
    told = usp_notifies.prune_thd(conn, notify_before, max_per_device, limit)
    usp_agents.prune_thd(conn, notify_before, limit)
    wakes.prune_thd(conn, before, limit)
    more = max(expired, lines, proved, done, refused, told) >= limit
    return Pruned(lines, proved, done, refused, more, told)


def _old(conn: Connection, table: Table, before: float, limit: int) -> int:
    # Ids grow with time: looking at the first rows only spares an index on the time.
    first = select(table.c.id, table.c.at).order_by(table.c.id).limit(limit).subquery()
    return _delete(conn, table, list(conn.scalars(select(first.c.id).where(first.c.at < before))))


def _old_proofs(conn: Connection, before: float, limit: int) -> int:
    newer = proofs.alias()
    superseded = (
        select(newer.c.id)
        .where(newer.c.device_id == proofs.c.device_id, newer.c.id > proofs.c.id)
        .exists()
    )
    old = select(proofs.c.id).where(proofs.c.at < before, superseded).limit(limit)
    return _delete(conn, proofs, list(conn.scalars(old)))


def _old_jobs(conn: Connection, before: float, limit: int) -> int:
    old = select(jobs.c.id).where(jobs.c.state.in_(_FINAL), jobs.c.finished_at < before)
    return _delete(conn, jobs, list(conn.scalars(old.limit(limit))))


def _old_faults(conn: Connection, before: float, limit: int) -> int:
    """Forget what was refused of jobs that nobody has asked for again."""
    of_jobs = faults.c.subject.endswith(JOB_SUBJECT, autoescape=True)
    key = (faults.c.device_id, faults.c.subject)
    old = conn.execute(select(*key).where(of_jobs, faults.c.at < before).limit(limit)).all()
    if old:
        conn.execute(delete(faults).where(tuple_(*key).in_([tuple(row) for row in old])))
    return len(old)


def _many(conn: Connection, table: Table, keep: int, limit: int) -> int:
    """Delete the oldest rows of devices that have more than ``keep``."""
    crowded = select(table.c.device_id).group_by(table.c.device_id).having(func.count() > keep)
    gone: list[int] = []
    for device_id in conn.scalars(crowded.limit(limit)).all():
        rows = select(table.c.id).where(table.c.device_id == device_id)
        extra = rows.order_by(table.c.id.desc()).offset(keep).limit(limit - len(gone))
        gone += conn.scalars(extra)
        if len(gone) >= limit:
            break
    return _delete(conn, table, gone)


def _delete(conn: Connection, table: Table, ids: list[int]) -> int:
    if ids:
        conn.execute(delete(table).where(table.c.id.in_(ids)))
    return len(ids)
