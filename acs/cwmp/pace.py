"""How often one device may open a session: some at once, then evenly spread."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable

WINDOW = 60.0
"""Seconds over which sessions are counted."""


class Pace:
    """The bound of a minute for each device; bounded itself, who was quiet longest is forgotten.

    ``per_minute`` sessions may be opened at once, after that one each time a share of the minute
    has passed (generic cell rate algorithm, ITU-T I.371: one number is kept for each device).
    """

    REMEMBERED = 20_000

    def __init__(self, per_minute: int) -> None:
        self._step = WINDOW / per_minute
        # When each device would have used up what it did, had it kept the even pace.
        self._used_until: OrderedDict[Hashable, float] = OrderedDict()

    def wait(self, key: Hashable, now: float) -> float:
        """Count a session of ``key`` and return 0.0, or the seconds until it may have another."""
        until = max(self._used_until.pop(key, now), now) + self._step
        over = until - now - WINDOW
        allowed = over <= self._step / 1000  # what rounding adds
        self._used_until[key] = until if allowed else until - self._step
        if len(self._used_until) > self.REMEMBERED:
            self._used_until.popitem(last=False)
        return 0.0 if allowed else over
