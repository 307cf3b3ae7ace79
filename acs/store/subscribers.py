"""Systems that are told of news: where, of what, and with which secret."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Row, delete, select, update

from acs.events.choosing import wants
from acs.store.sealing import seal, unseal
from acs.store.tables import event_subscribers
from acs.store.upsert import insert


@dataclass(frozen=True, slots=True)
class Subscriber:
    """One system that is told."""

    url: str
    secret: str = field(repr=False)
    """``whsec_…``, see `acs.events.signing`."""
    kinds: tuple[str, ...]
    """Patterns, ``device.*``."""
    enabled: bool = True
    reason: str = ""
    """Why it is paused."""
    allow_http: bool = False
    """Plain HTTP may go to public addresses too."""
    created_at: float = 0.0
    created_by: str = ""
    id: int = 0

    def wants(self, kind: str) -> bool:
        """Tell whether it asked for news of this kind."""
        return wants(self.kinds, kind)


def subscribe_thd(conn: Connection, new: Subscriber) -> Subscriber | None:
    """Keep a new subscriber; None: one of this URL is there already."""
    row = {name: getattr(new, name) for name in _PLAIN}
    row |= {
        "kinds": " ".join(new.kinds),
        "secret": seal(conn, event_subscribers.c.secret, new.url, new.secret.encode()),
    }
    adding = insert(conn.dialect.name, event_subscribers).on_conflict_do_nothing()
    made = conn.scalar(adding.returning(event_subscribers.c.id), row)
    return None if made is None else get_thd(conn, made)


def list_thd(conn: Connection) -> list[Subscriber]:
    """All subscribers, oldest first."""
    rows = conn.execute(select(event_subscribers).order_by(event_subscribers.c.id))
    return [_subscriber(conn, row) for row in rows]


def get_thd(conn: Connection, subscriber_id: int) -> Subscriber | None:
    """The subscriber of this id."""
    return _one(conn, event_subscribers.c.id == subscriber_id)


def find_thd(conn: Connection, url: str) -> Subscriber | None:
    """The subscriber of this URL."""
    return _one(conn, event_subscribers.c.url == url)


def unsubscribe_thd(conn: Connection, subscriber_id: int) -> None:
    """Forget a subscriber with its deliveries."""
    conn.execute(delete(event_subscribers).where(event_subscribers.c.id == subscriber_id))


def enable_thd(conn: Connection, subscriber_id: int, enabled: bool, reason: str = "") -> None:
    """Pause a subscriber, with why, or let it go on.

    What happens meanwhile is kept for it as long as news is.
    """
    its = event_subscribers.c.id == subscriber_id
    conn.execute(update(event_subscribers).where(its).values(enabled=enabled, reason=reason))


_PLAIN = ("url", "enabled", "reason", "allow_http", "created_at", "created_by")


def _one(conn: Connection, condition: Any) -> Subscriber | None:
    row = conn.execute(select(event_subscribers).where(condition)).first()
    return None if row is None else _subscriber(conn, row)


def _subscriber(conn: Connection, row: Row[Any]) -> Subscriber:
    return Subscriber(
        secret=unseal(conn, event_subscribers.c.secret, row.url, row.secret).decode(),
        kinds=tuple(row.kinds.split()),
        id=row.id,
        **{name: getattr(row, name) for name in _PLAIN},
    )
