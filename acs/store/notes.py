"""Short notes that parts of the server leave for their next run, by name, sealed."""

from __future__ import annotations

from sqlalchemy import Connection, select

from acs.store.sealing import seal, unseal
from acs.store.tables import meta
from acs.store.upsert import upsert


def read_note_thd(conn: Connection, name: str) -> bytes | None:
    """Return the note of this name; None: there is none."""
    blob = conn.scalar(select(meta.c.value).where(meta.c.key == _key(name)))
    return None if blob is None else unseal(conn, meta.c.value, _key(name), blob)


def leave_note_thd(conn: Connection, name: str, text: bytes) -> None:
    """Leave a note in place of the one before."""
    row = {"key": _key(name), "value": seal(conn, meta.c.value, _key(name), text)}
    upsert(conn, meta, [row], ("key",), ("value",))


def _key(name: str) -> str:
    return f"note/{name}"
