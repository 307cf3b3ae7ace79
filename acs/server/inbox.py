"""Webhooks as a duty of the server: looked for often, worked off at once, waiting while it must."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Collection, Sequence
from functools import partial
from typing import Any

from sqlalchemy import Connection, func, select, update
from twisted.internet.defer import CancelledError, Deferred

from acs.api import Metrics
from acs.log import get_logger
from acs.settings import ErpSettings
from acs.store import equipment, inbox
from acs.store.inbox import InboxRow, InboxState, Settled
from acs.store.queues import Queues
from acs.store.tables import inbox as table
from erp_bridge.asking import Asker
from erp_bridge.errors import ErpError
from erp_bridge.inbox import InboxWorker, Kind, Worked
from erp_bridge.lookup import Lookup
from erp_bridge.mapping import Mapping
from erp_bridge.source import ErpSource

log = get_logger("acs.erp")

LOOK_SECONDS = 0.1
"""How often is looked for webhooks: another process may have taken them."""
IDLE_SECONDS = 2.0
"""The same where none are taken."""
AGE_SECONDS = 10.0
"""How often is looked how long they wait."""
LATE_SECONDS = 300.0
PAUSE_SECONDS = 1.0
LONGEST_PAUSE = 10.0
"""Pauses after the site or the store did not answer: the first, and the longest."""


def oldest_thd(conn: Connection) -> float:
    """When the webhook that waits longest was taken, in epoch seconds; 0: none waits."""
    waits = table.c.state == InboxState.WAITING.value
    return conn.scalar(select(func.min(table.c.received_at)).where(waits)) or 0.0


def retry_thd(conn: Connection, row_id: int | None, now: float) -> int:
    """Have one webhook that failed or waits worked off now, None: all that failed; count them."""
    failed, waiting = InboxState.FAILED.value, InboxState.WAITING.value
    which = table.c.state == failed
    if row_id is not None:
        which = table.c.state.in_([failed, waiting]) & (table.c.id == row_id)
    fresh = {"state": InboxState.WAITING.value, "attempts": 0, "next_at": now, "error": ""}
    return conn.execute(update(table).where(which).values(fresh | {"ended_at": 0.0})).rowcount


def modified_thd(conn: Connection, names: Collection[str]) -> dict[str, str]:
    """``modified`` of those of the named equipments that are mirrored, by name."""
    known = equipment.known_thd(conn, names)
    return {name: each.equipment.modified for name, each in known.items()}


def beside_thd(conn: Connection, names: Collection[str]) -> tuple[str, ...]:
    """Mirrored equipments at any of these places, or at the place of any of these equipments."""
    boxes = equipment.known_thd(conn, names).values()
    locations = {box.equipment.service_location for box in boxes}
    return equipment.names_at_thd(conn, {*names, *locations}, names, names)


def kinds_of(site: Mapping) -> dict[str, Kind]:
    """What the site's doctypes are to us."""
    kinds = {
        "Customer": Kind.PLACE,
        "Service Location": Kind.PLACE,
        "Service Subscription": Kind.PLACE,
        "Dispatch Job": Kind.JOB,
        site.customer.doctype: Kind.PLACE,
        site.subscription.doctype: Kind.PLACE,
        site.dispatch_job.doctype: Kind.JOB,
        site.equipment.doctype: Kind.EQUIPMENT,
    }
    return {doctype: kind for doctype, kind in kinds.items() if doctype}


class QueuesDesk:
    """Where webhooks wait, in our store; and who is concerned."""

    def __init__(self, queues: Queues, asker: Asker, lookup: Lookup) -> None:
        self._queues = queues
        self._asker = asker
        self._lookup = lookup

    def waiting(self, limit: int, /) -> Deferred[list[InboxRow]]:
        """Those whose time has come."""
        return self._queues.run("inbox", inbox.waiting_thd, time.time(), limit)

    def settle(self, settled: Sequence[Settled], /) -> Deferred[None]:
        """Keep how they ended."""
        return self._queues.run("inbox", inbox.settle_thd, settled, time.time())

    def mirrored(self, names: Collection[str], /) -> Deferred[dict[str, str]]:
        """When mirrored equipments were modified."""
        return self._queues.run("inbox", modified_thd, names)

    async def concerned(self, doctype: str, names: Sequence[str], /) -> Collection[str]:
        """Equipments that depend on documents, as the site has it and as the mirror had it."""
        there = await self._asker.ask(partial(self._lookup.affected, doctype, names))
        here = await self._queues.run("inbox", beside_thd, names)
        return {*there, *here}


class Inbox:
    """Works off webhooks when it is time, one round after the other."""

    def __init__(
        self,
        settings: ErpSettings,
        reactor: Any,
        queues: Queues,
        source: ErpSource,
        asker: Asker,
        lookup: Lookup,
        site: Mapping,
        metrics: Metrics,
    ) -> None:
        self._reactor = reactor
        self._queues = queues
        self._asker = asker
        self._worker = InboxWorker(
            QueuesDesk(queues, asker, lookup),
            source,
            kinds=kinds_of(site),
            clock=time.time,
        )
        self._counted = metrics.counter(
            "erp_webhooks", "Webhooks worked off, by what came of it.", "outcome"
        )
        self.look_seconds = LOOK_SECONDS if settings.webhook_secret.reveal() else IDLE_SECONDS
        """How often `work` is to be called."""
        self._under_way: Deferred[Worked] | None = None
        self._not_before = 0.0
        self._pause = PAUSE_SECONDS
        self._age_at = 0.0
        self._oldest = 0.0

    def hand_jobs_to(self, jobs_changed: Callable[[Sequence[str]], Awaitable[None]]) -> None:
        """Have names of changed jobs handed to somebody; those are settled once it returns."""
        self._worker.jobs_changed = jobs_changed

    @property
    def late(self) -> str:
        """What to tell people when webhooks wait too long; else empty."""
        age = time.time() - self._oldest if self._oldest else 0.0
        if age < LATE_SECONDS:
            return ""
        return f"a webhook waits for {age / 60:.0f} minutes to be worked off: see acs erp inbox"

    async def work(self) -> None:
        """Work off what waits, if there is somebody to ask; return when that has ended."""
        now = self._reactor.seconds()
        if now >= self._age_at:
            self._age_at = now + AGE_SECONDS
            self._oldest = await self._queues.run("inbox", oldest_thd)
        if self._under_way is not None or now < self._not_before or not self._asker.is_ready:
            return
        self._under_way = Deferred.fromCoroutine(self._worker.work())
        try:
            worked = await self._under_way
        except CancelledError:
            return
        except Exception as error:
            self._put_off(error)
        else:
            self._pause = PAUSE_SECONDS
            self._tell(worked)
        finally:
            self._under_way = None

    def stop(self) -> None:
        """End the round that is under way; whoever works next begins it anew."""
        if self._under_way is not None:
            self._under_way.cancel()

    def _put_off(self, error: Exception) -> None:
        self._not_before = self._reactor.seconds() + self._pause
        reason = error.text if isinstance(error, ErpError) else type(error).__name__
        log.warning("webhooks wait", why=reason, again_in_seconds=self._pause)
        self._pause = min(self._pause * 2, LONGEST_PAUSE)

    def _tell(self, worked: Worked) -> None:
        counts = {
            "read": worked.read,
            "known": worked.known,
            "put off": worked.put_off,
            "failed": worked.failed,
        }
        for outcome, count in counts.items():
            if count:
                self._counted.add(outcome, count)
        if worked:
            log.info("webhooks", **{name.replace(" ", "_"): n for name, n in counts.items()})
