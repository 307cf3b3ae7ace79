"""What a crowd went through, counted: sessions, failures by kind, how long they took."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

from .device import Ont
from .misbehaviour import GOOD
from .report import End

_STEP = math.log(1.02)
_LEAST = 1e-5


class Durations:
    """Seconds, kept to two per cent, however many there are."""

    def __init__(self) -> None:
        self._counts: Counter[int] = Counter()
        self.count = 0
        self.longest = 0.0

    def add(self, seconds: float) -> None:
        """Count one."""
        self._counts[math.floor(math.log(max(seconds, _LEAST) / _LEAST) / _STEP)] += 1
        self.count += 1
        self.longest = max(self.longest, seconds)

    def percentile(self, share: float) -> float:
        """Seconds that ``share`` (0 to 1) of all stay below; 0 when there are none."""
        left = share * self.count
        for step in sorted(self._counts):
            left -= self._counts[step]
            if left <= 0:
                return min(self.longest, _LEAST * math.exp(_STEP * (step + 0.5)))
        return self.longest

    def summary(self) -> dict[str, float]:
        """The usual percentiles."""
        shares = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
        return {name: round(self.percentile(share), 4) for name, share in shares.items()} | {
            "longest": round(self.longest, 4)
        }


class Tally:
    """Is told of sessions as an `life.Observer`; units that mean no wrong are counted apart."""

    def __init__(self) -> None:
        self.open = 0
        self.complete = 0
        self.requests = 0
        self.failures: Counter[str] = Counter()
        """Sessions that failed though their unit did nothing wrong, by kind."""
        self.wrongs: Counter[str] = Counter()
        """How sessions of units that were told to do wrong ended, by kind."""
        self.sessions = Durations()
        """Complete ones."""
        self.informs = Durations()

    @property
    def ended(self) -> int:
        """Sessions that ended in any way."""
        return self.complete + self.failures.total() + self.wrongs.total()

    def observe(self, ont: Ont, kind: str, fields: dict[str, Any]) -> None:
        """Take note of what happened to a unit."""
        if kind == "session-start":
            self.open += 1
        if kind != "session-end":
            return
        self.open -= 1
        self.requests += fields["requests"]
        if ont.misbehaviour != GOOD:
            self.wrongs[fields["kind"] or End.COMPLETE.value] += 1
            return
        if fields["kind"]:
            self.failures[fields["kind"]] += 1
        else:
            self.complete += 1
            self.sessions.add(fields["seconds"])
        if fields["inform_seconds"] is not None:
            self.informs.add(fields["inform_seconds"])
