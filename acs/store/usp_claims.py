"""Which of several servers on one database visits an agent: a claim that lapses by itself."""

from __future__ import annotations

from sqlalchemy import Connection, delete, or_, update

from acs.store.tables import usp_claims
from acs.store.upsert import insert


def claim_thd(conn: Connection, endpoint: str, holder: str, now: float, until: float) -> bool:
    """Take, or keep, the agent for ``holder`` until a time; False: another one has it.

    Times are epoch seconds. The database decides: of two that ask at once one is told so.
    """
    statement = insert(conn.dialect.name, usp_claims).values(
        endpoint=endpoint, holder=holder, until=until
    )
    taken = conn.execute(statement.on_conflict_do_nothing())
    if taken.rowcount == 1:
        return True
    ours = or_(usp_claims.c.holder == holder, usp_claims.c.until < now)
    changed = conn.execute(
        update(usp_claims)
        .where(usp_claims.c.endpoint == endpoint, ours)
        .values(holder=holder, until=until)
    )
    return changed.rowcount == 1


def release_thd(conn: Connection, endpoint: str, holder: str) -> None:
    """Give up the claim of ``holder``, if it still has it."""
    conn.execute(
        delete(usp_claims).where(usp_claims.c.endpoint == endpoint, usp_claims.c.holder == holder)
    )
