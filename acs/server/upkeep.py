"""What a server does by itself, again and again: it forgets, counts, and advances campaigns."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread

from acs.api import Metrics
from acs.server import campaigns
from acs.server.loops import Loops
from acs.server.recorder import RECORDINGS, prune_recordings
from acs.settings import Settings
from acs.store import campaign_steps
from acs.store.devices import standings_thd
from acs.store.queues import Queues
from acs.store.recordings import expire_thd
from acs.store.retention import Pruned, prune_thd
from acs.store.trees import prune_thd as prune_trees_thd

PRUNE_ROWS = 5_000
"""Rows of a kind that one transaction deletes: everybody else waits meanwhile."""
PRUNE_SECONDS = 600.0
PRUNE_PAUSE_SECONDS = 2.0
CAMPAIGN_SECONDS = 2.0
COUNT_SECONDS = 30.0


class PruneStep(Protocol):
    """One bounded piece of the work."""

    def __call__(self, limit: int, /) -> Deferred[Pruned]:
        """Delete up to ``limit`` rows of each kind."""


async def prune(step: PruneStep, pause: Callable[[], Deferred[None]]) -> None:
    """Delete all history that is too old or too much, with a pause after each piece."""
    while (await step(PRUNE_ROWS)).more:
        await pause()


class Upkeep:
    """The periodic part of what is kept for people."""

    def __init__(self, settings: Settings, queues: Queues, reactor: Any, metrics: Metrics) -> None:
        self._settings = settings
        self._queues = queues
        self._reactor = reactor
        self._metrics = metrics

    def begin(self, loops: Loops) -> None:
        """Begin all of it."""
        loops.every(PRUNE_SECONDS, self._prune)
        loops.every(PRUNE_SECONDS, self._forget_campaigns)
        loops.every(CAMPAIGN_SECONDS, self._advance_campaigns)
        loops.every(COUNT_SECONDS, self._count)

    def _count(self) -> Deferred[Any]:
        counted: Deferred[Any] = self._queues.run("standings", standings_thd)
        return counted.addCallback(self._metrics.devices)

    def _advance_campaigns(self) -> Deferred[None]:
        return Deferred.fromCoroutine(campaigns.advance(self._queues, time.time(), self._metrics))

    def _forget_campaigns(self) -> Deferred[Any]:
        before = time.time() - self._settings.timeline.keep_days * 86_400
        return self._queues.run("forget campaigns", campaign_steps.forget_thd, before, PRUNE_ROWS)

    def _prune(self) -> Deferred[None]:
        keep = self._settings.timeline

        def step(limit: int) -> Deferred[Pruned]:
            return self._queues.run(
                "prune",
                prune_thd,
                time.time(),
                keep.keep_days,
                keep.max_per_device,
                limit,
                notify_days=self._settings.usp.notify_days,
            )

        def pause() -> Deferred[None]:
            return deferLater(self._reactor, PRUNE_PAUSE_SECONDS)

        done = Deferred.fromCoroutine(prune(step, pause))
        return done.addCallback(lambda _: self._prune_trees())

    def _prune_trees(self) -> Deferred[Any]:
        settings = self._settings
        gone: Deferred[Any] = self._queues.run(
            "prune trees", prune_trees_thd, settings.discovery.trees
        )
        gone.addCallback(lambda _: self._queues.run("recordings", expire_thd, time.time()))
        directory = settings.data_dir / RECORDINGS
        return gone.addCallback(
            lambda _: deferToThread(prune_recordings, directory, settings.recording, time.time())
        )
