"""Which rows the tables of a model have in factory state: not every unit has to list them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

MOST_MODELS = 500
"""Models that are remembered, those that were seen last."""


@dataclass(frozen=True, slots=True)
class _Table:
    rows: tuple[str, ...]
    agreed: bool
    """Two units in a row had the same."""


class Layouts:
    """What units listed while they were in factory state.

    One unit may be odd, or lie: a table is believed once two units in a row had the same rows.
    """

    def __init__(self, known: Mapping[str, Mapping[str, tuple[str, ...]]] | None = None) -> None:
        """``known``: what is believed, by model and table."""
        self._models = OrderedDict(
            (key, {path: _Table(rows, agreed=True) for path, rows in tables.items()})
            for key, tables in (known or {}).items()
        )

    def rows(self, model_key: str) -> dict[str, tuple[str, ...]]:
        """Rows by the table's path, in the order of their numbers, of tables that are believed."""
        tables = self._models.get(model_key, {})
        return {path: table.rows for path, table in tables.items() if table.agreed}

    def learn(
        self, model_key: str, listed: Mapping[str, Iterable[str]]
    ) -> dict[str, tuple[str, ...]]:
        """Take what a unit listed, rows by the table's path.

        Returns the tables of which something else is believed now; without rows: nothing more.
        """
        before = self.rows(model_key)
        tables = self._models.setdefault(model_key, {})
        self._models.move_to_end(model_key)
        if len(self._models) > MOST_MODELS:
            self._models.popitem(last=False)
        for path, found in listed.items():
            rows = tuple(sorted(found, key=_numbers))
            last = tables.get(path)
            # A table without rows tells nothing that would have to be listed.
            agreed = bool(rows) and last is not None and last.rows == rows
            tables[path] = _Table(rows, agreed)
        now = self.rows(model_key)
        changed = [path for path in listed if now.get(path) != before.get(path)]
        return {path: now.get(path, ()) for path in changed}


def _numbers(row: str) -> list[int]:
    return [int(part) for part in row.split(".") if part.isdecimal()]
