"""What a device reported, looked up by the tables and leaves of its health places."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from acs.profiles.blueprint import ROW
from acs.profiles.health.measured import Figure, Reading, count
from acs.profiles.health.places import RowPlaces
from acs.profiles.tree import row_pattern

MAX_ROWS = 512
"""Rows of one table that are looked at; of a device that claims more the rest is left out."""


@dataclass(frozen=True, slots=True)
class Reported:
    """Values by path, and when they were read."""

    values: Mapping[str, str]
    at: float
    times: Mapping[str, float] = field(default_factory=dict)
    """When a value was read that is not of ``at``."""

    def reading(self, path: str, *, unit: str = "", note: str = "") -> Reading:
        """Return what ``path`` holds, as text."""
        raw = self.values.get(path)
        if raw is None:
            return Reading(note="the device does not tell")
        value = raw.strip() or None
        return Reading(value, unit, path, raw, note, self.times.get(path, self.at))

    def figure(self, path: str, figure: Figure, unit: str, note: str = "") -> Reading:
        """Return what ``path`` holds as the figure it was converted to."""
        notes = "; ".join(filter(None, (figure.note, note)))
        return replace(self.reading(path, unit=unit, note=notes), value=figure.value)

    def counted(self, path: str, unit: str, note: str = "") -> Reading:
        """Return the count or the number of seconds that ``path`` holds."""
        found = self.reading(path, unit=unit, note=note)
        return replace(found, value=count(found.raw)) if found.path else found

    def rows(self, table: str) -> Iterator[ReportedRow]:
        """Yield the rows of ``table`` in order of their instance numbers."""
        pattern = row_pattern(table)
        found: dict[str, tuple[tuple[int, str], ...]] = {}
        times: dict[str, float] = {}
        for path in self.values:
            if match := pattern.match(path):
                # Not as numbers: a hostile device may send thousands of digits.
                found[match[0]] = tuple((len(digits), digits) for digits in match.groups())
                at = self.times.get(path, self.at)
                times[match[0]] = min(at, times.get(match[0], at))
        for row in sorted(found, key=found.__getitem__)[:MAX_ROWS]:
            yield ReportedRow(self, row, times[row])


@dataclass(frozen=True, slots=True)
class ReportedRow:
    """A row of a table."""

    reported: Reported
    path: str
    """With the final dot."""
    at: float
    """When the oldest of its values was read."""

    def leaf(self, places: RowPlaces, name: str) -> str:
        """Return the path of what tells ``name``, or empty when the row does not tell."""
        for leaf in places.leaves.get(name, ()):
            if self.path + leaf in self.reported.values:
                return self.path + leaf
        return ""

    def text(self, places: RowPlaces, name: str) -> str:
        """Return what tells ``name`` as text, or empty."""
        return self.reported.values.get(self.leaf(places, name), "").strip()

    def all(self, places: RowPlaces, name: str) -> Iterator[str]:
        """Yield the paths of all that tell ``name``, rows inside this row among them."""
        for leaf in places.leaves.get(name, ()):
            if ROW not in leaf:
                if self.path + leaf in self.reported.values:
                    yield self.path + leaf
                continue
            pattern = re.compile(
                re.escape(self.path) + re.escape(leaf).replace(re.escape(ROW), "[1-9][0-9]*")
            )
            yield from (
                path
                for path in self.reported.values
                if path.startswith(self.path) and pattern.fullmatch(path)
            )
