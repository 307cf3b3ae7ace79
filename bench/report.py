"""Medians and noise; a table for people, JSON lines for machines."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from statistics import median

UNIT = "sessions/CPU-second"
_ROW = "{:<22} {:>8} {:<20} {:>9} {:>6}  {}"


@dataclass(slots=True)
class Measured:
    """The rounds of one figure: sessions per CPU-second of the server, and of the echo."""

    name: str
    rates: list[float] = field(default_factory=list)
    baselines: list[float] = field(default_factory=list)

    def add(self, rate: float, baseline: float) -> None:
        """Take one round."""
        self.rates.append(rate)
        self.baselines.append(baseline)

    @property
    def value(self) -> float:
        """Median of the server's rounds."""
        return median(self.rates)

    @property
    def baseline(self) -> float:
        """Median of the echo's rounds."""
        return median(self.baselines)

    @property
    def ratio(self) -> float:
        """The part of the echo that is left: 1 would be a server that costs nothing."""
        return self.value / self.baseline

    @property
    def spread(self) -> str:
        """Least and most of the server's rounds, and of the echo's."""
        ends = [f"{min(each):.0f}..{max(each):.0f}" for each in (self.rates, self.baselines)]
        return f"{ends[0]} (echo {ends[1]})"


def as_json(measured: Measured) -> str:
    """One object on one line."""
    return json.dumps(
        {
            "name": measured.name,
            "value": round(measured.value, 1),
            "unit": UNIT,
            "baseline": round(measured.baseline, 1),
            "ratio": round(measured.ratio, 4),
        }
    )


def heading() -> str:
    """Head of the table."""
    return _ROW.format("name", "value", "unit", "baseline", "ratio", "spread (min..max)")


def as_row(measured: Measured) -> str:
    """One row of the table."""
    return _ROW.format(
        measured.name,
        f"{measured.value:.0f}",
        UNIT,
        f"{measured.baseline:.0f}",
        f"{measured.ratio:.2f}",
        measured.spread,
    )


def table(all_measured: Iterable[Measured]) -> str:
    """The whole table."""
    return "\n".join([heading(), *map(as_row, all_measured)])
