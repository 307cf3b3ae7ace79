"""Rows of the tables of models in factory state, as far as they are believed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from sqlalchemy import Connection, delete, select, tuple_

from acs.devices.effects import SaveLayout
from acs.store.tables import model_layouts
from acs.store.upsert import upsert


def save_thd(conn: Connection, learned: Iterable[SaveLayout]) -> None:
    """Keep what is believed now; tables that are believed no longer are forgotten."""
    last = {(each.model_key, path): rows for each in learned for path, rows in each.tables.items()}
    kept = [
        {"model_key": key, "path": path, "rows": "\n".join(rows)}
        for (key, path), rows in sorted(last.items())
        if rows
    ]
    upsert(conn, model_layouts, kept, ("model_key", "path"), ("rows",))
    if gone := [each for each, rows in last.items() if not rows]:
        pair = tuple_(model_layouts.c.model_key, model_layouts.c.path)
        conn.execute(delete(model_layouts).where(pair.in_(gone)))


def all_thd(conn: Connection) -> dict[str, dict[str, tuple[str, ...]]]:
    """All that is believed: rows by model key and table."""
    found: dict[str, dict[str, tuple[str, ...]]] = defaultdict(dict)
    for key, path, rows in conn.execute(select(model_layouts)):
        found[key][path] = tuple(rows.split("\n"))
    return dict(found)
