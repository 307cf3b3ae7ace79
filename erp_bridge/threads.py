"""A few worker threads for blocking requests, beside the reactor."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from twisted.internet.defer import Deferred, TimeoutError
from twisted.internet.threads import deferToThreadPool
from twisted.python.threadpool import ThreadPool

T = TypeVar("T")

PATIENCE = 3.0
"""Seconds that the end waits for requests under way: a site may hang for much longer."""

_daemon = partial(threading.Thread, daemon=True)


class Threads:
    """``count`` threads at most; each runs one request to ERPNext at a time.

    Requests only read: those that outlast `stop` are given up with the process.
    """

    def __init__(self, reactor: Any, count: int) -> None:
        self._reactor = reactor
        self._pool = ThreadPool(0, count, "erp")
        self._pool.threadFactory = _daemon  # type: ignore[assignment]

    def start(self) -> None:
        """Be ready to work."""
        self._pool.start()

    def run(self, work: Callable[[], T]) -> Deferred[T]:
        """Return a Deferred of what ``work`` returns, done in a thread."""
        return deferToThreadPool(self._reactor, self._pool, work)

    async def stop(self) -> None:
        """Wait for the requests under way, up to `PATIENCE`, without holding up the reactor."""
        ended: Deferred[None] = Deferred()
        _daemon(target=self._end, args=(ended,)).start()
        try:
            await ended.addTimeout(PATIENCE, self._reactor)
        except TimeoutError:
            return

    def _end(self, ended: Deferred[None]) -> None:
        self._pool.stop()
        self._reactor.callFromThread(ended.callback, None)
