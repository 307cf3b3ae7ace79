"""What the field shows of equipments, gathered for who reports it: a few statements for many."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from sqlalchemy import Connection, func, select

from acs.devices.field_report import FieldReport
from acs.devices.provisioning import SUBJECT
from acs.devices.record import Device, FaultRecord, Proof
from acs.store import devices, equipment, faults, proofs, tags
from acs.store import tables as t


def gather_thd(conn: Connection, names: Collection[str]) -> dict[str, FieldReport]:
    """Gather what is known of equipments, held by a device or not; at most a few hundred."""
    wanted = {name for name in names if name}
    if not wanted:
        return {}
    rows = conn.execute(
        select(t.devices).where(t.devices.c.equipment.in_(wanted)).order_by(t.devices.c.last_seen)
    )
    # Of several the one that was seen last: the others are on their way to quarantine.
    held = {device.equipment: device for device in map(devices.from_row, rows)}
    boxes = {name: known.equipment for name, known in equipment.known_thd(conn, wanted).items()}
    ids = [device.id for device in held.values()]
    tagged = tags.of_thd(conn, ids)
    proven, failed = _proofs(conn, ids), _faults(conn, ids)
    found = {name: FieldReport(name, box=boxes.get(name)) for name in sorted(wanted)}
    for name, device in held.items():
        found[name] = replace(
            found[name],
            device=device,
            tags=tagged.get(device.id, frozenset()),
            proof=proven.get(device.id),
            fault=failed.get(device.id),
        )
    return found


def walk_thd(conn: Connection, after: int, limit: int) -> list[Device]:
    """Name the next devices that hold an equipment, by id, beginning after the id ``after``."""
    held = select(t.devices).where(t.devices.c.id > after, t.devices.c.equipment != "")
    return [
        devices.from_row(row) for row in conn.execute(held.order_by(t.devices.c.id).limit(limit))
    ]


def holding_thd(conn: Connection) -> int:
    """Count the devices that hold an equipment."""
    query = select(func.count()).select_from(t.devices).where(t.devices.c.equipment != "")
    return conn.scalar(query) or 0


def _proofs(conn: Connection, ids: Collection[int]) -> Mapping[int, Proof]:
    latest = (
        select(func.max(t.proofs.c.id))
        .where(t.proofs.c.device_id.in_(ids), t.proofs.c.complete)
        .group_by(t.proofs.c.device_id)
    )
    return {proof.device_id: proof for proof in proofs.these_thd(conn, latest)}


def _faults(conn: Connection, ids: Collection[int]) -> Mapping[int, FaultRecord]:
    return {fault.device_id: fault for fault in faults.of_thd(conn, ids, SUBJECT)}
