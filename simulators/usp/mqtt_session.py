"""One MQTT connection of an agent (TR-369, MQTT binding): octets in, octets and events out."""

from __future__ import annotations

from dataclasses import dataclass, field

from . import mqtt_wire as wire
from .links import OPEN_SECONDS
from .mqtt_reasons import reason_text
from .mqtt_wire import Property, Version

CONTENT_TYPE = "usp.msg"
_REPLY = "/reply-to="
_MOST_TOPICS = 5
"""Topics of a CONNACK that are subscribed to, as real agents do."""
_ANSWER_SHARE = 0.75
"""Part of the keep-alive time after which a quiet link is pinged."""


@dataclass(frozen=True, slots=True)
class MqttOptions:
    """How agents speak MQTT. ``{endpoint}`` in a text stands for the agent's endpoint id."""

    version: Version = Version.V5
    username: str = ""
    password: str = field(default="", repr=False)
    client_id: str = "{endpoint}"
    """Empty: the broker assigns one (MQTT 5)."""
    topic: str = "usp/v1/agent/{endpoint}"
    """Where it listens, unless the broker's Response Information says otherwise."""
    controller: str = "usp/v1/controller/{endpoint}"
    """Where it speaks to."""
    keep_alive: int = 60
    """Seconds; 0: no pings."""
    qos: int = 1
    response_information: bool = False
    """Ask the broker for the topic to listen at (MQTT 5)."""
    will: str = ""
    """Topic at which the broker is to tell of our silent end; empty: none, as real agents."""


@dataclass(frozen=True, slots=True)
class Up:
    """Subscribed: records can go."""

    topic: str
    client_id: str


@dataclass(frozen=True, slots=True)
class Record:
    """A record of the controller."""

    octets: bytes = field(repr=False)
    reply_to: str | None


@dataclass(frozen=True, slots=True)
class Down:
    """It is over."""

    why: str


Event = Up | Record | Down


class MqttSession:
    """A connection from CONNECT to its end; ``now`` in seconds of any clock.

    What `take` returns is to be written after each call.  After `Down` there is nothing more to
    do but to close.
    """

    __slots__ = (
        "_allowed", "_client_id", "_endpoint", "_heard", "_inflight", "_largest", "_last_id",
        "_options", "_out", "_pinged", "_reader", "_said", "_started", "_topic", "_up", "_waiting",
        "_wanted",
    )  # fmt: skip

    def __init__(self, options: MqttOptions, endpoint: str, client_id: str, now: float) -> None:
        self._options = options
        self._endpoint = endpoint
        self._client_id = client_id
        self._reader = wire.Reader(options.version)
        self._topic = options.topic.replace("{endpoint}", endpoint)
        self._up = False
        self._started = self._said = self._heard = now
        self._pinged = False
        self._allowed = 0xFFFF
        self._largest = wire.MOST_OCTETS
        self._inflight: set[int] = set()
        self._waiting: list[wire.Publish] = []
        self._wanted: tuple[str, ...] = ()
        """Filters that are subscribed to, that of our own topic first."""
        self._last_id = 0
        self._out = self._connect()

    @property
    def due(self) -> float | None:
        """When `tick` has something to do, unless something is said or heard before."""
        if not self._up:
            return self._started + OPEN_SECONDS
        if not self._options.keep_alive:
            return None
        since = self._heard if self._pinged else self._said
        return since + self._patience

    def take(self) -> bytes:
        """Return what is to be written now."""
        out, self._out = self._out, b""
        return out

    def tick(self, now: float) -> list[Event]:
        """Look at the clock."""
        due = self.due
        if due is None or now < due:
            return []
        if not self._up:
            return [Down(f"the broker did not let us in within {OPEN_SECONDS:g} s")]
        if self._pinged:
            return [Down("the broker does not answer pings")]
        self._pinged, self._heard = True, now
        self._say(wire.PINGREQ, now)
        return []

    def received(self, data: bytes, now: float) -> list[Event]:
        """Take what the broker sent."""
        self._heard, self._pinged = now, False
        events: list[Event] = []
        try:
            for packet in self._reader.feed(data):
                events += self._take_packet(packet, now)
        except wire.MqttError as error:
            events.append(Down(f"the broker sent what is no MQTT: {error}"))
        return events

    def publish(self, octets: bytes, to: str | None, now: float) -> bool:
        """Send a record; False: not now, or not this one (see `links.Link.send`)."""
        if not self._up or len(octets) + 1024 > self._largest:
            return False
        topic = to or self._options.controller.replace("{endpoint}", self._endpoint)
        properties: wire.Properties = wire.NO_PROPERTIES
        if self._options.version is Version.V5:
            properties = {
                Property.CONTENT_TYPE: CONTENT_TYPE,
                Property.RESPONSE_TOPIC: self._topic,
            }
        else:
            topic += _REPLY + self._topic.replace("/", "%2F")
        message = wire.Publish(topic, octets, self._options.qos, properties=properties)
        self._waiting.append(message)
        self._send_waiting(now)
        return True

    def leave(self, now: float) -> None:
        """Say goodbye."""
        self._say(wire.DISCONNECT, now)

    # --- behind that ----------------------------------------------------------------------------

    @property
    def _patience(self) -> float:
        return self._options.keep_alive * _ANSWER_SHARE

    def _say(self, octets: bytes, now: float) -> None:
        self._out += octets
        self._said = now

    def _connect(self) -> bytes:
        options = self._options
        properties: dict[Property, wire.Value] = {}
        if options.version is Version.V5:
            properties[Property.USER] = (("usp-endpoint-id", self._endpoint),)
            if options.response_information:
                properties[Property.REQUEST_RESPONSE_INFORMATION] = 1
        will = options.will.replace("{endpoint}", self._endpoint)
        return wire.connect(
            options.version,
            self._client_id,
            keep_alive=options.keep_alive,
            username=options.username.replace("{endpoint}", self._endpoint),
            password=options.password,
            properties=properties,
            will=wire.Will(will) if will else None,
        )

    def _take_packet(self, packet: wire.Packet, now: float) -> list[Event]:
        match packet:
            case wire.Connack():
                return self._welcomed(packet, now)
            case wire.Suback():
                return self._subscribed(packet)
            case wire.Publish():
                if packet.qos:
                    self._say(wire.puback(packet.packet_id), now)
                return [Record(packet.payload, self._reply_topic(packet))]
            case wire.Puback(packet_id):
                self._inflight.discard(packet_id)
                self._send_waiting(now)
                return []
            case wire.Pingresp():
                return []
            case wire.Disconnect(reason, properties):
                words = reason_text(self._options.version, reason, properties)
                return [Down(f"the broker disconnected us: {words}")]

    def _welcomed(self, answer: wire.Connack, now: float) -> list[Event]:
        options, told = self._options, answer.properties
        if answer.reason:
            words = reason_text(options.version, answer.reason, told)
            return [Down(f"the broker refused us: {words}")]
        self._client_id = str(told.get(Property.ASSIGNED_CLIENT_ID, self._client_id))
        self._allowed = _number(told, Property.RECEIVE_MAXIMUM, self._allowed)
        self._largest = _number(told, Property.MAXIMUM_PACKET_SIZE, self._largest)
        self._topic = str(told.get(Property.RESPONSE_INFORMATION, self._topic))
        users = told.get(Property.USER, ())
        assert isinstance(users, tuple)
        offered = [text for name, text in users if name == "subscribe-topic"][:_MOST_TOPICS]
        self._topic = self._topic or next(iter(offered), "")
        if not self._topic:
            return [Down("no topic to listen at: none is configured, and the broker named none")]
        own = self._topic if options.version is Version.V5 else f"{self._topic}/#"
        self._wanted = tuple(dict.fromkeys([own, *offered]))
        self._last_id = 1
        self._say(wire.subscribe(options.version, 1, self._wanted, options.qos), now)
        return []

    def _subscribed(self, answer: wire.Suback) -> list[Event]:
        reasons = answer.reasons
        if not reasons or all(reason >= 0x80 for reason in reasons):
            words = reason_text(self._options.version, reasons[0] if reasons else 0x80)
            return [Down(f"the broker refused the subscription to {self._wanted[0]}: {words}")]
        self._up = True
        return [Up(self._topic, self._client_id)]

    def _reply_topic(self, message: wire.Publish) -> str | None:
        if self._options.version is Version.V5:
            told = message.properties.get(Property.RESPONSE_TOPIC)
            return told if isinstance(told, str) else None
        _, mark, told = message.topic.rpartition(_REPLY)
        return told.replace("%2F", "/").replace("%2f", "/") if mark else None

    def _send_waiting(self, now: float) -> None:
        """Send what the broker's Receive Maximum allows (MQTT 5, 4.9)."""
        while self._waiting and (not self._options.qos or len(self._inflight) < self._allowed):
            message = self._waiting.pop(0)
            if message.qos:
                message = wire.Publish(
                    message.topic,
                    message.payload,
                    message.qos,
                    self._next_id(),
                    message.properties,
                )
                self._inflight.add(message.packet_id)
            self._say(wire.publish(self._options.version, message), now)

    def _next_id(self) -> int:
        self._last_id = self._last_id % 0xFFFF + 1
        while self._last_id in self._inflight:
            self._last_id = self._last_id % 0xFFFF + 1
        return self._last_id


def _number(told: wire.Properties, key: Property, usual: int) -> int:
    value = told.get(key, usual)
    assert isinstance(value, int)
    return value
