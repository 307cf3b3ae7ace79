"""The queue between a commit and the workers that send webhooks (Redis, on a real site).

What is put here comes out late, twice, in another order, or never, if that was ordered.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from heapq import heappop, heappush, nsmallest
from random import Random
from threading import Condition
from typing import Any

import msgspec

from simulators.erpnext.webhooks import Delivery

MAX_QUEUED = 10_000
REMEMBERED = 1000
"""Webhooks whose fate `WebhookQueue.shown` still knows."""


class QueueUnavailable(Exception):  # noqa: N818 - a state, not a mistake
    """The queue takes nothing: it is down, or full."""


class Twist(StrEnum):
    """What may happen to a webhook on its way."""

    LOSE = "lose"
    DUPLICATE = "duplicate"
    LATE = "late"
    REORDER = "reorder"
    """Held back until ``count`` are there, which then leave in reverse order."""


class WebhookFault(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What becomes of the next ``count`` webhooks (None: of all, until cleared).

    ``match`` must occur in ``WEBHOOK DOCTYPE/NAME``.  ``seconds`` is for `Twist.LATE`,
    ``copies`` for `Twist.DUPLICATE`: so many are sent in all.
    """

    kind: Twist
    count: int | None = 1
    match: str = ""
    seconds: float = 2.0
    copies: int = 2


@dataclass(frozen=True, slots=True, order=True)
class _Job:
    due: float
    number: int
    delivery: Delivery = field(compare=False)


class WebhookQueue:
    """What waits to be sent; threads may share it.

    ``clock`` gives seconds.  ``delay`` is how long a worker takes to come to a job.  With
    several ``workers`` any of the first so many jobs may come out next; the same ``seed``
    gives the same order.  ``limit`` is ``max_queued_jobs``.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        *,
        delay: float = 0.0,
        workers: int = 1,
        seed: int = 1,
        limit: int = MAX_QUEUED,
    ) -> None:
        self.changed = Condition()
        self.delay = delay
        self.workers = workers
        self._clock = clock
        self._initial_limit = limit
        self._random = Random(seed)
        self.reset()

    def reset(self) -> None:
        """Forget everything, and run without faults."""
        with self.changed:
            self.down = False
            self.stopped = False
            self.limit = self._initial_limit
            self._jobs: list[_Job] = []
            self._held: list[Delivery] = []
            self._faults: list[WebhookFault] = []
            self._number = 0
            self._fates: deque[dict[str, Any]] = deque(maxlen=REMEMBERED)

    def order(self, fault: WebhookFault) -> None:
        """Put a fault in force."""
        with self.changed:
            self._faults.append(fault)

    def clear_faults(self) -> None:
        """Take back all faults; what they hold back goes on its way."""
        with self.changed:
            self._faults.clear()
            self._release()
            self.changed.notify_all()

    def set(
        self,
        *,
        down: bool | None = None,
        stopped: bool | None = None,
        limit: int | None = None,
    ) -> None:
        """Take the queue down or up, stop or start the workers, set the limit."""
        with self.changed:
            self.down = self.down if down is None else down
            self.stopped = self.stopped if stopped is None else stopped
            self.limit = self.limit if limit is None else limit
            self.changed.notify_all()

    def flush(self) -> None:
        """Lose what waits, as a restart of a Redis without persistence does."""
        with self.changed:
            for delivery in [*(job.delivery for job in self._jobs), *self._held]:
                self._remember(delivery, "lost in the queue")
            self._jobs.clear()
            self._held.clear()

    def put(self, deliveries: Iterable[Delivery]) -> None:
        """Queue webhooks.  Raises `QueueUnavailable` when one finds no place."""
        with self.changed:
            waiting = list(deliveries)
            while waiting:
                if self.down or len(self._jobs) + len(self._held) >= self.limit:
                    for delivery in waiting:
                        self._remember(delivery, "lost: no queue")
                    raise QueueUnavailable
                self._accept(waiting.pop(0))
            self.changed.notify_all()

    def take(self) -> Delivery | None:
        """Return the next webhook to send, None when there is none now."""
        with self.changed:
            now = self._clock()
            if self.stopped or self.down or not self._jobs or self._jobs[0].due > now:
                return None
            if self.workers > 1:
                due = [job for job in nsmallest(self.workers, self._jobs) if job.due <= now]
                chosen = self._random.choice(due)
                self._jobs.remove(chosen)
                self._jobs.sort()  # a sorted list is a heap
                return chosen.delivery
            return heappop(self._jobs).delivery

    def wait(self, limit: float) -> None:
        """Block until something may have become due, at most ``limit`` seconds."""
        with self.changed:
            if self._jobs and not self.stopped and not self.down:
                limit = min(limit, self._jobs[0].due - self._clock())
            if limit > 0:
                self.changed.wait(limit)

    def remember(self, delivery: Delivery, fate: str) -> None:
        """Note what became of a webhook."""
        with self.changed:
            self._remember(delivery, fate)

    def note_unrendered(self, webhook: str, reason: str) -> None:
        """Note that a webhook had no body to send."""
        with self.changed:
            self._fates.append({"webhook": webhook, "fate": f"not sent: {reason}"})

    def shown(self) -> dict[str, Any]:
        """Return the state, what waits, and what became of the last ones."""
        with self.changed:
            waiting = [*(job.delivery for job in sorted(self._jobs)), *self._held]
            return {
                "down": self.down,
                "stopped": self.stopped,
                "limit": self.limit,
                "faults": [msgspec.to_builtins(fault) for fault in self._faults],
                "waiting": [_about(delivery) for delivery in waiting],
                "done": list(self._fates),
            }

    def _accept(self, delivery: Delivery) -> None:
        fault = self._strike(delivery)
        match fault.kind if fault else None:
            case Twist.LOSE:
                self._remember(delivery, "lost on demand")
            case Twist.DUPLICATE if fault:
                for _ in range(fault.copies):
                    self._enqueue(delivery)
            case Twist.LATE if fault:
                self._enqueue(delivery, fault.seconds)
            case Twist.REORDER:
                self._held.append(delivery)
                if all(fault.kind is not Twist.REORDER for fault in self._faults):
                    self._release()
            case _:
                self._enqueue(delivery)

    def _strike(self, delivery: Delivery) -> WebhookFault | None:
        line = f"{delivery.webhook} {delivery.doctype}/{delivery.name}"
        for index, fault in enumerate(self._faults):
            if fault.match not in line:
                continue
            if fault.count is not None:
                left = msgspec.structs.replace(fault, count=fault.count - 1)
                self._faults[index : index + 1] = [left] if left.count else []
            return fault
        return None

    def _release(self) -> None:
        for delivery in reversed(self._held):
            self._enqueue(delivery)
        self._held.clear()

    def _enqueue(self, delivery: Delivery, later: float = 0.0) -> None:
        self._number += 1
        due = self._clock() + self.delay + later
        heappush(self._jobs, _Job(due, self._number, delivery))

    def _remember(self, delivery: Delivery, fate: str) -> None:
        self._fates.append({**_about(delivery), "fate": fate})


def _about(delivery: Delivery) -> dict[str, str]:
    return {"webhook": delivery.webhook, "doctype": delivery.doctype, "name": delivery.name}
