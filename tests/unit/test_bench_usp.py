"""What the load of USP says and expects, held to the server's own codecs."""

from __future__ import annotations

import pytest

from acs.usp import codec, records
from acs.usp.messages import Event, Get, GetResp, Message, Notify, NotifyResp, Set
from acs.usp.records import Connect, NoSession, Record
from bench.units import Unit
from bench.usp.octets import (
    FIRST_ID,
    READ,
    SUBSCRIPTION,
    Notifies,
    answer_packet,
    connect_packet,
    endpoint_of,
)
from bench.usp.orders import Agents
from bench.usp.seen import middle_and_late, number_of
from simulators.usp import mqtt_wire as wire

AGENTS = Agents(1883, "u", "p", "usp/v1", "self::acs", units=10)
AGENT = endpoint_of(7)


def published(packet: bytes | None) -> wire.Publish:
    assert packet is not None
    (found,) = wire.Reader(wire.Version.V5).feed(packet)
    assert isinstance(found, wire.Publish)
    return found


def message_in(octets: bytes) -> Message:
    record = records.decode(octets)
    assert isinstance(record.content, NoSession)
    return codec.decode(record.content.payload)


def record_with(body: Get | Set | NotifyResp, msg_id: str) -> bytes:
    payload = codec.encode(Message(msg_id, body))
    return records.encode(Record("1.3", AGENT, "self::acs", NoSession(payload)))


def test_a_notify_is_one_of_the_agents_own() -> None:
    msg_id = b"%d" % (FIRST_ID + 5)
    packet = published(Notifies(AGENTS, 2).packet(AGENT.encode(), msg_id, 0x1234))
    assert packet.topic == f"usp/v1/controller/{AGENT}"
    assert packet.properties[wire.Property.RESPONSE_TOPIC] == f"usp/v1/agent/2/{AGENT}"
    assert (packet.qos, packet.packet_id) == (1, 0x1234)
    assert records.decode(packet.payload).from_id == AGENT
    told = message_in(packet.payload)
    assert told.id == msg_id.decode()
    assert isinstance(told.body, Notify)
    assert isinstance(told.body.content, Event)
    assert told.body.send_resp
    assert len(packet.payload) == Notifies(AGENTS, 2).octets


def test_the_answer_that_is_expected_is_what_the_server_writes() -> None:
    msg_id = f"{FIRST_ID + 5}"
    expected = Notifies(AGENTS, 0).answer(AGENT.encode(), msg_id.encode())
    assert expected == record_with(NotifyResp(SUBSCRIPTION), msg_id)


def test_an_agent_that_arrives_says_where_it_listens() -> None:
    packet = published(connect_packet(AGENTS, 3, AGENT, 1))
    told = records.decode(packet.payload)
    assert told.from_id == AGENT
    assert told.content == Connect("mqtt", "5", f"usp/v1/agent/3/{AGENT}")


def test_gets_are_answered_path_by_path() -> None:
    paths = (READ, "Device.LocalAgent.Subscription.*.ID")
    packet = published(answer_packet(AGENTS, 0, AGENT, record_with(Get(paths), "m1"), 9))
    answer = message_in(packet.payload)
    assert answer.id == "m1"
    assert isinstance(answer.body, GetResp)
    found = {
        each.path: [(one.path, dict(one.params)) for one in each.resolved]
        for each in answer.body.results
    }
    assert found == {
        READ: [("Device.DeviceInfo.", {"UpTime": "86400"})],
        paths[1]: [("Device.LocalAgent.Subscription.1.", {"ID": "acs-boot"})],
    }


def test_what_is_no_get_of_what_agents_have_is_not_answered() -> None:
    assert answer_packet(AGENTS, 0, AGENT, record_with(Set(()), "m1"), 9) is None
    other = record_with(Get(("Device.Secret",)), "m1")
    assert answer_packet(AGENTS, 0, AGENT, other, 9) is None


def test_units_are_known_by_their_serial_numbers() -> None:
    assert [number_of(Unit(number).serial) for number in (0, 7, 4999)] == [0, 7, 4999]
    assert len({len(endpoint_of(number)) for number in (0, 99, 4999)}) == 1


@pytest.mark.parametrize(
    ("seconds", "found"), [([], (0.0, 0.0)), ([3.0], (3.0, 3.0)), ([1.0, 2.0, 3.0], (2.0, 2.98))]
)
def test_middle_and_late(seconds: list[float], found: tuple[float, float]) -> None:
    assert middle_and_late(seconds, 99) == pytest.approx(found)
