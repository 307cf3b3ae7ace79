"""PUBLISH of MQTT as far as records need it: content type and response topic (MQTT 5, 3.3).

paho's own reading and writing of properties is general, and costs more time than all the rest
of a message.
"""

from __future__ import annotations

from dataclasses import dataclass

_CONTENT_TYPE = 0x03
_RESPONSE_TOPIC = 0x08
_CORRELATION_DATA = 0x09
_SUBSCRIPTION_ID = 0x0B
_TOPIC_ALIAS = 0x23
_USER_PROPERTY = 0x26
_FIXED = {0x01: 1, 0x02: 4, _TOPIC_ALIAS: 2}
"""Octets of payload format, message expiry and topic alias."""


class PacketError(ValueError):
    """Octets are no PUBLISH."""


@dataclass(frozen=True, slots=True)
class Published:
    """A PUBLISH that came."""

    topic: str
    payload: bytes
    content_type: str = ""
    response_topic: str = ""
    packet_id: int = 0
    """0 at QoS 0."""


def pack_properties(content_type: str, response_topic: str) -> bytes:
    """Write the properties of a PUBLISH, their length before them."""
    body = b"\x03" + _text(content_type) + b"\x08" + _text(response_topic)
    length = len(body)
    if length < 128:
        return bytes((length,)) + body
    return bytes((length & 0x7F | 0x80, length >> 7)) + body  # topics are far below 16 KiB


def _text(value: str) -> bytes:
    octets = value.encode()
    return len(octets).to_bytes(2, "big") + octets


def whole_packet(octets: bytes, at: int) -> tuple[bytes | None, int]:
    """Cut out what follows the fixed header of the packet at ``at``, and where the next begins.

    None: not all of it is there.
    """
    length = shift = 0
    for start in range(at + 1, min(at + 5, len(octets))):
        byte = octets[start]
        length |= (byte & 0x7F) << shift
        if byte < 0x80:
            end = start + 1 + length
            return (octets[start + 1 : end], end) if end <= len(octets) else (None, at)
        shift += 7
    return None, at


def read_publish(flags: int, octets: bytes, *, v5: bool) -> Published:
    """Read what follows the fixed header, whose first octet is ``flags``. Raises `PacketError`.

    At QoS 2 too: what it asks beyond QoS 1 is not done, and we subscribe to no such.
    """
    topic, at = _string(octets, 0)
    packet_id = 0
    if flags & 0x06:
        packet_id = int.from_bytes(octets[at : at + 2], "big")
        at += 2
        if not packet_id:
            raise PacketError("a packet id is missing")
    content_type = response_topic = ""
    if v5:
        length, at = _variable(octets, at)
        end = at + length
        if end > len(octets):
            raise PacketError("properties end too early")
        while at < end:
            kind = octets[at]
            at += 1
            if kind == _CONTENT_TYPE:
                content_type, at = _string(octets, at)
            elif kind == _RESPONSE_TOPIC:
                response_topic, at = _string(octets, at)
            elif kind == _CORRELATION_DATA:
                at = _past(octets, at)
            elif kind == _USER_PROPERTY:
                at = _past(octets, _past(octets, at))
            elif kind in _FIXED:
                at += _FIXED[kind]
            elif kind == _SUBSCRIPTION_ID:
                _, at = _variable(octets, at)
            else:
                raise PacketError(f"no PUBLISH has a property {kind}")
        if at != end:
            raise PacketError("a property ends too late")
    return Published(topic, octets[at:], content_type, response_topic, packet_id)


def _string(octets: bytes, at: int) -> tuple[str, int]:
    start = at + 2
    end = start + int.from_bytes(octets[at:start], "big")
    if end > len(octets) or start > len(octets):
        raise PacketError("a text ends too early")
    # An agent wrote it: what is no UTF-8 must not cost us the link, and names nobody.
    return str(octets[start:end], "utf-8", "replace"), end


def _past(octets: bytes, at: int) -> int:
    """Where what has its length before it ends."""
    return at + 2 + int.from_bytes(octets[at : at + 2], "big")


def _variable(octets: bytes, at: int) -> tuple[int, int]:
    """Read a variable byte integer (MQTT 5, 1.5.5)."""
    value = 0
    for position in range(4):
        if at >= len(octets):
            break
        byte = octets[at]
        at += 1
        value |= (byte & 0x7F) << 7 * position
        if byte < 0x80:
            return value, at
    raise PacketError("a length does not end")
