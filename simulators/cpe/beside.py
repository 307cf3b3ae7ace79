"""What goes on beside a unit's sessions: transfers of files, changes of software."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from twisted.internet import defer
from twisted.internet.task import deferLater
from twisted.python.failure import Failure

from .device import Ont
from .http import Sessions
from .transfers import State, Transfer


class Beside:
    """Carries out what the ACS asked ``ont`` for in its sessions.

    ``scale`` applies to delays and windows; ``tell`` is told of each transfer that ended;
    ``after`` is called when something ended and the unit may have news.
    """

    def __init__(
        self,
        ont: Ont,
        sessions: Sessions,
        reactor: Any,
        *,
        scale: float,
        tell: Callable[[Transfer], None],
        after: Callable[[], None],
    ) -> None:
        self._ont = ont
        self._sessions = sessions
        self._reactor = reactor
        self._scale = scale
        self._tell = tell
        self._after = after
        self._tasks: dict[object, defer.Deferred[None]] = {}

    def begin(self) -> None:
        """Begin what was asked for and is not under way."""
        for transfer in self._ont.transfers.within(State.WAITING):
            if transfer not in self._tasks:
                self._task(transfer, self._transfer(transfer))
        changes, self._ont.changes[:] = list(self._ont.changes), []
        for change in changes:
            self._task(change, self._sessions.change(self._ont, change))

    def give_up(self) -> None:
        """Break off all that is under way."""
        for task in list(self._tasks.values()):
            task.cancel()

    def _task(self, what: object, work: Coroutine[Any, Any, None]) -> None:
        def over(result: Any) -> None:
            self._tasks.pop(what, None)
            if isinstance(result, Failure):
                result.trap(defer.CancelledError)
            else:
                self._after()

        self._tasks[what] = defer.Deferred()  # holds the place while the work begins
        running = defer.Deferred.fromCoroutine(work)
        if what in self._tasks:
            self._tasks[what] = running
        running.addBoth(over)

    async def _transfer(self, transfer: Transfer) -> None:
        asked = self._reactor.seconds()
        if transfer.windows:
            await self._scheduled_download(transfer, asked)
        else:
            await deferLater(self._reactor, transfer.delay * self._scale)
            await self._carry(transfer)
        if transfer.state is State.DONE:
            self._tell(transfer)

    async def _carry(self, transfer: Transfer) -> None:
        if transfer in self._ont.transfers.queue:
            await self._sessions.transfer(self._ont, transfer)

    async def _scheduled_download(self, transfer: Transfer, asked: float) -> None:
        """Try in each window until the file has come; what is under way at its end is given up."""
        scale, reactor = self._scale, self._reactor
        tries = [w for w in transfer.windows for _ in range(1 + max(0, w.retries))]
        for number, window in enumerate(tries, 1):
            await deferLater(reactor, max(0.0, asked + window.start * scale - reactor.seconds()))
            left = asked + window.end * scale - reactor.seconds()
            if left <= 0:
                continue
            carrying = defer.Deferred.fromCoroutine(self._carry(transfer))
            try:
                await carrying.addTimeout(left, reactor)
            except defer.TimeoutError:
                transfer.state = State.WAITING
            if transfer not in self._ont.transfers.queue:
                return
            if transfer.state is State.DONE and (not transfer.fault or number == len(tries)):
                return
            transfer.state = State.WAITING
        self._sessions.expire(self._ont, transfer)
