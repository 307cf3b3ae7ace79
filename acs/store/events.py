"""Deliveries of news to subscribers: one row for each piece of news and each who wants it.

A delivery is *waiting* until it is tried, *failing* while it will be tried again, and then
*delivered*, *dead* (all tries were in vain) or *withheld* (`acs.devices.safety`).

Each subscriber is told in the order of the news. One that fails holds back what is newer for its
first `acs.events.retrying.HOLDING` tries; then the others go past it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Select, delete, func, select, update

from acs.events.retrying import HOLDING
from acs.store import subscribers, tags
from acs.store.news import KeptNews, consume_thd, kept
from acs.store.news import prune_thd as prune_news_thd
from acs.store.subscribers import Subscriber
from acs.store.tables import equipment, event_subscribers, news
from acs.store.tables import event_deliveries as table
from acs.store.upsert import insert_missing

CONSUMER = "events"
"""The name under which news is read for subscribers."""


class DeliveryState(StrEnum):
    """How far a delivery is."""

    WAITING = "waiting"
    FAILING = "failing"
    DELIVERED = "delivered"
    DEAD = "dead"
    WITHHELD = "withheld"


_OPEN = (DeliveryState.WAITING.value, DeliveryState.FAILING.value)


@dataclass(frozen=True, slots=True)
class Delivery:
    """One piece of news that is due, for one subscriber."""

    id: int
    news: KeptNews
    attempts: int
    """Tries that failed."""
    tags: frozenset[str]
    """Of the device."""
    customer: str = ""
    """Whom it is about: as the news says, else who has the equipment by now."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A delivery, as a person looks at it."""

    id: int
    subscriber_id: int
    url: str
    kind: str
    subject: str
    happened_at: float
    state: DeliveryState
    attempts: int
    next_at: float
    ended_at: float
    error: str


@dataclass(frozen=True, slots=True)
class Trouble:
    """A subscriber that could not be told for a while."""

    url: str
    failing: int
    since: float
    error: str


@dataclass(frozen=True, slots=True)
class Figures:
    """How deliveries stand, all subscribers together."""

    open: int = 0
    dead: int = 0
    oldest_open_at: float = 0.0
    """Epoch seconds; 0: none waits. What waits for a paused subscriber does not count."""
    died_lately: int = 0
    """Since the time that was asked for."""
    troubles: tuple[Trouble, ...] = ()


def derive_thd(conn: Connection, now: float, limit: int) -> int:
    """Make deliveries of the next news, ``limit`` at most; return how much news there was."""

    def deliveries_thd(conn: Connection, some: Sequence[KeptNews]) -> None:
        fresh = {"state": DeliveryState.WAITING.value, "attempts": 0, "error": ""}
        fresh |= {"created_at": now, "next_at": now, "ended_at": 0.0}
        rows = [
            {"subscriber_id": each.id, "news_id": piece.id, **fresh}
            for each in subscribers.list_thd(conn)
            for piece in some
            if each.wants(piece.kind)
        ]
        insert_missing(conn, table, rows)

    return consume_thd(conn, CONSUMER, limit, deliveries_thd)


def ready_thd(conn: Connection, now: float) -> list[int]:
    """Ids of subscribers that are not paused and may have something due."""
    due = (table.c.state == DeliveryState.WAITING.value) | (
        (table.c.state == DeliveryState.FAILING.value) & (table.c.next_at <= now)
    )
    any_due = select(table.c.id).where(table.c.subscriber_id == event_subscribers.c.id, due)
    enabled = event_subscribers.c.enabled
    return list(conn.scalars(select(event_subscribers.c.id).where(enabled, any_due.exists())))


def due_thd(
    conn: Connection, subscriber_id: int, now: float, limit: int
) -> tuple[Subscriber, list[Delivery]] | None:
    """What a subscriber is to be told next, in this order; None: it is paused or gone."""
    subscriber = subscribers.get_thd(conn, subscriber_id)
    if subscriber is None or not subscriber.enabled:
        return None
    its = _of(subscriber_id)
    failing = its.where(table.c.state == DeliveryState.FAILING.value)
    held = failing.where(table.c.attempts < HOLDING, table.c.next_at > now)
    barrier = conn.execute(held.limit(1)).first()
    if barrier is not None:
        its, failing = (query.where(table.c.news_id < barrier.news_id) for query in (its, failing))
    rows = [
        *conn.execute(failing.where(table.c.next_at <= now).limit(limit)),
        *conn.execute(its.where(table.c.state == DeliveryState.WAITING.value).limit(limit)),
    ]
    first = sorted(rows, key=lambda row: row.news_id)[:limit]
    wanted = select(news).where(news.c.id.in_([row.news_id for row in first]))
    told = {row.id: kept(row) for row in conn.execute(wanted)}
    tagged = tags.of_thd(conn, {piece.device_id for piece in told.values()})
    holders = _customers(conn, {piece.equipment for piece in told.values()})
    return subscriber, [
        Delivery(
            row.id,
            piece,
            row.attempts,
            tagged.get(piece.device_id, frozenset()),
            str(piece.detail.get("customer") or holders.get(piece.equipment, "")),
        )
        for row in first
        if (piece := told.get(row.news_id)) is not None
    ]


def settle_thd(
    conn: Connection,
    delivery_ids: Collection[int],
    state: DeliveryState,
    now: float,
    *,
    attempts: int = 0,
    next_at: float = 0.0,
    error: str = "",
) -> None:
    """Keep what became of deliveries; ``attempts`` counts the tries that failed."""
    values: dict[str, Any] = {"state": state.value, "attempts": attempts, "error": error}
    values |= {"next_at": next_at, "ended_at": 0.0 if state in _OPEN else now}
    conn.execute(update(table).where(table.c.id.in_(delivery_ids)).values(values))


def hasten_thd(conn: Connection, subscriber_id: int, now: float) -> None:
    """Try at once what is failing: its subscriber can be told again."""
    failing = table.c.state == DeliveryState.FAILING.value
    its = update(table).where(table.c.subscriber_id == subscriber_id, failing)
    conn.execute(its.values(next_at=now))


def retry_thd(conn: Connection, now: float, delivery_id: int | None = None) -> int:
    """Begin anew with a delivery that is over in vain, or with all dead ones; return how many.

    One that is named may also have been withheld, or be failing, to be tried at once.
    """
    named = (*_OPEN, DeliveryState.DEAD.value, DeliveryState.WITHHELD.value)
    if delivery_id is None:
        which = _in_state(DeliveryState.DEAD)
    else:
        which = (table.c.id == delivery_id) & table.c.state.in_(named)
    anew = {"state": DeliveryState.WAITING.value, "attempts": 0, "ended_at": 0.0, "next_at": now}
    return conn.execute(update(table).where(which).values(anew)).rowcount


def list_thd(conn: Connection, limit: int, state: DeliveryState | None = None) -> list[Listed]:
    """The last deliveries, newest first; ``state``: only those."""
    columns = (
        table.c.id,
        table.c.subscriber_id,
        event_subscribers.c.url,
        news.c.kind,
        news.c.subject,
        news.c.at,
        table.c.state,
        table.c.attempts,
        table.c.next_at,
        table.c.ended_at,
        table.c.error,
    )
    joined = table.join(event_subscribers).join(news, news.c.id == table.c.news_id)
    query = select(*columns).select_from(joined).order_by(table.c.id.desc()).limit(limit)
    if state is not None:
        query = query.where(_in_state(state))
    return [Listed(*row[:6], DeliveryState(row[6]), *row[7:]) for row in conn.execute(query)]


def counts_thd(conn: Connection) -> dict[int, dict[DeliveryState, int]]:
    """How many deliveries of each subscriber wait, fail or are dead."""
    found: dict[int, dict[DeliveryState, int]] = {}
    for row in conn.execute(_standing()):
        found.setdefault(row.subscriber_id, {})[DeliveryState(row.state)] = row.many
    return found


def figures_thd(conn: Connection, since: float, failing_before: float) -> Figures:
    """Count deliveries: those that died since a time, and what has failed from before another."""
    rows = conn.execute(_standing()).all()
    dead = _in_state(DeliveryState.DEAD) & (table.c.ended_at >= since)
    going = [row for row in rows if row.state in _OPEN and row.enabled]
    return Figures(
        open=sum(row.many for row in rows if row.state in _OPEN),
        dead=sum(row.many for row in rows if row.state == DeliveryState.DEAD.value),
        oldest_open_at=min((row.oldest for row in going), default=0.0),
        died_lately=conn.scalar(select(func.count()).where(dead)) or 0,
        troubles=tuple(
            Trouble(row.url, row.many, row.oldest, _error(conn, row))
            for row in going
            if row.state == DeliveryState.FAILING.value and row.oldest < failing_before
        ),
    )


def prune_thd(conn: Connection, before: float, limit: int) -> int:
    """Forget news from before a time with its deliveries, however those ended; return how many
    pieces went, ``limit`` at most."""
    gone = prune_news_thd(conn, before, limit)
    if gone:
        everyone = select(event_subscribers.c.id)
        its = table.c.subscriber_id.in_(everyone) & table.c.news_id.in_(gone)
        conn.execute(delete(table).where(its))
    return len(gone)


def _customers(conn: Connection, names: Collection[str]) -> dict[str, str]:
    wanted = select(equipment.c.name, equipment.c.customer).where(equipment.c.name.in_(names))
    return {row.name: row.customer for row in conn.execute(wanted)}


def _of(subscriber_id: int) -> Select[Any]:
    return (
        select(table.c.id, table.c.news_id, table.c.attempts)
        .where(table.c.subscriber_id == subscriber_id)
        .order_by(table.c.news_id)
    )


def _standing() -> Select[Any]:
    """Count what is not well done, per subscriber; what is delivered is never looked at."""
    states = (*_OPEN, DeliveryState.DEAD.value)
    columns = (table.c.subscriber_id, table.c.state, *event_subscribers.c["url", "enabled"])
    return (
        select(*columns, func.count().label("many"), func.min(table.c.created_at).label("oldest"))
        .select_from(event_subscribers.join(table))
        .where(table.c.state.in_(states))
        .group_by(*columns)
    )


def _in_state(state: DeliveryState) -> Any:
    # Subscribers are named for the sake of the index.
    everyone = select(event_subscribers.c.id)
    return table.c.subscriber_id.in_(everyone) & (table.c.state == state.value)


def _error(conn: Connection, standing: Any) -> str:
    oldest = (
        select(table.c.error)
        .where(table.c.subscriber_id == standing.subscriber_id, table.c.state == standing.state)
        .order_by(table.c.news_id)
        .limit(1)
    )
    return conn.scalar(oldest) or ""
