"""Room within the database's file: how much there is, and giving it back to the disk."""

from __future__ import annotations

from sqlalchemy import Connection

_INCREMENTAL = 2


def spare_thd(conn: Connection) -> int | None:
    """Octets that are free within the database's file; None: it is no file of ours."""
    if conn.dialect.name != "sqlite":
        return None
    return _pragma(conn, "freelist_count") * _pragma(conn, "page_size")


def give_back_thd(conn: Connection, pages: int) -> bool:
    """Give up to ``pages`` free pages of the file back to the disk; tell whether some are left.

    Only files that were made so can do it (``auto_vacuum``); others use them again themselves.
    """
    if conn.dialect.name != "sqlite" or _pragma(conn, "auto_vacuum") != _INCREMENTAL:
        return False
    free = _pragma(conn, "freelist_count")
    for _ in range(min(pages, free)):
        # One page each: the driver takes the first step of a statement only.
        conn.exec_driver_sql("PRAGMA incremental_vacuum(1)")
    return free > pages


def _pragma(conn: Connection, name: str) -> int:
    return int(conn.exec_driver_sql(f"PRAGMA {name}").scalar_one())
