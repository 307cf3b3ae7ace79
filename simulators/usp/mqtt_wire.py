"""MQTT 3.1.1 and 5 as a client writes and reads it: packets as values, no sockets.

Only what a USP agent uses (TR-369, MQTT binding): QoS 0 and 1, no authentication exchange, no
topic aliases. Sections below are those of MQTT 5.0; 3.1.1 lacks properties and most reasons.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from types import MappingProxyType

MOST_OCTETS = 8 * 1024 * 1024
"""Largest packet that is read: above any record of an agent."""
_MOST_LENGTH = 268_435_455


class MqttError(ValueError):
    """What came is no MQTT, or more than is taken."""


class Version(IntEnum):
    """Protocol level of CONNECT (3.1.2.2)."""

    V3_1_1 = 4
    V5 = 5


class Property(IntEnum):
    """Properties an agent sends or heeds (2.2.2.2)."""

    CONTENT_TYPE = 0x03
    RESPONSE_TOPIC = 0x08
    ASSIGNED_CLIENT_ID = 0x12
    SERVER_KEEP_ALIVE = 0x13
    REQUEST_RESPONSE_INFORMATION = 0x19
    RESPONSE_INFORMATION = 0x1A
    REASON_STRING = 0x1F
    RECEIVE_MAXIMUM = 0x21
    USER = 0x26
    MAXIMUM_PACKET_SIZE = 0x27


Value = int | str | bytes | tuple[tuple[str, str], ...]
"""Of a property; `Property.USER` has all its (name, value) pairs."""
Properties = Mapping[Property, Value]
NO_PROPERTIES: Properties = MappingProxyType({})


def _none() -> Properties:
    return NO_PROPERTIES


_KINDS: Mapping[int, str] = {
    **dict.fromkeys((0x01, 0x17, 0x19, 0x24, 0x25, 0x28, 0x29, 0x2A), "octet"),
    **dict.fromkeys((0x13, 0x21, 0x22, 0x23), "two"),
    **dict.fromkeys((0x02, 0x11, 0x18, 0x27), "four"),
    0x0B: "length",
    **dict.fromkeys((0x03, 0x08, 0x12, 0x15, 0x1A, 0x1C, 0x1F), "text"),
    **dict.fromkeys((0x09, 0x16), "binary"),
    0x26: "pair",
}
"""How each property of MQTT 5 is written, those an agent has no use for too."""


@dataclass(frozen=True, slots=True)
class Connack:
    """The broker's answer to CONNECT; reason 0: welcome (3.2)."""

    reason: int
    properties: Properties = field(default_factory=_none)


@dataclass(frozen=True, slots=True)
class Suback:
    """The broker's answer to SUBSCRIBE: a granted QoS, or 0x80 and above, for each filter (3.9)."""

    packet_id: int
    reasons: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Publish:
    """A message, both ways (3.3). ``packet_id`` is 0 with QoS 0."""

    topic: str
    payload: bytes = field(repr=False)
    qos: int = 0
    packet_id: int = 0
    properties: Properties = field(default_factory=_none)
    retain: bool = False
    duplicate: bool = False


@dataclass(frozen=True, slots=True)
class Puback:
    """A message with QoS 1 has come (3.4)."""

    packet_id: int
    reason: int = 0


@dataclass(frozen=True, slots=True)
class Pingresp:
    """The broker is there (3.13)."""


@dataclass(frozen=True, slots=True)
class Disconnect:
    """A broker of MQTT 5 says why it ends the connection (3.14)."""

    reason: int
    properties: Properties = field(default_factory=_none)


Packet = Connack | Suback | Publish | Puback | Pingresp | Disconnect


# --- writing -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Will:
    """What the broker is to say for us when we are gone without a word (3.1.2.5)."""

    topic: str
    payload: bytes = b""
    qos: int = 0


def connect(
    version: Version,
    client_id: str,
    *,
    keep_alive: int,
    username: str = "",
    password: str = "",
    properties: Properties = NO_PROPERTIES,
    will: Will | None = None,
) -> bytes:
    """CONNECT with a clean start; ``keep_alive`` in seconds, 0: none (3.1)."""
    flags = 0x02
    payload = _text(client_id)
    if will is not None:
        flags |= 0x04 | will.qos << 3
        payload += _write_properties({}) if version is Version.V5 else b""
        payload += _text(will.topic) + _binary(will.payload)
    if username:
        flags |= 0x80
        payload += _text(username)
    if password:
        flags |= 0x40
        payload += _text(password)
    head = _text("MQTT") + struct.pack("!BBH", version, flags, keep_alive)
    if version is Version.V5:
        head += _write_properties(properties)
    return _packet(0x10, head + payload)


def subscribe(version: Version, packet_id: int, filters: Sequence[str], qos: int) -> bytes:
    """SUBSCRIBE to each filter with the same QoS (3.8)."""
    head = struct.pack("!H", packet_id)
    if version is Version.V5:
        head += _write_properties({})
    return _packet(0x82, head + b"".join(_text(each) + bytes((qos,)) for each in filters))


def publish(version: Version, message: Publish) -> bytes:
    """PUBLISH (3.3)."""
    first = 0x30 | message.duplicate << 3 | message.qos << 1 | message.retain
    head = _text(message.topic)
    if message.qos:
        head += struct.pack("!H", message.packet_id)
    if version is Version.V5:
        head += _write_properties(message.properties)
    return _packet(first, head + message.payload)


def puback(packet_id: int) -> bytes:
    """PUBACK of a message that was taken."""
    return struct.pack("!BBH", 0x40, 2, packet_id)


PINGREQ = b"\xc0\x00"
DISCONNECT = b"\xe0\x00"
"""The clean end of both versions."""


def _packet(first: int, body: bytes) -> bytes:
    if len(body) > _MOST_LENGTH:
        raise MqttError(f"a packet of {len(body)} octets cannot be written")
    return bytes((first,)) + _length(len(body)) + body


def _length(number: int) -> bytes:
    """Seven bits an octet, the lowest first (1.5.5)."""
    written = bytearray()
    while number > 0x7F:
        written.append(number & 0x7F | 0x80)
        number >>= 7
    written.append(number)
    return bytes(written)


def _binary(octets: bytes) -> bytes:
    if len(octets) > 0xFFFF:
        raise MqttError(f"a text of {len(octets)} octets cannot be written")
    return struct.pack("!H", len(octets)) + octets


def _text(text: str) -> bytes:
    return _binary(text.encode())


def _write_properties(properties: Properties) -> bytes:
    written = b"".join(_write_property(key, value) for key, value in properties.items())
    return _length(len(written)) + written


def _write_property(key: Property, value: Value) -> bytes:
    mark = bytes((key,))
    match _KINDS[key], value:
        case "octet", int():
            return mark + bytes((value,))
        case "two", int():
            return mark + struct.pack("!H", value)
        case "four", int():
            return mark + struct.pack("!I", value)
        case "text", str():
            return mark + _text(value)
        case "pair", tuple():
            return b"".join(mark + _text(name) + _text(text) for name, text in value)
        case _:
            raise TypeError(f"{key.name} cannot be {value!r}")


# --- reading -----------------------------------------------------------------------------------


_FIRST = frozenset({0x20, 0x40, 0x90, 0xD0, 0xE0})
"""First octets of packets of a broker, PUBLISH apart: type and flags (2.1)."""


class Reader:
    """Cuts what a broker sends into packets; ``most`` bounds one packet, in octets."""

    __slots__ = ("_buffer", "_most", "_version")

    def __init__(self, version: Version, most: int = MOST_OCTETS) -> None:
        self._version = version
        self._most = most
        self._buffer = b""

    def feed(self, data: bytes) -> Iterator[Packet]:
        """Take what came; yield the packets that are whole. Raises `MqttError`."""
        whole = self._buffer + data if self._buffer else data
        at = 0
        try:
            while (framed := self._frame(whole, at)) is not None:
                start, end = framed
                first, at, body = whole[at], end, whole[start:end]
                yield _read(self._version, first, body)
        finally:
            self._buffer = whole[at:]

    def _frame(self, data: bytes, at: int) -> tuple[int, int] | None:
        """Where the body of the packet at ``at`` starts and ends; None: it is not whole yet."""
        if at < len(data) and data[at] >> 4 != 3 and data[at] not in _FIRST:
            raise MqttError(f"no broker sends packets that begin with {data[at]:#04x}")
        size, shift, start = 0, 0, at + 1
        while start < len(data):
            size |= (data[start] & 0x7F) << shift
            start += 1
            if data[start - 1] < 0x80:
                break
            shift += 7
            if shift > 21:
                raise MqttError("the length of a packet has more than four octets")
        else:
            return None
        if size > self._most:
            raise MqttError(f"a packet of {size} octets is more than the {self._most} taken")
        return (start, start + size) if start + size <= len(data) else None


def _read(version: Version, first: int, body: bytes) -> Packet:
    cursor = _Cursor(body)
    kind, flags = first >> 4, first & 0x0F
    match kind:
        case 2:
            cursor.octet()  # session present: ours are clean
            reason = cursor.octet()
            return Connack(reason, _read_properties(version, cursor))
        case 3:
            return _read_publish(version, flags, cursor)
        case 4:
            packet_id = cursor.number(2)
            return Puback(packet_id, cursor.octet() if cursor.left else 0)
        case 9:
            packet_id = cursor.number(2)
            _read_properties(version, cursor)
            return Suback(packet_id, tuple(cursor.rest()))
        case 13:
            return Pingresp()
        case _:
            reason = cursor.octet() if cursor.left else 0
            return Disconnect(reason, _read_properties(version, cursor))


def _read_publish(version: Version, flags: int, cursor: _Cursor) -> Publish:
    qos = flags >> 1 & 3
    if qos > 1:
        raise MqttError(f"QoS {qos} was not subscribed to")
    topic = cursor.text()
    packet_id = cursor.number(2) if qos else 0
    properties = _read_properties(version, cursor)
    return Publish(
        topic, cursor.rest(), qos, packet_id, properties, bool(flags & 1), bool(flags & 8)
    )


def _read_properties(version: Version, cursor: _Cursor) -> Properties:
    if version is not Version.V5 or not cursor.left:
        return NO_PROPERTIES
    inner = _Cursor(cursor.take(cursor.length()))
    if not inner.left:
        return NO_PROPERTIES
    found: dict[Property, Value] = {}
    users: list[tuple[str, str]] = []
    while inner.left:
        mark = inner.length()
        value = _read_value(mark, inner)
        if mark == Property.USER:
            assert isinstance(value, tuple)
            users += value
        elif mark in _HEEDED:
            found[Property(mark)] = value
    if users:
        found[Property.USER] = tuple(users)
    return found


_HEEDED = frozenset(map(int, Property))


def _read_value(mark: int, cursor: _Cursor) -> Value:
    read: Mapping[str, Callable[[], Value]] = {
        "octet": cursor.octet,
        "two": lambda: cursor.number(2),
        "four": lambda: cursor.number(4),
        "length": cursor.length,
        "text": cursor.text,
        "binary": lambda: cursor.take(cursor.number(2)),
        "pair": lambda: ((cursor.text(), cursor.text()),),
    }
    if mark not in _KINDS:
        raise MqttError(f"there is no property {mark:#04x}")
    return read[_KINDS[mark]]()


class _Cursor:
    """Reads the fields of one packet."""

    __slots__ = ("_at", "_data")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def left(self) -> int:
        return len(self._data) - self._at

    def take(self, count: int) -> bytes:
        if count > self.left:
            raise MqttError("a packet ends before its fields do")
        self._at += count
        return self._data[self._at - count : self._at]

    def rest(self) -> bytes:
        return self.take(self.left)

    def octet(self) -> int:
        return self.take(1)[0]

    def number(self, octets: int) -> int:
        return int.from_bytes(self.take(octets), "big")

    def length(self) -> int:
        size = 0
        for shift in (0, 7, 14, 21):
            octet = self.octet()
            size |= (octet & 0x7F) << shift
            if octet < 0x80:
                return size
        raise MqttError("a length has more than four octets")

    def text(self) -> str:
        try:
            return self.take(self.number(2)).decode()
        except UnicodeDecodeError:
            raise MqttError("a text is not UTF-8") from None
