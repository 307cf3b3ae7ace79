"""Visits of agents that several servers share: one server at a time, by the database's word."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred

from acs.store.errors import StoreError
from acs.store.queues import Queues
from acs.store.usp_claims import claim_thd, release_thd

CLAIM_SECONDS = 120.0
"""A claim lapses after this time when its server has died; a visit renews it before."""


class AgentClaims:
    """Implements `acs.usp.keeping.Claims`."""

    def __init__(self, queues: Queues, holder: str, now: Callable[[], float]) -> None:
        """``holder``: name of this server among those that share; ``now``: epoch seconds."""
        self._queues = queues
        self._holder = holder
        self._now = now

    def take(self, endpoint: str) -> Deferred[bool]:
        """Take or keep the agent; fires with False when another server has it."""
        now = self._now()
        until = now + CLAIM_SECONDS
        return self._queues.run("claim", claim_thd, endpoint, self._holder, now, until)

    def release(self, endpoint: str) -> None:
        """Give it up. Where that fails the claim lapses by itself."""
        released = self._queues.run("release", release_thd, endpoint, self._holder)
        released.addErrback(lambda failure: failure.trap(StoreError))
