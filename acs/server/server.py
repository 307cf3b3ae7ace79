"""One server: its parts built from the settings, started in order, stopped in reverse."""

from __future__ import annotations

import json
import random
import secrets
import time
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.task import LoopingCall, deferLater
from twisted.internet.threads import deferToThread
from twisted.python.failure import Failure

from acs.api import Health, Metrics, Part, State, status_site
from acs.cwmp.admission import Admission, Aim
from acs.cwmp.authenticate import Gate, GateSettings
from acs.cwmp.dialect import Dialect
from acs.cwmp.digest import Challenger
from acs.cwmp.edge import CwmpEdge
from acs.cwmp.limits import EdgeLimits
from acs.cwmp.recording import SessionFacts
from acs.cwmp.session import Limits
from acs.devices.layouts import Layouts
from acs.devices.mirror import MirrorSource
from acs.devices.registry import Registry
from acs.devices.source import EquipmentSource
from acs.http import (
    Bounds,
    HttpFactory,
    TlsError,
    split_address,
    tls_context_factory,
)
from acs.http.listen import BACKLOG, prompt, secured
from acs.log import OncePer, get_logger
from acs.model import Contact
from acs.profiles import Facts
from acs.server import campaigns
from acs.server.api import ApiServer
from acs.server.bridge import Bridge
from acs.server.disk_guard import LOOK_SECONDS, SHED_SECONDS
from acs.server.disk_sacrifice import guard_of
from acs.server.events import LOOK_SECONDS as EVENTS_SECONDS
from acs.server.events import Events
from acs.server.files import FileServer
from acs.server.gaps import Gaps
from acs.server.parts import (
    fingerprint_key,
    known_names,
    load_library,
    open_database,
    policy_of,
    safety_of,
)
from acs.server.place import Place, alone
from acs.server.pressure import TICK_SECONDS, Load, Pressure, unaccepted
from acs.server.recorder import RECORDINGS, Recorder, prune_recordings
from acs.server.rules import RuleFolder
from acs.server.sweeping import LEARN_SECONDS, SWEEP_LOOK_SECONDS
from acs.server.upkeep import PRUNE_ROWS, prune
from acs.server.usp import UspServer
from acs.server.waking import Waking
from acs.server.watch import EdgeWatcher
from acs.server.writing_back import LOOK_SECONDS as WRITE_BACK_SECONDS
from acs.server.writing_back import STEP_SECONDS, WritingBack
from acs.settings import CwmpSettings, Settings
from acs.store import campaign_steps
from acs.store.devices import standings_thd
from acs.store.facts import missing_thd
from acs.store.groups import queries_thd
from acs.store.layouts import all_thd
from acs.store.queues import Queues
from acs.store.recordings import expire_thd, wanted_thd
from acs.store.retention import Pruned, prune_thd
from acs.store.trees import prune_thd as prune_trees_thd

log = get_logger("acs.server")

SWEEP_SECONDS = 1.0
RULES_SECONDS = 10.0
CAMPAIGN_SECONDS = 2.0
PRUNE_SECONDS = 600.0
COUNT_SECONDS = 30.0
RECORDING_SECONDS = 3.0
PRUNE_PAUSE_SECONDS = 2.0
ALGORITHMS = {"md5": ("MD5",), "sha-256": ("SHA-256",), "both": ("MD5", "SHA-256")}
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
        self._loops: list[LoopingCall] = []
        self._duties: list[LoopingCall] = []
        self.database = open_database(settings)
        self._queues = Queues(
            self.database, reactor.callFromThread, committed=self.metrics.store_commit
        )
        self.library = load_library(settings)
        self._bridge = self._build_bridge()
        source: EquipmentSource = (
            self._bridge.source if self._bridge else MirrorSource(self._queues)
        )
        self._watcher = EdgeWatcher(self.metrics, OncePer(60.0, time.monotonic))
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
        self._house = Registry(
            self._queues,
            source,
            self.library,
            policy_of(settings),
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
        self._recorder = self._build_recorder()
        self._dialects = self._make_dialects()
        self._admission = Admission(Aim(delay=settings.cwmp.target_delay), spread=random.random)
        self._edge = self._build_edge()
        self._usp = UspServer(
            settings,
            self.database,
            self._queues,
            self._house,
            reactor,
            self.metrics,
            is_busy=lambda device: device in self._edge.lines.by_device,
        )
        self._waking = Waking(
            settings,
            self._queues,
            reactor,
            self.metrics,
            safety_of(settings),
            controller=self._usp.controller if self._usp.is_wanted else None,
            is_open=lambda device: device in self._edge.lines.by_device,
            bug=self._watcher.bug,
        )
        self._events = Events(
            settings.events, safety_of(settings), self._queues, reactor, self.metrics
        )
        self._api = ApiServer(
            settings,
            self._queues,
            reactor,
            self.metrics,
            safety_of(settings),
            found=Gaps(self.database, reactor, time.monotonic).find,
            digest=lambda octets: self.database.vault.digest(octets, "acs.api"),
            bug=self._watcher.bug,
        )
        self._writing_back = self._build_writing_back()
        self._disk = guard_of(settings, self._queues, reactor)
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

    def _build_edge(self) -> CwmpEdge:
        settings = self.settings
        key = bytes.fromhex(self.database.vault.digest(b"nonces", "acs.cwmp.digest"))
        gate = Gate(
            GateSettings(
                mode=settings.auth.mode.value,
                realm=settings.auth.realm,
                bootstrap_username=settings.auth.bootstrap_username,
                bootstrap_password=settings.auth.bootstrap_password,
                basic_on_http=settings.auth.allow_basic_on_http,
            ),
            Challenger(
                settings.auth.realm,
                key,
                ALGORITHMS[settings.auth.digest.value],
                replay=self._place.replay,
            ),
            self._queues.account,
            clock=time.time,
            random=secrets.token_bytes,
            failed=self._watcher.auth_failed,
        )
        return CwmpEdge(
            self._house,
            gate,
            self._reactor,
            self._watcher,
            EdgeLimits(
                session=session_limits(settings.cwmp),
                timeout=settings.cwmp.session_timeout,
                sessions=settings.cwmp.max_sessions,
                sessions_per_minute=settings.cwmp.sessions_per_minute,
                hold_requests=settings.cwmp.hold_requests,
                path=settings.cwmp.path,
            ),
            token=self._place.token,
            admission=self._admission,
            dialect=self._dialect,
            recorder=self._recorder,
            rivals=self._place.rivals,
            give_way=lambda contact: self._usp.give_way(contact),
        )

    def _build_recorder(self) -> Recorder:
        cwmp = self.settings.cwmp
        limits = session_limits(cwmp)

        def in_thread(work: Callable[[], None]) -> None:
            # The end of a session is known before its last answer is rendered.
            deferLater(self._reactor, 0, deferToThread, work)

        return Recorder(
            self.settings.data_dir / RECORDINGS,
            SessionFacts(
                limits.rpcs, limits.requests, cwmp.hold_requests, self.settings.recording.max_bytes
            ),
            time.time,
            in_thread,
        )

    def _dialect(self, contact: Contact) -> Dialect:
        """How to speak to a device, by the blueprint its Inform tells."""
        facts = Facts(
            manufacturer=contact.manufacturer,
            oui=contact.device.oui,
            product_class=contact.device.product_class,
            model=contact.told("DeviceInfo.ModelName"),
            hardware=contact.told("DeviceInfo.HardwareVersion"),
            software=contact.told("DeviceInfo.SoftwareVersion"),
            root=contact.root,
        )
        blueprint = self._house.blueprint(facts)
        return self._dialects[blueprint.name if blueprint else ""]

    def _make_dialects(self) -> dict[str, Dialect]:
        """How to speak to each family, by its blueprint's name; the empty name is no family."""
        usual: dict[str, Any] = {"xml_declaration": self.settings.cwmp.xml_declaration}
        found = {name: self.library.get(name) for name in self.library.names()}
        own = {name: blueprint.dialect for name, blueprint in found.items() if blueprint}
        return {name: Dialect(**usual | dict(wants)) for name, wants in {"": {}, **own}.items()}

    def _watch(self) -> None:
        self.metrics.watch("sessions_open", "Sessions open now.", lambda: len(self._edge.lines))
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
        settings = self.settings
        if self._bridge is not None:
            self._bridge.start()
        door = self._place.door(self._edge)
        factory = HttpFactory(
            door.handle,
            reactor=self._reactor,
            bounds=Bounds(
                header_bytes=settings.http.header_bytes,
                body_bytes=settings.http.body_bytes,
                decompressed_bytes=settings.http.decompressed_bytes,
                request_seconds=settings.http.request_seconds,
                idle_seconds=settings.http.idle_seconds,
                max_connections=settings.http.connections,
                max_connections_per_address=settings.http.connections_per_address,
            ),
            admission=door.admission,
            count=self._watcher.counted,
            on_error=lambda error: self._watcher.bug("http", error),
        )
        cwmp = settings.cwmp
        open_port = self._place.open_port
        if cwmp.listen:
            self._ports.append(("http", prompt(open_port("http", cwmp.listen, factory, BACKLOG))))
        if cwmp.tls_listen:
            tls = secured(factory, self._tls(), self._reactor)
            port = prompt(open_port("https", cwmp.tls_listen, tls, BACKLOG))
            self._ports.append(("https", port))
        self._ports += self._files.listen(self._tls, open_port).items()
        self._ports += self._api.listen(self._tls, open_port).items()
        if settings.admin.listen and self._place.is_alone:
            host, port = split_address(settings.admin.listen)
            site = status_site(self.health, self.metrics)
            self._ports.append(("admin", self._reactor.listenTCP(port, site, interface=host)))
        self._gate = factory.gate
        self._watch_pressure(factory)
        self._every(SWEEP_SECONDS, self._edge.sweep)
        self._every(LOOK_SECONDS, lambda: Deferred.fromCoroutine(self._disk.look()), now=True)
        if self._place.is_alone:
            self.begin_duties()
        if self._bridge is not None:
            self._every(LEARN_SECONDS, self._learn_of_sweeps, now=True)
        if self._rules.folder is not None:
            self._every(RULES_SECONDS, self._refresh_rules)
        # From the first session on: an operator may have asked while no server ran.
        self._recorder.record(self.database.run("recordings", wanted_thd, time.time()))
        self._every(RECORDING_SECONDS, self._look_for_recordings)
        for issue in self.library.issues:
            log.warning("blueprint", problem=str(issue))
        log.info("serving", database=self.database.safe_url, **self.addresses)

    def _watch_pressure(self, factory: HttpFactory) -> None:
        def waiting() -> int:
            ours = (port.socket for name, port in self._ports if name in ("http", "https"))
            return sum(map(unaccepted, ours))

        load = Load(
            store_delay=lambda: self._queues.queueing,
            asked=lambda: self._queues.asked,
            answered=lambda: self._edge.answered,
            ended=lambda: (self._edge.served, self._edge.exchanges),
            accepted=lambda: factory.gate.entered,
            unaccepted=waiting,
            sharers=self._place.workers,
        )
        reactor = self._reactor
        watched = Pressure(
            self._admission, load, reactor.seconds, lambda call: reactor.callLater(0, call)
        )
        watched.watch(self.metrics)
        self.health.watch("admission", watched.health)
        self._every(TICK_SECONDS, watched.tick)

    def _tls(self) -> Any:  # zope's implementer decorator says nothing to a type checker
        cwmp = self.settings.cwmp
        return tls_context_factory(
            cwmp.tls_certificate,
            cwmp.tls_key,
            cwmp.tls_client_ca or None,
            # Our setting and the library differ in one spelling.
            {"TLSv1": "TLSv1.0"}.get(cwmp.tls_minimum.value, cwmp.tls_minimum.value),
            required=cwmp.tls_require_client_certificate,
            on_error=_tls_problem,
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
        """Begin what one server does for all on its database: forget, count, advance campaigns."""
        if not self._duties:
            self._duties = [
                self._every(PRUNE_SECONDS, self._prune),
                self._every(PRUNE_SECONDS, self._files.prune),
                self._every(PRUNE_SECONDS, self._api.prune),
                self._every(COUNT_SECONDS, self._count),
                self._every(SHED_SECONDS, lambda: Deferred.fromCoroutine(self._disk.shed())),
                self._every(CAMPAIGN_SECONDS, self._advance_campaigns),
                self._every(PRUNE_SECONDS, self._forget_campaigns),
                self._every(EVENTS_SECONDS, lambda: Deferred.fromCoroutine(self._events.work())),
                self._every(PRUNE_SECONDS, lambda: Deferred.fromCoroutine(self._events.prune())),
            ]
            if (back := self._writing_back) is not None:
                self._duties += [
                    self._every(WRITE_BACK_SECONDS, lambda: Deferred.fromCoroutine(back.work())),
                    self._every(STEP_SECONDS, lambda: Deferred.fromCoroutine(back.walk())),
                    self._every(PRUNE_SECONDS, lambda: Deferred.fromCoroutine(back.prune())),
                ]
            self.health.watch("events", self._events.health)
            if self._usp.is_wanted:
                self._usp.start(_tls_problem)
                self.health.watch("usp", self._usp.health)
            if self._waking.is_wanted:
                self._waking.start()
            if self._bridge is not None and self._bridge.sweeping.is_wanted:
                self._duties.append(self._every(SWEEP_LOOK_SECONDS, self._sweep_erpnext))
            if self._bridge is not None:
                inbox = self._bridge.inbox
                self._duties.append(self._every(inbox.look_seconds, self._work_off_inbox))

    def end_duties(self) -> None:
        """Leave to another what is done for all; what is under way ends by itself."""
        duties, self._duties = self._duties, []
        for loop in duties:
            self._loops.remove(loop)
            loop.stop()
        self._events.rest()
        if self._writing_back is not None:
            self._writing_back.stop()
        if self._bridge is not None:
            self._bridge.sweeping.stop()
            self._bridge.inbox.stop()
        self._usp.stop().addErrback(lambda failure: self._watcher.bug("usp", failure.value))
        self._waking.stop().addErrback(lambda failure: self._watcher.bug("waking", failure.value))

    async def close_ports(self) -> None:
        """Take no more connections; those that are open, and all else, go on."""
        ports, self._ports = self._ports, []
        for _name, port in ports:
            await maybeDeferred(port.stopListening)

    @property
    def edge(self) -> CwmpEdge:
        """Where CPEs have their sessions."""
        return self._edge

    @property
    def connections(self) -> int:
        """Connections of CPEs that are open."""
        return self._gate.connections

    @property
    def work(self) -> int:
        """Sessions and transfers that are under way."""
        ours = len(self._edge.lines) + self._api.under_way
        return ours + self._files.transfers + self._usp.work

    async def written(self) -> None:
        """Return once all is written that was learned until now."""
        await self._queues.run("written", lambda _conn: None)

    async def stop(self) -> None:
        """Close the listeners, finish what is written, close the database."""
        for loop in self._loops:
            loop.stop()
        await self.close_ports()
        await self._api.finish()
        await self._usp.stop()
        await self._events.stop()
        try:
            await self._waking.stop()
            if self._writing_back is not None:
                self._writing_back.stop()
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

    def _every(
        self, seconds: float, work: Callable[[], Deferred[Any] | None], *, now: bool = False
    ) -> LoopingCall:
        """Run ``work`` periodically; one failure is logged and the loop goes on."""

        def failed(failure: Failure) -> None:
            self._watcher.bug("periodic work", failure.value)

        def fenced() -> Deferred[Any]:
            done: Deferred[Any] = maybeDeferred(work)
            return done.addErrback(failed)

        loop = LoopingCall(fenced)
        loop.clock = self._reactor
        loop.start(seconds, now=now)
        self._loops.append(loop)
        return loop

    def _sweep_erpnext(self) -> Deferred[None] | None:
        return Deferred.fromCoroutine(self._bridge.sweeping.work()) if self._bridge else None

    def _work_off_inbox(self) -> Deferred[None] | None:
        return Deferred.fromCoroutine(self._bridge.inbox.work()) if self._bridge else None

    def _learn_of_sweeps(self) -> Deferred[None] | None:
        return Deferred.fromCoroutine(self._bridge.sweeping.learn()) if self._bridge else None

    def _count(self) -> Deferred[Any]:
        counted: Deferred[Any] = self._queues.run("standings", standings_thd)
        return counted.addCallback(self.metrics.devices)

    def _look_for_recordings(self) -> Deferred[Any]:
        wanted: Deferred[Any] = self._queues.run("recordings", wanted_thd, time.time())
        return wanted.addCallback(self._recorder.record)

    def _refresh_rules(self) -> Deferred[Any]:
        groups: Deferred[Any] = self._queues.run("groups", queries_thd)
        return groups.addCallback(self._rules.refresh)

    def _forget_campaigns(self) -> Deferred[Any]:
        before = time.time() - self.settings.timeline.keep_days * 86_400
        gone: Deferred[Any] = self._queues.run(
            "forget campaigns", campaign_steps.forget_thd, before, PRUNE_ROWS
        )
        return gone

    def _advance_campaigns(self) -> Deferred[None]:
        return Deferred.fromCoroutine(campaigns.advance(self._queues, time.time(), self.metrics))

    def _prune(self) -> Deferred[None]:
        keep = self.settings.timeline

        def step(limit: int) -> Deferred[Pruned]:
            return self._queues.run(
                "prune",
                prune_thd,
                time.time(),
                keep.keep_days,
                keep.max_per_device,
                limit,
                notify_days=self.settings.usp.notify_days,
            )

        def pause() -> Deferred[None]:
            return deferLater(self._reactor, PRUNE_PAUSE_SECONDS)

        done = Deferred.fromCoroutine(prune(step, pause))
        return done.addCallback(lambda _: self._prune_trees())

    def _prune_trees(self) -> Deferred[Any]:
        settings = self.settings
        gone: Deferred[Any] = self._queues.run(
            "prune trees", prune_trees_thd, settings.discovery.trees
        )
        gone.addCallback(lambda _: self._queues.run("recordings", expire_thd, time.time()))
        directory = settings.data_dir / RECORDINGS
        return gone.addCallback(
            lambda _: deferToThread(prune_recordings, directory, settings.recording, time.time())
        )


def session_limits(cwmp: CwmpSettings) -> Limits:
    """Bounds of one session under these settings."""
    return Limits(
        rpcs=min(cwmp.max_rpcs, max(1, cwmp.max_exchanges - 1)),
        requests=max(1, cwmp.max_exchanges - cwmp.max_rpcs),
    )


def _tls_problem(error: TlsError) -> None:
    log.error("TLS files", problem=str(error))
