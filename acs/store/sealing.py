"""Where the vault meets the tables: sealed columns, the root of digests, and key rotation."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from sqlalchemy import Column, Connection, Table, bindparam, select, tuple_, update

from acs.store.engine import Database, vault_of
from acs.store.tables import meta, metadata
from acs.store.upsert import insert_missing
from acs.store.vault import KEY_OCTETS, Vault

_DIGEST_ROOT = "digest_root"
_BATCH = 500

Place = tuple[Any, ...]
"""A primary key; ``()`` stands before all rows."""

Progress = Callable[[str, int], None]
"""Told the column (``table.column``) and how many of its rows were seen so far."""


def context(column: Column[Any], owner: object) -> bytes:
    """Name the place of a sealed value: ``table.column/owner``."""
    return f"{column.table.name}.{column.name}/{owner}".encode()


def seal(conn: Connection, column: Column[Any], owner: object, plaintext: bytes) -> bytes:
    """Seal ``plaintext`` for the row of ``column`` that ``owner`` names."""
    return vault_of(conn).seal(plaintext, context(column, owner))


def unseal(conn: Connection, column: Column[Any], owner: object, blob: bytes) -> bytes:
    """Open what `seal` made. Raises `acs.store.errors.VaultError`."""
    return vault_of(conn).open(blob, context(column, owner))


def unlock_digests_thd(conn: Connection) -> None:
    """Give the vault the database's digest root; made at the first start, whoever is first."""
    vault = vault_of(conn)
    fresh = seal(conn, meta.c.value, _DIGEST_ROOT, vault.random(KEY_OCTETS))
    insert_missing(conn, meta, [{"key": _DIGEST_ROOT, "value": fresh}])
    blob = conn.scalar(select(meta.c.value).where(meta.c.key == _DIGEST_ROOT))
    assert blob is not None
    vault.use_digest_root(unseal(conn, meta.c.value, _DIGEST_ROOT, blob))


def sealed_columns() -> list[Column[Any]]:
    """Every column that holds blobs of the vault."""
    return [
        column
        for table in metadata.sorted_tables
        for column in table.columns
        if "sealed_by" in column.info
    ]


def rotate_thd(conn: Connection, vault: Vault, progress: Progress | None = None) -> int:
    """Seal every blob anew that was not sealed with the current key; return how many.

    All in the transaction of ``conn``; see `rotate` for a large or busy database.
    """
    return _rotate(partial(rotate_batch_thd, conn, vault), progress)


def rotate(database: Database, progress: Progress | None = None) -> int:
    """Do the same in one short transaction per batch, beside a running server."""

    def batch(column: Column[Any], after: Place) -> tuple[Place | None, int, int]:
        return database.run("rotate", rotate_batch_thd, database.vault, column, after)

    return _rotate(batch, progress)


def _rotate(
    batch: Callable[[Column[Any], Place], tuple[Place | None, int, int]], progress: Progress | None
) -> int:
    changed = 0
    for column in sealed_columns():
        after: Place | None = ()
        seen = 0
        while after is not None:
            after, rows, resealed = batch(column, after)
            seen += rows
            changed += resealed
            if progress is not None:
                progress(f"{column.table.name}.{column.name}", seen)
    return changed


def rotate_batch_thd(
    conn: Connection, vault: Vault, column: Column[Any], after: Place
) -> tuple[Place | None, int, int]:
    """Seal one batch of a column anew.

    ``after`` is the primary key of the last row of the batch before, ``()`` at first. Returns the
    next ``after`` (None at the end), the number of rows seen, and the number sealed anew.
    """
    table = column.table
    assert isinstance(table, Table)
    keys = list(table.primary_key.columns)
    owner = table.c[column.info["sealed_by"]]
    query = select(owner, column, *keys).order_by(*keys).limit(_BATCH).with_for_update()
    if after:
        query = query.where(tuple_(*keys) > tuple_(*after))
    rows = conn.execute(query).all()
    anew = []
    for row in rows:
        blob = row[1]
        if blob is None:
            continue
        sealed = vault.reseal(blob, context(column, row[0]))
        if sealed is not blob:
            found = {f"key_{key.name}": value for key, value in zip(keys, row[2:], strict=True)}
            anew.append({"sealed": sealed, **found})
    if anew:
        matches = [key == bindparam(f"key_{key.name}") for key in keys]
        conn.execute(update(table).where(*matches).values({column: bindparam("sealed")}), anew)
    last = tuple(rows[-1][2:]) if len(rows) == _BATCH else None
    return last, len(rows), len(anew)
