"""Records as a simulated agent builds and reads them (TR-369, USP Record)."""

from __future__ import annotations

from dataclasses import dataclass

from google.protobuf.message import DecodeError

from acs.usp.pb import usp_record_pb2 as pb

_MQTT = {"mqtt5": pb.MQTTConnectRecord.V5, "mqtt3": pb.MQTTConnectRecord.V3_1_1}


@dataclass(frozen=True, slots=True)
class Ends:
    """Who sends records to whom, and in which version."""

    version: str
    own: str
    peer: str

    def record(self) -> pb.Record:
        """Return a record without content."""
        return pb.Record(version=self.version, from_id=self.own, to_id=self.peer)


def message(ends: Ends, payload: bytes) -> pb.Record:
    """Return a record with a message and no session context."""
    record = ends.record()
    record.no_session_context.payload = payload
    return record


def segment(ends: Ends, content: pb.SessionContextRecord) -> pb.Record:
    """Return a record of a session context."""
    record = ends.record()
    record.session_context.CopyFrom(content)
    return record


def connect(ends: Ends, mtp: str, topic: str) -> pb.Record:
    """Return the Connect record of an MTP, ``mqtt5``, ``mqtt3`` or ``websocket`` (R-MTP.6)."""
    record = ends.record()
    if mtp in _MQTT:
        record.mqtt_connect.version = _MQTT[mtp]
        record.mqtt_connect.subscribed_topic = topic
    else:
        record.websocket_connect.SetInParent()
    return record


def disconnect(ends: Ends, code: int, reason: str) -> pb.Record:
    """Return a Disconnect record (R-MTP.9)."""
    record = ends.record()
    record.disconnect.reason_code = code
    record.disconnect.reason = reason
    return record


def read(octets: bytes) -> pb.Record | None:
    """Read a record; None when it cannot be."""
    try:
        return pb.Record.FromString(octets)
    except DecodeError:
        return None
