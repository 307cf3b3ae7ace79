"""Where devices and equipment differ, worked out in a thread, for one asker or many at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.threads import deferToThreadPool

from acs.devices.reconcile import Finding, reconcile
from acs.store import reconciling
from acs.store.engine import Database

FRESH_SECONDS = 30.0
"""So long an answer is given again: it reads every device and every equipment."""


class Gaps:
    """Finds gaps; belongs to the reactor's thread. ``clock`` gives seconds."""

    def __init__(self, database: Database, reactor: Any, clock: Callable[[], float]) -> None:
        self._database = database
        self._reactor = reactor
        self._clock = clock
        self._found: list[Finding] = []
        self._until = float("-inf")
        self._asked: list[Deferred[list[Finding]]] = []

    def find(self) -> Deferred[list[Finding]]:
        """Return all gaps; who asks while they are looked for gets the same answer."""
        if self._clock() < self._until:
            return succeed(self._found)
        answer: Deferred[list[Finding]] = Deferred()
        self._asked.append(answer)
        if len(self._asked) == 1:
            pool = self._reactor.getThreadPool()
            deferToThreadPool(self._reactor, pool, self._look).addCallbacks(self._take, self._fail)
        return answer

    def _look(self) -> list[Finding]:
        devices = list(reconciling.devices(self._database))
        return list(reconcile(reconciling.entries(self._database), devices))

    def _take(self, found: list[Finding]) -> None:
        self._found = found
        self._until = self._clock() + FRESH_SECONDS
        asked, self._asked = self._asked, []
        for answer in asked:
            answer.callback(found)

    def _fail(self, failure: Any) -> None:
        asked, self._asked = self._asked, []
        for answer in asked:
            answer.errback(failure)
