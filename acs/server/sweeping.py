"""Sweeps of ERPNext as a duty of the server: when, how gently, and what is told of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from hashlib import sha256
from typing import Any

import msgspec
from sqlalchemy import Connection
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import deferLater

from acs.api import Metrics
from acs.devices.source import Mirrored, MirrorRow
from acs.log import get_logger
from acs.server.reacting import let_go_thd, take_in_thd
from acs.settings import ErpSettings
from acs.store import equipment
from acs.store.notes import leave_note_thd, read_note_thd
from acs.store.queues import Queues
from erp_bridge.asking import Asker
from erp_bridge.client import ErpClient
from erp_bridge.following import Around, has_unfollowed_links
from erp_bridge.forgetting import Forgetting
from erp_bridge.lookup import Lookup, Read
from erp_bridge.mapping import Mapping as SiteMapping
from erp_bridge.progress import Progress, Rhythm, is_due
from erp_bridge.source import ErpSource
from erp_bridge.sweep import Sweeper

log = get_logger("acs.erp")

NOTE = "erp sweep"
SWEEP_LOOK_SECONDS = 1.0
"""How often is looked whether a sweep is due."""
LEARN_SECONDS = 30.0
"""How often is looked how far another worker's sweeps have come."""
REST_SECONDS = 0.05
GIVE_WAY_SECONDS = 5.0
"""How long a page waits at most for look-ups of devices that are under way."""
PAUSE_SECONDS = 5.0
LONGEST_PAUSE = 900.0
"""Pauses after a sweep that failed: the first, and the longest."""


def progress_thd(conn: Connection) -> Progress:
    """Return how far sweeps have come; what cannot be read is as if there had been none."""
    try:
        return msgspec.json.decode(read_note_thd(conn, NOTE) or b"{}", type=Progress)
    except msgspec.DecodeError:
        return Progress()


def keep_thd(
    conn: Connection,
    rows: Sequence[MirrorRow],
    stamps: Mapping[str, float],
    gone: Collection[str],
    progress: Progress,
) -> None:
    """Keep a page of a sweep, and that it is kept; have devices called that it changes."""
    now = time.time()
    take_in_thd(conn, rows, now)
    for at in set(stamps.values()):
        equipment.stamp_thd(conn, [name for name, stamp in stamps.items() if stamp == at], at)
    let_go_thd(conn, gone, now)
    leave_note_thd(conn, NOTE, msgspec.json.encode(progress))


class QueuesShelf:
    """The mirror that is swept, in our store."""

    def __init__(self, queues: Queues) -> None:
        self._queues = queues

    def progress(self) -> Deferred[Progress]:
        """How far sweeps have come."""
        return self._queues.run("sweep", progress_thd)

    def known(self, names: Collection[str], /) -> Deferred[dict[str, Mirrored]]:
        """Those of these names that are mirrored."""
        return self._queues.run("sweep", equipment.known_thd, names)

    def names_at(self, around: Around, /) -> Deferred[tuple[str, ...]]:
        """Those that are linked to any of these documents."""
        where = around.locations, around.subscriptions, around.customers
        return self._queues.run("sweep", equipment.names_at_thd, *where)

    def keep(
        self,
        rows: Sequence[MirrorRow],
        stamps: Mapping[str, float],
        gone: Collection[str],
        progress: Progress,
        /,
    ) -> Deferred[None]:
        """Keep a page, in one transaction."""
        return self._queues.run("sweep", keep_thd, rows, stamps, gone, progress)

    def unseen(self, before: float, after: str, limit: int, /) -> Deferred[tuple[str, ...]]:
        """Names of those fetched before a time."""
        return self._queues.run("sweep", equipment.unseen_thd, before, after, limit)

    def size(self) -> Deferred[int]:
        """How many there are."""
        return self._queues.run("sweep", equipment.size_thd)


class Sweeping:
    """Sweeps when it is time, one at a time, and tells the source how fresh the mirror is.

    ``row`` makes a mirror row of what was read at a time; it is called in worker threads.
    """

    def __init__(
        self,
        settings: ErpSettings,
        reactor: Any,
        queues: Queues,
        source: ErpSource,
        asker: Asker,
        forgetting: Forgetting,
        lookup: Lookup,
        client: ErpClient,
        mapping: SiteMapping,
        *,
        row: Callable[[Read, float], MirrorRow],
        metrics: Metrics,
    ) -> None:
        self._reactor = reactor
        self._source = source
        self._asker = asker
        self._metrics = metrics
        self._every = settings.sweep_minutes * 60
        self._rhythm = Rhythm(
            self._every, settings.full_sweep_hours * 3600, always_full=has_unfollowed_links(mapping)
        )
        self._mapping = sha256(msgspec.json.encode(mapping)).hexdigest()
        self._shelf = QueuesShelf(queues)
        self._sweeper = Sweeper(
            lookup,
            self._shelf,
            asker,
            forgetting,
            self._rhythm,
            mapping=self._mapping,
            time_zone=client.time_zone,
            clock_ahead=lambda: client.clock_ahead,
            row=row,
            clock=time.time,
            rest=self._rest,
            told=self._take,
        )
        self._under_way: Deferred[None] | None = None
        self._rested_at = 0.0
        self._not_before = 0.0
        self._pause = PAUSE_SECONDS
        self.progress = Progress()
        """As far as is known here; another worker may be the one that sweeps."""

    @property
    def is_wanted(self) -> bool:
        """False where sweeps are switched off."""
        return self._every > 0

    async def learn(self) -> None:
        """Take over what whoever sweeps has kept."""
        self._take(await self._shelf.progress())

    async def work(self) -> None:
        """Sweep if it is time; return when that has ended, well or not."""
        idle = self._under_way is None and self._asker.is_ready
        if not idle or self._reactor.seconds() < self._not_before or not self._is_due():
            return
        self._under_way = Deferred.fromCoroutine(self._sweep())
        try:
            await self._under_way
        finally:
            self._under_way = None

    def _is_due(self) -> bool:
        return is_due(self.progress, time.time(), self._rhythm)

    def stop(self) -> None:
        """End the sweep that is under way; whoever sweeps next goes on with it."""
        if self._under_way is not None:
            self._under_way.cancel()

    async def _sweep(self) -> None:
        try:
            # Another worker may have had this duty until a moment ago.
            await self.learn()
            if not self._is_due():
                return
            self._rested_at = 0.0  # What lies between two sweeps was no work.
            progress = await self._sweeper.sweep()
        except CancelledError:
            return
        except Exception as error:
            self._metrics.erp_sweep("cut")
            self._not_before = self._reactor.seconds() + self._pause
            log.warning("sweep cut", error=str(error), again_in_seconds=self._pause)
            self._pause = min(self._pause * 2, LONGEST_PAUSE)
            return
        self._pause = PAUSE_SECONDS
        self._tell(progress)

    def _tell(self, progress: Progress) -> None:
        done = progress.last
        if done is None:
            return
        counts = {
            "listed": done.listed,
            "changed": done.changed,
            "unreadable": done.unread,
            "gone": done.gone,
        }
        self._metrics.erp_sweep("doubted" if progress.alarm else "done", counts)
        seconds = round(done.ended_at - done.began_at, 1)
        what = {"full": done.full, **counts, "seconds": seconds, "mark": progress.mark}
        if progress.alarm:
            log.error("sweep doubted; nothing is forgotten", why=progress.alarm, **what)
        else:
            log.info("sweep", **what)

    def _take(self, progress: Progress) -> None:
        self.progress = progress
        if self.is_wanted and progress.mapping == self._mapping:
            self._source.swept(progress.sure_at, progress.mapped_at)

    async def _rest(self) -> None:
        """Rest as long as the page took, and while devices wait for their look-ups."""
        began = self._reactor.seconds()
        worked = began - self._rested_at if self._rested_at else 0.0
        await deferLater(self._reactor, min(max(worked, REST_SECONDS), GIVE_WAY_SECONDS))
        until = began + GIVE_WAY_SECONDS
        while self._source.is_busy and self._reactor.seconds() < until:
            await deferLater(self._reactor, REST_SECONDS)
        self._rested_at = self._reactor.seconds()
