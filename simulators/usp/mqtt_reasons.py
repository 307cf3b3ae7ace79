"""Reason codes of MQTT in words, for people."""

from __future__ import annotations

from collections.abc import Mapping

from .mqtt_wire import NO_PROPERTIES, Properties, Property, Version

_REASONS: Mapping[int, str] = {
    0x80: "unspecified error",
    0x81: "malformed packet",
    0x82: "protocol error",
    0x83: "implementation specific error",
    0x84: "protocol version not supported",
    0x85: "client id not valid",
    0x86: "bad user name or password",
    0x87: "not authorized",
    0x88: "server unavailable",
    0x89: "server busy",
    0x8A: "banned",
    0x8B: "server shutting down",
    0x8C: "bad authentication method",
    0x8D: "keep alive timeout",
    0x8E: "session taken over",
    0x8F: "topic filter not valid",
    0x90: "topic name not valid",
    0x93: "receive maximum exceeded",
    0x95: "packet too large",
    0x96: "message rate too high",
    0x97: "quota exceeded",
    0x98: "administrative action",
    0x9C: "use another server",
    0x9D: "server moved",
    0x9F: "connection rate exceeded",
}
_REASONS_3_1_1: Mapping[int, str] = {
    1: "protocol version not supported",
    2: "client id not valid",
    3: "server unavailable",
    4: "bad user name or password",
    5: "not authorized",
}


def reason_text(version: Version, reason: int, properties: Properties = NO_PROPERTIES) -> str:
    """A reason code in words (2.4; 3.1.1: 3.2.2.3), with what the broker added."""
    known = _REASONS if version is Version.V5 or reason >= 0x80 else _REASONS_3_1_1
    words = known.get(reason, f"reason {reason:#04x}")
    more = properties.get(Property.REASON_STRING, "")
    return f"{words}: {more}" if isinstance(more, str) and more else words
