"""A device's known parameters, seen through the tables and joins of a blueprint.

Instances are found, never assumed: rows are those that have a value, and the row of another
table is reached by reference.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from itertools import chain
from typing import NamedTuple

from acs.model import Value
from acs.profiles.blueprint import ROW, Blueprint, Place


class Row(NamedTuple):
    """A row of a table; sorts by its instance numbers."""

    numbers: tuple[int, ...]
    path: str
    """With the final dot."""

    @property
    def number(self) -> int:
        """Its own instance number."""
        return self.numbers[-1]


class Tree:
    """Rows and values of one device; ``listed`` names rows of which no value is known yet."""

    def __init__(
        self, blueprint: Blueprint, values: Mapping[str, Value], listed: Iterable[str] = ()
    ) -> None:
        self._blueprint = blueprint
        self._values = values
        self._listed = tuple(listed)
        self._rows: dict[str, tuple[Row, ...]] = {}

    def rows(self, table: str) -> tuple[Row, ...]:
        """Return the rows of ``table`` in order of their instance numbers."""
        if table not in self._rows:
            pattern = row_pattern(self._blueprint.tables[table])
            names = chain(self._values, self._listed)
            found = [match for name in names if (match := pattern.match(name))]
            rows = {Row(tuple(map(int, match.groups())), match[0]) for match in found}
            self._rows[table] = tuple(sorted(rows))
        return self._rows[table]

    def value(self, path: str) -> Value | None:
        """Return what ``path`` holds; None when the device does not have it."""
        return self._values.get(path)

    def locate(self, place: Place, base: str, row: Row | None) -> str | None:
        """Return the path of ``place`` seen from ``row`` of ``base``; None: no such row."""
        if not place.table:
            return place.leaf
        found = self.reach(place.table, base, row)
        return found.path + place.leaf if found else None

    def text(self, place: Place, base: str, row: Row | None) -> str | None:
        """Return the text at ``place``, or None when the device does not have it."""
        path = self.locate(place, base, row)
        value = self._values.get(path) if path else None
        return value.text if value else None

    def reach(self, table: str, base: str, row: Row | None) -> Row | None:
        """Find the row of ``table`` that belongs to ``row`` of ``base``.

        A reference that leads nowhere, or to another table, finds nothing, or the row of the
        number that the blueprint gives it.  Joins form no loop, so this ends.
        """
        if row is None or table == base:
            return row
        tables = self._blueprint.tables
        if tables[base].startswith(tables[table]):
            numbers = row.numbers[: tables[table].count(ROW)]
            return next((r for r in self.rows(table) if r.numbers == numbers), None) or Row(
                numbers, _fill(tables[table], numbers)
            )
        join = self._blueprint.joins[table]
        start = self.reach(join.start, base, row)
        if start is None:
            return None
        reference = self._values.get(start.path + join.reference) if join.reference else None
        for path in reference.text.split(",") if reference else ():
            wanted = path.strip().rstrip(".") + "."
            for candidate in self.rows(table):
                if candidate.path == wanted:
                    return candidate
        number = start.number if join.same_number else join.numbers.get(start.number)
        return next((r for r in self.rows(table) if r.number == number), None)


@lru_cache(maxsize=256)
def row_pattern(table: str) -> re.Pattern[str]:
    """Return the expression that the path of a row of ``table`` begins with."""
    return re.compile(re.escape(table).replace(re.escape(ROW), "([1-9][0-9]{0,9})"))


def _fill(table: str, numbers: tuple[int, ...]) -> str:
    for number in numbers:
        table = table.replace(ROW, str(number), 1)
    return table
