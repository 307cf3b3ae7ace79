"""Writes that wait for a business system: one row per key, the newest body counts.

Rows that are done stay: they tell what the business system holds, so that after a restart only
what differs is written.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from math import inf, nextafter
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, bindparam, delete, func, or_, select, update

from acs.devices.outgoing import Outgoing, OutgoingSettled, OutgoingState
from acs.store.sealing import seal, unseal
from acs.store.tables import equipment, outbox
from acs.store.upsert import upsert

OPEN = (OutgoingState.WAITING, OutgoingState.DOUBTED)
_OPEN = tuple(state.value for state in OPEN)
# For statements that are executed for many rows, which IN with its own parameters cannot be.
_IS_OPEN = or_(*(outbox.c.state == state for state in _OPEN))
_CHUNK = 500
_FIXED = ("id", "key", "created_at")
_COLUMNS = tuple(column.name for column in outbox.c if column.name not in _FIXED)

_SETTLE = (
    update(outbox)
    .where(
        outbox.c.key == bindparam("the_key"),
        outbox.c.changed_at == bindparam("the_version"),
        _IS_OPEN,
    )
    .values(
        {name: bindparam(name) for name in ("state", "next_at", "ended_at", "error")}
        | {"attempts": outbox.c.attempts + bindparam("more")}
    )
)
_DOUBT = (
    update(outbox)
    .where(
        outbox.c.key == bindparam("the_key"),
        outbox.c.changed_at != bindparam("the_version"),
        outbox.c.state == OutgoingState.WAITING.value,
    )
    .values(state=OutgoingState.DOUBTED.value, next_at=bindparam("next_at"))
)


def put_thd(conn: Connection, new: Iterable[Outgoing], now: float) -> None:
    """Have bodies written at their ``next_at``; each takes the place of what its key had.

    What waits already is not put off. What is doubted stays so: the body before may yet arrive.
    """
    last = {each.key: each for each in new}
    before = of_thd(conn, last)
    rows = [_row(conn, last[key], before.get(key), now) for key in sorted(last)]
    upsert(conn, outbox, rows, ("key",), _COLUMNS)


def _row(conn: Connection, new: Outgoing, before: Outgoing | None, now: float) -> dict[str, object]:
    waits = before is not None and before.state in OPEN
    changed = max(now, nextafter(before.changed_at, inf)) if before else now
    return {
        "key": new.key,
        "kind": new.kind,
        "doctype": new.doctype,
        "name": new.name,
        "body": seal(conn, outbox.c.body, new.key, new.body),
        "state": before.state.value if before and waits else OutgoingState.WAITING.value,
        "attempts": before.attempts if before and waits else 0,
        "created_at": before.created_at if before else now,
        "changed_at": changed,
        "next_at": min(before.next_at, new.next_at) if before and waits else new.next_at,
        "ended_at": before.ended_at if before else 0.0,
        "error": before.error if before and waits else "",
    }


def of_thd(conn: Connection, keys: Collection[str]) -> dict[str, Outgoing]:
    """Load rows by their keys; those that are not there are not in the answer."""
    found: dict[str, Outgoing] = {}
    wanted = sorted(keys)
    for start in range(0, len(wanted), _CHUNK):
        some = select(outbox).where(outbox.c.key.in_(wanted[start : start + _CHUNK]))
        found |= {row.key: _outgoing(conn, row) for row in conn.execute(some)}
    return found


def due_thd(conn: Connection, now: float, limit: int) -> list[Outgoing]:
    """List what is to be sent by now, what is due longest first."""
    due = select(outbox).where(outbox.c.state.in_(_OPEN), outbox.c.next_at <= now)
    rows = conn.execute(due.order_by(outbox.c.next_at, outbox.c.id).limit(limit))
    return [_outgoing(conn, row) for row in rows]


def settle_thd(conn: Connection, settled: Sequence[OutgoingSettled], now: float) -> None:
    """Keep what became of attempts.

    A body that was put meanwhile still waits; it is doubted where the one before is, as that may
    arrive after all.
    """
    if not settled:
        return
    conn.execute(_SETTLE, [_ended(each, now) for each in settled])
    doubts = [
        {"the_key": each.key, "the_version": each.changed_at, "next_at": each.next_at}
        for each in settled
        if each.state is OutgoingState.DOUBTED
    ]
    if doubts:
        conn.execute(_DOUBT, doubts)


def _ended(settled: OutgoingSettled, now: float) -> dict[str, object]:
    return {
        "the_key": settled.key,
        "the_version": settled.changed_at,
        "state": settled.state.value,
        "next_at": settled.next_at,
        "ended_at": 0.0 if settled.state in OPEN else now,
        "error": settled.error,
        "more": int(settled.tried),
    }


def list_thd(
    conn: Connection,
    states: Collection[OutgoingState] = (),
    *,
    after: str = "",
    limit: int = 100,
) -> list[Outgoing]:
    """List rows by key, from ``after`` on; no states: all of them."""
    query = select(outbox).where(outbox.c.key > after, *_in(states))
    return [_outgoing(conn, row) for row in conn.execute(query.order_by(outbox.c.key).limit(limit))]


def counts_thd(conn: Connection) -> dict[OutgoingState, int]:
    """Count rows by state."""
    query = select(outbox.c.state, func.count()).group_by(outbox.c.state)
    return {OutgoingState(state): count for state, count in conn.execute(query)}


def oldest_thd(conn: Connection, now: float) -> float:
    """Return since when the longest-waiting row could have been sent; 0: none waits."""
    due = select(func.min(outbox.c.next_at))
    return conn.scalar(due.where(outbox.c.state.in_(_OPEN), outbox.c.next_at <= now)) or 0.0


def retry_thd(conn: Connection, key: str | None, now: float) -> int:
    """Have a row sent now, whether it was refused or put off; None: all that were refused.

    What is doubted stays so, and is read back first. Returns how many rows there were.
    """
    mine = () if key is None else (outbox.c.key == key,)
    count = 0
    if key is not None:
        sooner = update(outbox).where(outbox.c.state.in_(_OPEN), *mine)
        count += conn.execute(sooner.values(next_at=now)).rowcount
    again = update(outbox).where(outbox.c.state == OutgoingState.DEAD.value, *mine)
    waits = {"state": OutgoingState.WAITING.value, "attempts": 0, "next_at": now, "ended_at": 0.0}
    return count + conn.execute(again.values(waits)).rowcount


def drop_thd(conn: Connection, key: str) -> bool:
    """Forget a row; it is put again when what it is about changes. False: there is none."""
    return conn.execute(delete(outbox).where(outbox.c.key == key)).rowcount > 0


def prune_thd(conn: Connection, kept: Collection[str], before: float, limit: int) -> int:
    """Forget rows that ended before a time; say how many, at most ``limit``.

    Those of the kinds ``kept`` tell what is written already: they stay as long as the mirror has
    an equipment of their name.
    """
    mirrored = select(equipment.c.name).where(
        equipment.c.name == outbox.c.name, equipment.c.present
    )
    ended = outbox.c.state.not_in(_OPEN) & (outbox.c.ended_at < before)
    old = ended & or_(outbox.c.kind.not_in(set(kept)), ~mirrored.exists())
    ids = list(conn.scalars(select(outbox.c.id).where(old).limit(limit)))
    if ids:
        conn.execute(delete(outbox).where(outbox.c.id.in_(ids)))
    return len(ids)


def _in(states: Collection[OutgoingState]) -> tuple[ColumnElement[bool], ...]:
    return (outbox.c.state.in_([state.value for state in states]),) if states else ()


def _outgoing(conn: Connection, row: Row[Any]) -> Outgoing:
    return Outgoing(
        key=row.key,
        kind=row.kind,
        doctype=row.doctype,
        name=row.name,
        body=unseal(conn, outbox.c.body, row.key, row.body),
        state=OutgoingState(row.state),
        attempts=row.attempts,
        created_at=row.created_at,
        changed_at=row.changed_at,
        next_at=row.next_at,
        ended_at=row.ended_at,
        error=row.error,
    )
