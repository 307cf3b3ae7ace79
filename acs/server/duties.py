"""What one server does for all on its database, however many there are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from twisted.internet.defer import Deferred

from acs.api import Health
from acs.http import TlsError
from acs.log import get_logger
from acs.server.api import ApiServer
from acs.server.bridge import Bridge
from acs.server.disk_guard import SHED_SECONDS, DiskGuard
from acs.server.events import LOOK_SECONDS as EVENTS_SECONDS
from acs.server.events import Events
from acs.server.files import FileServer
from acs.server.loops import Bug, Loops
from acs.server.sweeping import SWEEP_LOOK_SECONDS
from acs.server.upkeep import PRUNE_SECONDS, Upkeep
from acs.server.usp import UspServer
from acs.server.waking import Waking
from acs.server.writing_back import LOOK_SECONDS as WRITE_BACK_SECONDS
from acs.server.writing_back import STEP_SECONDS, WritingBack

log = get_logger("acs.server")


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """Who has something to do that only one may do."""

    upkeep: Upkeep
    files: FileServer
    api: ApiServer
    disk: DiskGuard
    events: Events
    usp: UspServer
    waking: Waking
    bridge: Bridge | None
    writing_back: WritingBack | None


class Duties:
    """Begun by the server that has them, ended when another takes over or all stop."""

    def __init__(self, parts: Parts, health: Health, reactor: Any, bug: Bug) -> None:
        self._parts = parts
        self._health = health
        self._bug = bug
        self._loops = Loops(reactor, bug)

    def begin(self) -> None:
        """Begin them, unless they are under way. Raises `CannotListenError`, `TlsError`."""
        if self._loops.are_running:
            return
        parts, every = self._parts, self._loops.every
        parts.upkeep.begin(self._loops)
        every(PRUNE_SECONDS, parts.files.prune)
        every(PRUNE_SECONDS, parts.api.prune)
        every(SHED_SECONDS, lambda: Deferred.fromCoroutine(parts.disk.shed()))
        every(EVENTS_SECONDS, lambda: Deferred.fromCoroutine(parts.events.work()))
        every(PRUNE_SECONDS, lambda: Deferred.fromCoroutine(parts.events.prune()))
        self._health.watch("events", parts.events.health)
        if parts.usp.is_wanted:
            parts.usp.start(tls_problem)
            self._health.watch("usp", parts.usp.health)
        if parts.waking.is_wanted:
            parts.waking.start()
        if parts.bridge is not None:
            self._begin_bridge(parts.bridge)
        if parts.writing_back is not None:
            self._begin_writing_back(parts.writing_back)

    def _begin_bridge(self, bridge: Bridge) -> None:
        every, inbox, sweeping = self._loops.every, bridge.inbox, bridge.sweeping
        every(inbox.look_seconds, lambda: Deferred.fromCoroutine(inbox.work()))
        if sweeping.is_wanted:
            every(SWEEP_LOOK_SECONDS, lambda: Deferred.fromCoroutine(sweeping.work()))

    def _begin_writing_back(self, back: WritingBack) -> None:
        every = self._loops.every
        every(WRITE_BACK_SECONDS, lambda: Deferred.fromCoroutine(back.work()))
        every(STEP_SECONDS, lambda: Deferred.fromCoroutine(back.walk()))
        every(PRUNE_SECONDS, lambda: Deferred.fromCoroutine(back.prune()))

    def end(self) -> None:
        """Leave them to another; what is under way ends by itself."""
        self._loops.stop()
        self._parts.events.rest()
        self._rest()
        self._fenced("usp", self._parts.usp.stop())
        self._fenced("waking", self._parts.waking.stop())

    def _fenced(self, name: str, stopped: Deferred[None]) -> None:
        stopped.addErrback(lambda failure: self._bug(name, failure.value))

    async def stop(self) -> None:
        """End them for good; fires once nothing is under way."""
        self._loops.stop()
        await self._parts.usp.stop()
        await self._parts.events.stop()
        await self._parts.waking.stop()
        self._rest()

    def _rest(self) -> None:
        if self._parts.writing_back is not None:
            self._parts.writing_back.stop()
        if self._parts.bridge is not None:
            self._parts.bridge.sweeping.stop()
            self._parts.bridge.inbox.stop()


def tls_problem(error: TlsError) -> None:
    """Tell of TLS files that became unusable; those read before stay in force."""
    log.error("TLS files", problem=str(error))
