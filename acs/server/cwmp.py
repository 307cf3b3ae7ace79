"""CWMP in one process: the edge, how it speaks to each family, and how many it lets in."""

from __future__ import annotations

import random
import secrets
import time
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread

from acs.api import Health, Metrics
from acs.cwmp.admission import Admission, Aim
from acs.cwmp.authenticate import Gate, GateSettings
from acs.cwmp.dialect import Dialect
from acs.cwmp.digest import Challenger
from acs.cwmp.edge import CwmpEdge
from acs.cwmp.limits import EdgeLimits
from acs.cwmp.recording import SessionFacts
from acs.cwmp.session import Limits
from acs.devices.house import House
from acs.http import Bounds, HttpFactory
from acs.http.listen import BACKLOG, prompt, secured
from acs.model import Contact
from acs.profiles import Facts, Library
from acs.server.loops import Loops
from acs.server.place import OpenPort, Place
from acs.server.pressure import TICK_SECONDS, Load, Pressure, unaccepted
from acs.server.recorder import RECORDINGS, Recorder
from acs.server.watch import EdgeWatcher
from acs.settings import CwmpSettings, Settings
from acs.store.engine import Database
from acs.store.queues import Queues
from acs.store.recordings import wanted_thd

SWEEP_SECONDS = 1.0
RECORDING_SECONDS = 3.0
ALGORITHMS = {"md5": ("MD5",), "sha-256": ("SHA-256",), "both": ("MD5", "SHA-256")}


class CwmpServer:
    """Serves CPEs: `listen`, then `begin`."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        queues: Queues,
        house: House,
        library: Library,
        watcher: EdgeWatcher,
        place: Place,
        reactor: Any,
        *,
        give_way: Callable[[Contact], None],
    ) -> None:
        """Take the parts; nothing listens yet.

        ``give_way`` is told of a device that begins a session, whatever else is done with it.
        """
        self._settings = settings
        self._database = database
        self._queues = queues
        self._house = house
        self._watcher = watcher
        self._place = place
        self._reactor = reactor
        self._recorder = self._make_recorder()
        self._dialects = self._make_dialects(library)
        self._admission = Admission(Aim(delay=settings.cwmp.target_delay), spread=random.random)
        self.edge = CwmpEdge(
            house,
            self._make_gate(),
            reactor,
            watcher,
            EdgeLimits(
                session=session_limits(settings.cwmp),
                timeout=settings.cwmp.session_timeout,
                sessions=settings.cwmp.max_sessions,
                sessions_per_minute=settings.cwmp.sessions_per_minute,
                hold_requests=settings.cwmp.hold_requests,
                path=settings.cwmp.path,
            ),
            token=place.token,
            admission=self._admission,
            dialect=self._dialect,
            recorder=self._recorder,
            rivals=place.rivals,
            give_way=give_way,
        )
        """Where CPEs have their sessions."""
        self._factory = self._make_factory()

    # --- building ----------------------------------------------------------------------

    def _make_gate(self) -> Gate:
        auth = self._settings.auth
        key = bytes.fromhex(self._database.vault.digest(b"nonces", "acs.cwmp.digest"))
        challenger = Challenger(
            auth.realm, key, ALGORITHMS[auth.digest.value], replay=self._place.replay
        )
        return Gate(
            GateSettings(
                mode=auth.mode.value,
                realm=auth.realm,
                bootstrap_username=auth.bootstrap_username,
                bootstrap_password=auth.bootstrap_password,
                basic_on_http=auth.allow_basic_on_http,
            ),
            challenger,
            self._queues.account,
            clock=time.time,
            random=secrets.token_bytes,
            failed=self._watcher.auth_failed,
        )

    def _make_recorder(self) -> Recorder:
        cwmp = self._settings.cwmp
        limits = session_limits(cwmp)
        most = self._settings.recording.max_bytes

        def in_thread(work: Callable[[], None]) -> None:
            # The end of a session is known before its last answer is rendered.
            deferLater(self._reactor, 0, deferToThread, work)

        return Recorder(
            self._settings.data_dir / RECORDINGS,
            SessionFacts(limits.rpcs, limits.requests, cwmp.hold_requests, most),
            time.time,
            in_thread,
        )

    def _make_dialects(self, library: Library) -> dict[str, Dialect]:
        """How to speak to each family, by its blueprint's name; the empty name is no family."""
        usual: dict[str, Any] = {"xml_declaration": self._settings.cwmp.xml_declaration}
        found = {name: library.get(name) for name in library.names()}
        own = {name: blueprint.dialect for name, blueprint in found.items() if blueprint}
        return {name: Dialect(**usual | dict(wants)) for name, wants in {"": {}, **own}.items()}

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

    def _make_factory(self) -> HttpFactory:
        http = self._settings.http
        door = self._place.door(self.edge)
        return HttpFactory(
            door.handle,
            reactor=self._reactor,
            bounds=Bounds(
                header_bytes=http.header_bytes,
                body_bytes=http.body_bytes,
                decompressed_bytes=http.decompressed_bytes,
                request_seconds=http.request_seconds,
                idle_seconds=http.idle_seconds,
                max_connections=http.connections,
                max_connections_per_address=http.connections_per_address,
            ),
            admission=door.admission,
            count=self._watcher.counted,
            on_error=lambda error: self._watcher.bug("http", error),
        )

    # --- life --------------------------------------------------------------------------

    def listen(self, tls: Callable[[], Any], open_port: OpenPort) -> dict[str, Any]:
        """Open the listeners: ``http``, ``https``. ``tls`` makes the context of the second.

        Raises `CannotListenError` and `TlsError`.
        """
        cwmp, ports = self._settings.cwmp, {}
        if cwmp.listen:
            ports["http"] = prompt(open_port("http", cwmp.listen, self._factory, BACKLOG))
        if cwmp.tls_listen:
            safe = secured(self._factory, tls(), self._reactor)
            ports["https"] = prompt(open_port("https", cwmp.tls_listen, safe, BACKLOG))
        self._listening = list(ports.values())
        return ports

    def begin(self, loops: Loops, metrics: Metrics, health: Health) -> None:
        """Begin the periodic work of the edge, after `listen`."""
        metrics.watch("sessions_open", "Sessions open now.", lambda: len(self.edge.lines))
        self._watch_pressure(loops, metrics, health)
        loops.every(SWEEP_SECONDS, self.edge.sweep)
        # From the first session on: an operator may have asked while no server ran.
        self._recorder.record(self._database.run("recordings", wanted_thd, time.time()))
        loops.every(RECORDING_SECONDS, self._look_for_recordings)

    def _watch_pressure(self, loops: Loops, metrics: Metrics, health: Health) -> None:
        load = Load(
            store_delay=lambda: self._queues.queueing,
            asked=lambda: self._queues.asked,
            answered=lambda: self.edge.answered,
            ended=lambda: (self.edge.served, self.edge.exchanges),
            accepted=lambda: self._factory.gate.entered,
            unaccepted=self._unaccepted,
            sharers=self._place.workers,
        )
        reactor = self._reactor
        watched = Pressure(
            self._admission, load, reactor.seconds, lambda call: reactor.callLater(0, call)
        )
        watched.watch(metrics)
        health.watch("admission", watched.health)
        loops.every(TICK_SECONDS, watched.tick)

    def _unaccepted(self) -> int:
        # A port that was closed while sessions end has no socket any more.
        return sum(unaccepted(port.socket) for port in self._listening if port.connected)

    def _look_for_recordings(self) -> Deferred[Any]:
        wanted: Deferred[Any] = self._queues.run("recordings", wanted_thd, time.time())
        return wanted.addCallback(self._recorder.record)

    @property
    def connections(self) -> int:
        """Connections of CPEs that are open."""
        return self._factory.gate.connections

    def lets_all_in(self) -> bool:
        """Tell whether no new session is told to come back later."""
        return self._admission.calm

    def is_open(self, device: str) -> bool:
        """Tell of a device, by its key, whether it has a session here right now."""
        return device in self.edge.lines.by_device


def session_limits(cwmp: CwmpSettings) -> Limits:
    """Bounds of one session under these settings."""
    return Limits(
        rpcs=min(cwmp.max_rpcs, max(1, cwmp.max_exchanges - 1)),
        requests=max(1, cwmp.max_exchanges - cwmp.max_rpcs),
    )
