"""Periodic work: one failure is told, and the loop goes on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.task import LoopingCall

Work = Callable[[], Deferred[Any] | None]
Bug = Callable[[str, BaseException | None], None]
"""Is told where something went wrong, and what."""


class Loops:
    """Work that is begun together and ends together."""

    def __init__(self, reactor: Any, bug: Bug) -> None:
        """``reactor`` is an IReactorTime."""
        self._reactor = reactor
        self._bug = bug
        self._running: list[LoopingCall] = []

    @property
    def are_running(self) -> bool:
        """True between the first `every` and `stop`."""
        return bool(self._running)

    def every(self, seconds: float, work: Work, *, now: bool = False) -> None:
        """Do ``work`` every so many seconds, or after it has ended where it takes longer."""

        def fenced() -> Deferred[Any]:
            done: Deferred[Any] = maybeDeferred(work)
            return done.addErrback(lambda failure: self._bug("periodic work", failure.value))

        loop = LoopingCall(fenced)
        loop.clock = self._reactor
        loop.start(seconds, now=now)
        self._running.append(loop)

    def stop(self) -> None:
        """Begin nothing any more; what is under way ends by itself."""
        running, self._running = self._running, []
        for loop in running:
            loop.stop()
