"""Jobs. Payload and result may hold secrets and are sealed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, bindparam, func, insert, or_, select, update

from acs.devices.effects import SaveJob
from acs.devices.record import Job, JobKind, JobState
from acs.store.codec import mapping, revealing
from acs.store.sealing import seal, unseal
from acs.store.tables import devices, jobs

OPEN = (JobState.QUEUED, JobState.SENT)
_OPEN = tuple(state.value for state in OPEN)

_UNFINISHED = (
    select(jobs)
    .where(jobs.c.device_id.in_(bindparam("ids", expanding=True)), jobs.c.state.in_(_OPEN))
    .order_by(jobs.c.priority.desc(), jobs.c.id)
)
_SAVE = (
    update(jobs)
    .where(jobs.c.id == bindparam("the_id"))
    .values({name: bindparam(name) for name in ("state", "attempts", "finished_at", "result")})
)
_IN_TURN = select(func.pg_advisory_xact_lock(0x6A6F6273))
_IS_OPEN = or_(*(jobs.c.state == state for state in _OPEN))
"""For statements that are carried out for many rows at once, which take no list."""
_SAVE_WAITING = _SAVE.where(_IS_OPEN)


def open_thd(conn: Connection, times: Mapping[int, float]) -> dict[int, tuple[Job, ...]]:
    """Load the open jobs of devices, highest priority first, then by age.

    ``times``: device id → now. Queued jobs whose time has passed become `JobState.EXPIRED` and
    are not among them; devices without any are not in the answer.
    """
    found: dict[int, list[Job]] = defaultdict(list)
    expired = []
    for row in conn.execute(_UNFINISHED, {"ids": list(times)}):
        now = times[row.device_id]
        # What was sent is under way; its own time limits tell how it ends.
        if row.state == JobState.QUEUED.value and 0 < row.expires_at <= now:
            expired.append({"the_id": row.id, "at": now})
        else:
            found[row.device_id].append(_job(conn, row))
    if expired:
        statement = update(jobs).where(jobs.c.id == bindparam("the_id"), _IS_OPEN)
        conn.execute(
            statement.values(state=JobState.EXPIRED.value, finished_at=bindparam("at")), expired
        )
    return {device_id: tuple(some) for device_id, some in found.items()}


def expire_thd(conn: Connection, now: float, limit: int) -> int:
    """Give up queued jobs whose time has passed though their device did not call; say how many."""
    overdue = (
        jobs.c.state == JobState.QUEUED.value,
        jobs.c.expires_at > 0,
        jobs.c.expires_at <= now,
    )
    ids = list(conn.scalars(select(jobs.c.id).where(*overdue).limit(limit)))
    if ids:
        ended = {"state": JobState.EXPIRED.value, "finished_at": now}
        conn.execute(update(jobs).where(jobs.c.id.in_(ids), *overdue).values(ended))
    return len(ids)


def save_thd(conn: Connection, saves: Iterable[SaveJob]) -> None:
    """Keep new states; of several for one job the last one counts.

    One that is to wait longer stays over when it was cancelled meanwhile.
    """
    last = {save.job_id: save for save in saves}
    rows = [_saved(conn, last[job_id]) for job_id in sorted(last)]
    for statement, waits in ((_SAVE, False), (_SAVE_WAITING, True)):
        some = [row for row in rows if (row["state"] == JobState.QUEUED.value) is waits]
        if some:
            conn.execute(statement, some)


def _saved(conn: Connection, save: SaveJob) -> dict[str, object]:
    return {
        "the_id": save.job_id,
        "state": save.state.value,
        "attempts": save.attempts,
        "finished_at": 0.0 if save.state in OPEN else save.at,
        "result": seal(conn, jobs.c.result, save.job_id, revealing(save.result)),
    }


def add_thd(conn: Connection, new: Sequence[Job]) -> None:
    """Put jobs into the queues of their devices."""
    if new:
        _take_turn(conn)
        conn.execute(insert(jobs), [_row(conn, job) for job in new])


def enqueue_thd(conn: Connection, job: Job) -> int:
    """Put one job into its device's queue and return the id it was given."""
    _take_turn(conn)
    done = conn.execute(insert(jobs).returning(jobs.c.id), _row(conn, job))
    return int(done.scalar_one())


def enqueue_all_thd(conn: Connection, new: Sequence[Job]) -> dict[int, int]:
    """Put a job into the queue of each of many devices; return their ids by the device's id."""
    if not new:
        return {}
    _take_turn(conn)
    made = insert(jobs).returning(jobs.c.device_id, jobs.c.id)
    return {row[0]: row[1] for row in conn.execute(made, [_row(conn, job) for job in new])}


def _take_turn(conn: Connection) -> None:
    """Have jobs come to be seen in the order of their ids: whoever looks for new ones goes by it.

    SQLite has one writer at a time anyway.
    """
    if conn.dialect.name == "postgresql":
        conn.execute(_IN_TURN)


def _row(conn: Connection, job: Job) -> dict[str, object]:
    return {
        "device_id": job.device_id,
        "kind": job.kind.value,
        "payload": seal(conn, jobs.c.payload, job.device_id, revealing(job.payload)),
        "priority": job.priority,
        "state": job.state.value,
        "attempts": job.attempts,
        "created_at": job.created_at,
        "created_by": job.created_by,
        "expires_at": job.expires_at,
        "finished_at": job.finished_at,
        "result": None,
        "campaign": job.campaign,
    }


def get_thd(conn: Connection, job_id: int) -> Job | None:
    """The job with this id."""
    row = conn.execute(select(jobs).where(jobs.c.id == job_id)).first()
    return None if row is None else _job(conn, row)


def list_thd(
    conn: Connection, device_id: int, *, before: int | None = None, limit: int = 100
) -> list[Job]:
    """List jobs of a device, newest first, older than the id ``before`` where that is given."""
    query = select(jobs).where(jobs.c.device_id == device_id)
    if before is not None:
        query = query.where(jobs.c.id < before)
    return [_job(conn, row) for row in conn.execute(query.order_by(jobs.c.id.desc()).limit(limit))]


def all_thd(
    conn: Connection,
    *,
    states: Collection[JobState] = (),
    kinds: Collection[JobKind] = (),
    before: int | None = None,
    limit: int = 100,
) -> list[tuple[Job, str]]:
    """List jobs of all devices with the device's key, newest first; empty: any state or kind."""
    query = select(jobs, devices.c.key).join(devices, devices.c.id == jobs.c.device_id)
    if states:
        query = query.where(jobs.c.state.in_([state.value for state in states]))
    if kinds:
        query = query.where(jobs.c.kind.in_([kind.value for kind in kinds]))
    if before is not None:
        query = query.where(jobs.c.id < before)
    rows = conn.execute(query.order_by(jobs.c.id.desc()).limit(limit))
    return [(_job(conn, row), row.key) for row in rows]


def cancel_thd(conn: Connection, job_id: int, now: float) -> bool:
    """Cancel a job that still waits in its queue; false when it does not wait any more."""
    waiting = (jobs.c.id == job_id, jobs.c.state == JobState.QUEUED.value)
    values = {"state": JobState.CANCELLED.value, "finished_at": now}
    return conn.execute(update(jobs).where(*waiting).values(values)).rowcount > 0


def _job(conn: Connection, row: Row[Any]) -> Job:
    result = row.result
    return Job(
        id=row.id,
        device_id=row.device_id,
        kind=JobKind(row.kind),
        payload=mapping(unseal(conn, jobs.c.payload, row.device_id, row.payload)),
        priority=row.priority,
        state=JobState(row.state),
        attempts=row.attempts,
        created_at=row.created_at,
        created_by=row.created_by,
        expires_at=row.expires_at,
        finished_at=row.finished_at,
        result={} if result is None else mapping(unseal(conn, jobs.c.result, row.id, result)),
        campaign=row.campaign,
    )
