"""Trees: the names a model has, and the values devices held, now and in the past.

A device may report passwords in clear, so the values are sealed like any secret.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
import zstandard
from sqlalchemy import Connection, Row, delete, func, insert, select

from acs.devices.effects import SaveModelNames, SaveTree
from acs.devices.vocabulary import is_at
from acs.model import Value
from acs.store.errors import StoreError
from acs.store.sealing import seal, unseal
from acs.store.tables import model_names, trees
from acs.store.upsert import upsert

_FORMAT = b"\x01"
_LEVEL = 3
_MAX_OCTETS = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class ModelNames:
    """What is known of the names of one model and firmware."""

    at: float
    names: Mapping[str, bool]
    """Name with ``{i}`` for instance numbers → whether it can be written."""
    unlisted: tuple[str, ...] = ()
    """Objects whose names are not known."""


@dataclass(frozen=True, slots=True)
class KeptTree:
    """All that a device held at one time, as far as it was read."""

    id: int
    at: float
    """When its latest part was read."""
    values: Mapping[str, Value]
    parts: Mapping[str, float]
    """Path that was read → when; the empty path is the root."""

    def read_at(self, path: str) -> float:
        """When the value of ``path`` was read."""
        return max((at for part, at in self.parts.items() if is_at(path, part)), default=0.0)

    @property
    def whole_at(self) -> float:
        """When everything was read at once; 0: never, only parts were."""
        return self.parts.get("", 0.0)


class _TreeBody(msgspec.Struct, array_like=True):
    values: dict[str, Value]
    parts: dict[str, float]


class _NamesBody(msgspec.Struct, array_like=True):
    names: dict[str, bool]
    unlisted: tuple[str, ...] = ()


_encode = msgspec.msgpack.Encoder().encode
_decode_tree = msgspec.msgpack.Decoder(_TreeBody).decode
_decode_names = msgspec.msgpack.Decoder(_NamesBody).decode


def _pack(body: object) -> bytes:
    return _FORMAT + zstandard.compress(_encode(body), _LEVEL)


def _unpack(packed: bytes) -> bytes:
    if packed[:1] != _FORMAT:
        raise StoreError("a tree has a format that this release does not know")
    return zstandard.decompress(packed[1:], max_output_size=_MAX_OCTETS)


# --- names of models --------------------------------------------------------------------------


def save_names_thd(conn: Connection, learned: Iterable[SaveModelNames]) -> None:
    """Keep what models have; of several for one model the last one counts.

    One without names says how a device is to be asked: it never takes the place of names.
    """
    last: dict[str, SaveModelNames] = {}
    for effect in learned:
        if effect.names or effect.model_key not in last:
            last[effect.model_key] = effect
    nameless = [key for key, effect in last.items() if not effect.names]
    if nameless:
        query = select(model_names.c.model_key).where(model_names.c.model_key.in_(nameless))
        for known in conn.scalars(query).all():
            del last[known]
    rows = [
        {
            "model_key": key,
            "at": last[key].at,
            "body": _pack((last[key].names, last[key].unlisted)),
        }
        for key in sorted(last)
    ]
    upsert(conn, model_names, rows, ("model_key",), ("at", "body"))


def names_thd(conn: Connection, model_key: str) -> ModelNames | None:
    """The names of one model; None: they were not asked for yet."""
    row = conn.execute(select(model_names).where(model_names.c.model_key == model_key)).first()
    return None if row is None else _names(row)


def all_names_thd(conn: Connection) -> dict[str, ModelNames]:
    """The names of all models that are known."""
    return {row.model_key: _names(row) for row in conn.execute(select(model_names))}


def _names(row: Row[Any]) -> ModelNames:
    body = _decode_names(_unpack(row.body))
    return ModelNames(row.at, body.names, body.unlisted)


# --- trees of devices -------------------------------------------------------------------------


def add_thd(conn: Connection, read: Iterable[SaveTree]) -> None:
    """Keep what was read as the latest tree of each device; a part is laid over the one before."""
    for effect in read:
        before = None if not effect.path else kept_thd(conn, effect.device_id)
        values, parts = dict(effect.values), {effect.path: effect.at}
        if before is not None:
            beside = {p: v for p, v in before.values.items() if not is_at(p, effect.path)}
            values = {**beside, **values}
            older = {p: at for p, at in before.parts.items() if not is_at(p, effect.path)}
            parts = {**older, **parts}
        body = seal(conn, trees.c.body, effect.device_id, _pack((values, parts)))
        conn.execute(insert(trees).values(device_id=effect.device_id, at=effect.at, body=body))


def kept_thd(
    conn: Connection, device_id: int, *, back: int = 0, until: float | None = None
) -> KeptTree | None:
    """A tree of a device: the latest, the one ``back`` trees before it, or as of ``until``.

    None: there is none so old.
    """
    query = select(trees).where(trees.c.device_id == device_id).order_by(trees.c.id.desc())
    if until is not None:
        query = query.where(trees.c.at <= until)
    row = conn.execute(query.offset(back).limit(1)).first()
    if row is None:
        return None
    body = _decode_tree(_unpack(unseal(conn, trees.c.body, row.device_id, row.body)))
    return KeptTree(row.id, row.at, body.values, body.parts)


def latest_thd(conn: Connection, device_id: int) -> tuple[float, Mapping[str, Value]] | None:
    """When the device's latest tree was read, and its values; None: it was never read."""
    kept = kept_thd(conn, device_id)
    return None if kept is None else (kept.at, kept.values)


def history_thd(conn: Connection, device_id: int) -> list[tuple[int, float]]:
    """Id and time of each kept tree of a device, the latest first."""
    query = select(trees.c.id, trees.c.at).where(trees.c.device_id == device_id)
    return [(row.id, row.at) for row in conn.execute(query.order_by(trees.c.id.desc()))]


def prune_thd(conn: Connection, keep: int, limit: int = 200) -> int:
    """Delete the oldest trees of devices that have more than ``keep``; return how many went.

    At most ``limit`` go in one call, so that the transaction is short.
    """
    crowded = select(trees.c.device_id).group_by(trees.c.device_id).having(func.count() > keep)
    gone: list[int] = []
    for device_id in conn.scalars(crowded.limit(limit)).all():
        rows = select(trees.c.id).where(trees.c.device_id == device_id)
        extra = rows.order_by(trees.c.id.desc()).offset(keep).limit(limit - len(gone))
        gone += conn.scalars(extra)
        if len(gone) >= limit:
            break
    if gone:
        conn.execute(delete(trees).where(trees.c.id.in_(gone)))
    return len(gone)
