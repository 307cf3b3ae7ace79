"""What a device told of a diagnostic: its own leaves and rows, looked up by what they tell."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from acs.profiles.diagnostics.places import DiagnosticPlaces
from acs.profiles.health.measured import count, number

MAX_ROWS = 512
"""Rows of a result that are looked at; of a device that claims more the rest is left out."""
_LONGEST = 256


@dataclass(frozen=True, slots=True)
class Told:
    """One row of results, or what a diagnostic tells outside its table."""

    number: int
    """Place in the table, from 1; 0: outside it."""
    leaves: Mapping[str, str]
    """Text by what it tells."""

    def text(self, name: str) -> str:
        """Text, without blanks around it."""
        return self.leaves.get(name, "").strip()[:_LONGEST]

    def whole(self, name: str) -> int | None:
        """A count; None: it is none."""
        return count(self.leaves.get(name, ""))

    def figure(self, name: str) -> float | None:
        """A number; None: it is none."""
        return number(self.leaves.get(name, ""))

    def listed(self, name: str) -> tuple[str, ...]:
        """Texts of a list with commas (TR-106 3.2.3)."""
        texts = (part.strip() for part in self.leaves.get(name, "").split(","))
        return tuple(text[:_LONGEST] for text in texts if text)[:MAX_ROWS]

    def seconds(self, since: str, until: str) -> float | None:
        """Seconds between two times of the device's clock; None: one is not known."""
        first, last = self._time(since), self._time(until)
        if first is None or last is None or (first.tzinfo is None) != (last.tzinfo is None):
            return None
        return round((last - first).total_seconds(), 6)

    def milliseconds(self, since: str, until: str) -> float | None:
        """Milliseconds between two times, where they make sense."""
        seconds = self.seconds(since, until)
        return round(seconds * 1000, 3) if seconds is not None and seconds >= 0 else None

    def _time(self, name: str) -> datetime | None:
        # The year 1 stands for a time that is not known (TR-106 3.2.1).
        try:
            read = datetime.fromisoformat(self.text(name))
        except ValueError:
            return None
        return read if read.year > 1 else None


def outside(places: DiagnosticPlaces, values: Mapping[str, str]) -> Told:
    """Return what a diagnostic tells outside its table."""
    paths = {name: places.object + leaf for name, leaf in places.results.items()}
    return Told(0, {name: values[path] for name, path in paths.items() if path in values})


def rows(places: DiagnosticPlaces, values: Mapping[str, str]) -> Iterator[Told]:
    """Yield the rows of a diagnostic's table in order of their instance numbers."""
    if not places.table:
        return
    table = places.object + places.table.removesuffix("{i}.")
    pattern = re.compile(re.escape(table) + r"([1-9][0-9]*)\.(.+)")
    what = {leaf: name for name, leaf in places.row.items()}
    found: dict[str, dict[str, str]] = {}
    for path, text in values.items():
        match = pattern.fullmatch(path)
        if match and match[2] in what:
            found.setdefault(match[1], {})[what[match[2]]] = text
    # Not as numbers: a hostile device may send thousands of digits.
    order = sorted(found, key=lambda digits: (len(digits), digits))[:MAX_ROWS]
    for place, digits in enumerate(order, 1):
        yield Told(place, found[digits])
