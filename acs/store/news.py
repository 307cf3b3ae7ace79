"""What happened, in order: written with what it tells of, read by consumers at their own pace.

A consumer derives something from news (deliveries, writes) and remembers how far it has read, both
in one transaction: whoever is killed in between has done neither.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from zlib import crc32

import msgspec
from sqlalchemy import Connection, Row, delete, func, insert, select

from acs.devices.news import News
from acs.store.notes import leave_note_thd, read_note_thd
from acs.store.tables import news

_TURN = 0x6E657773
_CONSUMER = 0x6E657763


@dataclass(frozen=True, slots=True)
class KeptNews:
    """One piece of news as it is kept. ``kind`` is open: ``device.online``, ``order.done`` …"""

    id: int
    """Grows with time."""
    at: float
    """Epoch seconds."""
    kind: str
    device_id: int
    """The device may be gone by now; 0: none is meant."""
    subject: str
    """The device's key."""
    equipment: str
    text: str
    detail: Mapping[str, Any] = field(default_factory=dict)


Derive = Callable[[Connection, Sequence[KeptNews]], None]
"""Writes what follows from news, in the transaction it is handed."""


def add_thd(conn: Connection, some: Sequence[News]) -> None:
    """Add news.

    It comes to be seen in the order of its ids, so that who has read up to one has missed none.
    """
    if not some:
        return
    if conn.dialect.name == "postgresql":
        conn.execute(func.pg_advisory_xact_lock(_TURN).select())
    rows = [
        {
            "at": each.at,
            "kind": str(each.kind),
            "device_id": each.device_id,
            "subject": each.subject,
            "equipment": each.equipment,
            "text": each.text,
            "detail": msgspec.json.encode(each.detail),
        }
        for each in some
    ]
    conn.execute(insert(news), rows)


def read_thd(conn: Connection, after_id: int, limit: int) -> list[KeptNews]:
    """Read what came after the news of an id, oldest first; 0: from the beginning."""
    found = select(news).where(news.c.id > after_id).order_by(news.c.id).limit(limit)
    return [kept(row) for row in conn.execute(found)]


def last_thd(conn: Connection) -> int:
    """Return the id of the newest; 0: there is none."""
    return conn.scalar(select(func.max(news.c.id))) or 0


def consume_thd(conn: Connection, consumer: str, limit: int, derive: Derive) -> int:
    """Hand a consumer the next news, at most ``limit``; return how many there were.

    What ``derive`` writes and how far ``consumer`` has read are one transaction: each piece is
    derived from once, whatever is killed when. A new consumer begins with the oldest that is kept.
    Two that consume under one name wait for each other.
    """
    if conn.dialect.name == "postgresql":
        by_name = crc32(consumer.encode()) & 0x7FFFFFFF
        conn.execute(func.pg_advisory_xact_lock(_CONSUMER, by_name).select())
    some = read_thd(conn, cursor_thd(conn, consumer), limit)
    if some:
        derive(conn, some)
        leave_note_thd(conn, _note(consumer), str(some[-1].id).encode())
    return len(some)


def cursor_thd(conn: Connection, consumer: str) -> int:
    """Return the id of the last news a consumer has derived from; 0: none yet."""
    return int(read_note_thd(conn, _note(consumer)) or 0)


def prune_thd(conn: Connection, before: float, limit: int) -> list[int]:
    """Forget news from before a time, read or not; return the ids of what went, ``limit`` at most.

    What was derived and refers to it is the caller's to forget, in the same transaction.
    """
    # Ids grow with time: looking at the first rows only spares an index on the time.
    first = select(news.c.id, news.c.at).order_by(news.c.id).limit(limit).subquery()
    gone = list(conn.scalars(select(first.c.id).where(first.c.at < before)))
    if gone:
        conn.execute(delete(news).where(news.c.id.in_(gone)))
    return gone


def kept(row: Row[Any]) -> KeptNews:
    """Read one row of the table."""
    return KeptNews(
        row.id,
        row.at,
        row.kind,
        row.device_id,
        row.subject,
        row.equipment,
        row.text,
        msgspec.json.decode(row.detail),
    )


def _note(consumer: str) -> str:
    return f"news/{consumer}"
