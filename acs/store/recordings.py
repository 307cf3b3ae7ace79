"""Whose sessions are recorded, and how long: asked for by an operator, looked up by the server."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, delete, select

from acs.store.tables import recordings
from acs.store.upsert import upsert


@dataclass(frozen=True, slots=True)
class RecordingRequest:
    """The sessions of one device are to be recorded."""

    device_key: str
    until: float
    """Epoch seconds."""
    asked_by: str
    asked_at: float


def ask_thd(conn: Connection, request: RecordingRequest) -> None:
    """Have a device recorded; an earlier request of the same device is replaced."""
    row = {
        "device_key": request.device_key,
        "until": request.until,
        "asked_by": request.asked_by,
        "asked_at": request.asked_at,
    }
    upsert(conn, recordings, [row], ("device_key",), ("until", "asked_by", "asked_at"))


def stop_thd(conn: Connection, device_key: str) -> bool:
    """Record a device no more; tell whether it was recorded."""
    found = delete(recordings).where(recordings.c.device_key == device_key)
    return conn.execute(found).rowcount > 0


def wanted_thd(conn: Connection, now: float) -> list[RecordingRequest]:
    """All requests that still run, by device key."""
    query = select(recordings).where(recordings.c.until > now).order_by(recordings.c.device_key)
    return [
        RecordingRequest(row.device_key, row.until, row.asked_by, row.asked_at)
        for row in conn.execute(query)
    ]


def expire_thd(conn: Connection, now: float) -> None:
    """Forget requests whose time is over."""
    conn.execute(delete(recordings).where(recordings.c.until <= now))
