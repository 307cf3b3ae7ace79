"""What an agent will do later, without a clock of its own."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from itertools import count


class Timer:
    """Something to be done at a moment; `cancel` calls it off."""

    __slots__ = ("_action", "at")

    def __init__(self, at: float, action: Callable[[float], None]) -> None:
        self.at = at
        self._action: Callable[[float], None] | None = action

    def cancel(self) -> None:
        """Do nothing when the moment comes."""
        self._action = None

    @property
    def live(self) -> bool:
        """Whether it was neither carried out nor called off."""
        return self._action is not None

    def fire(self, now: float) -> None:
        """Carry it out, once."""
        action, self._action = self._action, None
        if action is not None:
            action(now)


class Timers:
    """Moments of one agent, in epoch seconds."""

    __slots__ = ("_heap", "_numbers")

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Timer]] = []
        self._numbers = count()

    def at(self, moment: float, action: Callable[[float], None]) -> Timer:
        """Have ``action`` called with the time when ``moment`` has come."""
        timer = Timer(moment, action)
        heapq.heappush(self._heap, (moment, next(self._numbers), timer))
        return timer

    def due(self) -> float | None:
        """Return the next moment; None when nothing is to be done."""
        while self._heap and not self._heap[0][2].live:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def run(self, now: float) -> None:
        """Carry out what is due, in order; what that adds for now is for the next run."""
        ready = []
        while self._heap and self._heap[0][0] <= now:
            ready.append(heapq.heappop(self._heap)[2])
        for timer in ready:
            timer.fire(now)

    def clear(self) -> None:
        """Call everything off."""
        for _, _, timer in self._heap:
            timer.cancel()
        self._heap.clear()
