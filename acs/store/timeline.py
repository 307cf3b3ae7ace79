"""The timeline of devices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection, insert, select

from acs.devices.record import TimelineEntry
from acs.store.codec import mapping, plain
from acs.store.tables import timeline


class Line(NamedTuple):
    """An entry with its id, by which the next page is asked for."""

    id: int
    entry: TimelineEntry


def add_thd(conn: Connection, entries: Sequence[TimelineEntry]) -> None:
    """Keep entries; secrets in their details are masked."""
    if entries:
        rows = [
            {
                "device_id": entry.device_id,
                "at": entry.at,
                "kind": entry.kind,
                "text": entry.text,
                "session": entry.session,
                "detail": plain(entry.detail) if entry.detail else b"",
            }
            for entry in entries
        ]
        conn.execute(insert(timeline), rows)


def list_thd(
    conn: Connection, device_id: int, *, before: int | None = None, limit: int = 100
) -> list[Line]:
    """List a device's entries, newest first, older than the id ``before`` where that is given."""
    query = select(timeline).where(timeline.c.device_id == device_id)
    if before is not None:
        query = query.where(timeline.c.id < before)
    return [
        Line(
            row.id,
            TimelineEntry(
                row.device_id,
                row.at,
                row.kind,
                row.text,
                row.session,
                mapping(row.detail) if row.detail else {},
            ),
        )
        for row in conn.execute(query.order_by(timeline.c.id.desc()).limit(limit))
    ]
