"""Medians, noise and aims; a table for people, JSON lines for machines."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import median

from bench.figures import Aim, Figure

_ROW = "{:<30} {:>8} {:<20} {:>9} {:>6}  {:<32} {}"
LEAST_BASELINE = 0.1
"""Of a KiB for each session, one cannot tell a tenth from nothing."""
Fields = Mapping[str, float | str]


@dataclass(slots=True)
class Measured:
    """The rounds of one figure: of the server, and of the echo."""

    figure: Figure
    database: str = "sqlite"
    workers: int = 1
    values: list[float] = field(default_factory=list)
    baselines: list[float] = field(default_factory=list)
    fields: dict[str, float | str] = field(default_factory=dict)
    """What else is told of it."""
    durations: list[float] = field(default_factory=list)
    """Seconds of each session, in a storm."""
    waits: list[float] = field(default_factory=list)
    """Seconds from each unit's first try until it was served, in a storm."""
    at: list[float] = field(default_factory=list)
    """Seconds after the begin of a storm at which each session ended."""

    @property
    def name(self) -> str:
        """Name of the figure."""
        return self.figure.name

    def add(self, value: float, baseline: float) -> None:
        """Take one round."""
        self.values.append(value)
        self.baselines.append(baseline)

    @property
    def label(self) -> str:
        """Its name, with what was measured where that is not what the name says."""
        kind = "" if self.database == "sqlite" else " (pg)"
        units = str(self.fields.get("units", ""))
        told = self.figure.name.rpartition(".")[2]
        scaled = f" (of {units})" if told.isdigit() and units not in ("", told) else ""
        return f"{self.name}{scaled}{kind}"

    @property
    def value(self) -> float:
        """Median of the server's rounds."""
        return median(self.values)

    @property
    def baseline(self) -> float:
        """Median of the echo's rounds."""
        return median(self.baselines)

    @property
    def ratio(self) -> float:
        """Value by baseline: for a speed, the part of the echo's that is left.

        Not a number where the baseline was too little to be measured.
        """
        return self.value / self.baseline if self.baseline >= LEAST_BASELINE else math.nan

    @property
    def spread(self) -> str:
        """Least and most of the server's rounds, and of the echo's."""
        if len(self.values) == 1:
            return ""
        ends = [f"{min(each):.0f}..{max(each):.0f}" for each in (self.values, self.baselines)]
        return f"{ends[0]} (echo {ends[1]})"

    def told(self, name: str) -> float:
        """The value, or one of the other fields."""
        return self.value if name == "value" else float(self.fields[name])


Key = tuple[str, str]
"""Name of a figure and kind of database."""


def verdicts(measured: Measured, others: Mapping[Key, Measured]) -> list[tuple[str, bool]]:
    """What was aimed at, in words, and whether it is reached.

    ``others`` are the figures of the same run; an aim that leans on one which is not there is
    left out.
    """
    found = []
    for aim in measured.figure.aims:
        beside = others.get((aim.of, measured.database))
        if aim.of and beside is None:
            continue
        limit = aim.limit * beside.value if beside else aim.limit
        told = measured.told(aim.field)
        found.append((_words(aim, told), told >= limit if aim.at_least else told <= limit))
    on_sqlite = others.get((measured.name, "sqlite"))
    if measured.database != "sqlite" and on_sqlite and measured.figure.unit.startswith("sessions"):
        share = measured.value / on_sqlite.value
        found.append((f"{share:.0%} of SQLite (aim 70%)", share >= 0.7))
    return found


def _words(aim: Aim, told: float) -> str:
    sign = ">=" if aim.at_least else "<="
    limit = f"{aim.limit:.0%} of {aim.of}" if aim.of else f"{aim.limit:g}"
    if aim.field == "value":
        return f"{sign} {limit}"
    return f"{aim.field} {told:.3g} {sign} {limit}"


def as_json(measured: Measured, others: Mapping[Key, Measured]) -> str:
    """One object on one line."""
    aims = verdicts(measured, others)
    return json.dumps(
        {
            "name": measured.name,
            "value": _rounded(measured.value),
            "unit": measured.figure.unit,
            "baseline": _rounded(measured.baseline),
            "ratio": None if math.isnan(measured.ratio) else round(measured.ratio, 4),
            "min": _rounded(min(measured.values)),
            "max": _rounded(max(measured.values)),
            "database": measured.database,
            "workers": measured.workers,
            "aims": [{"aim": words, "reached": reached} for words, reached in aims],
            **measured.fields,
        }
    )


def heading() -> str:
    """Head of the table."""
    return _ROW.format("name", "value", "unit", "baseline", "ratio", "aim", "spread (min..max)")


def as_row(measured: Measured, others: Mapping[Key, Measured]) -> str:
    """One row of the table; further fields and aims on lines below it."""
    first, *more = [
        f"{words} {'reached' if reached else 'NOT reached'}"
        for words, reached in verdicts(measured, others)
    ] or [""]
    row = _ROW.format(
        measured.label,
        _shown(measured.value),
        measured.figure.unit,
        _shown(measured.baseline),
        "-" if math.isnan(measured.ratio) else f"{measured.ratio:.2f}",
        first,
        measured.spread,
    ).rstrip()
    told = [f"{field}: {value}" for field, value in measured.fields.items()]
    return "\n".join([row, *(f"    {line}" for line in (*more, *told))])


def _shown(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}"


def _rounded(value: float) -> float:
    return round(value, 1 if value >= 100 else 3)
