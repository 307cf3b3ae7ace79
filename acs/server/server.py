"""One server: its parts built from the settings, started in order, stopped in reverse."""

from __future__ import annotations

import json
import secrets
import time
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred

from acs.api import Health, Metrics, Part, State, status_site
from acs.cwmp.edge import CwmpEdge
from acs.devices.layouts import Layouts
from acs.devices.mirror import MirrorSource
from acs.devices.registry import Registry
from acs.http import split_address, tls_context_factory
from acs.log import OncePer, get_logger
from acs.server.api import ApiServer
from acs.server.bridge import Bridge
from acs.server.cwmp import ALGORITHMS, CwmpServer
from acs.server.disk_guard import LOOK_SECONDS
from acs.server.disk_sacrifice import guard_of
from acs.server.duties import Duties, Parts, tls_problem
from acs.server.events import Events
from acs.server.files import FileServer
from acs.server.gaps import Gaps
from acs.server.loops import Loops
from acs.server.parts import (
    fingerprint_key,
    known_names,
    load_library,
    open_database,
    policy_of,
    safety_of,
)
from acs.server.place import Place, alone
from acs.server.rules import RuleFolder
from acs.server.sweeping import LEARN_SECONDS
from acs.server.upkeep import Upkeep
from acs.server.usp import UspServer
from acs.server.waking import Waking
from acs.server.watch import EdgeWatcher
from acs.server.writing_back import WritingBack
from acs.settings import Settings
from acs.store.facts import missing_thd
from acs.store.groups import queries_thd
from acs.store.layouts import all_thd
from acs.store.queues import Queues

log = get_logger("acs.server")

RULES_SECONDS = 10.0
SLOW_STORE_SECONDS = 2.0
"""Delay of the store from which new sessions are told to come back later."""


class Server:
    """A running server. `start` it, `stop` it; `addresses` says where it listens."""

    def __init__(self, settings: Settings, reactor: Any, place: Place | None = None) -> None:
        """Build all parts; nothing is open yet but the database.

        ``settings`` must be complete (`acs.settings.first_start.complete`). ``place``: where it
        stands among others; None: alone.
        """
        self.settings = settings
        self._place = place or alone(reactor)
        self.metrics = Metrics()
        self.health = Health()
        self._reactor = reactor
        self._ports: list[tuple[str, Any]] = []
        self._watcher = EdgeWatcher(self.metrics, OncePer(60.0, time.monotonic))
        self._loops = Loops(reactor, self._watcher.bug)
        self.database = open_database(settings)
        self._queues = Queues(
            self.database, reactor.callFromThread, committed=self.metrics.store_commit
        )
        self.library = load_library(settings)
        self._bridge = self._build_bridge()
        self._files = FileServer(
            settings,
            self.database,
            self._queues,
            reactor,
            self.metrics,
            self._watcher,
            ALGORITHMS[settings.auth.digest.value],
        )
        self._rules = RuleFolder(settings, self.metrics)
        self._rules.refresh(self.database.run("groups", queries_thd))
        self._house = self._build_house()
        self._cwmp = CwmpServer(
            settings,
            self.database,
            self._queues,
            self._house,
            self.library,
            self._watcher,
            self._place,
            reactor,
            give_way=lambda contact: self._usp.give_way(contact),
        )
        self._usp = UspServer(
            settings,
            self.database,
            self._queues,
            self._house,
            reactor,
            self.metrics,
            is_busy=self._cwmp.is_open,
        )
        safety = safety_of(settings)
        self._waking = Waking(
            settings,
            self._queues,
            reactor,
            self.metrics,
            safety,
            controller=self._usp.controller if self._usp.is_wanted else None,
            is_open=self._cwmp.is_open,
            has_room=self._cwmp.lets_all_in,
            bug=self._watcher.bug,
        )
        self._api = ApiServer(
            settings,
            self._queues,
            reactor,
            self.metrics,
            safety,
            found=Gaps(self.database, reactor, time.monotonic).find,
            digest=lambda octets: self.database.vault.digest(octets, "acs.api"),
            bug=self._watcher.bug,
        )
        self._disk = guard_of(settings, self._queues, reactor)
        parts = Parts(
            upkeep=Upkeep(settings, self._queues, reactor, self.metrics),
            files=self._files,
            api=self._api,
            disk=self._disk,
            events=Events(settings.events, safety, self._queues, reactor, self.metrics),
            usp=self._usp,
            waking=self._waking,
            bridge=self._bridge,
            writing_back=self._build_writing_back(),
        )
        self._duties = Duties(parts, self.health, reactor, self._watcher.bug)
        self._watch()

    # --- building ----------------------------------------------------------------------

    def _build_bridge(self) -> Bridge | None:
        if not self.settings.erp.url:
            return None
        return Bridge(
            self.settings.erp,
            self._reactor,
            self._queues,
            digest=lambda text: self.database.vault.digest(text, "wish"),
            metrics=self.metrics,
            sharers=self._place.workers,
        )

    def _build_house(self) -> Registry:
        return Registry(
            self._queues,
            self._bridge.source if self._bridge else MirrorSource(self._queues),
            self.library,
            policy_of(self.settings),
            key=fingerprint_key(self.database),
            missing=self.database.run("missing names", missing_thd),
            names=known_names(self.database, self.library),
            layouts=Layouts(self.database.run("layouts", all_thd)),
            clock=time.time,
            password=lambda: secrets.token_urlsafe(18),
            unwritten=self._watcher.unwritten,
            offer=self._files.offer,
            rules=self._rules.book,
        )

    def _build_writing_back(self) -> WritingBack | None:
        if self._bridge is None or not self.settings.erp.write_back:
            return None
        return WritingBack(
            self.settings.erp,
            safety_of(self.settings),
            self._queues,
            self._bridge.client,
            self._bridge.mapping,
            self._bridge.asker,
            self.library,
            self.metrics,
        )

    def _watch(self) -> None:
        self.metrics.watch(
            "store_delay_seconds",
            "How long work waits for the database.",
            lambda: self._queues.delay,
        )
        self.health.watch("store", self._store_health)
        self._disk.watch(self.metrics)
        self.health.watch("disk", self._disk.health)
        if self._files.is_wanted:
            self.health.watch("files", self._files.health)
        if self._bridge is not None:
            self.health.watch("erpnext", self._bridge.health)
        if self._api.is_wanted:
            self.health.watch("api", self._api.health)

    def _store_health(self) -> Part:
        if self.database.hindrance:
            detail = f"only what devices need not have kept is answered: {self.database.hindrance}"
            return Part(State.DEGRADED, detail)
        if self.database.trouble:
            return Part(State.DOWN, self.database.trouble)
        if self._queues.delay > SLOW_STORE_SECONDS:
            detail = f"work waits {self._queues.delay:.1f} s for {self.database.safe_url}"
            return Part(State.DOWN, detail)
        return Part(State.OK, self.database.safe_url)

    # --- life --------------------------------------------------------------------------

    def start(self) -> None:
        """Open the listeners and begin the periodic work.

        Raises `CannotListenError`, and `ValueError` (`TlsError`) with the file named.
        """
        bridge, loops = self._bridge, self._loops
        if bridge is not None:
            bridge.start()
        self._listen()
        self._cwmp.begin(loops, self.metrics, self.health)
        loops.every(LOOK_SECONDS, lambda: Deferred.fromCoroutine(self._disk.look()), now=True)
        if self._place.is_alone:
            self.begin_duties()
        if bridge is not None:
            sweeping = bridge.sweeping
            loops.every(LEARN_SECONDS, lambda: Deferred.fromCoroutine(sweeping.learn()), now=True)
        if self._rules.folder is not None:
            loops.every(RULES_SECONDS, self._refresh_rules)
        for issue in self.library.issues:
            log.warning("blueprint", problem=str(issue))
        log.info("serving", database=self.database.safe_url, **self.addresses)

    def _listen(self) -> None:
        open_port = self._place.open_port
        for part in (self._cwmp, self._files, self._api):
            self._ports += part.listen(self._tls, open_port).items()
        admin = self.settings.admin
        if admin.listen and self._place.is_alone:
            host, port = split_address(admin.listen)
            site = status_site(self.health, self.metrics)
            self._ports.append(("admin", self._reactor.listenTCP(port, site, interface=host)))

    def _tls(self) -> Any:  # zope's implementer decorator says nothing to a type checker
        cwmp = self.settings.cwmp
        return tls_context_factory(
            cwmp.tls_certificate,
            cwmp.tls_key,
            cwmp.tls_client_ca or None,
            # Our setting and the library differ in one spelling.
            {"TLSv1": "TLSv1.0"}.get(cwmp.tls_minimum.value, cwmp.tls_minimum.value),
            required=cwmp.tls_require_client_certificate,
            on_error=tls_problem,
        )

    @property
    def addresses(self) -> dict[str, str]:
        """Where each listener is, for instance ``http`` → ``0.0.0.0:7547``."""
        where = {}
        for name, port in (*self._ports, *self._usp.ports, *self._waking.ports):
            at = port.getHost()
            host = f"[{at.host}]" if ":" in at.host else at.host
            where[name] = f"{host}:{at.port}"
        if self._usp.broker:
            where["mqtt"] = self._usp.broker
            if self.settings.mqtt.tls_listen:
                where["mqtts"] = self.settings.mqtt.tls_listen
        return where

    def begin_duties(self) -> None:
        """Begin what one server does for all on its database."""
        self._duties.begin()

    def end_duties(self) -> None:
        """Leave to another what is done for all; what is under way ends by itself."""
        self._duties.end()

    async def close_ports(self) -> None:
        """Take no more connections; those that are open, and all else, go on."""
        ports, self._ports = self._ports, []
        for _name, port in ports:
            await maybeDeferred(port.stopListening)

    @property
    def edge(self) -> CwmpEdge:
        """Where CPEs have their sessions."""
        return self._cwmp.edge

    @property
    def connections(self) -> int:
        """Connections of CPEs that are open."""
        return self._cwmp.connections

    @property
    def work(self) -> int:
        """Sessions, requests and transfers that are under way."""
        ours = len(self.edge.lines) + self._api.under_way
        return ours + self._files.transfers + self._usp.work

    async def written(self) -> None:
        """Return once all is written that was learned until now."""
        await self._queues.run("written", lambda _conn: None)

    async def stop(self) -> None:
        """Close the listeners, finish what is written, close the database."""
        self._loops.stop()
        await self.close_ports()
        await self._api.finish()
        try:
            await self._duties.stop()
            if self._bridge is not None:
                await self._bridge.stop()
        finally:
            await self._queues.close()
            self.database.dispose()
        log.info("stopped")

    def stop_deferred(self) -> Deferred[None]:
        """`stop` in the form the reactor's shutdown waits for."""
        return Deferred.fromCoroutine(self.stop())

    def ready_line(self) -> str:
        """One line of JSON for whoever started us: where we listen."""
        return json.dumps({"event": "ready", **self.addresses})

    def _refresh_rules(self) -> Deferred[Any]:
        groups: Deferred[Any] = self._queues.run("groups", queries_thd)
        return groups.addCallback(self._rules.refresh)
