"""An alarm for each of many units, with a single timer of the reactor behind them."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from typing import Any

_AT_A_TIME = 100
"""Alarms that ring in one turn of the reactor, so that sockets are served in between."""


class Alarm:
    """The alarm of one unit."""

    __slots__ = ("_alarms", "at", "ring")

    def __init__(self, alarms: Alarms, ring: Callable[[], None]) -> None:
        self._alarms = alarms
        self.ring = ring
        self.at: float | None = None
        """When it rings, on the reactor's clock; None: not at all."""

    def set(self, at: float | None) -> None:
        """Ring at second ``at``, soon where that is past, and at no other time any more."""
        if at != self.at:
            self.at = at
            self._alarms.moved(self)


class Alarms:
    """A heap of alarms. Entries that no longer tell when their alarm rings are passed over."""

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self._heap: list[tuple[float, int, Alarm]] = []
        self._pushed = 0
        self._timer: Any = None
        self._timer_at = 0.0

    def make(self, ring: Callable[[], None]) -> Alarm:
        """Return an alarm that calls ``ring``, not set yet."""
        return Alarm(self, ring)

    def moved(self, alarm: Alarm) -> None:
        """Take note of an alarm that was set or cleared."""
        if alarm.at is not None:
            self._pushed += 1
            heappush(self._heap, (alarm.at, self._pushed, alarm))
        self._arm()

    def _ring(self) -> None:
        self._timer = None
        now = self._reactor.seconds()
        for _ in range(_AT_A_TIME):
            self._drop_moved()
            if not self._heap or self._heap[0][0] > now:
                break
            alarm = heappop(self._heap)[2]
            alarm.at = None
            alarm.ring()
        self._arm()

    def _arm(self) -> None:
        self._drop_moved()
        if not self._heap:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            return
        first = self._heap[0][0]
        if self._timer is not None:
            if self._timer_at == first:
                return
            self._timer.cancel()
        self._timer_at = first
        wait = max(0.0, first - self._reactor.seconds())
        self._timer = self._reactor.callLater(wait, self._ring)

    def _drop_moved(self) -> None:
        while self._heap and self._heap[0][2].at != self._heap[0][0]:
            heappop(self._heap)
