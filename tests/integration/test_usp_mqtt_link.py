"""What the link does with brokers that behave as Mosquitto never does (TR-369, MQTT Binding)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from mqtt_house import CONTROLLER, Edge, House
from scripted_broker import (
    CONNECT,
    DISCONNECT,
    PUBLISH,
    SUBSCRIBE,
    Script,
    ScriptedBroker,
    filters_of,
    packet,
    text,
)

from acs.usp.mqtt import link
from acs.usp.mqtt.remote import Broker, Trust
from acs.usp.mtp import Mtp, Route, Verdict

ROUTE = Route(Mtp.MQTT, "usp/v1/agent/os::00259E-1")
NEEDED = ["usp/v1/controller/#", "usp/v1/onboard/#"]


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link, "FIRST_PAUSE", 0.02)


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    house = House()
    yield house
    house.stop()


@pytest.fixture
def edge_of(house: House) -> Iterator[object]:
    made: list[Edge] = []

    def make(broker: ScriptedBroker, *, started: bool = True) -> Edge:
        where = Broker("127.0.0.1", broker.port, CONTROLLER, CONTROLLER)
        made.append(house.edge(where, started=started))
        return made[-1]

    yield make
    for each in made:
        house.stop_edge(each)


def test_connect_says_who_we_are(edge_of) -> None:
    with ScriptedBroker(Script()) as broker:
        edge_of(broker)
        body = broker.heard.next(CONNECT)
    assert body.startswith(text("MQTT") + b"\x05")
    assert b"\x26" + text("usp-endpoint-id") + text(CONTROLLER) in body  # R-MQTT.13
    assert b"\x19\x01" in body  # Request Response Information, R-MQTT.12
    assert text(CONTROLLER) in body[-30:]  # the client id, the same each time


def test_response_information_is_where_agents_answer(house: House, edge_of) -> None:
    with ScriptedBroker(Script(properties=b"\x1a" + text("given/by/broker"))) as broker:
        edge = edge_of(broker)
        assert "given/by/broker" in filters_of(broker.heard.next(SUBSCRIBE))  # R-MQTT.15
        assert house.call(lambda: edge.edge.send(ROUTE, b"record"))
        published = broker.heard.next(PUBLISH)
    assert b"\x08" + text("given/by/broker") in published  # R-MQTT.21
    assert b"\x03" + text("usp.msg") in published


def test_subscribe_topics_of_connack_are_subscribed_to(edge_of) -> None:
    told = b"".join(b"\x26" + text("subscribe-topic") + text(f"t/{n}") for n in range(6))
    with ScriptedBroker(Script(properties=told)) as broker:
        edge_of(broker)
        assert filters_of(broker.heard.next(SUBSCRIBE)) == NEEDED
        wanted = filters_of(broker.heard.next(SUBSCRIBE))
    assert wanted == ["$SYS/broker/log/N", "t/0", "t/1", "t/2", "t/3", "t/4"]


def test_a_refused_subscription_ends_the_link_before_anything_is_published(
    house: House, edge_of
) -> None:
    with ScriptedBroker(Script(refused=("usp/v1/onboard/#",))) as broker:
        edge = edge_of(broker, started=False)
        refused = "the broker refused the subscription to usp/v1/onboard/#"
        house.eventually(lambda: edge.edge.condition.endswith(refused))
        broker.heard.next(DISCONNECT)  # R-MQTT.17
        assert not house.call(lambda: edge.edge.send(ROUTE, b"record"))
        broker.script.refused = ()
        house.until(lambda: edge.receiver.told == ["mqtt up"])
        kinds = []
        while not broker.heard.packets.empty():
            kinds.append(broker.heard.packets.get()[0])
    assert PUBLISH not in kinds


def test_without_presence_records_go_on(house: House, edge_of) -> None:
    with ScriptedBroker(Script(refused=("$SYS/broker/log/N",))) as broker:
        edge = edge_of(broker)
        assert edge.edge.condition.endswith(
            "up, but the broker does not tell us who comes and goes"
        )
        assert house.call(lambda: edge.edge.send(ROUTE, b"record"))
        assert b"record" in broker.heard.next(PUBLISH)


def test_the_receive_maximum_of_the_broker_is_kept(house: House, edge_of) -> None:
    with ScriptedBroker(Script(properties=b"\x21\x00\x02")) as broker:
        edge = edge_of(broker)
        house.call(lambda: [edge.edge.send(ROUTE, b"record %d" % n) for n in range(5)] and None)
        ids = [broker.heard.next(PUBLISH) for _ in range(2)]
        house.call(lambda: None)
        assert broker.heard.packets.empty()
        start = 2 + len(ROUTE.address)
        broker.say(packet(0x40, ids[0][start : start + 2]))
        assert b"record 2" in broker.heard.next(PUBLISH)


def test_each_reason_of_the_broker_is_told(house: House, edge_of) -> None:
    with ScriptedBroker(Script(connack=0x88)) as broker:
        edge = edge_of(broker, started=False)
        house.eventually(lambda: "the broker refused us: Server unavailable" in edge.edge.condition)
    with ScriptedBroker(Script()) as broker:
        edge = edge_of(broker)
        broker.say(packet(0xE0, b"\x8b"))
        why = "mqtt down: the broker ended it: Server shutting down"
        house.until(lambda: why in edge.receiver.told)


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x30\xff\xff\xff\xff\xff",  # a length that never ends
        packet(0x30, b"\x00"),  # a PUBLISH without a topic
        packet(0x30, text("a") + b"\x05\x99\x01\x02\x03\x04"),  # an unknown property
        packet(0x32, b""),
        b"\x00\x00",
        b"\xf0\x7f" + bytes(127),
    ],
)
def test_what_cannot_be_read_costs_the_connection_and_no_more(
    house: House, edge_of, garbage: bytes
) -> None:
    with ScriptedBroker(Script(garbage=garbage)) as broker:
        edge = edge_of(broker, started=False)
        house.eventually(lambda: "waiting" in edge.edge.condition)
        broker.script.garbage = b""
        house.until(lambda: edge.receiver.told[-1:] == ["mqtt up"])
        topic = text("usp/v1/onboard/os::00259E-1")
        broker.say(packet(0x30, topic + b"\0" + b"after"))
        house.until(lambda: edge.receiver.records)
    assert edge.receiver.records[0][0] == b"after"
    assert edge.watcher.bugs == []


def test_octets_that_come_one_by_one_are_one_record(house: House, edge_of) -> None:
    with ScriptedBroker(Script()) as broker:
        edge = edge_of(broker)
        topic = text("usp/v1/onboard/os::00259E-1")
        for octet in packet(0x30, topic + b"\0" + b"slow") * 2:
            broker.say(bytes([octet]))
        house.until(lambda: len(edge.receiver.records) == 2)
    assert [octets for octets, _ in edge.receiver.records] == [b"slow", b"slow"]


def test_what_the_broker_kept_for_us_can_be_answered(house: House, edge_of) -> None:
    """It comes behind CONNACK, while nothing may be published before SUBACK (R-MQTT.17)."""
    kept = packet(0x30, text("usp/v1/onboard/os::00259E-1") + b"\0" + b"kept")
    with ScriptedBroker(Script()) as broker:
        edge = edge_of(broker)
        sent: list[bool] = []

        def reply(octets: bytes, origin: object) -> Verdict:
            sent.append(edge.edge.send(ROUTE, b"answer to " + octets))
            return Verdict.TAKEN

        edge.receiver.answer = reply  # type: ignore[assignment]
        broker.script.kept = kept
        broker.say(packet(0xE0, b"\x8b"))  # DISCONNECT: Server shutting down
        assert b"answer to kept" in broker.heard.next(PUBLISH)
    assert sent == [True]


def test_a_topic_that_is_no_text_is_left_alone(house: House, edge_of) -> None:
    with ScriptedBroker(Script()) as broker:
        edge = edge_of(broker)
        broker.say(packet(0x30, b"\x00\x02\xff\xfe\0x"))
        broker.say(packet(0x30, text("usp/v1/onboard/os::00259E-1") + b"\0y"))
        house.until(lambda: edge.receiver.records)
    assert [octets for octets, _ in edge.receiver.records] == [b"y"]


def test_a_receiver_that_fails_costs_one_record(house: House, edge_of) -> None:
    with ScriptedBroker(Script()) as broker:
        edge = edge_of(broker)

        def fail(octets: bytes, origin: object) -> None:
            raise RuntimeError("defect")

        edge.receiver.answer = fail  # type: ignore[assignment]
        broker.say(packet(0x30, text("usp/v1/onboard/os::00259E-1") + b"\0x") * 2)
        house.until(lambda: len(edge.receiver.records) == 2)
        house.eventually(lambda: len(edge.watcher.bugs) == 2)
        assert edge.edge.up


def test_stopping_while_a_broker_is_silent(house: House) -> None:
    with ScriptedBroker(Script(silent=True)) as broker:
        where = Broker("127.0.0.1", broker.port, CONTROLLER, CONTROLLER)
        edge = house.edge(where, started=False)
        broker.heard.next(CONNECT)
        house.stop_edge(edge)
    assert edge.edge.condition.endswith("stopped")
    assert edge.receiver.told == []


def test_tls_files_that_are_not_there_are_named(house: House, tmp_path: Path) -> None:
    trust = Trust(authorities=str(tmp_path / "none.pem"))
    where = Broker("127.0.0.1", 1, CONTROLLER, CONTROLLER, trust=trust)
    edge = house.edge(where, started=False)
    house.eventually(lambda: "none.pem: No such file" in edge.edge.condition)
    house.stop_edge(edge)
