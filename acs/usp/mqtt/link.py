"""One connection to a broker, kept: connect, subscribe, carry, come back after a loss.

paho-mqtt speaks the protocol; the reactor calls it when its socket is ready. Only connecting
(names, TCP, TLS) happens in a thread. Each connection has a new client of paho's: nothing of an
old one, such as a request whose time is over, is sent again.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from paho.mqtt.client import ConnectFlags, DisconnectFlags
from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReadWriteDescriptor
from twisted.internet.task import LoopingCall
from twisted.internet.threads import deferToThreadPool
from twisted.python.failure import Failure
from zope.interface import implementer

from acs.log import get_logger
from acs.usp.mqtt.client import BufferedClient
from acs.usp.mqtt.dialling import (
    CONNECT_SECONDS,
    disconnect,
    in_words,
    new_client,
    open_blocking,
    subscribe,
)
from acs.usp.mqtt.packets import Published
from acs.usp.mqtt.remote import Broker, Version

log = get_logger(__name__)

FIRST_PAUSE = 1.0
LONGEST_PAUSE = 60.0
STEADY_SECONDS = 30.0
"""A connection that held this long was a good one: the next pause is short again."""
MOST_UNSENT_BYTES = 16_777_216
MOST_UNDERWAY = 500
MOST_EXTRA_FILTERS = 5
MOST_EARLY = 10_000
"""Publishes that wait until the link is up; what comes beyond cannot be answered."""


class LinkState(StrEnum):
    """How far the link is."""

    STOPPED = "stopped"
    CONNECTING = "connecting"
    UP = "up"
    WAITING = "waiting"
    """Until the next attempt."""


@dataclass(frozen=True, slots=True)
class Granted:
    """What the broker told as the link came up."""

    response_information: str = ""
    """Topic at which it wants us to be answered (R-MQTT.21); "": ours to choose."""
    refused: tuple[str, ...] = ()
    """Filters that are good to have and that it refused."""


class Listener(Protocol):
    """Whoever uses the link. Called on the reactor's thread."""

    def link_up(self, granted: Granted) -> None:
        """Connected, and subscribed to all that is needed."""

    def link_down(self, why: str) -> None:
        """The link that was up is lost."""

    def published(self, message: Published) -> None:
        """A PUBLISH came."""


@implementer(IReadWriteDescriptor)
class Link:
    """Keeps one connection to ``broker`` until it is stopped."""

    def __init__(
        self,
        broker: Broker,
        needed: Sequence[str],
        wanted: Sequence[str],
        qos: int,
        listener: Listener,
        reactor: Any,
        spread: Callable[[], float],
    ) -> None:
        """``needed``: topic filters without which there is no link; ``wanted``: others.

        ``spread`` gives a number from 0 to 1, `random.random`.
        """
        self.broker = broker
        self.state = LinkState.STOPPED
        self.trouble = ""
        """Why it is not up, in words; "": it is."""
        self._needed = tuple(needed)
        self._wanted = tuple(wanted)
        self._qos = qos
        self._listener = listener
        self._reactor = reactor
        self._spread = spread
        self._client: BufferedClient | None = None
        self._descriptor = -1
        self._patience: Any = None
        self._retry: Any = None
        self._flushing: Any = None
        self._care = LoopingCall(self._look_after)
        self._care.clock = reactor
        self._failures = 0
        self._up_at = 0.0
        self._verdict = ""
        """Why we or the broker are ending this connection, where that is known."""
        self._asked: dict[int, tuple[str, ...]] = {}
        """Filters of each SUBSCRIBE that is not acknowledged, by packet id."""
        self._granted = Granted()
        self._early: list[Published] = []
        """What the broker had kept for us and sent before its SUBACK."""
        self._stopped: Deferred[None] | None = None

    @property
    def _is_v5(self) -> bool:
        return self.broker.version is Version.V5

    def start(self) -> None:
        """Begin to connect, and to come back after each loss."""
        self._connect()

    def stop(self) -> Deferred[None]:
        """Say good-bye, and end; fires when nothing is left underway."""
        stopped = self._stopped = Deferred[None]()
        self._cancel(self._retry)
        client = self._client
        if client is None:
            self._end()
        elif self._descriptor >= 0:
            if self.state is LinkState.UP and self.broker.status and not self._is_v5:
                client.publish(self.broker.status, b"offline", self._qos, retain=True)
            self._give_up("stopped", with_will=True)
        # Else a thread is connecting, and `_opened` sees that it is to end.
        return stopped

    def publish(self, topic: str, octets: bytes, properties: Properties | None = None) -> bool:
        """Send one PUBLISH; False: the link is not up, or too much waits already.

        ``properties`` are left out over MQTT 3.1.1.
        """
        client = self._client
        if self.state is not LinkState.UP or client is None or client.unsent > MOST_UNSENT_BYTES:
            return False
        if not self._is_v5:
            properties = None
        try:
            info = client.publish(topic, octets, self._qos, retain=False, properties=properties)
        except ValueError:  # a topic nothing can be published to
            return False
        if self._flushing is None:
            self._flushing = self._reactor.callLater(0, self._flush)
        return info.rc == MQTTErrorCode.MQTT_ERR_SUCCESS

    # Connecting

    def _connect(self) -> None:
        self._retry = None
        self.state = LinkState.CONNECTING
        self._asked = {}
        self._verdict = ""
        client = self._client = self._make_client()
        work = deferToThreadPool(
            self._reactor, self._reactor.getThreadPool(), open_blocking, client, self.broker
        )
        work.addCallbacks(lambda _: self._opened(client), lambda why: self._not_opened(why, client))
        work.addErrback(lambda why: log.error("mqtt link", problem=why.getErrorMessage()))

    def _make_client(self) -> BufferedClient:
        client = new_client(self.broker, self._published)
        client.on_connect = self._connected
        client.on_subscribe = self._subscribed
        client.on_disconnect = self._disconnected
        return client

    def _opened(self, client: BufferedClient) -> None:
        sock: Any = client.socket()
        if self._stopped is not None or sock is None:
            client.abandon()
            self._lost("stopped" if self._stopped else "closed by the broker")
            return
        self._descriptor = sock.fileno()
        # A request is one small packet, and the broker's acknowledgement of the last one may wait.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client.on_socket_close = lambda *_: self._forget_socket()
        self._reactor.addReader(self)
        self._patience = self._reactor.callLater(CONNECT_SECONDS, self._impatient)
        self._care.start(1.0, now=False)
        self._flush()

    def _not_opened(self, why: Failure, client: BufferedClient) -> None:
        client.abandon()
        self._lost(in_words(why.value))

    def _impatient(self) -> None:
        self._patience = None
        self._give_up("the broker did not answer in time")

    # What paho calls

    def _connected(
        self,
        client: Any,
        _userdata: object,
        _flags: ConnectFlags,
        reason: ReasonCode,
        properties: Properties | None,
    ) -> None:
        if reason.is_failure:
            self._verdict = f"the broker refused us: {reason}"
            return
        information = str(getattr(properties, "ResponseInformation", ""))
        pairs = getattr(properties, "UserProperty", [])
        told = [value for name, value in pairs if name == "subscribe-topic"]
        maximum = getattr(properties, "ReceiveMaximum", MOST_UNDERWAY)
        client.allow_underway(min(maximum, MOST_UNDERWAY))
        self._granted = Granted(information)
        needed = dict.fromkeys((*self._needed, *filter(None, (information,))))
        extra = dict.fromkeys((*self._wanted, *told[:MOST_EXTRA_FILTERS]))
        self._subscribe(client, tuple(needed))
        self._subscribe(client, tuple(each for each in extra if each not in needed))

    def _subscribe(self, client: Any, filters: tuple[str, ...]) -> None:
        if filters:
            packet_id = subscribe(client, self.broker.version, filters, self._qos)
            self._asked[packet_id] = filters

    def _subscribed(
        self,
        _client: Any,
        _userdata: object,
        packet_id: int,
        reasons: list[ReasonCode],
        _properties: object,
    ) -> None:
        filters = self._asked.pop(packet_id, ())
        refused = tuple(
            each for each, reason in zip(filters, reasons, strict=False) if reason.is_failure
        )
        needed = [each for each in refused if each in self._needed]
        if needed:
            # R-MQTT.17; and half a subscription would hide that we are half deaf.
            self._verdict = f"the broker refused the subscription to {', '.join(needed)}"
            self._reactor.callLater(0, self._give_up, self._verdict)
            return
        self._granted = Granted(
            self._granted.response_information, (*self._granted.refused, *refused)
        )
        if not (self._asked or self._verdict):
            self._come_up()

    def _come_up(self) -> None:
        self.state = LinkState.UP
        self.trouble = ""
        self._up_at = self._reactor.seconds()
        self._cancel(self._patience)
        client = self._client
        if self.broker.status and client is not None:
            client.publish(self.broker.status, b"online", qos=1, retain=True)
        log.info("mqtt link up", broker=str(self.broker), version=self.broker.version)
        self._listener.link_up(self._granted)
        early, self._early = self._early, []
        for message in early:
            self._listener.published(message)

    def _published(self, message: Published) -> None:
        """What could not be answered yet waits: its answer would have nowhere to go."""
        if self.state is LinkState.UP or len(self._early) >= MOST_EARLY:
            self._listener.published(message)
        else:
            self._early.append(message)

    def _disconnected(
        self,
        client: Any,
        _userdata: object,
        flags: DisconnectFlags,
        reason: ReasonCode,
        _properties: object,
    ) -> None:
        if client is not self._client:
            return
        told = flags.is_disconnect_packet_from_server
        # Without a DISCONNECT, paho's reason is that of nothing in particular.
        why = f"the broker ended it: {reason}" if told else "the connection is lost"
        self._lost(self._verdict or why)

    # The end of a connection

    def _give_up(self, why: str, *, with_will: bool = False) -> None:
        """Say DISCONNECT and close; ``with_will``: MQTT 5 has the broker tell our status."""
        self._verdict = why
        client = self._client
        if client is not None and self._descriptor >= 0:
            disconnect(client, self.broker.version, with_will=with_will)
        self._lost(why)

    def _forget_socket(self) -> None:
        """Before the socket is closed, for the reactor knows it by its number."""
        self._reactor.removeReader(self)
        self._reactor.removeWriter(self)
        self._descriptor = -1

    def _lost(self, why: str) -> None:
        """Once for each client, however often something says so."""
        if self._client is None:
            return
        self._client = None
        was_up = self.state is LinkState.UP
        self._cancel(self._patience)
        self._cancel(self._flushing)
        self._flushing = self._patience = None
        if self._care.running:
            self._care.stop()
        if was_up and self._reactor.seconds() - self._up_at >= STEADY_SECONDS:
            self._failures = 0
        self.trouble = why
        if self._stopped is not None:
            self._end()
        else:
            pause = min(FIRST_PAUSE * 2.0 ** min(self._failures, 10), LONGEST_PAUSE)
            pause *= 0.5 + self._spread() / 2
            self._failures += 1
            self.state = LinkState.WAITING
            self._retry = self._reactor.callLater(pause, self._connect)
            log.warning("mqtt link down", broker=str(self.broker), why=why, again_in=f"{pause:.1f}")
        if was_up:
            self._listener.link_down(why)

    def _end(self) -> None:
        self.state = LinkState.STOPPED
        if self._stopped is not None and not self._stopped.called:
            self._stopped.callback(None)

    def _cancel(self, call: Any) -> None:
        if call is not None and call.active():
            call.cancel()

    # What the reactor calls

    def fileno(self) -> int:
        """File descriptor of the socket; -1: there is none."""
        return self._descriptor

    def logPrefix(self) -> str:  # noqa: N802 - Twisted's name
        """Name in Twisted's own log lines."""
        return "mqtt"

    def doRead(self) -> None:  # noqa: N802 - Twisted's name
        """Octets came."""
        self._drive(BufferedClient.read)

    def doWrite(self) -> None:  # noqa: N802 - Twisted's name
        """The socket takes more."""
        self._flush()

    def connectionLost(self, _reason: Failure) -> None:  # noqa: N802 - Twisted's name
        """Note what the reactor found wrong with the socket."""
        if self._client is not None:
            self._client.abandon()
        self._lost("the connection broke")

    def _look_after(self) -> None:
        self._drive(lambda client: client.loop_misc())

    def _drive(self, work: Callable[[BufferedClient], object]) -> None:
        """Have paho work; what it cannot digest costs the connection, not the server."""
        client = self._client
        if client is None:
            return
        try:
            work(client)
        except Exception as error:
            log.exception("mqtt link")
            client.abandon()
            self._lost(f"{type(error).__name__} in what the broker sent")
            return
        self._flush()

    def _flush(self) -> None:
        self._cancel(self._flushing)
        self._flushing = None
        client = self._client
        if client is None or self._descriptor < 0:
            return
        try:
            done = client.flush()
        except OSError as error:
            client.abandon()
            self._lost(in_words(error))
            return
        if done:
            self._reactor.removeWriter(self)
        else:
            self._reactor.addWriter(self)
