"""What agents of the load say: whole MQTT packets and records, made once and filled in."""

from __future__ import annotations

from acs.usp.pb import usp_msg_pb2 as msg
from acs.usp.pb import usp_record_pb2 as record
from bench.template import Template
from bench.units import OUI, PRODUCT_CLASS, Unit
from bench.usp.orders import Agents
from simulators.usp import mqtt_wire as wire

SUBSCRIPTION = "bench-vendor"
FIRST_ID = 1_000_000_000
"""Message ids count from here, so that all have the same length."""
_MARK_PACKET = 0xFDFE  # no octets of a text
_EVENT = "Device.X_TP_Diagnostics."
_PARAMS = {
    f"Neighbour.{number}.Report": f"bssid=3C:84:6A:00:00:{number:02X} channel={number + 1} "
    f"signal=-{40 + number} noise=-90 standard=ax width=80MHz"
    for number in range(9)
}
"""An event of a vendor with about 1 KB to tell, which nothing is done about but to keep it."""

READ = "Device.DeviceInfo.UpTime"
"""What agents are asked for."""
_VALUES = {READ: "86400", "Device.LocalAgent.Subscription.*.ID": "acs-boot"}


def endpoint_of(number: int) -> str:
    """Endpoint id of a unit; all have the same length."""
    return f"ops::{OUI}-{PRODUCT_CLASS}-{Unit(number).serial}"


def topic_of(agents: Agents, line: int, endpoint: str) -> str:
    """Where an agent listens: below its connection, which it shares with others."""
    return f"{agents.prefix}/agent/{line}/{endpoint}"


class Notifies:
    """Notifies as PUBLISH packets, and the records that answer them."""

    def __init__(self, agents: Agents, line: int) -> None:
        model, number = endpoint_of(0), f"{FIRST_ID}"
        octets = _record(agents, model, _notify(number))
        gaps = (model.encode(), number.encode(), _MARK_PACKET.to_bytes(2, "big"))
        self._packet = Template(_publish(agents, line, model, octets, _MARK_PACKET), gaps)
        self._answer = Template(_answer(agents, model, number), gaps[:2])
        self.octets = len(octets)
        """Of one record."""

    def packet(self, endpoint: bytes, msg_id: bytes, packet_id: int) -> bytes:
        """One PUBLISH."""
        return self._packet.fill((endpoint, msg_id, packet_id.to_bytes(2, "big")))

    def answer(self, endpoint: bytes, msg_id: bytes) -> bytes:
        """The record that must come back."""
        return self._answer.fill((endpoint, msg_id))


def connect_packet(agents: Agents, line: int, endpoint: str, packet_id: int) -> bytes:
    """A PUBLISH with a Connect record (R-MTP.6)."""
    made = record.Record(version=agents.version, to_id=agents.controller, from_id=endpoint)
    made.mqtt_connect.version = record.MQTTConnectRecord.V5
    made.mqtt_connect.subscribed_topic = topic_of(agents, line, endpoint)
    return _publish(agents, line, endpoint, made.SerializeToString(), packet_id)


def answer_packet(
    agents: Agents, line: int, endpoint: str, octets: bytes, packet_id: int
) -> bytes | None:
    """A PUBLISH with the answer to the Get in a record; None: it asks for something else."""
    asked = msg.Msg.FromString(record.Record.FromString(octets).no_session_context.payload)
    paths = asked.body.request.get.param_paths
    if asked.body.request.WhichOneof("req_type") != "get" or not _VALUES.keys() >= set(paths):
        return None
    made = msg.Msg()
    made.header.msg_id = asked.header.msg_id
    made.header.msg_type = msg.Header.GET_RESP
    for path in paths:
        above, _, leaf = path.rpartition(".")
        result = made.body.response.get_resp.req_path_results.add(requested_path=path)
        row = f"{above}.".replace("*", "1")
        result.resolved_path_results.add(resolved_path=row).result_params[leaf] = _VALUES[path]
    return _publish(agents, line, endpoint, _record(agents, endpoint, made), packet_id)


def _notify(msg_id: str) -> msg.Msg:
    made = msg.Msg()
    made.header.msg_id = msg_id
    made.header.msg_type = msg.Header.NOTIFY
    notify = made.body.request.notify
    notify.subscription_id = SUBSCRIPTION
    notify.send_resp = True
    notify.event.obj_path = _EVENT
    notify.event.event_name = "Neighbours!"
    notify.event.params.update(_PARAMS)
    return made


def _record(agents: Agents, endpoint: str, message: msg.Msg) -> bytes:
    made = record.Record(version=agents.version, to_id=agents.controller, from_id=endpoint)
    made.no_session_context.payload = message.SerializeToString()
    return made.SerializeToString()


def _answer(agents: Agents, endpoint: str, msg_id: str) -> bytes:
    message = msg.Msg()
    message.header.msg_id = msg_id
    message.header.msg_type = msg.Header.NOTIFY_RESP
    message.body.response.notify_resp.subscription_id = SUBSCRIPTION
    made = record.Record(version=agents.version, to_id=endpoint, from_id=agents.controller)
    made.no_session_context.payload = message.SerializeToString()
    return made.SerializeToString()


def _publish(agents: Agents, line: int, endpoint: str, octets: bytes, packet_id: int) -> bytes:
    properties = {
        wire.Property.CONTENT_TYPE: "usp.msg",
        wire.Property.RESPONSE_TOPIC: topic_of(agents, line, endpoint),
    }
    topic = f"{agents.prefix}/controller/{endpoint}"
    message = wire.Publish(topic, octets, 1, packet_id, properties)
    return wire.publish(wire.Version.V5, message)
