"""Insert-or-update for both dialects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite

Rows = Sequence[Mapping[str, Any]]


def upsert(
    conn: Connection,
    table: Table,
    rows: Rows,
    key: Sequence[str],
    columns: Sequence[str],
    *,
    add: Sequence[str] = (),
) -> None:
    """Insert ``rows``; where ``key`` is there already, overwrite ``columns`` instead.

    The columns in ``add`` are added to what is there. All rows have the same columns.
    """
    if rows:
        conn.execute(
            _upsert(conn.dialect.name, table, tuple(key), tuple(columns), tuple(add)), rows
        )


def insert_missing(conn: Connection, table: Table, rows: Rows) -> None:
    """Insert those of ``rows`` that violate no unique key."""
    if rows:
        conn.execute(insert(conn.dialect.name, table).on_conflict_do_nothing(), rows)


def insert(dialect: str, table: Table) -> postgresql.Insert | sqlite.Insert:
    """The dialect's INSERT, which knows ON CONFLICT."""
    return postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)


@lru_cache(maxsize=64)
def _upsert(
    dialect: str,
    table: Table,
    key: tuple[str, ...],
    columns: tuple[str, ...],
    add: tuple[str, ...],
) -> postgresql.Insert | sqlite.Insert:
    statement = insert(dialect, table)
    changes: dict[str, Any] = {name: statement.excluded[name] for name in columns}
    changes |= {name: table.c[name] + statement.excluded[name] for name in add}
    return statement.on_conflict_do_update(index_elements=list(key), set_=changes)
