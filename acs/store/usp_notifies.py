"""Notifies of USP agents: each kept once, known by endpoint and message id.

An agent may report passwords, so what it told is sealed like any secret.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, bindparam, delete, func, select, update

from acs.devices.agents import StoredNotify
from acs.devices.effects import SettleNotifies
from acs.store.sealing import seal, unseal
from acs.store.tables import usp_notifies
from acs.store.upsert import insert_missing

MOST_WAITING = 100
"""Notifies that wait, of one agent, loaded at once."""
_CHUNK = 500

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(dict[str, str]).decode

_turn = (
    func.row_number()
    .over(partition_by=usp_notifies.c.endpoint, order_by=usp_notifies.c.id)
    .label("turn")
)
_in_turn = (
    select(usp_notifies, _turn)
    .where(
        usp_notifies.c.waiting, usp_notifies.c.endpoint.in_(bindparam("endpoints", expanding=True))
    )
    .subquery()
)
_WAITING = select(_in_turn).where(_in_turn.c.turn <= MOST_WAITING).order_by(_in_turn.c.id)
_SETTLE = (
    update(usp_notifies)
    .where(
        usp_notifies.c.endpoint == bindparam("the_endpoint"),
        usp_notifies.c.msg_id == bindparam("the_id"),
    )
    .values(waiting=False)
)


def add_thd(conn: Connection, new: Sequence[StoredNotify]) -> None:
    """Keep Notifies; one that is known by endpoint and message id stays as it is."""
    insert_missing(conn, usp_notifies, [_row(conn, notify) for notify in new])


def settle_thd(conn: Connection, settled: Iterable[SettleNotifies]) -> None:
    """Take down that Notifies wait no longer; those that are not there are passed over."""
    pairs = {(_text(each.endpoint), _text(one)) for each in settled for one in each.ids}
    if pairs:
        # One order in all processes, so that none deadlock.
        conn.execute(_SETTLE, [{"the_endpoint": at, "the_id": one} for at, one in sorted(pairs)])


def waiting_thd(conn: Connection, endpoints: Sequence[str]) -> dict[str, list[StoredNotify]]:
    """The oldest `MOST_WAITING` Notifies of each endpoint that wait, the oldest first."""
    found: dict[str, list[StoredNotify]] = defaultdict(list)
    for row in conn.execute(_WAITING, {"endpoints": list(endpoints)}):
        found[row.endpoint].append(_notify(conn, row))
    return dict(found)


def list_thd(
    conn: Connection,
    endpoints: Sequence[str],
    *,
    since: float = 0.0,
    kinds: Sequence[str] = (),
    limit: int = 100,
) -> list[StoredNotify]:
    """List Notifies of agents that came after ``since``, newest first; no ``kinds``: any."""
    query = select(usp_notifies).where(
        usp_notifies.c.endpoint.in_(list(endpoints)), usp_notifies.c.at >= since
    )
    if kinds:
        query = query.where(usp_notifies.c.kind.in_(list(kinds)))
    rows = conn.execute(query.order_by(usp_notifies.c.id.desc()).limit(limit))
    return [_notify(conn, row) for row in rows]


def counts_thd(conn: Connection, endpoint: str) -> tuple[dict[str, int], int]:
    """Count the Notifies of an agent by kind; and those of them that wait."""
    mine = usp_notifies.c.endpoint == endpoint
    counted = select(usp_notifies.c.kind, func.count()).where(mine).group_by(usp_notifies.c.kind)
    kinds = {row[0]: row[1] for row in conn.execute(counted.order_by(usp_notifies.c.kind))}
    waiting = select(func.count()).select_from(usp_notifies).where(mine, usp_notifies.c.waiting)
    return kinds, conn.scalar(waiting) or 0


def prune_thd(conn: Connection, before: float, most: int, limit: int = 1000) -> int:
    """Delete Notifies older than ``before``, and those past the ``most`` newest of an agent.

    At most ``limit`` go for each of the two reasons; return how many went. What still waits goes
    as well: an agent that did not come for so long has other news by then.
    """
    return _old(conn, before, limit) + _many(conn, most, limit)


def _old(conn: Connection, before: float, limit: int) -> int:
    # Ids grow with time: looking at the first rows only spares an index on the time.
    first = select(usp_notifies.c.id, usp_notifies.c.at).order_by(usp_notifies.c.id).limit(limit)
    oldest = first.subquery()
    return _delete(conn, list(conn.scalars(select(oldest.c.id).where(oldest.c.at < before))))


def _many(conn: Connection, most: int, limit: int) -> int:
    crowded = select(usp_notifies.c.endpoint).group_by(usp_notifies.c.endpoint)
    crowded = crowded.having(func.count() > most).limit(limit)
    gone: list[int] = []
    for endpoint in conn.scalars(crowded).all():
        rows = select(usp_notifies.c.id).where(usp_notifies.c.endpoint == endpoint)
        newest = rows.order_by(usp_notifies.c.id.desc())
        gone += conn.scalars(newest.offset(most).limit(limit - len(gone)))
        if len(gone) >= limit:
            break
    return _delete(conn, gone)


def _delete(conn: Connection, ids: list[int]) -> int:
    for start in range(0, len(ids), _CHUNK):
        some = ids[start : start + _CHUNK]
        conn.execute(delete(usp_notifies).where(usp_notifies.c.id.in_(some)))
    return len(ids)


def _row(conn: Connection, notify: StoredNotify) -> dict[str, object]:
    told = notify.detail
    endpoint = _text(notify.endpoint)
    sealed = seal(conn, usp_notifies.c.detail, endpoint, _encode(told)) if told else None
    return {
        "endpoint": endpoint,
        "msg_id": _text(notify.msg_id),
        "at": notify.at,
        "kind": notify.kind,
        "subscription_id": _text(notify.subscription_id),
        "path": _text(notify.path),
        "key": _text(notify.key),
        "detail": sealed,
        "waiting": notify.waiting,
    }


def _text(text: str) -> str:
    # An agent may send it; PostgreSQL keeps no such text.
    return text.replace("\0", "\ufffd") if "\0" in text else text


def _notify(conn: Connection, row: Row[Any]) -> StoredNotify:
    sealed = row.detail
    detail = (
        {} if sealed is None else _decode(unseal(conn, usp_notifies.c.detail, row.endpoint, sealed))
    )
    return StoredNotify(
        row.endpoint,
        row.msg_id,
        row.at,
        row.kind,
        row.subscription_id,
        row.path,
        row.key,
        detail,
        row.waiting,
    )
