"""Watches the room on the disk, gives up what can be given up, and raises the alarm."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Protocol

from twisted.internet.defer import Deferred

from acs.api import Metrics, Part, State
from acs.log import get_logger
from acs.server.disk import Level, Marks, Room, Shed, shed

log = get_logger("acs.disk")

LOOK_SECONDS = 5.0
SHED_SECONDS = 30.0
_STATES = {Level.AMPLE: "ample", Level.LOW: "low", Level.CRITICAL: "critical"}


class Sacrifice(Protocol):
    """What can be given up. Each works in bounded pieces, and tells what it gained."""

    async def spare(self) -> int | None:
        """Octets free within the database's file; None: it lies elsewhere."""

    async def history(self, keep_days: float, trees: int) -> int:
        """Delete history older than ``keep_days`` and give its room back; rows that went."""

    async def recordings(self) -> int:
        """Delete the recordings of sessions; how many went."""

    async def old_logs(self) -> int:
        """Delete old log files; octets that went."""


def room_of(places: Iterable[Path]) -> Room:
    """The room of the fullest disk among those of ``places``. Raises OSError."""
    rooms = []
    for place in places:
        there = os.statvfs(place)
        rooms.append(Room(there.f_bavail * there.f_frsize, there.f_blocks * there.f_frsize))
    return min(rooms, key=lambda room: room.free)


class DiskGuard:
    """Looks at the disk every `LOOK_SECONDS`, and sheds every `SHED_SECONDS`."""

    def __init__(
        self,
        marks: Marks,
        keep_days: float,
        measure: Callable[[], Room],
        in_thread: Callable[[Callable[[], Room]], Deferred[Room]],
        quieten: Callable[[bool], None],
        sacrifice: Sacrifice,
    ) -> None:
        """``keep_days``: how long history is kept otherwise. ``quieten``: warnings only, or not."""
        self._marks = marks
        self._keep_days = keep_days
        self._measure = measure
        self._in_thread = in_thread
        self._quieten = quieten
        self._sacrifice = sacrifice
        self._passes = 0
        self.room = Room(0, 0)
        self.level = Level.AMPLE

    def watch(self, metrics: Metrics) -> None:
        """Show the figures."""
        metrics.watch("disk_free_bytes", "Room on the disk.", lambda: self.room.free)
        metrics.watch("disk_level", "0 ample, 1 low, 2 critical.", lambda: self.level)

    async def look(self) -> None:
        """Measure, and raise the alarm or end it."""
        self.room = await self._in_thread(self._measure)
        before, self.level = self.level, self._marks.judge(self.room, self.level)
        if self.level is before:
            return
        if self.level is Level.AMPLE:
            self._passes = 0
        self._quieten(self.level is Level.CRITICAL)
        say = log.error if self.level > before else log.warning
        say(f"disk {_STATES[self.level]}", free=_amount(self.room.free), fix=_FIX)

    async def shed(self) -> None:
        """Give up what the policy says, once; the next look tells whether that was enough."""
        if self.level is Level.AMPLE:
            return
        spare = await self._sacrifice.spare()
        wanted = shed(self.level, self._passes, self._keep_days, spare)
        self._passes += 1
        if wanted is not None:
            await self._give_up(wanted)

    async def _give_up(self, wanted: Shed) -> None:
        sacrifice = self._sacrifice
        gone = {}
        if wanted.keep_days is not None:
            gone["rows"] = await _tried(sacrifice.history(wanted.keep_days, wanted.trees))
        if wanted.recordings:
            gone["recordings"] = await _tried(sacrifice.recordings())
        if wanted.old_logs:
            gone["log_bytes"] = await _tried(sacrifice.old_logs())
        if any(gone.values()):
            log.warning("given up for want of disk", keep_days=wanted.keep_days, **gone)

    def health(self) -> Part:
        """Degraded while there is too little room."""
        free = f"{_amount(self.room.free)} free of {_amount(self.room.total)}"
        if self.level is Level.AMPLE:
            return Part(State.OK, free)
        return Part(State.DEGRADED, f"{_STATES[self.level]}: {free}. {_FIX}")


_FIX = "make room on the disk of server.data_dir, or set disk.low and disk.critical"


async def _tried(work: Awaitable[int]) -> int:
    """Do what can be done: on a full disk one thing may fail and the next give room."""
    try:
        return await work
    except Exception as error:
        log.warning("could not give up", error=f"{type(error).__name__}: {error}"[:200])
        return 0


def _amount(octets: int) -> str:
    for unit, size in (("GB", 10**9), ("MB", 10**6)):
        if octets >= size:
            return f"{octets / size:.1f} {unit}"
    return f"{octets / 1000:.0f} kB"
