"""What models support, as USP agents told (GetSupportedDM)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, select

from acs.devices.effects import SaveSupportedModel
from acs.store.tables import usp_models
from acs.store.upsert import upsert

_BLOBS = select(usp_models.c.model_key, usp_models.c.blob).where(
    usp_models.c.model_key.in_(bindparam("keys", expanding=True))
)


@dataclass(frozen=True, slots=True)
class KeptModel:
    """What one model and firmware supports, and since when that is known."""

    model_key: str
    at: float
    uri: str
    blob: bytes
    """Packed by `acs.usp.supported`."""


def save_thd(conn: Connection, learned: Iterable[SaveSupportedModel]) -> None:
    """Keep what models support; of several for one model the last one counts."""
    last = {each.model_key: each for each in learned}
    rows = [
        {"model_key": key, "at": last[key].at, "uri": last[key].uri, "blob": last[key].blob}
        for key in sorted(last)
    ]
    upsert(conn, usp_models, rows, ("model_key",), ("at", "uri", "blob"))


def blobs_thd(conn: Connection, model_keys: Sequence[str]) -> dict[str, bytes]:
    """The packed models of keys; those that are not known are left out."""
    rows = conn.execute(_BLOBS, {"keys": list(model_keys)})
    return {row.model_key: row.blob for row in rows}


def get_thd(conn: Connection, model_key: str) -> KeptModel | None:
    """What is kept of one model; None: nobody asked yet."""
    row = conn.execute(select(usp_models).where(usp_models.c.model_key == model_key)).first()
    return None if row is None else KeptModel(*row)
