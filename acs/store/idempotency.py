"""Requests that are carried out once, however often they are sent.

Work and answer are kept in one transaction: after a crash either both are there or neither, and
whoever sends the same request meanwhile waits for the one answer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection, and_, delete, select, tuple_, update

from acs.store.errors import StoreError
from acs.store.sealing import seal, unseal
from acs.store.tables import idempotency
from acs.store.upsert import insert

KEEP_SECONDS = 86_400.0
"""So long a key stands for its request."""


class OtherRequest(StoreError):  # noqa: N818 - a name says what happened
    """The key was used before, for a request that said something else."""


@dataclass(frozen=True, slots=True)
class Once:
    """A request by its key: who sent it where, the key it came with, a digest of what it says."""

    scope: str
    key: str
    digest: str


@dataclass(frozen=True, slots=True)
class Kept:
    """An answer; ``again``: it is that of an earlier request."""

    status: int
    body: bytes
    again: bool = False


def once_thd(conn: Connection, once: Once, now: float, work: Callable[[], Kept]) -> Kept:
    """Return what was answered before, or else do ``work`` and keep its answer.

    An answer of status 400 and above is not kept, and what ``work`` raises leaves nothing behind,
    so that the request may be sent again. Raises `OtherRequest`.
    """
    this = and_(idempotency.c.scope == once.scope, idempotency.c.key == once.key)
    conn.execute(delete(idempotency).where(this, idempotency.c.at < now - KEEP_SECONDS))
    fresh = {"scope": once.scope, "key": once.key, "digest": once.digest, "at": now, "status": 0}
    claim = insert(conn.dialect.name, idempotency).on_conflict_do_nothing()
    claimed = conn.execute(claim.returning(idempotency.c.key), fresh).scalar()
    if claimed is None:
        before = conn.execute(select(idempotency).where(this)).one()
        if before.digest != once.digest:
            raise OtherRequest("the key was used for another request")
        body = unseal(conn, idempotency.c.answer, once.key, before.answer)
        return Kept(before.status, body, again=True)
    done = work()
    if done.status >= 400:
        conn.execute(delete(idempotency).where(this))
        return done
    sealed = seal(conn, idempotency.c.answer, once.key, done.body)
    conn.execute(update(idempotency).where(this).values(status=done.status, answer=sealed))
    return done


def prune_thd(conn: Connection, before: float, limit: int) -> int:
    """Forget answers older than that, at most ``limit``; return how many."""
    columns = (idempotency.c.scope, idempotency.c.key)
    old = conn.execute(select(*columns).where(idempotency.c.at < before).limit(limit)).all()
    if old:
        conn.execute(delete(idempotency).where(tuple_(*columns).in_([tuple(row) for row in old])))
    return len(old)
