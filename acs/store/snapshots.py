"""Snapshots: what a device last reported, one sealed, compressed blob per device.

A device may report passwords in clear, so the blob is sealed like any secret.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec
import zstandard
from sqlalchemy import Connection, bindparam, select

from acs.devices.record import Seen, Snapshot, Unfinished
from acs.model import Value
from acs.store.errors import StoreError
from acs.store.sealing import seal, unseal
from acs.store.tables import snapshots
from acs.store.upsert import upsert

_FORMAT = b"\x01"
_LEVEL = 1
_MAX_OCTETS = 64 * 1024 * 1024

_LOAD = select(snapshots).where(snapshots.c.device_id.in_(bindparam("ids", expanding=True)))


class _Body(msgspec.Struct, array_like=True):
    values: dict[str, Value]
    written: dict[str, str]
    unfinished: Unfinished | None = None
    seen: Seen | None = None
    impossible: tuple[str, ...] = ()


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Body).decode


def pack(snapshot: Snapshot) -> bytes:
    """Encode and compress the values of a snapshot."""
    kept = (snapshot.values, snapshot.written, snapshot.unfinished, snapshot.seen)
    body = _encode((*kept, snapshot.impossible))
    return _FORMAT + zstandard.compress(body, _LEVEL)


def unpack(at: float, packed: bytes) -> Snapshot:
    """Read what `pack` made. Raises `StoreError`."""
    if packed[:1] != _FORMAT:
        raise StoreError("a snapshot has a format that this release does not know")
    body = _decode(zstandard.decompress(packed[1:], max_output_size=_MAX_OCTETS))
    return Snapshot(at, body.values, body.written, body.unfinished, body.seen, body.impossible)


def save_thd(conn: Connection, new: Mapping[int, Snapshot]) -> None:
    """Keep snapshots by device id, each whole."""
    rows = [
        {
            "device_id": device_id,
            "at": new[device_id].at,
            "body": seal(conn, snapshots.c.body, device_id, pack(new[device_id])),
        }
        for device_id in sorted(new)
    ]
    upsert(conn, snapshots, rows, ("device_id",), ("at", "body"))


def load_thd(conn: Connection, device_ids: Iterable[int]) -> dict[int, Snapshot]:
    """Load snapshots by device id; devices without one are not in the answer."""
    return {
        row.device_id: unpack(row.at, unseal(conn, snapshots.c.body, row.device_id, row.body))
        for row in conn.execute(_LOAD, {"ids": list(device_ids)})
    }
