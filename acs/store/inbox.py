"""Webhooks that were taken: durable before the sender is told so, each once, a bounded number.

What arrives is only a hint that a document is to be read again.  So the newest row of a document
stands for all that wait: rows before it are *merged*, and a worker that reads the document while
another hint arrives settles its own row only and finds the newer one waiting.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, func, select, update

from acs.store.errors import Overloaded
from acs.store.tables import inbox
from acs.store.upsert import insert

WAITING_LIMIT = 100_000
"""Most rows that wait: as many documents as a large site has equipment."""


class InboxState(Enum):
    """What became of a row."""

    WAITING = "waiting"
    """Its document is to be read."""
    MERGED = "merged"
    """A newer row of the same document stands for it."""
    DONE = "done"
    """Its document was read."""
    FAILED = "failed"
    """Given up; ``error`` says why."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A hint that a document changed.

    ``source`` and ``key`` tell what was delivered again from what is new; ``modified`` is the
    document's own time stamp, as the sender wrote it.
    """

    source: str
    key: str
    doctype: str
    name: str
    modified: str = ""


@dataclass(frozen=True, slots=True)
class InboxRow:
    """A hint that was taken; times are epoch seconds, 0: never."""

    id: int
    source: str
    key: str
    doctype: str
    name: str
    modified: str
    state: InboxState
    attempts: int
    received_at: float
    next_at: float
    ended_at: float
    error: str


@dataclass(frozen=True, slots=True)
class Settled:
    """How working on a row ended. `InboxState.WAITING`: it is tried again at ``next_at``."""

    id: int
    state: InboxState
    error: str = ""
    next_at: float = 0.0


_WAITS = inbox.c.state == InboxState.WAITING.value
_MERGE = (
    update(inbox)
    .where(
        _WAITS,
        inbox.c.doctype == bindparam("the_doctype"),
        inbox.c.name == bindparam("the_name"),
        inbox.c.id < bindparam("the_id"),
    )
    .values(state=InboxState.MERGED.value, ended_at=bindparam("at"))
)
_SETTLE = (
    update(inbox)
    .where(inbox.c.id == bindparam("the_id"), _WAITS)
    .values(
        {name: bindparam(name) for name in ("state", "next_at", "ended_at", "error")}
        | {"attempts": inbox.c.attempts + 1}
    )
)


def add_thd(
    conn: Connection, arrivals: Sequence[Arrival], now: float, *, limit: int = WAITING_LIMIT
) -> list[bool]:
    """Take ``arrivals``; tell for each whether it is new (False: it was delivered before).

    Raises `Overloaded` when ``limit`` rows wait; then none of them is taken.
    """
    if not arrivals:
        return []
    waiting = select(inbox.c.id).where(_WAITS).limit(limit).subquery()
    if conn.scalar(select(func.count()).select_from(waiting)) >= limit:  # type: ignore[operator]
        raise Overloaded(f"{limit} webhooks wait to be worked off")
    # One statement each: only so does a database tell which of them were new.
    add = insert(conn.dialect.name, inbox).on_conflict_do_nothing().returning(inbox.c.id)
    ids = [conn.execute(add, _row(arrival, now)).scalar() for arrival in arrivals]
    merges = [
        {"the_doctype": arrival.doctype, "the_name": arrival.name, "the_id": row_id, "at": now}
        for arrival, row_id in zip(arrivals, ids, strict=True)
        if row_id is not None
    ]
    if merges:
        conn.execute(_MERGE, merges)
    return [row_id is not None for row_id in ids]


def _row(arrival: Arrival, now: float) -> dict[str, object]:
    return {
        "source": arrival.source,
        "key": arrival.key,
        "doctype": arrival.doctype,
        "name": arrival.name,
        "modified": arrival.modified,
        "state": InboxState.WAITING.value,
        "attempts": 0,
        "received_at": now,
        "next_at": now,
        "ended_at": 0.0,
        "error": "",
    }


def waiting_thd(conn: Connection, now: float, limit: int) -> list[InboxRow]:
    """List rows that are to be worked on by now, those first that are due longest."""
    due = select(inbox).where(_WAITS, inbox.c.next_at <= now)
    rows = conn.execute(due.order_by(inbox.c.next_at, inbox.c.id).limit(limit))
    return [_known(row) for row in rows]


def settle_thd(conn: Connection, settled: Sequence[Settled], now: float) -> None:
    """Keep how working on rows ended; a row that was merged meanwhile stays so."""
    if settled:
        conn.execute(_SETTLE, [_ended(each, now) for each in settled])


def _ended(settled: Settled, now: float) -> dict[str, object]:
    again = settled.state is InboxState.WAITING
    return {
        "the_id": settled.id,
        "state": settled.state.value,
        "next_at": settled.next_at,
        "ended_at": 0.0 if again else now,
        "error": settled.error,
    }


def recent_thd(
    conn: Connection, *, states: Sequence[InboxState] = (), limit: int = 100
) -> list[InboxRow]:
    """List rows, newest first; no states: all."""
    query = select(inbox)
    if states:
        query = query.where(inbox.c.state.in_([state.value for state in states]))
    return [_known(row) for row in conn.execute(query.order_by(inbox.c.id.desc()).limit(limit))]


def counts_thd(conn: Connection) -> dict[InboxState, int]:
    """Count rows by state."""
    query = select(inbox.c.state, func.count()).group_by(inbox.c.state)
    return {InboxState(state): count for state, count in conn.execute(query)}


def latest_thd(conn: Connection) -> float:
    """When a webhook was last taken, in epoch seconds; 0: none is remembered."""
    return conn.scalar(select(inbox.c.received_at).order_by(inbox.c.id.desc()).limit(1)) or 0.0


def prune_thd(conn: Connection, before: float, limit: int) -> int:
    """Forget rows that ended before then, at most ``limit``; return how many.

    As long as a row is remembered, the same webhook delivered again does nothing.
    """
    old = select(inbox.c.id).where(~_WAITS, inbox.c.ended_at < before).limit(limit)
    ids = list(conn.scalars(old))
    if ids:
        conn.execute(delete(inbox).where(inbox.c.id.in_(ids)))
    return len(ids)


def _known(row: Row[Any]) -> InboxRow:
    return InboxRow(**{**row._mapping, "state": InboxState(row.state)})
