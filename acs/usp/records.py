"""Records: the envelopes between two endpoints (TR-369, USP Record).

A record carries a message without a session (`NoSession`), a part of a session context
(`Segment`), or tells about the way it came (`Connect`, `Disconnect`). What the payload means is
not looked at here.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Literal

from google.protobuf.message import DecodeError

from acs.usp import oneofs
from acs.usp.errors import Code
from acs.usp.pb import usp_record_pb2 as pb

FIRST_SESSION = 2
"""Session ids are greater than 1 (R-E2E.3)."""

Transfer = Literal["websocket", "mqtt", "stomp", "uds"]


class Sar(IntEnum):
    """Where a payload stands in a segmented one (segmentation and reassembly)."""

    NONE = 0
    """It is whole."""
    BEGIN = 1
    INPROCESS = 2
    COMPLETE = 3
    """It is the last part."""


@dataclass(frozen=True, slots=True)
class NoSession:
    """One message, outside of any session context."""

    payload: bytes


@dataclass(frozen=True, slots=True)
class Segment:
    """A record of a session context: a message, a part of one, or a sign of life without."""

    session_id: int
    sequence_id: int
    expected_id: int
    """Number the sender wants next: it has everything below (R-E2E.17)."""
    retransmit_id: int = 0
    """Number the sender lacks; 0: none."""
    sar: Sar = Sar.NONE
    rec_sar: Sar = Sar.NONE
    """Of a TLS record; for plaintext the same as ``sar``."""
    payloads: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Connect:
    """An endpoint says that it can be reached over a transport, and where (R-MTP.6)."""

    mtp: Transfer
    version: str = ""
    """Of MQTT ("3.1.1", "5") or STOMP ("1.2")."""
    topic: str = ""
    """MQTT topic or STOMP destination that it listens at."""


@dataclass(frozen=True, slots=True)
class Disconnect:
    """An endpoint ends the session context, or the whole connection (R-MTP.7)."""

    code: int = 0
    reason: str = ""


Content = NoSession | Segment | Connect | Disconnect


@dataclass(frozen=True, slots=True)
class Record:
    """One record. Whether ``to_id`` is us and ``from_id`` who it says is the receiver's care."""

    version: str
    """Of the sender, such as "1.3"; a higher one than ours is no error."""
    to_id: str
    from_id: str
    content: Content
    tls: bool = False
    """The payload is secured by TLS, which exists inside session contexts only."""
    mac_signature: bytes = b""
    sender_cert: bytes = b""
    """PEM, one certificate or a chain that begins with the signer's."""


class MalformedRecord(ValueError):  # noqa: N818 - what the octets are
    """Octets are no record by the rules.

    ``code`` is that of a record error. Where that much could be read, ``to_id``, ``from_id`` and
    ``payload`` allow for the answer of R-MTP.5; else they are empty.
    """

    def __init__(
        self, code: Code, text: str, to_id: str = "", from_id: str = "", payload: bytes = b""
    ) -> None:
        super().__init__(text)
        self.code = code
        self.text = text
        self.to_id = to_id
        self.from_id = from_id
        self.payload = payload


_PLAN = oneofs.plan(pb.Record)
_SAR_NUMBERS = {
    Sar.NONE: pb.SessionContextRecord.NONE,
    Sar.BEGIN: pb.SessionContextRecord.BEGIN,
    Sar.INPROCESS: pb.SessionContextRecord.INPROCESS,
    Sar.COMPLETE: pb.SessionContextRecord.COMPLETE,
}
_SARS = {number: sar for sar, number in _SAR_NUMBERS.items()}
_MQTT_VERSIONS = {pb.MQTTConnectRecord.V3_1_1: "3.1.1", pb.MQTTConnectRecord.V5: "5"}
_STOMP_VERSIONS = {pb.STOMPConnectRecord.V1_2: "1.2"}
_MQTT_NUMBERS = {version: number for number, version in _MQTT_VERSIONS.items()}
_STOMP_NUMBERS = {version: number for number, version in _STOMP_VERSIONS.items()}
_VERSIONS: Mapping[Transfer, Collection[str]] = {
    "mqtt": _MQTT_NUMBERS,
    "stomp": _STOMP_NUMBERS,
    "websocket": ("",),
    "uds": ("",),
}


def decode(octets: bytes) -> Record:
    """Read a record. Raises `MalformedRecord`, and nothing else, for any octets at all."""
    try:
        wire = pb.Record.FromString(octets)
    except DecodeError:
        raise MalformedRecord(Code.RECORD_NOT_PARSED, "the octets are no record") from None
    try:
        oneofs.check(octets, _PLAN)
        record = Record(
            wire.version,
            wire.to_id,
            wire.from_id,
            _content(wire),
            _is_tls(wire.payload_security),
            wire.mac_signature,
            wire.sender_cert,
        )
        _check(record)
    except ValueError as problem:
        payload = wire.no_session_context.payload
        raise MalformedRecord(
            Code.INVALID_RECORD_VALUE, str(problem), wire.to_id, wire.from_id, payload
        ) from None
    return record


def encode(record: Record) -> bytes:
    """Write a record. Raises `ValueError` where a required member is missing or out of range."""
    _check(record)
    wire = pb.Record(version=record.version, to_id=record.to_id, from_id=record.from_id)
    if record.tls:
        wire.payload_security = pb.Record.TLS12
    if record.mac_signature:
        wire.mac_signature = record.mac_signature
    if record.sender_cert:
        wire.sender_cert = record.sender_cert
    match record.content:
        case NoSession(payload):
            wire.no_session_context.payload = payload
        case Segment() as segment:
            _write_segment(segment, wire.session_context)
        case Connect() as connect:
            _write_connect(connect, wire)
        case Disconnect(code, reason):
            wire.disconnect.SetInParent()
            wire.disconnect.reason_code = code
            wire.disconnect.reason = reason
    return wire.SerializeToString()


def payload_room(size: int, version: str, to_id: str, from_id: str, signature: int = 0) -> int:
    """How many octets of payload a `Segment` may have, so that its record keeps to ``size``.

    ``size`` is the agent's ``MaxUSPRecordSize`` in octets, ``signature`` what integrity adds
    (signature and chain). At least 1; 0 where ``size`` is 0, which means no limit.
    """
    if not size:
        return 0
    largest = 2**64 - 1
    parts = Segment(largest, largest, largest, largest, Sar.BEGIN, Sar.BEGIN, (bytes(size),))
    whole = encode(Record(version, to_id, from_id, parts))
    framing = 12 if signature else 0  # tags and lengths of two fields
    return max(1, size - (len(whole) - size) - signature - framing)


def _check(record: Record) -> None:
    for name, value in (
        ("version", record.version),
        ("to_id", record.to_id),
        ("from_id", record.from_id),
    ):
        if not value:
            raise ValueError(f"{name} is missing")
    match record.content:
        case NoSession(payload):
            if not payload:
                raise ValueError("the payload is empty")  # R-E2E.26
            if record.tls:
                raise ValueError("a payload secured by TLS needs a session context")
        case Segment() as segment:
            if segment.session_id < FIRST_SESSION:
                raise ValueError("session_id is not greater than 1")
            if segment.sequence_id < 1 or segment.expected_id < 1:
                raise ValueError("sequence_id or expected_id is missing")
        case Connect(mtp, version, topic):
            if version not in _VERSIONS[mtp]:
                raise ValueError(f"{mtp} has no version {version!r}")
            if (not topic) == (mtp in ("mqtt", "stomp")):
                raise ValueError(f"{mtp} and topic {topic!r} do not go together")
        case Disconnect():
            pass


def _content(wire: pb.Record) -> Content:
    match wire.WhichOneof("record_type"):
        case "no_session_context":
            return NoSession(wire.no_session_context.payload)
        case "session_context":
            return _segment(wire.session_context)
        case "mqtt_connect":
            mqtt = wire.mqtt_connect
            version = _version(_MQTT_VERSIONS, mqtt.version)
            return Connect("mqtt", version, mqtt.subscribed_topic)
        case "stomp_connect":
            stomp = wire.stomp_connect
            version = _version(_STOMP_VERSIONS, stomp.version)
            return Connect("stomp", version, stomp.subscribed_destination)
        case "websocket_connect":
            return Connect("websocket")
        case "uds_connect":
            return Connect("uds")
        case "disconnect":
            return Disconnect(wire.disconnect.reason_code, wire.disconnect.reason)
    raise ValueError("it has no record type that is known")


def _version(versions: Mapping[Any, str], number: int) -> str:
    if number not in versions:
        raise ValueError(f"{number} is no version of the transport")  # R-ENC.2
    return versions[number]


def _is_tls(number: int) -> bool:
    if number not in (pb.Record.PLAINTEXT, pb.Record.TLS12):
        raise ValueError(f"{number} is no payload_security")
    return number == pb.Record.TLS12


def _segment(wire: pb.SessionContextRecord) -> Segment:
    if wire.payload_sar_state not in _SARS or wire.payloadrec_sar_state not in _SARS:
        raise ValueError("a state of segmentation is not known")
    return Segment(
        wire.session_id,
        wire.sequence_id,
        wire.expected_id,
        wire.retransmit_id,
        _SARS[wire.payload_sar_state],
        _SARS[wire.payloadrec_sar_state],
        tuple(wire.payload),
    )


def _write_segment(segment: Segment, wire: pb.SessionContextRecord) -> None:
    wire.session_id = segment.session_id
    wire.sequence_id = segment.sequence_id
    wire.expected_id = segment.expected_id
    wire.retransmit_id = segment.retransmit_id
    wire.payload_sar_state = _SAR_NUMBERS[segment.sar]
    wire.payloadrec_sar_state = _SAR_NUMBERS[segment.rec_sar]
    wire.payload.extend(segment.payloads)


def _write_connect(connect: Connect, wire: pb.Record) -> None:
    match connect.mtp:
        case "mqtt":
            wire.mqtt_connect.SetInParent()
            wire.mqtt_connect.version = _MQTT_NUMBERS[connect.version]
            wire.mqtt_connect.subscribed_topic = connect.topic
        case "stomp":
            wire.stomp_connect.SetInParent()
            wire.stomp_connect.version = _STOMP_NUMBERS[connect.version]
            wire.stomp_connect.subscribed_destination = connect.topic
        case "websocket":
            wire.websocket_connect.SetInParent()
        case "uds":
            wire.uds_connect.SetInParent()
