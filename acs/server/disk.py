"""How little room the disk may have, and what is given up for it, in which order.

History goes first, the oldest before the newer; then old log files; then the log falls silent
but for warnings. Devices, credentials, wishes, open jobs, the latest proofs and files stay.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import IntEnum

_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}
_BINARY = {"": 1, "k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40}
_MARK = re.compile(r"(\d+(?:\.\d+)?)\s*(?:(%)|([kmgt]?)(i?)b?)", re.I)
_BACK = 1.1
"""Room above a mark, as a multiple of it, from which it is passed again: no to and fro."""
_SPARE = 64 * 2**20
"""Octets free within the database with which it does without the disk for a long while."""
_PART = 0.25
"""Share of a small disk that a mark in octets is at most: else it would be low when empty."""
_LEAST_DAYS = 1.0
"""Days of history that are kept while the disk is low; none when it is critical."""


class Level(IntEnum):
    """How the disk is."""

    AMPLE = 0
    LOW = 1
    """History and old logs are given up."""
    CRITICAL = 2
    """All of both, and the log is silent but for warnings."""


@dataclass(frozen=True, slots=True)
class Room:
    """What a disk has, in octets."""

    free: int
    total: int


@dataclass(frozen=True, slots=True)
class Mark:
    """An amount of room: octets, or a share of the whole."""

    octets: float = 0.0
    share: float = 0.0

    @classmethod
    def parse(cls, text: str) -> Mark:
        """Read ``5%``, ``1 GB`` or ``500 MiB``. Raises ValueError with what is expected."""
        read = _MARK.fullmatch(text.strip())
        if read is None:
            raise ValueError(f'{text!r} is no amount of disk; write one like "5%" or "1 GB"')
        number, percent, unit, binary = read.groups()
        if percent:
            return cls(share=float(number) / 100)
        return cls(octets=float(number) * (_BINARY if binary else _UNITS)[unit.lower()])

    def of(self, room: Room) -> float:
        """The amount in octets on this disk; a share is taken at its word."""
        return max(min(self.octets, _PART * room.total), self.share * room.total)


@dataclass(frozen=True, slots=True)
class Marks:
    """Below which room the disk is low, and critical."""

    low: Mark
    critical: Mark

    def judge(self, room: Room, before: Level) -> Level:
        """How the disk is now; a better level is reached only with some room to spare."""
        return max(self._level(room, 1.0), min(before, self._level(room, _BACK)))

    def _level(self, room: Room, times: float) -> Level:
        if room.free < times * self.critical.of(room):
            return Level.CRITICAL
        if room.free < times * self.low.of(room):
            return Level.LOW
        return Level.AMPLE


@dataclass(frozen=True, slots=True)
class Shed:
    """What is given up in one pass."""

    keep_days: float | None
    """History older than this; None: none."""
    trees: int
    """Whole trees kept of each device; 0: as set."""
    recordings: bool
    old_logs: bool


def shed(level: Level, passes: int, keep_days: float, spare: int | None) -> Shed | None:
    """Say what to give up now; None: nothing.

    ``passes``: how many were made since the disk was ample, each of which halves the days that are
    kept. ``keep_days``: what is kept otherwise. ``spare``: octets free within the database's file;
    None: the database lies elsewhere, and its history takes nothing from this disk.
    """
    if level is Level.AMPLE:
        return None
    least = 0.0 if level is Level.CRITICAL else _LEAST_DAYS
    days = max(least, keep_days / 2.0 ** (passes + 1))
    if level is Level.CRITICAL and passes >= 8:
        days = 0.0
    history = spare is not None and spare < _SPARE
    return Shed(
        keep_days=days if history else None,
        trees=1 if history else 0,
        recordings=True,
        # The one before the current is often what tells why the disk is full.
        old_logs=level is Level.CRITICAL or passes > 0,
    )
