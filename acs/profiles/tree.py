"""A device's known parameters, seen through the tables and joins of a blueprint.

Instances are found, never assumed: rows are those that have a value, and the row of another
table is reached by reference.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property, lru_cache
from itertools import chain
from typing import NamedTuple

from acs.model import Value
from acs.profiles.blueprint import ROW, Blueprint, Place

MOST_REFERENCES = 16
"""References of one leaf that are followed; a device that names more is followed no further."""
_NAME_LENGTH = 256
"""Characters of a parameter's name (TR-069 A.3.2.1); what lies beyond is no row of a table."""
_NUMBER = re.compile(r"[1-9][0-9]{0,9}")


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
        self._tables: dict[str, _Rows] = {}
        self.looked_at: set[str] = set()
        """Paths whose values somebody wanted to know, whether the device has them or not."""

    def rows(self, table: str) -> tuple[Row, ...]:
        """Return the rows of ``table`` in order of their instance numbers."""
        return self._table(table).in_order

    def _table(self, table: str) -> _Rows:
        if table not in self._tables:
            rows = tuple(sorted(self._find(self._blueprint.tables[table])))
            by_number = {row.number: row for row in reversed(rows)}
            self._tables[table] = _Rows(rows, {row.path: row for row in rows}, by_number)
        return self._tables[table]

    def _find(self, table: str) -> Iterable[Row]:
        general = _general(table)
        found = self._index.get(general, ())
        if general == table:
            return found
        # Numbers that stand in the blueprint are no instance numbers of ours.
        pattern = row_pattern(table)
        matches = (pattern.fullmatch(row.path) for row in found)
        return (Row(tuple(map(int, match.groups())), match[0]) for match in matches if match)

    @cached_property
    def _index(self) -> Mapping[str, Iterable[Row]]:
        """Rows by the general path of their table: each name's way is looked at once for all."""
        names = chain(self._values, self._listed)
        parents = {name[:_NAME_LENGTH].rpartition(".")[0] for name in names}
        index: dict[str, set[Row]] = {}
        for parent in parents:
            for general, row in _rows_on_the_way(parent):
                index.setdefault(general, set()).add(row)
        return index

    def value(self, path: str) -> Value | None:
        """Return what ``path`` holds; None when the device does not have it."""
        self.looked_at.add(path)
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
        value = self.value(path) if path else None
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
            return Row(numbers, _fill(tables[table], numbers))
        join = self._blueprint.joins[table]
        start = self.reach(join.start, base, row)
        if start is None:
            return None
        there = self._table(table)
        reference = self.value(start.path + join.reference) if join.reference else None
        for path in references(reference.text) if reference else ():
            if path in there.by_path:
                return there.by_path[path]
        number = start.number if join.same_number else join.numbers.get(start.number)
        return there.by_number.get(number) if number is not None else None


class _Rows(NamedTuple):
    """The rows of one table; of those with the same number ``by_number`` has the first."""

    in_order: tuple[Row, ...]
    by_path: Mapping[str, Row]
    by_number: Mapping[int, Row]


def references(text: str) -> Iterator[str]:
    """Yield the paths, each with its final dot, that a leaf names: the first of them."""
    for reference in text.split(",", MOST_REFERENCES)[:MOST_REFERENCES]:
        yield reference.strip().rstrip(".") + "."


@lru_cache(maxsize=256)
def row_pattern(table: str) -> re.Pattern[str]:
    """Return the expression that the path of a row of ``table`` begins with."""
    return re.compile(re.escape(table).replace(re.escape(ROW), "([1-9][0-9]{0,9})"))


@lru_cache(maxsize=4096)
def _rows_on_the_way(parent: str) -> tuple[tuple[str, Row], ...]:
    """Return the rows that the object ``parent`` (no final dot) lies in, each with its table.

    Every number counts as an instance number here: ``Device.Hosts.Host.{i}.``.
    """
    rows = []
    path = general = ""
    numbers: tuple[int, ...] = ()
    for part in parent.split("."):
        if part == ROW:
            break  # a device that reports it has no row of this name
        path += f"{part}."
        if _NUMBER.fullmatch(part):
            general += f"{ROW}."
            numbers += (int(part),)
            rows.append((general, Row(numbers, path)))
        else:
            general += f"{part}."
    return tuple(rows)


@lru_cache(maxsize=256)
def _general(table: str) -> str:
    """Return the path of a table with every number as an instance number."""
    return ".".join(ROW if _NUMBER.fullmatch(part) else part for part in table.split("."))


def _fill(table: str, numbers: tuple[int, ...]) -> str:
    for number in numbers:
        table = table.replace(ROW, str(number), 1)
    return table
