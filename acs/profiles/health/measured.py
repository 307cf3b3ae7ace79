"""Figures as devices write them, turned into physical units; what cannot be one is kept as text.

No figure is guessed: what is empty, 0 where 0 means nothing, or outside what the thing measured
can be, has no value, and a note says why.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

_NUMBER = re.compile(r"[-+]?[0-9]{1,12}(?:[.,][0-9]{1,9})?")
_COUNT = re.compile(r"[0-9]{1,20}")
_TRUE = frozenset(("1", "true", "enabled", "up", "yes"))
_FALSE = frozenset(("0", "false", "disabled", "down", "no"))


@dataclass(frozen=True, slots=True)
class Reading:
    """One value with its unit, and where and when it was read."""

    value: float | int | str | None = None
    """None: not known; ``note`` says why."""
    unit: str = ""
    path: str = ""
    """Parameter it was read from; empty: the device has none of those that could tell."""
    raw: str = ""
    """As the device wrote it."""
    note: str = ""
    at: float = 0.0
    """When it was read, epoch seconds."""


class Figure(NamedTuple):
    """A converted value, or None and the reason in ``note``."""

    value: float | None
    note: str = ""


class Scale(NamedTuple):
    """How a figure becomes its physical unit, and between which bounds it can be one."""

    factor: float
    digits: int
    least: float
    most: float


EMPTY = "empty: unknown"
ZERO = "reads 0: not measured"

TEMPERATURE: Mapping[str, Scale] = {
    "C": Scale(1, 1, -60, 150),
    "C/256": Scale(1 / 256, 1, -60, 150),
}
"""Degrees Celsius of a transceiver, by the unit that is read (SFF-8472 writes 1/256 °C)."""
VOLTAGE: Mapping[str, Scale] = {
    "V": Scale(1, 3, 0.5, 15),
    "mV": Scale(1 / 1000, 3, 0.5, 15),
}
"""Supply in volts, by the unit that is read."""
BIAS: Mapping[str, Scale] = {
    "mA": Scale(1, 1, 0, 250),
    "uA": Scale(1 / 1000, 1, 0, 250),
    "2uA": Scale(2 / 1000, 1, 0, 250),
}
"""Bias current of the laser in mA, by the unit that is read (SFF-8472 writes 2 µA)."""


def number(text: str) -> float | None:
    """Read a decimal number, with a point or a comma; None: it is none, or absurdly long."""
    text = text.strip()
    return float(text.replace(",", ".")) if _NUMBER.fullmatch(text) else None


def scaled(text: str, scale: Scale) -> Figure:
    """Convert a figure of a transceiver; 0 says that nothing is measured."""
    if not text.strip():
        return Figure(None, EMPTY)
    read = number(text)
    if read is None:
        return Figure(None, "not a number")
    if read == 0:
        return Figure(None, ZERO)
    value = round(read * scale.factor, scale.digits)
    if not scale.least <= value <= scale.most:
        return Figure(None, f"refused: {value:g} is not between {scale.least:g} and {scale.most:g}")
    return Figure(value)


def count(text: str) -> int | None:
    """Read a count or a number of seconds; None: it is none."""
    text = text.strip()
    return int(text) if _COUNT.fullmatch(text) else None


def flag(text: str) -> bool | None:
    """Read a switch, in any of the words devices use; None: it is none."""
    word = text.strip().casefold()
    return True if word in _TRUE else False if word in _FALSE else None
