"""USP in one process: the controller, its edges, and what it does by itself."""

from __future__ import annotations

import secrets
import socket
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography import x509
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.task import LoopingCall

from acs.api import Metrics, Part, State
from acs.devices.house import House
from acs.http import split_address, tls_context_factory
from acs.http.listen import BACKLOG, secured
from acs.log import OncePer
from acs.model import Contact
from acs.server.usp_claims import AgentClaims
from acs.server.usp_mqtt import MqttSide
from acs.server.usp_watch import UspWatch
from acs.settings import Settings, SettingsError
from acs.store.engine import Database
from acs.store.notes import leave_note_thd, read_note_thd
from acs.store.queues import Queues
from acs.store.usp_agents import agents_with_work_thd, present_thd
from acs.usp import integrity
from acs.usp.attending import Attendant
from acs.usp.controller import Controller
from acs.usp.drops import NOTE, Drops
from acs.usp.keeping import Bounds
from acs.usp.mtp import Mtp, Route
from acs.usp.onboarding import Wanted
from acs.usp.records import Record
from acs.usp.speaking import Speaker
from acs.usp.visits import Visits
from acs.usp.websocket import Terms, WebSocketEdge, WebSocketOptions

TICK_SECONDS = 0.05
WORK_SECONDS = 0.5
"""How often it is looked whether an operator asked something of an agent."""
DROPS_SECONDS = 15.0
"""How often operators are told of records that were not taken."""
RETURN_SECONDS = 0.02
"""Between two agents that are asked whether they are still there, after a start."""


class UspServer:
    """Serves agents where the settings say so."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        queues: Queues,
        house: House,
        reactor: Any,
        metrics: Metrics,
        *,
        is_busy: Callable[[str], bool],
    ) -> None:
        """Take the parts; nothing listens yet.

        ``is_busy`` tells of a device, by its key, that it has a CWMP session right now.
        """
        usp = settings.usp
        self._settings = settings
        self._database = database
        self._queues = queues
        self._reactor = reactor
        self._watch = UspWatch(metrics, OncePer(60.0, time.monotonic))
        bounds = Bounds(
            request_seconds=usp.request_seconds,
            max_record=usp.max_record_bytes,
            notifies_per_minute=usp.notifies_per_minute,
            require_identity=usp.require_identity,
            rebootstrap=settings.auth.rebootstrap == "allow",
        )
        claims = self._claims()
        wanted = Wanted(usp.endpoint_id, usp.periodic_seconds)
        attendant = Attendant(
            house, queues, self._watch, wanted, bounds, now=time.time, claims=claims
        )
        self._visits = Visits(
            attendant,
            self._watch,
            bounds,
            clock=reactor.seconds,
            token=lambda: secrets.token_urlsafe(12),
            settle=house.policy.settle,
            is_busy=is_busy,
            claims=claims,
        )
        speaker = Speaker(
            usp.endpoint_id, self._watch, bounds, lambda: 2 + secrets.randbelow(2**62)
        )
        self.controller = Controller(
            queues,
            self._visits,
            speaker,
            self._watch,
            bounds,
            clock=reactor.seconds,
            now=time.time,
            verify=_verifier(usp.authorities),
        )
        self._websocket = WebSocketEdge(
            self._websocket_options(), self.controller, reactor, self._watch
        )
        speaker.senders[Mtp.WEBSOCKET] = self._websocket
        self._mqtt = MqttSide(settings, self.controller, reactor, self._watch)
        speaker.senders[Mtp.MQTT] = self._mqtt
        self.ports: list[tuple[str, Any]] = []
        """Open listeners by name."""
        self._loops: list[LoopingCall] = []
        self._after_job = 0
        self._returning: list[tuple[str, Route]] = []
        metrics.watch("usp_agents_known", "Agents in memory.", lambda: len(self.controller.peers))
        metrics.watch("usp_visits_open", "Visits of agents now.", lambda: self._visits.open)

    def _claims(self) -> AgentClaims | None:
        mqtt = self._settings.mqtt
        if not mqtt.share_group:
            return None
        return AgentClaims(self._queues, mqtt.instance or socket.gethostname(), time.time)

    def _websocket_options(self) -> WebSocketOptions:
        settings, websocket = self._settings, self._settings.websocket
        return WebSocketOptions(
            terms=Terms(
                endpoint=settings.usp.endpoint_id,
                path=websocket.path,
                auth=websocket.auth.value,
                username=settings.auth.bootstrap_username,
                password=settings.auth.bootstrap_password,
                basic_on_plain=settings.auth.allow_basic_on_http,
            ),
            record_bytes=settings.usp.max_record_bytes,
            handshake_seconds=websocket.handshake_seconds,
            ping_seconds=websocket.ping_seconds,
            pong_seconds=websocket.pong_seconds,
            record_seconds=websocket.record_seconds,
            connections=websocket.connections,
            connections_per_address=websocket.connections_per_address,
        )

    # --- life ----------------------------------------------------------------------------

    @property
    def is_wanted(self) -> bool:
        """True when agents can reach us by any transport."""
        websocket = self._settings.websocket
        return self._mqtt.is_wanted or bool(websocket.listen or websocket.tls_listen)

    def _listen(self, on_tls_error: Callable[[Any], None]) -> None:
        websocket = self._settings.websocket
        factory = self._websocket.factory()
        if websocket.listen:
            self._open_port("websocket", websocket.listen, factory)
        if websocket.tls_listen:
            tls = secured(factory, self._tls(on_tls_error), self._reactor)
            self._open_port("websocket_tls", websocket.tls_listen, tls)

    def _open_port(self, name: str, address: str, factory: Any) -> None:
        host, port = split_address(address)
        opened = self._reactor.listenTCP(port, factory, BACKLOG, interface=host)
        self.ports.append((name, opened))

    def _tls(self, on_error: Callable[[Any], None]) -> Any:
        cwmp, websocket = self._settings.cwmp, self._settings.websocket
        return tls_context_factory(
            cwmp.tls_certificate,
            cwmp.tls_key,
            websocket.tls_client_ca or cwmp.tls_client_ca or None,
            {"TLSv1": "TLSv1.0"}.get(cwmp.tls_minimum.value, cwmp.tls_minimum.value),
            required=False,
            on_error=on_error,
        )

    def start(self, on_tls_error: Callable[[Any], None]) -> None:
        """Listen, connect to the broker, and begin the periodic work.

        Raises `CannotListenError`, `TlsError`.
        """
        self._listen(on_tls_error)
        self._after_job, self._returning = self._database.run("agents", _returning_thd)
        self._watch.drops = Drops(self._database.run("drops", read_note_thd, NOTE))
        self._mqtt.start()
        self._every(DROPS_SECONDS, self._keep_drops)
        self._every(TICK_SECONDS, lambda: self._visits.tick() and None)
        self._every(1.0, self._visits.sweep)
        self._every(WORK_SECONDS, self._look_for_work)
        if self._returning:
            self._every(RETURN_SECONDS, self._ask_one_back)

    def stop(self) -> Deferred[None]:
        """Take leave of agents and broker; nothing follows."""
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        for loop in self._loops:
            loop.stop()
        self._loops = []
        ports, self.ports = self.ports, []
        for _name, port in ports:
            await maybeDeferred(port.stopListening)
        self._visits.stop()
        await self._websocket.stop()
        await self._mqtt.stop()

    def give_way(self, contact: Contact) -> None:
        """End the visit with a device that begins a CWMP session, if it may."""
        self._visits.give_way(contact)

    @property
    def broker(self) -> str:
        """Where our own broker is; empty where there is none."""
        return self._mqtt.address

    @property
    def work(self) -> int:
        """Visits under way."""
        return self._visits.open

    def health(self) -> Part:
        """How our links are."""
        known = f"{len(self.controller.peers)} agents in memory; {self._mqtt.condition}"
        well = self._mqtt.is_up or not self._mqtt.is_wanted
        return Part(State.OK if well else State.DEGRADED, known)

    # --- by itself -------------------------------------------------------------------------

    def _keep_drops(self) -> Deferred[None] | None:
        drops = self._watch.drops
        if not drops.changed:
            return None
        return self._queues.run("drops", leave_note_thd, NOTE, drops.text())

    def _look_for_work(self) -> Deferred[None]:
        return Deferred.fromCoroutine(self._found_work())

    async def _found_work(self) -> None:
        found, self._after_job = await self._queues.run(
            "work of agents", agents_with_work_thd, self._after_job
        )
        for endpoint in dict.fromkeys(endpoint for endpoint, _ in found):
            peer = self.controller.peers.get(endpoint)
            route = None
            if peer is None or peer.route is None:
                known = await self._queues.agent(endpoint)
                if known.agent is not None and known.agent.reply_to:
                    route = Route(Mtp.MQTT, known.agent.reply_to)
            self.controller.wake(endpoint, "something to do for it", route)

    def _ask_one_back(self) -> None:
        """Whoever was there when we stopped is asked whether he still is, one after the other."""
        if not self._mqtt.is_up or not self._returning:
            return
        endpoint, route = self._returning.pop()
        peer = self.controller.peers.get(endpoint)
        if peer is None or peer.route is None:
            self.controller.wake(endpoint, "we started anew", route)

    def _every(self, seconds: float, work: Callable[[], Any]) -> None:
        def fenced() -> Any:
            return maybeDeferred(work).addErrback(
                lambda failure: self._watch.bug("USP", failure.value)
            )

        loop = LoopingCall(fenced)
        loop.clock = self._reactor
        loop.start(seconds, now=False)
        self._loops.append(loop)


def _verifier(file: str) -> Callable[[Record], object] | None:
    """Make what verifies signed records. Raises `SettingsError` for a file that will not do."""
    if not file:
        return None
    try:
        authorities = x509.load_pem_x509_certificates(Path(file).read_bytes())
    except (OSError, ValueError) as error:
        problem = f"usp.authorities: {file} holds no PEM certificates: {error}"
        raise SettingsError((problem,)) from None
    return lambda record: integrity.verify(record, authorities, datetime.now(UTC))


def _returning_thd(conn: Any) -> tuple[int, list[tuple[str, Route]]]:
    """How far jobs are, and the agents that can be asked over MQTT whether they are there."""
    _, last = agents_with_work_thd(conn, 0)
    found = present_thd(conn)
    return last, [(agent.endpoint, Route(Mtp.MQTT, agent.reply_to)) for agent in found]
