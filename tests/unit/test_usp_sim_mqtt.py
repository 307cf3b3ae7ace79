"""MQTT as simulated USP agents speak it: packets of both versions, and one connection."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.usp import mqtt_wire as wire
from simulators.usp.links import OPEN_SECONDS
from simulators.usp.mqtt_session import Down, Event, MqttOptions, MqttSession, Record, Up
from simulators.usp.mqtt_wire import MqttError, Property, Publish, Reader, Version

TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=40)


def read(version: Version, octets: bytes, most: int = wire.MOST_OCTETS) -> list[wire.Packet]:
    return list(Reader(version, most).feed(octets))


# --- packets --------------------------------------------------------------------------------------


def test_connect_of_3_1_1_is_as_the_standard_writes_it() -> None:
    octets = wire.connect(Version.V3_1_1, "me", keep_alive=60, username="u", password="p")
    assert octets == (
        b"\x10\x14\x00\x04MQTT\x04\xc2\x00\x3c" + b"\x00\x02me" + b"\x00\x01u" + b"\x00\x01p"
    )


def test_connect_of_5_with_a_user_property_and_a_will() -> None:
    octets = wire.connect(
        Version.V5,
        "",
        keep_alive=0,
        properties={
            Property.REQUEST_RESPONSE_INFORMATION: 1,
            Property.USER: (("usp-endpoint-id", "a::b"),),
        },
        will=wire.Will("gone", b"x", 1),
    )
    properties = b"\x19\x01" + b"\x26\x00\x0fusp-endpoint-id\x00\x04a::b"
    body = b"\x00\x04MQTT\x05\x0e\x00\x00" + bytes((len(properties),)) + properties
    body += b"\x00\x00" + b"\x00" + b"\x00\x04gone" + b"\x00\x01x"
    assert octets == b"\x10" + bytes((len(body),)) + body


def test_subscribe_names_each_filter_with_its_qos() -> None:
    assert wire.subscribe(Version.V3_1_1, 7, ["a", "b/#"], 1) == (
        b"\x82\x0c\x00\x07\x00\x01a\x01\x00\x03b/#\x01"
    )
    assert wire.subscribe(Version.V5, 7, ["a"], 0) == b"\x82\x07\x00\x07\x00\x00\x01a\x00"


@given(
    version=st.sampled_from(Version),
    topic=TEXTS,
    payload=st.binary(max_size=300),
    qos=st.integers(0, 1),
    reply=TEXTS,
    users=st.lists(st.tuples(TEXTS, TEXTS), max_size=3),
    cuts=st.lists(st.integers(0, 2000), max_size=5),
)
def test_a_message_comes_back_as_it_was_however_it_is_cut(
    version: Version,
    topic: str,
    payload: bytes,
    qos: int,
    reply: str,
    users: list[tuple[str, str]],
    cuts: list[int],
) -> None:
    properties: dict[Property, wire.Value] = {}
    if version is Version.V5:
        properties = {Property.CONTENT_TYPE: "usp.msg", Property.RESPONSE_TOPIC: reply}
        if users:
            properties[Property.USER] = tuple(users)
    message = Publish(topic, payload, qos, 9 if qos else 0, properties)
    octets = wire.publish(version, message) * 2
    reader = Reader(version)
    edges = sorted({0, len(octets), *(cut % (len(octets) + 1) for cut in cuts)})
    came = [packet for start, end in pairwise(edges) for packet in reader.feed(octets[start:end])]
    assert came == [message, message]


@given(st.sampled_from(Version), st.binary(max_size=60))
def test_no_octets_do_worse_than_an_error(version: Version, octets: bytes) -> None:
    try:
        packets = read(version, octets)
    except MqttError:
        return
    assert all(isinstance(packet, wire.Packet) for packet in packets)


@pytest.mark.parametrize(
    ("octets", "words"),
    [
        (b"\x30\xff\xff\xff\xff\x01", "more than four octets"),
        (b"\x30\xff\xff\xff\x7f", "more than the"),
        (b"\x30\x01\x00", "ends before"),
        (b"\x34\x05\x00\x01a\x00\x01", "QoS 2"),
        (b"\x10\x00", "begin with 0x10"),
        (b"\x42\x02\x00\x01", "begin with 0x42"),
        (b"\x30\x04\x00\x01\xff\x00", "UTF-8"),
        (b"\x30\x07\x00\x01a\x03\x7f\x00\x00", "no property"),
    ],
)
def test_what_no_broker_sends(octets: bytes, words: str) -> None:
    with pytest.raises(MqttError, match=words):
        read(Version.V5, octets)


def test_properties_that_nobody_heeds_are_passed_over() -> None:
    inside = b"\x24\x01" + b"\x22\x00\x0a" + b"\x11\x00\x00\x00\x09" + b"\x16\x00\x02ab"
    inside += b"\x21\x00\x14"
    body = b"\x00\x00" + bytes((len(inside),)) + inside
    (packet,) = read(Version.V5, b"\x20" + bytes((len(body),)) + body)
    assert packet == wire.Connack(0, {Property.RECEIVE_MAXIMUM: 20})


# --- a connection ---------------------------------------------------------------------------------

WELCOME_3 = b"\x20\x02\x00\x00"


def welcome(*properties: bytes) -> bytes:
    inside = b"".join(properties)
    body = b"\x00\x00" + length(inside) + inside
    return b"\x20" + length(body) + body


def length(body: bytes) -> bytes:
    """Of less than 16,384 octets."""
    low, high = len(body) & 0x7F, len(body) >> 7
    return bytes((low | 0x80, high)) if high else bytes((low,))


def text(mark: int, value: str) -> bytes:
    octets = value.encode()
    return bytes((mark,)) + struct.pack("!H", len(octets)) + octets


def user(name: str, value: str) -> bytes:
    return b"\x26" + text(0, name)[1:] + text(0, value)[1:]


def suback(version: Version, *reasons: int) -> bytes:
    body = b"\x00\x01" + (b"\x00" if version is Version.V5 else b"") + bytes(reasons)
    return b"\x90" + bytes((len(body),)) + body


def session(version: Version = Version.V5, **options: object) -> MqttSession:
    made = MqttSession(
        MqttOptions(version=version, **options),  # type: ignore[arg-type]
        "os::A-1",
        "os::A-1",
        100.0,
    )
    made.take()
    return made


def up(version: Version = Version.V5, *properties: bytes, **options: object) -> MqttSession:
    made = session(version, **options)
    made.received(welcome(*properties) if version is Version.V5 else WELCOME_3, 101.0)
    made.take()
    (event,) = made.received(suback(version, 1), 102.0)
    assert isinstance(event, Up)
    return made


def why(events: Iterable[Event]) -> str:
    (event,) = events
    assert isinstance(event, Down)
    return event.why


def test_it_subscribes_once_it_is_let_in() -> None:
    made = session(topic="to/{endpoint}")
    assert made.received(welcome(), 101.0) == []
    assert made.take() == wire.subscribe(Version.V5, 1, ["to/os::A-1"], 1)
    assert not made.publish(b"too early", None, 101.0)
    assert made.received(suback(Version.V5, 0), 102.0) == [Up("to/os::A-1", "os::A-1")]


def test_3_1_1_listens_below_its_topic_too() -> None:
    made = session(Version.V3_1_1, topic="to/me")
    made.received(WELCOME_3, 101.0)
    assert made.take() == wire.subscribe(Version.V3_1_1, 1, ["to/me/#"], 1)


def test_response_information_and_subscribe_topics_of_the_broker() -> None:
    made = session(topic="mine")
    told = [text(0x12, "given"), text(0x1A, "answers/here")]
    told += [user("subscribe-topic", f"more/{n}") for n in range(7)] + [user("other", "x")]
    made.received(welcome(*told), 101.0)
    filters = ["answers/here", *(f"more/{n}" for n in range(5))]
    assert made.take() == wire.subscribe(Version.V5, 1, filters, 1)
    assert made.received(suback(Version.V5, 1, 1, 1, 1, 1, 1), 102.0) == [
        Up("answers/here", "given")
    ]


def test_without_any_topic_it_leaves() -> None:
    assert "no topic to listen at" in why(session(topic="").received(welcome(), 101.0))


@pytest.mark.parametrize("version", list(Version))
def test_without_a_subscription_it_leaves(version: Version) -> None:
    made = session(version)
    made.received(welcome() if version is Version.V5 else WELCOME_3, 101.0)
    refused = 0x87 if version is Version.V5 else 0x80
    assert "refused the subscription" in why(made.received(suback(version, refused), 102.0))
    assert not made.publish(b"record", None, 102.0)


@pytest.mark.parametrize(
    ("version", "answer", "words"),
    [
        (Version.V5, b"\x20\x03\x00\x87\x00", "not authorized"),
        (Version.V5, b"\x20\x0a\x00\x86\x07\x1f\x00\x04gone", "bad user name or password: gone"),
        (Version.V3_1_1, b"\x20\x02\x00\x05", "not authorized"),
        (Version.V3_1_1, b"\x20\x02\x00\x02", "client id not valid"),
    ],
)
def test_a_refusal_in_words(version: Version, answer: bytes, words: str) -> None:
    assert why(session(version).received(answer, 101.0)) == f"the broker refused us: {words}"


def test_the_broker_says_why_it_ends() -> None:
    assert "session taken over" in why(up().received(b"\xe0\x01\x8e", 103.0))


def test_what_is_no_mqtt_ends_it() -> None:
    assert "what is no MQTT" in why(up().received(b"HTTP/1.1 400 Bad\r\n", 103.0))


def test_where_records_go_and_where_answers_go() -> None:
    made = up(controller="from/{endpoint}", topic="to/me")
    assert made.publish(b"record", None, 103.0)
    (sent,) = read(Version.V5, made.take())
    assert isinstance(sent, Publish)
    assert (sent.topic, sent.qos, sent.payload) == ("from/os::A-1", 1, b"record")
    assert sent.properties == {Property.CONTENT_TYPE: "usp.msg", Property.RESPONSE_TOPIC: "to/me"}
    older = up(Version.V3_1_1, controller="from/{endpoint}", topic="to/me", qos=0)
    assert older.publish(b"record", "asked/by", 103.0)
    (sent,) = read(Version.V3_1_1, older.take())
    assert sent == Publish("asked/by/reply-to=to%2Fme", b"record", 0)


@pytest.mark.parametrize(
    ("topic", "reply"),
    [
        ("to/me/reply-to=a%2Fb", "a/b"),
        ("to/me/reply-to=a%2fb", "a/b"),
        ("to/me/reply-to=x/reply-to=a%2Fb", "a/b"),
        ("to/me", None),
    ],
)
def test_the_reply_topic_of_3_1_1_is_after_the_last_mark(topic: str, reply: str | None) -> None:
    made = up(Version.V3_1_1)
    octets = wire.publish(Version.V3_1_1, Publish(topic, b"question"))
    assert made.received(octets, 103.0) == [Record(b"question", reply)]


def test_a_message_with_qos_1_is_acknowledged() -> None:
    made = up()
    message = Publish("t", b"q", 1, 77, {Property.RESPONSE_TOPIC: "r"})
    assert made.received(wire.publish(Version.V5, message), 103.0) == [Record(b"q", "r")]
    assert made.take() == wire.puback(77)


def test_no_more_is_under_way_than_the_broker_takes() -> None:
    made = up(Version.V5, b"\x21\x00\x02")
    for number in range(5):
        assert made.publish(bytes((number,)), None, 103.0)
    first = read(Version.V5, made.take())
    assert [packet.payload for packet in first if isinstance(packet, Publish)] == [b"\0", b"\1"]
    ids = [packet.packet_id for packet in first if isinstance(packet, Publish)]
    made.received(wire.puback(ids[0]), 104.0)
    (third,) = read(Version.V5, made.take())
    assert isinstance(third, Publish)
    assert third.payload == b"\2"
    assert third.packet_id not in ids


def test_a_record_that_the_broker_does_not_take_is_not_sent() -> None:
    made = up(Version.V5, b"\x27" + struct.pack("!I", 4096))
    assert made.publish(bytes(2000), None, 103.0)
    made.take()
    assert not made.publish(bytes(5000), None, 103.0)
    assert made.take() == b""


def test_a_quiet_link_is_pinged_and_a_dead_one_given_up() -> None:
    made = up(keep_alive=40)
    assert made.due == 101.0 + 30.0
    assert made.tick(130.9) == []
    assert made.take() == b""
    assert made.tick(131.0) == []
    assert made.take() == wire.PINGREQ
    assert made.received(b"\xd0\x00", 132.0) == []
    assert made.due == 161.0
    made.tick(161.0)
    assert made.take() == wire.PINGREQ
    assert why(made.tick(191.0)) == "the broker does not answer pings"


def test_nobody_waits_for_a_silent_broker_for_ever() -> None:
    made = session()
    assert made.due == 100.0 + OPEN_SECONDS
    assert made.tick(100.0) == []
    assert "did not let us in" in why(made.tick(100.0 + OPEN_SECONDS))


def test_without_keep_alive_nothing_is_due() -> None:
    assert up(keep_alive=0).due is None
