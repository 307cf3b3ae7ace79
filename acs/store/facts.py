"""What was learned of models: optional names that a model and firmware does not have."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from sqlalchemy import Connection, delete, select

from acs.devices.effects import ForgetMissing
from acs.store.tables import model_facts
from acs.store.upsert import insert_missing


def merge_thd(conn: Connection, learned: Iterable[ForgetMissing]) -> None:
    """Add names to what is known."""
    pairs = {(effect.model_key, name) for effect in learned for name in effect.missing}
    rows = [{"model_key": key, "missing": name} for key, name in sorted(pairs)]
    insert_missing(conn, model_facts, rows)


def missing_thd(conn: Connection) -> dict[str, frozenset[str]]:
    """All that is known: model key → names it does not have."""
    found: dict[str, set[str]] = defaultdict(set)
    for key, name in conn.execute(select(model_facts)):
        found[key].add(name)
    return {key: frozenset(names) for key, names in found.items()}


def forget_thd(conn: Connection, model_key: str) -> None:
    """Ask this model for everything again."""
    conn.execute(delete(model_facts).where(model_facts.c.model_key == model_key))
