"""Subscribers are told what happened: a duty of one server.

News becomes deliveries, and each subscriber is told its own one after the other, in order. Who is
killed between an answer and its record tells it again, under the same id; see docs/events.md.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection
from twisted.internet.defer import CancelledError, Deferred, DeferredList, DeferredSemaphore
from twisted.internet.task import deferLater
from twisted.python.failure import Failure

from acs.api.metrics import Metrics
from acs.api.status import Part, State
from acs.devices.safety import Safety
from acs.events import message, signing
from acs.events.choosing import host_of
from acs.events.retrying import Answer, Fate, Verdict, judge
from acs.events.sender import Sender
from acs.log import get_logger
from acs.settings import EventsSettings
from acs.store import events, subscribers
from acs.store.events import Delivery, DeliveryState, Figures
from acs.store.queues import Queues
from acs.store.subscribers import Subscriber

log = get_logger("acs.events")

LOOK_SECONDS = 0.5
"""How often is looked for news, and for what is to be tried again."""
PIECES = 500
"""News that one transaction makes deliveries of, or forgets."""
BATCH = 10
"""Deliveries of a subscriber that are read together."""
COUNT_SECONDS = 15.0
PRUNE_PAUSE_SECONDS = 1.0
LONG_SECONDS = 3600.0
"""A subscriber that cannot be told for so long is for a person to look at."""
LATELY_SECONDS = 86_400.0
"""Dead letters from before are known by now."""
GRACE_SECONDS = 2.0
"""How long what is being sent may take to end when the server stops."""


class Events:
    """Makes deliveries of news and sends them; call `work` every `LOOK_SECONDS`."""

    def __init__(
        self,
        settings: EventsSettings,
        safety: Safety,
        queues: Queues,
        reactor: Any,
        metrics: Metrics,
    ) -> None:
        self._settings = settings
        self._safety = safety
        self._queues = queues
        self._reactor = reactor
        self._sender = Sender(reactor, settings.timeout)
        # First come, first served: no subscriber takes the turns of the others.
        self._turns = DeferredSemaphore(settings.parallel)
        self._told: dict[int, Deferred[None]] = {}
        self._is_resting = False
        self._figures = Figures()
        self._counted_at = 0.0
        self._count = metrics.counter("events", "Outgoing events, by what came of a try.", "result")
        metrics.watch("events_open", "Events still to be delivered.", lambda: self._figures.open)
        metrics.watch("events_dead", "Events that were given up.", lambda: self._figures.dead)
        metrics.watch("events_oldest_seconds", "How long the oldest waits.", self._oldest_seconds)

    async def work(self) -> None:
        """Make deliveries of what is new, and tell each subscriber that has something due."""
        self._is_resting = False
        while await self._queues.run("events", events.derive_thd, time.time(), PIECES) == PIECES:
            pass
        await self._count_some()
        for subscriber_id in await self._queues.run("events", events.ready_thd, time.time()):
            if subscriber_id not in self._told and not self._is_resting:
                self._begin(subscriber_id)

    async def prune(self) -> None:
        """Forget news and deliveries that are too old."""
        before = time.time() - self._settings.keep_days * 86_400
        while await self._queues.run("prune events", events.prune_thd, before, PIECES) == PIECES:
            await deferLater(self._reactor, PRUNE_PAUSE_SECONDS)

    def rest(self) -> None:
        """Begin no further delivery until `work` is called again."""
        self._is_resting = True
        # Whoever has the duty now knows better.
        self._figures, self._counted_at = Figures(), 0.0

    async def stop(self) -> None:
        """Rest; what is being sent has a moment to end, and is else sent again some day."""
        self.rest()
        ended = DeferredList(list(self._told.values()))
        ended.addTimeout(GRACE_SECONDS, self._reactor, lambda _result, _timeout: None)
        await ended
        for telling in list(self._told.values()):
            telling.cancel()

    def health(self) -> Part:
        """Degraded while a subscriber cannot be told for long, and for a day after a dead letter.

        Names hosts only: the path of a URL may be secret.
        """
        found = self._figures
        said = [
            f"{host_of(trouble.url)} could not be told for an hour (acs events log)"
            for trouble in found.troubles
        ]
        if found.died_lately:
            said.append(f"{found.died_lately} events were given up lately (acs events dead)")
        return Part(State.DEGRADED, "; ".join(said)) if said else Part(State.OK)

    def _oldest_seconds(self) -> float:
        oldest = self._figures.oldest_open_at
        return max(time.time() - oldest, 0.0) if oldest else 0.0

    async def _count_some(self) -> None:
        if self._reactor.seconds() < self._counted_at + COUNT_SECONDS and self._counted_at:
            return
        self._counted_at = self._reactor.seconds()
        now = time.time()
        self._figures = await self._queues.run(
            "events", events.figures_thd, now - LATELY_SECONDS, now - LONG_SECONDS
        )

    # --- one subscriber ----------------------------------------------------------------

    def _begin(self, subscriber_id: int) -> None:
        def over(result: Any) -> None:
            del self._told[subscriber_id]
            if isinstance(result, Failure) and not result.check(CancelledError):
                log.error("telling a subscriber failed", error=repr(result.value))

        telling = Deferred.fromCoroutine(self._tell(subscriber_id))
        self._told[subscriber_id] = telling
        telling.addBoth(over)

    async def _tell(self, subscriber_id: int) -> None:
        """Tell a subscriber all that is due, one after the other."""
        while not self._is_resting:
            due = await self._queues.run(
                "events", events.due_thd, subscriber_id, time.time(), BATCH
            )
            if due is None or not due[1]:
                return
            subscriber, deliveries = due
            for delivery in await self._without_withheld(deliveries):
                if self._is_resting or not await self._deliver(subscriber, delivery):
                    break

    async def _without_withheld(self, deliveries: Sequence[Delivery]) -> list[Delivery]:
        """Keep which of these may not leave; return the others."""
        free = []
        withheld: dict[str, list[int]] = {}
        for each in deliveries:
            if reason := self._safety.withheld(each.news.subject, each.customer, each.tags):
                withheld.setdefault(reason, []).append(each.id)
            else:
                free.append(each)
        for reason, ids in withheld.items():
            self._count.add("withheld", len(ids))
            await self._queues.run(
                "events",
                events.settle_thd,
                ids,
                DeliveryState.WITHHELD,
                time.time(),
                error=reason,
            )
        return free

    async def _deliver(self, subscriber: Subscriber, delivery: Delivery) -> bool:
        """Send one event and keep what came of it; False: the next one is not to follow."""
        await self._turns.acquire()
        try:
            answer = await self._post(subscriber, delivery)
        finally:
            self._turns.release()
        verdict = judge(answer, delivery.attempts + 1, self._settings.attempts)
        self._tell_log(subscriber, delivery, answer, verdict)
        await self._queues.run(
            "events", keep_thd, subscriber.id, delivery, answer, verdict, time.time()
        )
        return verdict.fate is Fate.DELIVERED

    async def _post(self, subscriber: Subscriber, delivery: Delivery) -> Answer:
        piece = delivery.news
        body = message.body(
            piece.kind,
            piece.at,
            text=piece.text,
            device=piece.subject,
            equipment=piece.equipment,
            detail={**piece.detail, "customer": delivery.customer},
        )
        headers = signing.headers(
            subscriber.secret, message.message_id(piece.id, piece.at), time.time(), body
        )
        return await self._sender.post(
            subscriber.url, headers, body, allow_http=subscriber.allow_http
        )

    def _tell_log(
        self, subscriber: Subscriber, delivery: Delivery, answer: Answer, verdict: Verdict
    ) -> None:
        what = {
            "host": host_of(subscriber.url),
            "kind": delivery.news.kind,
            "delivery": delivery.id,
            "attempts": delivery.attempts + 1,
        }
        match verdict.fate:
            case Fate.DELIVERED:
                self._count.add("delivered")
                log.debug("event delivered", **what)
            case Fate.AGAIN:
                self._count.add("failed")
                log.warning("event failed", error=answer.told, again_in=verdict.pause, **what)
            case Fate.DEAD:
                self._count.add("dead")
                log.error("event given up", error=answer.told, **what)
            case Fate.UNWANTED:
                self._count.add("unwanted")
                log.error("subscriber paused: it wants no more events (410)", **what)


def keep_thd(
    conn: Connection,
    subscriber_id: int,
    delivery: Delivery,
    answer: Answer,
    verdict: Verdict,
    now: float,
) -> None:
    """Keep what came of one try, and what follows for its subscriber."""
    ids, tried = [delivery.id], delivery.attempts + 1
    match verdict.fate:
        case Fate.DELIVERED:
            done = DeliveryState.DELIVERED
            events.settle_thd(conn, ids, done, now, attempts=delivery.attempts)
            if delivery.attempts:
                # It is back: what else failed need not wait any longer.
                events.hasten_thd(conn, subscriber_id, now)
        case Fate.AGAIN | Fate.UNWANTED:
            events.settle_thd(
                conn,
                ids,
                DeliveryState.FAILING,
                now,
                attempts=tried,
                next_at=now + verdict.pause,
                error=answer.told,
            )
            if verdict.fate is Fate.UNWANTED:
                reason = "it answered 410: it wants no more events"
                subscribers.enable_thd(conn, subscriber_id, enabled=False, reason=reason)
        case Fate.DEAD:
            events.settle_thd(conn, ids, DeliveryState.DEAD, now, attempts=tried, error=answer.told)
