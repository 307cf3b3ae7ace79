"""Optical power in dBm, whatever unit a device writes it in, and what to think of it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from acs.profiles.health.measured import EMPTY, Figure, number

LEAST, MOST = -50.0, 10.0
"""dBm. Nothing a PON transceiver measures is outside; a figure that is has another unit."""
_STRONGEST_DBM = 8.0
_WEAKEST_DBM = -100.0


class PowerUnit(StrEnum):
    """Units in which devices write optical power."""

    TENTH_MICROWATT = "0.1uW"
    """Positive; a negative figure in its place is dBm already."""
    MILLI_DBM = "0.001dBm"
    """Dbm1000 of TR-181."""
    TENTH_DBM = "0.1dBm"
    """Transceiver of TR-181 XPON."""
    DBM = "dBm"
    """A number, or a text such as ``-23 dBm``."""
    AUTO = "auto"
    """Not known: told by sign and size."""


class Light(StrEnum):
    """What a receive power says."""

    GOOD = "good"
    TOO_STRONG = "too strong"
    WARNING = "weak"
    BAD = "too weak"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Limits in dBm; a limit itself is still on the good side of it."""

    high: float = -8.0
    """Receive power above which the light is too strong."""
    warning: float = -23.0
    """Below which it is weak."""
    low: float = -25.0
    """Below which it is too weak."""
    signal: float = -75.0
    """Signal of a Wi-Fi station below which people notice; our own choice."""

    def __post_init__(self) -> None:
        if not self.high > self.warning > self.low:
            raise ValueError("limits of the receive power must fall: high, warning, low")

    def judge(self, dbm: float | None) -> Light:
        """Say what a receive power means."""
        if dbm is None:
            return Light.UNKNOWN
        if dbm > self.high:
            return Light.TOO_STRONG
        if dbm >= self.warning:
            return Light.GOOD
        return Light.WARNING if dbm >= self.low else Light.BAD


def power(text: str, unit: PowerUnit) -> Figure:
    """Convert optical power to dBm, to a hundredth.

    0 is no light or nothing measured, never minus infinity.  A figure outside −50 to +10 dBm
    after scaling is refused rather than shown.
    """
    text = text.strip()
    if text.casefold().endswith("dbm"):
        text, unit = text[:-3], PowerUnit.DBM
    if not text.strip():
        return Figure(None, EMPTY)
    read = number(text)
    if read is None:
        return Figure(None, "not a number")
    if read == 0:
        return Figure(None, "reads 0: no light, or not measured")
    dbm = round(_dbm(read, unit), 2)
    if not LEAST <= dbm <= MOST:
        return Figure(
            None, f"refused: {dbm:g} dBm is not between {LEAST:g} and {MOST:g}; the unit is another"
        )
    return Figure(dbm)


def _dbm(read: float, unit: PowerUnit) -> float:
    match unit:
        case PowerUnit.TENTH_MICROWATT:
            return 10 * math.log10(read / 10_000) if read > 0 else read
        case PowerUnit.MILLI_DBM:
            return read / 1000
        case PowerUnit.TENTH_DBM:
            return read / 10
        case PowerUnit.DBM:
            return read
        case PowerUnit.AUTO:
            return _dbm(read, _likely(read))


def _likely(read: float) -> PowerUnit:
    if read > _STRONGEST_DBM:
        return PowerUnit.TENTH_MICROWATT
    return PowerUnit.MILLI_DBM if read < _WEAKEST_DBM else PowerUnit.DBM
