"""What a server does by itself, again and again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from twisted.internet.defer import Deferred

from acs.store.retention import Pruned

PRUNE_ROWS = 5_000
"""Rows of a kind that one transaction deletes: everybody else waits meanwhile."""


class PruneStep(Protocol):
    """One bounded piece of the work."""

    def __call__(self, limit: int, /) -> Deferred[Pruned]:
        """Delete up to ``limit`` rows of each kind."""


async def prune(step: PruneStep, pause: Callable[[], Deferred[None]]) -> None:
    """Delete all history that is too old or too much, with a pause after each piece."""
    while (await step(PRUNE_ROWS)).more:
        await pause()
