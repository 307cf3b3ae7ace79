"""What comes by the hundred, written together: who waits for a commit rides along with the next."""

from __future__ import annotations

from collections.abc import Callable
from typing import final

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from acs.store import inbox
from acs.store.errors import Overloaded
from acs.store.inbox import Arrival
from acs.store.queues import Queues

MOST = 2000
"""Arrivals that may wait for their commit."""
_TOGETHER = 200


@final
class Intake:
    """Puts arrivals into the inbox, many at once. ``now`` gives epoch seconds."""

    def __init__(self, queues: Queues, now: Callable[[], float]) -> None:
        self._queues = queues
        self._now = now
        self._waiting: list[tuple[Arrival, Deferred[bool]]] = []
        self._is_writing = False

    async def take(self, arrival: Arrival) -> bool:
        """Return once it is durable: whether it is new. Raises `acs.store.errors.StoreError`."""
        if len(self._waiting) >= MOST:
            raise Overloaded(f"{MOST} webhooks wait to be written")
        answer: Deferred[bool] = Deferred()
        self._waiting.append((arrival, answer))
        self._write()
        return await answer

    def _write(self) -> None:
        if self._is_writing or not self._waiting:
            return
        self._is_writing = True
        batch, self._waiting = self._waiting[:_TOGETHER], self._waiting[_TOGETHER:]
        arrivals = [arrival for arrival, _ in batch]
        written = self._queues.run("webhooks", inbox.add_thd, arrivals, self._now())

        def over(outcome: list[bool] | Failure) -> None:
            self._is_writing = False
            self._write()
            if isinstance(outcome, Failure):
                for _, answer in batch:
                    answer.errback(outcome)
            else:
                for (_, answer), is_new in zip(batch, outcome, strict=True):
                    answer.callback(is_new)

        written.addBoth(over)
