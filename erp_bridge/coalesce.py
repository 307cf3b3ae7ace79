"""Gather single questions into batches: many sessions ask, few queries go out."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from typing import Any, Generic, TypeVar

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Full(Exception):  # noqa: N818 - an answer, not a mistake
    """Too many questions wait already."""


class Coalescer(Generic[K, V]):
    """Answers questions by running ``run`` on batches of them. Belongs to the reactor's thread.

    ``reactor`` is an IReactorTime. ``run`` takes distinct keys and returns a Deferred of a
    mapping that answers every one of them. A batch goes out ``wait`` seconds after its first
    question, or when it has ``size`` questions; ``parallel`` batches at a time, the rest waits,
    ``waiting`` questions at most. A question that is already asked, waiting or under way, is
    not asked twice.

    Where questions come fast, a batch waits longer, ``longest`` seconds at most: as many times
    ``wait`` as the batch before had questions. So the more is asked, the fewer batches go out.
    """

    def __init__(
        self,
        reactor: Any,
        run: Callable[[tuple[K, ...]], Deferred[Mapping[K, V]]],
        *,
        wait: float,
        size: int,
        parallel: int,
        waiting: int,
        longest: float = 0.0,
    ) -> None:
        self._reactor = reactor
        self._run = run
        self._wait = wait
        self._size = size
        self._parallel = parallel
        self._waiting = waiting
        self._longest = max(longest, wait)
        self._last_size = 1
        self._last_at = float("-inf")
        self._queue: OrderedDict[K, list[Deferred[V]]] = OrderedDict()
        self._under_way: dict[K, list[Deferred[V]]] = {}
        self._running = 0
        self._timer: Any = None

    def ask(self, key: K) -> Deferred[V]:
        """Return a Deferred of the answer to ``key``; it fails as its batch fails.

        Cancelling it gives up the answer, not the question. Raises `Full`.
        """
        askers = self._under_way.get(key, self._queue.get(key))
        if askers is None:
            if len(self._queue) >= self._waiting:
                raise Full
            askers = self._queue[key] = []
        answer: Deferred[V] = Deferred(askers.remove)
        askers.append(answer)
        self._schedule()
        return answer

    def wants(self, key: K) -> bool:
        """Tell whether ``key`` is asked for right now."""
        return key in self._queue or key in self._under_way

    @property
    def is_busy(self) -> bool:
        """True while a question waits or is under way."""
        return bool(self._queue or self._under_way)

    def stop(self) -> None:
        """Send no more batches; what waits is never answered."""
        self._parallel = 0
        self._queue.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _schedule(self) -> None:
        if self._running >= self._parallel or not self._queue:
            return
        if len(self._queue) >= self._size:
            self._flush()
        elif self._timer is None:
            self._timer = self._reactor.callLater(self._patience(), self._on_time)

    def _patience(self) -> float:
        lately = self._reactor.seconds() - self._last_at <= self._longest
        return min(self._wait * self._last_size, self._longest) if lately else self._wait

    def _on_time(self) -> None:
        self._timer = None
        self._flush()

    def _flush(self) -> None:
        if self._running >= self._parallel or not self._queue:
            return
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        count = min(self._size, len(self._queue))
        batch = dict(self._queue.popitem(last=False) for _ in range(count))
        self._last_size = count
        self._last_at = self._reactor.seconds()
        self._under_way |= batch
        self._running += 1
        self._run(tuple(batch)).addBoth(self._answer, batch)
        self._schedule()

    def _answer(
        self, outcome: Mapping[K, V] | Failure, batch: Mapping[K, list[Deferred[V]]]
    ) -> None:
        all_busy = self._running >= self._parallel
        self._running -= 1
        for key in batch:
            del self._under_way[key]
        for key, askers in batch.items():
            for asker in tuple(askers):
                if asker.called:
                    continue
                if isinstance(outcome, Failure):
                    asker.errback(outcome)
                else:
                    asker.callback(outcome[key])
        if all_busy:
            self._flush()
        else:
            self._schedule()
