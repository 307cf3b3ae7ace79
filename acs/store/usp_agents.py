"""USP agents: the row of each endpoint, and whose devices have work."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from enum import Enum
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, select

from acs.devices.agents import Agent, Holder, KnownAgent, Presence
from acs.devices.effects import SaveAgent
from acs.devices.record import JobState
from acs.store import usp_notifies
from acs.store.errors import BadEffect
from acs.store.tables import devices, jobs, usp_agents
from acs.store.upsert import upsert

FIELDS = tuple(field.name for field in fields(Agent))
CHANGEABLE = frozenset(FIELDS) - {"endpoint"}
"""Columns that `acs.devices.effects.SaveAgent` may name."""

_NEW: Mapping[str, object] = {
    field.name: Presence.UNKNOWN.value if field.name == "presence" else field.default
    for field in fields(Agent)
    if field.name != "endpoint"
}
_WORK_AT_ONCE = 1000

_LOAD = select(usp_agents).where(usp_agents.c.endpoint.in_(bindparam("endpoints", expanding=True)))
_HOLDERS = (
    select(
        devices.c.id,
        devices.c.oui,
        devices.c.serial_number,
        devices.c.own_credentials,
        usp_agents.c.endpoint,
    )
    .outerjoin(
        usp_agents,
        (usp_agents.c.device_id == devices.c.id)
        & usp_agents.c.credential.in_(("own", "certificate")),
    )
    .where(devices.c.serial_number.in_(bindparam("serials", expanding=True)))
    .order_by(devices.c.id, usp_agents.c.endpoint)
)
_LAST_JOB = select(func.max(jobs.c.id))
_WORK = (
    select(usp_agents.c.endpoint, jobs.c.id)
    .join(usp_agents, usp_agents.c.device_id == jobs.c.device_id)
    .where(
        jobs.c.id > bindparam("after"),
        jobs.c.id <= bindparam("last"),
        jobs.c.state == JobState.QUEUED.value,
    )
    .order_by(jobs.c.id)
    .limit(_WORK_AT_ONCE)
)


def save_thd(conn: Connection, saves: Iterable[SaveAgent]) -> None:
    """Change agents' rows, or make them; of several for one endpoint the last word counts.

    A row that is made without a word on when it was first seen takes the time that it has.
    Raises `BadEffect` for a column that is not in `CHANGEABLE`.
    """
    merged: dict[str, dict[str, object]] = defaultdict(dict)
    for save in saves:
        if bad := save.changes.keys() - CHANGEABLE:
            raise BadEffect(f"agent {save.endpoint}: {', '.join(sorted(bad))} cannot be changed")
        merged[save.endpoint].update(save.changes)
    groups: dict[tuple[str, ...], list[dict[str, object]]] = defaultdict(list)
    for endpoint in sorted(merged):  # one order in all processes, so that none deadlock
        told = {name: _plain(value) for name, value in merged[endpoint].items()}
        changed = tuple(sorted(told)) or ("endpoint",)
        seen = told.get("last_seen") or told.get("presence_at") or 0.0
        groups[changed].append({"endpoint": endpoint, **_NEW, "first_seen": seen, **told})
    for changed, rows in groups.items():
        upsert(conn, usp_agents, rows, ("endpoint",), changed)


def _plain(value: object) -> object:
    if isinstance(value, Enum):
        return value.value
    # What an agent tells may hold it; PostgreSQL keeps no such text.
    return value.replace("\0", "\ufffd") if isinstance(value, str) else value


def load_thd(conn: Connection, endpoints: Sequence[str]) -> dict[str, KnownAgent]:
    """Load agents with their Notifies that wait; endpoints nothing is kept of are left out."""
    agents = {row.endpoint: _agent(row) for row in conn.execute(_LOAD, {"endpoints": endpoints})}
    waiting = usp_notifies.waiting_thd(conn, endpoints)
    return {
        endpoint: KnownAgent(agents.get(endpoint), tuple(waiting.get(endpoint, ())))
        for endpoint in agents.keys() | waiting.keys()
    }


def holders_thd(
    conn: Connection, units: Sequence[tuple[str, str]]
) -> dict[tuple[str, str], tuple[Holder, ...]]:
    """Who proved to be each unit, by OUI (upper case) and serial number."""
    serials = sorted({serial for _oui, serial in units})
    found: dict[tuple[str, str], set[Holder]] = defaultdict(set)
    for row in conn.execute(_HOLDERS, {"serials": serials}):
        unit = (row.oui.upper(), row.serial_number)
        if row.own_credentials:
            found[unit].add(Holder(row.id))
        if row.endpoint is not None:
            found[unit].add(Holder(row.id, row.endpoint))
    return {
        unit: tuple(sorted(found[unit], key=lambda each: (each.device_id, each.endpoint)))
        for unit in units
        if unit in found
    }


def of_devices_thd(conn: Connection, device_ids: Iterable[int]) -> dict[int, list[Agent]]:
    """The agents of each device, the one seen last first; devices without any are left out."""
    query = select(usp_agents).where(usp_agents.c.device_id.in_(list(device_ids)))
    found: dict[int, list[Agent]] = defaultdict(list)
    for row in conn.execute(query.order_by(usp_agents.c.last_seen.desc(), usp_agents.c.endpoint)):
        agent = _agent(row)
        found[agent.device_id].append(agent)
    return dict(found)


def list_thd(
    conn: Connection,
    *,
    presence: Presence | None = None,
    mtp: str = "",
    search: str = "",
    after: str = "",
    limit: int = 100,
) -> list[tuple[Agent, str]]:
    """List agents with the key of their device (empty: not known), by endpoint after ``after``.

    ``search`` is looked for, in any case, in endpoint, key of the device, model and serial number.
    """
    query = select(usp_agents, devices.c.key).outerjoin(
        devices, devices.c.id == usp_agents.c.device_id
    )
    query = query.where(usp_agents.c.endpoint > after)
    if presence is not None:
        query = query.where(usp_agents.c.presence == presence.value)
    if mtp:
        query = query.where(usp_agents.c.mtp == mtp)
    if search:
        searched = (
            usp_agents.c.endpoint,
            devices.c.key,
            usp_agents.c.model,
            usp_agents.c.serial_number,
        )
        ways = [column.icontains(search, autoescape=True) for column in searched]
        query = query.where(ways[0] | ways[1] | ways[2] | ways[3])
    rows = conn.execute(query.order_by(usp_agents.c.endpoint).limit(limit))
    return [(_agent(row), row.key or "") for row in rows]


def prune_thd(conn: Connection, before: float, limit: int = 1000) -> int:
    """Forget agents that never told which device they are, seen last before a time."""
    nobody = select(usp_agents.c.endpoint).where(
        usp_agents.c.device_id == 0, usp_agents.c.last_seen < before
    )
    gone = list(conn.scalars(nobody.limit(limit)))
    if gone:
        conn.execute(delete(usp_agents).where(usp_agents.c.endpoint.in_(gone)))
    return len(gone)


def present_thd(conn: Connection) -> list[Agent]:
    """Agents that were there over MQTT when they were last heard of: they may not come by
    themselves, for the broker kept their connection."""
    query = select(usp_agents).where(
        usp_agents.c.presence == Presence.ONLINE.value,
        usp_agents.c.mtp == "mqtt",
        usp_agents.c.reply_to != "",
    )
    return [_agent(row) for row in conn.execute(query)]


def presences_thd(conn: Connection) -> dict[Presence, int]:
    """Count the agents per presence; every presence is there."""
    counted = select(usp_agents.c.presence, func.count()).group_by(usp_agents.c.presence)
    counts = {row[0]: row[1] for row in conn.execute(counted)}
    return {presence: counts.get(presence.value, 0) for presence in Presence}


def agents_with_work_thd(conn: Connection, after_job_id: int) -> tuple[list[tuple[str, int]], int]:
    """Find agents whose device got a job since: endpoint and job id, by job id; and how far it is.

    The second value is the ``after_job_id`` of the next look; 0 at first. Only jobs still queued
    are told. What there is nothing new costs one look at the end of an index.
    """
    last = conn.scalar(_LAST_JOB) or 0
    if last <= after_job_id:
        # Never back: the newest job may have gone with its device.
        return [], after_job_id
    rows = conn.execute(_WORK, {"after": after_job_id, "last": last}).all()
    found = [(endpoint, job_id) for endpoint, job_id in rows]
    return found, found[-1][1] if len(found) == _WORK_AT_ONCE else last


def _agent(row: Sequence[Any]) -> Agent:
    agent = Agent(*row[: len(FIELDS)])
    agent.presence = Presence(agent.presence)
    return agent
