"""Proofs: the latest one of a device stands for it, older ones are history."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, Select, insert, select

from acs.devices.record import Proof, ProofLine
from acs.store.codec import decoder, plain
from acs.store.tables import proofs

_lines = decoder(tuple[ProofLine, ...]).decode


def add_thd(conn: Connection, new: Sequence[Proof]) -> None:
    """Keep proofs."""
    if new:
        rows = [
            {
                "device_id": proof.device_id,
                "at": proof.at,
                "session": proof.session,
                "plan": proof.plan,
                "fingerprint": proof.fingerprint,
                "complete": proof.complete,
                "lines": plain(proof.lines),
            }
            for proof in new
        ]
        conn.execute(insert(proofs), rows)


def latest_thd(conn: Connection, device_id: int) -> Proof | None:
    """The proof that stands for a device."""
    found = list_thd(conn, device_id, limit=1)
    return found[0] if found else None


def list_thd(conn: Connection, device_id: int, *, limit: int = 20) -> list[Proof]:
    """List a device's proofs, newest first."""
    query = select(proofs).where(proofs.c.device_id == device_id)
    return [_proof(row) for row in conn.execute(query.order_by(proofs.c.id.desc()).limit(limit))]


def these_thd(conn: Connection, ids: Select[tuple[int]]) -> list[Proof]:
    """Load the proofs whose ids a query tells."""
    return [_proof(row) for row in conn.execute(select(proofs).where(proofs.c.id.in_(ids)))]


def _proof(row: Row[Any]) -> Proof:
    return Proof(row.device_id, row.at, row.session, row.plan, row.fingerprint, _lines(row.lines))
