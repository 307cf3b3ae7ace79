"""What the server gives up on a disk that fills: history, recordings, old log files."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from sqlalchemy import make_url
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread

from acs.log_bounds import drop_old, quieten
from acs.server.disk import Mark, Marks, Room
from acs.server.disk_guard import DiskGuard, room_of
from acs.server.recorder import RECORDINGS, recordings
from acs.server.upkeep import PRUNE_ROWS
from acs.settings import Settings
from acs.store.queues import Queues
from acs.store.retention import prune_thd
from acs.store.room import give_back_thd, spare_thd
from acs.store.trees import prune_thd as prune_trees_thd

_PAGES = 2_000
"""Pages of 4 KiB that one transaction gives back: everybody else waits meanwhile."""
PAUSE_SECONDS = 0.2
LEAST_TO_START = 1_000_000
"""Octets without which not even the database can be opened."""
START_SECONDS = 5.0
"""Until it is looked again for room to start in."""


class ServerSacrifice:
    """Implements `acs.server.disk_guard.Sacrifice`."""

    def __init__(
        self,
        queues: Queues,
        *,
        max_per_device: int,
        trees: int,
        recordings: Path,
        log_file: Path | None,
        pause: Callable[[], Deferred[None]],
    ) -> None:
        """``max_per_device``, ``trees``: what is kept otherwise; ``pause``: between two pieces."""
        self._queues = queues
        self._max_per_device = max_per_device
        self._trees = trees
        self._recordings = recordings
        self._log_file = log_file
        self._pause = pause

    async def spare(self) -> int | None:
        """Octets free within the database's file; None: it lies elsewhere."""
        return await self._queues.run("spare", spare_thd)

    async def history(self, keep_days: float, trees: int) -> int:
        """Delete history older than ``keep_days``, then give the room of it to the disk."""
        gone, more = 0, True
        while more:
            pruned = await self._queues.run(
                "shed", prune_thd, time.time(), keep_days, self._max_per_device, PRUNE_ROWS
            )
            kept = trees or self._trees
            more_trees = await self._queues.run("shed trees", prune_trees_thd, kept, 200)
            rows = pruned.rows + more_trees
            gone, more = gone + rows, rows > 0 and (pruned.more or more_trees >= 200)
            await self._pause()
        while await self._queues.run("give back", give_back_thd, _PAGES):
            await self._pause()
        return gone

    async def recordings(self) -> int:
        """Delete the recordings of sessions but those of the last hour."""
        return await _in_thread(_drop_recordings, self._recordings, time.time() - 3600)

    async def old_logs(self) -> int:
        """Delete old log files."""
        if self._log_file is None:
            return 0
        return await _in_thread(drop_old, self._log_file)


def places_of(settings: Settings) -> set[Path]:
    """Where the server writes: its data, the database, the log; those that are there."""
    places = {settings.data_dir}
    url = make_url(settings.database_url.reveal())
    if url.get_backend_name() == "sqlite" and url.database:
        places.add(Path(url.database).parent)
    if settings.log_file is not None:
        places.add(settings.log_file.parent)
    return {place for place in places if place.exists()}


def wait_for_room(
    settings: Settings,
    say: Callable[[str], None],
    *,
    measure: Callable[[Iterable[Path]], Room] = room_of,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Return once there is room to start in; a start without any would only fail again and again.

    Old logs and recordings are given up for it. Needs no reactor, and blocks.
    """
    said = False
    while (places := places_of(settings)) and measure(places).free < LEAST_TO_START:
        if settings.log_file is not None:
            drop_old(settings.log_file)
        _drop_recordings(settings.data_dir / RECORDINGS, time.time())
        if measure(places).free >= LEAST_TO_START:
            return
        if not said:
            said = True
            say(f"the disk of {settings.data_dir} is full; waiting for room")
        sleep(START_SECONDS)


def guard_of(settings: Settings, queues: Queues, reactor: Any) -> DiskGuard:
    """Build the guard of the disks that hold the data, the database and the log."""
    sacrifice = ServerSacrifice(
        queues,
        max_per_device=settings.timeline.max_per_device,
        trees=settings.discovery.trees,
        recordings=settings.data_dir / RECORDINGS,
        log_file=settings.log_file,
        pause=lambda: deferLater(reactor, PAUSE_SECONDS),
    )
    return DiskGuard(
        Marks(Mark.parse(settings.disk.low), Mark.parse(settings.disk.critical)),
        settings.timeline.keep_days,
        lambda: room_of(places_of(settings)),
        deferToThread,
        lambda quiet: quieten(quiet, settings.log.level.value),
        sacrifice,
    )


async def _in_thread(work: Callable[..., int], *args: Any) -> int:
    gone: int = await deferToThread(work, *args)
    return gone


def _drop_recordings(directory: Path, before: float) -> int:
    gone = 0
    for path in recordings(directory):
        with suppress(FileNotFoundError):  # they are pruned elsewhere too
            if path.stat().st_mtime < before:
                path.unlink()
                gone += 1
    return gone
