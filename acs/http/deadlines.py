"""The deadlines of all connections of a listener, looked at together.

A delayed call for each connection would cost more than what it guards: connections come and go a
thousand times a second, and hardly one of them is ever late.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from acs.http.clock import Clock

TICK = 1.0
"""Seconds between two looks: so much later than its deadline a connection may be closed."""


class Mortal(Protocol):
    """What has a deadline, on the clock of `Deadlines`; it may be moved by plain assignment."""

    deadline: float

    def expired(self) -> None:
        """The deadline has passed. Called at each look until it is moved or forgotten."""


class Deadlines:
    """Knows who has a deadline. Without anybody there is no timer."""

    def __init__(self, clock: Clock, on_error: Callable[[BaseException], None]) -> None:
        """``on_error`` gets what an `expired` raised, which keeps nobody else waiting."""
        self._clock = clock
        self._on_error = on_error
        # In order of arrival, so that a look goes the same way each time.
        self._watched: dict[Mortal, None] = {}
        self._ticking = False

    def watch(self, one: Mortal) -> None:
        """Look at ``one`` from now on."""
        self._watched[one] = None
        if not self._ticking:
            self._ticking = True
            self._clock.callLater(TICK, self._look)

    def forget(self, one: Mortal) -> None:
        """Look at ``one`` no more; it need not be known."""
        self._watched.pop(one, None)

    def _look(self) -> None:
        now = self._clock.seconds()
        for one in [one for one in self._watched if one.deadline <= now]:
            try:
                one.expired()
            except Exception as error:
                self._on_error(error)
        self._ticking = bool(self._watched)
        if self._ticking:
            self._clock.callLater(TICK, self._look)
