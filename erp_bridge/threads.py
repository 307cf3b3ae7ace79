"""A few worker threads for blocking requests, beside the reactor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThreadPool
from twisted.python.threadpool import ThreadPool

T = TypeVar("T")


class Threads:
    """``count`` threads at most; each runs one request to ERPNext at a time."""

    def __init__(self, reactor: Any, count: int) -> None:
        self._reactor = reactor
        self._pool = ThreadPool(0, count, "erp")

    def start(self) -> None:
        """Be ready to work."""
        self._pool.start()

    def run(self, work: Callable[[], T]) -> Deferred[T]:
        """Return a Deferred of what ``work`` returns, done in a thread."""
        return deferToThreadPool(self._reactor, self._pool, work)

    async def stop(self) -> None:
        """Wait for the requests under way, without holding up the reactor."""
        await deferToThreadPool(self._reactor, self._reactor.getThreadPool(), self._pool.stop)
