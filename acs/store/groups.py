"""Groups: queries with a name."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, delete, select

from acs.store.tables import groups
from acs.store.upsert import upsert


@dataclass(frozen=True, slots=True)
class Group:
    """A query with a name; `acs.devices.query` says how it is written."""

    name: str
    query: str
    created_at: float
    created_by: str


def put_thd(conn: Connection, group: Group) -> None:
    """Keep a group; one of the same name is replaced."""
    row = {
        "name": group.name,
        "query": group.query,
        "created_at": group.created_at,
        "created_by": group.created_by,
    }
    upsert(conn, groups, [row], ("name",), ("query", "created_at", "created_by"))


def list_thd(conn: Connection) -> list[Group]:
    """List all groups by name."""
    return [Group(*row) for row in conn.execute(select(groups).order_by(groups.c.name))]


def queries_thd(conn: Connection) -> dict[str, str]:
    """The query of each group, as `acs.devices.query_text.parse` wants them."""
    return {group.name: group.query for group in list_thd(conn)}


def remove_thd(conn: Connection, name: str) -> bool:
    """Delete a group; tell whether it was there."""
    return conn.execute(delete(groups).where(groups.c.name == name)).rowcount > 0
