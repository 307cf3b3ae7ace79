"""Devices that are to be called: one row each, from the asking to what came of it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    case,
    delete,
    func,
    literal,
    or_,
    select,
    update,
)

from acs.devices.agents import Presence
from acs.devices.record import JobState, Standing
from acs.devices.wake_plan import JOB, UNHURRIED
from acs.devices.waking import Wake, WakeState, Way
from acs.model import Secret
from acs.store import wake_accounts
from acs.store.tables import devices, equipment, jobs, tags, usp_agents, wakes
from acs.store.upsert import insert

PAUSE = 2.0
"""Seconds between two calls of one device for different reasons: most devices refuse more."""
_CHUNK = 500
_NAMES = tuple(field.name for field in fields(Wake))
OPEN = (WakeState.WAITING, WakeState.SENT)
"""States in which something is still to come."""
_OPEN = tuple(state.value for state in OPEN)


@dataclass(frozen=True, slots=True)
class Call:
    """A wake that is due, with what is needed to call the device."""

    wake: Wake
    key: str
    protocol: str
    address: str
    """From where it called last."""
    url: str
    """Its ConnectionRequestURL."""
    udp_address: str
    standing: Standing
    last_seen: float
    customer: str = ""
    tags: frozenset[str] = frozenset()
    endpoint: str = ""
    """Of the USP agent on it that was seen last; empty: none."""
    is_present: bool = False
    """The agent is not known to be away."""
    reply_to: str = ""
    """Topic at which the agent was last reached."""
    has_jobs: bool = False
    """Jobs of it are queued."""


def ask_thd(conn: Connection, device_ids: Collection[int], reason: str, now: float) -> int:
    """Have devices called; return how many of them there are.

    A device has one row: asking again renews the reason and makes it due, and what was tried
    before counts no longer. ``reason`` is for people.
    """
    asked = 0
    statement = insert(conn.dialect.name, wakes)
    ids = sorted(set(device_ids))  # one order in all processes, so that none deadlock
    for start in range(0, len(ids), _CHUNK):
        fresh = Wake(0, reason, asked_at=now, next_at=now)
        columns = [devices.c.id, *(literal(_plain(fresh, name)) for name in _NAMES[1:])]
        found = select(*columns).where(devices.c.id.in_(ids[start : start + _CHUNK]))
        # Called a moment ago: it is in the session that this began, or about to begin it.
        is_fresh = wakes.c.sent_at > now - PAUSE
        renewed: dict[str, Any] = {
            name: statement.excluded[name] for name in _NAMES[1:] if name != "sent_at"
        }
        if reason.startswith(JOB):
            # What else there is to do for it is not forgotten over a job, which may be done first.
            is_open = wakes.c.state.in_(_OPEN)
            renewed["reason"] = case((is_open, wakes.c.reason), else_=statement.excluded.reason)
        renewed["next_at"] = case((is_fresh, wakes.c.sent_at + PAUSE), else_=now)
        asking = (
            statement.from_select(_NAMES, found.order_by(devices.c.id))
            .on_conflict_do_update(index_elements=["device_id"], set_=renewed)
            .returning(wakes.c.device_id)
        )
        asked += len(conn.execute(asking).all())
    return asked


def ask_to_verify_thd(
    conn: Connection, now: float, delays: Sequence[float], reason: str, limit: int
) -> int:
    """Ask for devices that were written and apply it by themselves, so that it is proven soon.

    Each is asked for once when each of ``delays`` (seconds since it was written) has passed.
    """
    written_at = devices.c.checked_at
    passed = [
        (written_at + delay <= now)
        & (wakes.c.device_id.is_(None) | (wakes.c.asked_at < written_at + delay))
        for delay in delays
    ]
    query = (
        select(devices.c.id)
        .join(wakes, wakes.c.device_id == devices.c.id, isouter=True)
        .where(
            devices.c.standing == Standing.VERIFYING.value,
            devices.c.protocol == "cwmp",
            devices.c.plan != "",
            or_(*passed),
            wakes.c.device_id.is_(None) | wakes.c.state.not_in(_OPEN),
        )
    )
    return ask_thd(conn, list(conn.scalars(query.limit(limit))), reason, now)


def due_thd(conn: Connection, now: float, limit: int) -> list[Call]:
    """Load wakes whose time has come, those that waited longest first."""
    return _calls(conn, _is_due(now), limit)


def take_thd(conn: Connection, now: float, until: float, limit: int) -> list[Call]:
    """Take wakes whose time has come for oneself until a time, lest others call the devices too.

    Whoever takes them is to `save_thd` them before; what was not is due again then.
    """
    ids = select(wakes.c.device_id).where(_is_due(now)).order_by(*_IN_TURN).limit(limit)
    taken = list(conn.scalars(ids.with_for_update(skip_locked=True)))
    if not taken:
        return []
    found = _calls(conn, wakes.c.device_id.in_(taken), limit)
    conn.execute(update(wakes).where(wakes.c.device_id.in_(taken)).values(next_at=until))
    return found


def called_thd(conn: Connection, now: float, limit: int) -> list[Call]:
    """Load wakes of devices that were told to call, and have called since or had time enough."""
    has_called = devices.c.last_seen >= wakes.c.sent_at
    is_over = has_called | (wakes.c.next_at <= now)
    return _calls(conn, (wakes.c.state == WakeState.SENT.value) & is_over, limit)


def hasten_thd(conn: Connection, detail: str, now: float) -> None:
    """Have wakes looked at now whose detail begins so."""
    waits = wakes.c.state == WakeState.WAITING.value
    its = wakes.c.detail.startswith(detail, autoescape=True)
    conn.execute(update(wakes).where(waits, its).values(next_at=now))


def save_thd(conn: Connection, some: Sequence[Wake]) -> None:
    """Keep how wakes stand; one that was asked for again meanwhile stays as it is."""
    for wake in sorted(some, key=lambda each: each.device_id):
        values = {name: _plain(wake, name) for name in _NAMES if name not in _ASKED}
        is_same = (wakes.c.device_id == wake.device_id) & (wakes.c.asked_at == wake.asked_at)
        conn.execute(update(wakes).where(is_same).values(values))


def get_thd(conn: Connection, device_id: int) -> Wake | None:
    """The wake of a device, open or over; None: nobody has asked for one."""
    row = conn.execute(select(wakes).where(wakes.c.device_id == device_id)).first()
    return None if row is None else _wake(row)


def list_thd(
    conn: Connection, states: Collection[WakeState] = OPEN, limit: int = 100
) -> list[tuple[Wake, str]]:
    """List wakes in some states with the keys of their devices, the latest asked for first."""
    query = select(wakes, devices.c.key).join(devices, devices.c.id == wakes.c.device_id)
    query = query.where(wakes.c.state.in_([state.value for state in states]))
    rows = conn.execute(query.order_by(wakes.c.asked_at.desc(), wakes.c.device_id).limit(limit))
    return [(_wake(row), row.key) for row in rows]


def stun_password_thd(conn: Connection, username: str) -> Secret | None:
    """Find the STUNPassword of a device by its STUNUsername, which is its key; None: no such."""
    device_id = conn.scalar(select(devices.c.id).where(devices.c.key == username))
    account = wake_accounts.load_thd(conn, [device_id]).get(device_id) if device_id else None
    return account.password if account is not None and account.username == username else None


def with_jobs_thd(
    conn: Connection, after_job_id: int, limit: int = 1000
) -> tuple[dict[int, str], int]:
    """Find devices over CWMP that got a job since, with the kind of the last; and how far it is.

    The second value is the ``after_job_id`` of the next look. Only jobs still queued are told:
    one look at the end of an index where there is nothing new.
    """
    last = conn.scalar(select(func.max(jobs.c.id))) or 0
    if last <= after_job_id:
        return {}, after_job_id  # Never back: the newest job may have gone with its device.
    found = conn.execute(
        select(jobs.c.id, jobs.c.device_id, jobs.c.kind)
        .join(devices, devices.c.id == jobs.c.device_id)
        .where(
            jobs.c.id > after_job_id,
            jobs.c.id <= last,
            jobs.c.state == JobState.QUEUED.value,
            jobs.c.created_by != UNHURRIED,
            devices.c.protocol == "cwmp",
        )
        .order_by(jobs.c.id)
        .limit(limit)
    ).all()
    reached = found[-1].id if len(found) == limit else last
    return {row.device_id: row.kind for row in found}, reached


def last_job_thd(conn: Connection) -> int:
    """How far jobs are."""
    return conn.scalar(select(func.max(jobs.c.id))) or 0


def prune_thd(conn: Connection, before: float, limit: int = 1000) -> int:
    """Forget wakes that ended before a time."""
    old = select(wakes.c.device_id).where(wakes.c.state.not_in(_OPEN), wakes.c.ended_at < before)
    gone = list(conn.scalars(old.limit(limit)))
    if gone:
        conn.execute(delete(wakes).where(wakes.c.device_id.in_(gone)))
    return len(gone)


_IN_TURN = (wakes.c.next_at, wakes.c.device_id)
_ASKED = frozenset({"device_id", "reason", "asked_at"})
"""Columns that only the asking writes."""

_HAS_JOBS = (
    select(jobs.c.id)
    .where(jobs.c.device_id == devices.c.id, jobs.c.state == JobState.QUEUED.value)
    .exists()
)
_JOINED = (
    select(
        wakes,
        _HAS_JOBS.label("has_jobs"),
        devices.c.key,
        devices.c.protocol,
        devices.c.address,
        devices.c.connection_request_url,
        devices.c.udp_address,
        devices.c.standing,
        devices.c.last_seen,
        equipment.c.customer,
    )
    .join(devices, devices.c.id == wakes.c.device_id)
    .outerjoin(equipment, equipment.c.name == devices.c.equipment)
)


def _is_due(now: float) -> ColumnElement[bool]:
    return (wakes.c.state == WakeState.WAITING.value) & (wakes.c.next_at <= now)


def _calls(conn: Connection, which: ColumnElement[bool], limit: int) -> list[Call]:
    query = _JOINED.where(which).order_by(*_IN_TURN).limit(limit)
    rows = conn.execute(query).all()
    ids = [row.device_id for row in rows]
    agents = {
        # The last of each device counts: the one seen last.
        row.device_id: row
        for row in conn.execute(
            select(usp_agents)
            .where(usp_agents.c.device_id.in_(ids))
            .order_by(usp_agents.c.last_seen, usp_agents.c.endpoint)
        )
    }
    tagged: dict[int, set[str]] = {}
    for row in conn.execute(select(tags).where(tags.c.device_id.in_(ids))):
        tagged.setdefault(row.device_id, set()).add(row.tag)
    return [_call(row, agents.get(row.device_id), tagged.get(row.device_id, set())) for row in rows]


def _call(row: Row[Any], agent: Row[Any] | None, tagged: set[str]) -> Call:
    return Call(
        _wake(row),
        row.key,
        row.protocol,
        row.address,
        row.connection_request_url,
        row.udp_address,
        Standing(row.standing),
        row.last_seen,
        row.customer or "",
        frozenset(tagged),
        agent.endpoint if agent is not None else "",
        agent is not None and agent.presence != Presence.OFFLINE.value,
        agent.reply_to if agent is not None else "",
        bool(row.has_jobs),
    )


def _wake(row: Row[Any]) -> Wake:
    plain = {name: getattr(row, name) for name in _NAMES if name not in ("state", "way")}
    return Wake(state=WakeState(row.state), way=Way(row.way), **plain)


def _plain(wake: Wake, name: str) -> Any:
    value = getattr(wake, name)
    return value.value if isinstance(value, WakeState | Way) else value
