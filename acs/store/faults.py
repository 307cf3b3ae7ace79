"""Open faults of devices: one row per device and subject, gone when the fault is."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, bindparam, delete, select

from acs.devices.effects import ClearFault, RaiseFault
from acs.devices.record import FaultRecord
from acs.store.codec import plain
from acs.store.tables import faults
from acs.store.upsert import upsert

_KEY = ("device_id", "subject")
_CLEAR = delete(faults).where(
    faults.c.device_id == bindparam("device_id"), faults.c.subject == bindparam("subject")
)
_BIGGEST_CODE = 2**31 - 1
"""What the column holds; a device may well say 4294967295 (unsignedInt)."""
_texts = msgspec.json.Decoder(tuple[str, ...]).decode


def apply_thd(conn: Connection, effects: Iterable[RaiseFault | ClearFault]) -> None:
    """Raise and clear faults as if one after the other.

    A fault raised again keeps its row: the count grows, time, code, text and pause are the newest.
    """
    cleared: set[tuple[int, str]] = set()
    raised: dict[tuple[int, str], FaultRecord] = {}
    for effect in effects:
        match effect:
            case ClearFault(device_id, subject):
                cleared.add((device_id, subject))
                raised.pop((device_id, subject), None)
            case RaiseFault(fault):
                key = (fault.device_id, fault.subject)
                before = raised.get(key)
                count = fault.count + (before.count if before else 0)
                raised[key] = replace(fault, count=count)
    if cleared:
        conn.execute(_CLEAR, [{"device_id": i, "subject": s} for i, s in sorted(cleared)])
    rows = [_row(raised[key]) for key in sorted(raised)]
    upsert(
        conn, faults, rows, _KEY, ("at", "code", "text", "parameters", "retry_at"), add=("count",)
    )


def list_thd(
    conn: Connection, device_id: int | None = None, *, limit: int = 100
) -> list[FaultRecord]:
    """List open faults of one device, or of all, newest first."""
    query = select(faults).order_by(faults.c.at.desc(), faults.c.device_id, faults.c.subject)
    if device_id is not None:
        query = query.where(faults.c.device_id == device_id)
    return [_fault(row) for row in conn.execute(query.limit(limit))]


def of_thd(conn: Connection, device_ids: Collection[int], subject: str) -> list[FaultRecord]:
    """List the open faults of these devices on one subject."""
    query = select(faults).where(
        faults.c.device_id.in_(set(device_ids)), faults.c.subject == subject
    )
    return [_fault(row) for row in conn.execute(query)]


def _row(fault: FaultRecord) -> dict[str, object]:
    return {
        "device_id": fault.device_id,
        "subject": fault.subject,
        "at": fault.at,
        "code": min(fault.code, _BIGGEST_CODE),
        "text": fault.text,
        "parameters": plain(fault.parameters),
        "count": fault.count,
        "retry_at": fault.retry_at,
    }


def _fault(row: Row[Any]) -> FaultRecord:
    return FaultRecord(
        device_id=row.device_id,
        subject=row.subject,
        at=row.at,
        code=row.code,
        text=row.text,
        parameters=_texts(row.parameters),
        count=row._mapping[faults.c.count],  # a row has a method of this name
        retry_at=row.retry_at,
    )
