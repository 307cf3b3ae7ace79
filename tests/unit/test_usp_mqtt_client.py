"""What replaces methods of paho's client is held to paho's own reading and writing."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt._packet import decode_publish
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from acs.usp.mqtt.client import BufferedClient
from acs.usp.mqtt.packets import (
    PacketError,
    Published,
    pack_properties,
    read_publish,
    whole_packet,
)

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=40)
TOPIC = TEXT.filter(bool)


def string(value: str) -> bytes:
    octets = value.encode()
    return struct.pack("!H", len(octets)) + octets


@given(TEXT, TEXT)
def test_properties_are_written_as_paho_writes_them(content: str, topic: str) -> None:
    ours = pack_properties(content, topic)
    theirs = Properties(PacketTypes.PUBLISH)
    theirs.ContentType = content
    theirs.ResponseTopic = topic
    assert ours == bytes(theirs.pack())


def test_long_properties_have_a_length_of_two_octets() -> None:
    packed = pack_properties("usp.msg", "t" * 300)
    assert packed[:2] == bytes((313 & 0x7F | 0x80, 313 >> 7))
    assert len(packed) == 2 + 313


@given(
    topic=TOPIC,
    payload=st.binary(max_size=200),
    content=st.none() | TEXT,
    reply=st.none() | TOPIC,
    users=st.lists(st.tuples(TEXT, TEXT), max_size=3),
    correlation=st.none() | st.binary(max_size=20),
    expiry=st.none() | st.integers(0, 2**32 - 1),
    alias=st.none() | st.integers(1, 65535),
    subscription=st.none() | st.integers(1, 268_435_455),
    packet_id=st.integers(0, 65535),
)
def test_a_publish_is_read_as_paho_reads_it(
    topic: str,
    payload: bytes,
    content: str | None,
    reply: str | None,
    users: list[tuple[str, str]],
    correlation: bytes | None,
    expiry: int | None,
    alias: int | None,
    subscription: int | None,
    packet_id: int,
) -> None:
    properties = Properties(PacketTypes.PUBLISH)
    given_ = {
        "PayloadFormatIndicator": 1 if content else None,
        "ContentType": content,
        "ResponseTopic": reply,
        "CorrelationData": correlation,
        "MessageExpiryInterval": expiry,
        "TopicAlias": alias,
        "SubscriptionIdentifier": subscription,
    }
    for name, value in given_.items():
        if value is not None:
            setattr(properties, name, value)
    for pair in users:
        properties.UserProperty = pair
    flags = 0x32 if packet_id else 0x30
    body = string(topic) + (struct.pack("!H", packet_id) if packet_id else b"")
    body += bytes(properties.pack()) + payload

    theirs = decode_publish(flags, body, MQTTProtocolVersion.MQTTv5)
    ours = read_publish(flags, body, v5=True)
    assert ours == Published(
        theirs.topic.decode(),
        bytes(theirs.payload),
        getattr(theirs.properties, "ContentType", ""),
        getattr(theirs.properties, "ResponseTopic", ""),
        theirs.mid,
    )


@given(TOPIC, st.binary(max_size=50), st.integers(0, 65535))
def test_a_publish_of_mqtt_3_1_1(topic: str, payload: bytes, packet_id: int) -> None:
    body = string(topic) + (struct.pack("!H", packet_id) if packet_id else b"") + payload
    flags = 0x32 if packet_id else 0x30
    assert read_publish(flags, body, v5=False) == Published(topic, payload, packet_id=packet_id)


@given(st.integers(0x30, 0x3F), st.binary(max_size=60), st.booleans())
def test_any_octets_are_a_publish_or_an_error(flags: int, octets: bytes, v5: bool) -> None:
    try:
        found = read_publish(flags, octets, v5=v5)
    except PacketError:
        return
    assert len(found.payload) <= len(octets)


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"\x00",
        b"\x00\x05ab",
        string("a"),  # no length of properties
        string("a") + b"\xff\xff\xff\xff\x7f",
        string("a") + b"\x05\x03",
        string("a") + b"\x01\x7e",
        string("a") + b"\x03\x08\x00\x09" + b"b",
        string("a") + b"\x02\x01\x00\x08"[:2],
    ],
)
def test_octets_that_are_no_publish(octets: bytes) -> None:
    with pytest.raises(PacketError):
        read_publish(0x30, octets, v5=True)


def test_a_text_that_is_no_utf_8_costs_nobody_the_link() -> None:
    found = read_publish(0x30, b"\x00\x02\xff\xfe\x00x", v5=True)
    assert found == Published("\ufffd\ufffd", b"x")


class FakeSocket:
    """Gives what it is told to, and keeps what it is given."""

    def __init__(self, *chunks: bytes) -> None:
        self.chunks = list(chunks)
        self.reads = 0
        self.sent: list[bytes] = []
        self.room = 1_000_000

    def recv(self, size: int) -> bytes:
        self.reads += 1
        if not self.chunks:
            raise BlockingIOError
        chunk = self.chunks.pop(0)
        assert len(chunk) <= size
        return chunk

    def send(self, octets: bytes) -> int:
        taken = bytes(octets[: self.room])
        if not taken:
            raise BlockingIOError
        self.room -= len(taken)
        self.sent.append(taken)
        return len(taken)

    def close(self) -> None:
        self.chunks = [b""]


def client_with(*chunks: bytes) -> tuple[BufferedClient, FakeSocket, list[Published]]:
    came: list[Published] = []
    client = BufferedClient(
        came.append,
        callback_api_version=CallbackAPIVersion.VERSION2,
        client_id="c",
        protocol=MQTTProtocolVersion.MQTTv5,
    )
    sock = FakeSocket(*chunks)
    client._sock = sock  # type: ignore[assignment]
    return client, sock, came


def publish(number: int, *, packet_id: int = 0) -> bytes:
    body = string("t") + (struct.pack("!H", packet_id) if packet_id else b"") + b"\0"
    body += b"%d" % number
    return bytes([0x32 if packet_id else 0x30, len(body)]) + body


def test_one_reading_serves_all_packets_that_came() -> None:
    client, sock, came = client_with(b"".join(publish(n) for n in range(20)))
    client.read()
    assert [each.payload for each in came] == [b"%d" % n for n in range(20)]
    assert sock.reads == 1


def test_a_packet_may_come_in_pieces() -> None:
    whole = publish(1) + publish(2)
    client, _sock, came = client_with(*(bytes([each]) for each in whole))
    for _ in whole:
        client.read()
    assert [each.payload for each in came] == [b"1", b"2"]


def test_acknowledgements_go_out_together() -> None:
    client, sock, _came = client_with(publish(1, packet_id=7) + publish(2, packet_id=8))
    client.read()
    assert sock.sent == []
    assert client.unsent == 8
    assert client.flush()
    assert sock.sent == [b"\x40\x02\x00\x07\x40\x02\x00\x08"]


def test_what_the_socket_does_not_take_waits() -> None:
    client, sock, _came = client_with(publish(1, packet_id=7))
    sock.room = 3
    client.read()
    assert not client.flush()
    assert client.unsent == 1
    sock.room = 3
    assert client.flush()
    assert b"".join(sock.sent) == b"\x40\x02\x00\x07"


def test_a_long_packet_may_come_in_two_pieces_at_any_place() -> None:
    body = string("t") + b"\0" + bytes(300)
    whole = b"\x30" + bytes((len(body) & 0x7F | 0x80, len(body) >> 7)) + body + publish(2)
    for cut in (1, 2, 3, 4, 10, len(body) + 2, len(body) + 3, len(body) + 4):
        client, _sock, came = client_with(whole[:cut], whole[cut:])
        client.read()
        client.read()
        assert [each.payload for each in came] == [bytes(300), b"2"]


@given(st.binary(max_size=8), st.integers(0, 8))
def test_a_packet_is_cut_out_or_is_not_whole(octets: bytes, at: int) -> None:
    body, end = whole_packet(octets, at)
    if body is None:
        assert end == at
    else:
        assert octets[:end].endswith(body)
        assert at + 2 <= end <= len(octets)


def test_what_waited_for_room_goes_out_when_something_arrived() -> None:
    client, sock, _came = client_with()
    client.allow_underway(2)
    first, *_, third = [client.publish("t", b"%d" % n, qos=1) for n in range(3)]
    client.flush()
    assert not b"".join(sock.sent).endswith(b"2")
    sock.chunks = [b"\x40\x02" + struct.pack("!H", first.mid)]
    client.read()
    client.flush()
    assert b"".join(sock.sent).endswith(b"2")
    assert list(client._out_messages)[-1] == third.mid
    assert first.is_published()


@pytest.mark.parametrize("code", [b"", b"\x10", b"\x10\x00", b"\x87"])
def test_a_puback_ends_what_was_underway_as_with_paho(code: bytes) -> None:
    ack = b"\x40" + bytes([2 + len(code)])
    client, _sock, _came = client_with()
    info = client.publish("t", b"x", qos=1)
    assert list(client._out_messages) == [info.mid]
    client._sock = FakeSocket(ack + struct.pack("!H", info.mid) + code)  # type: ignore[assignment]
    client.read()
    assert not client._out_messages
    assert info.is_published()


def test_a_puback_of_nothing_is_left_alone() -> None:
    client, _sock, _came = client_with(b"\x40\x02\x00\x63")
    client.read()
    assert client.socket() is not None


def test_the_end_of_the_connection_is_told() -> None:
    client, _sock, _came = client_with(b"")
    told: list[object] = []
    client.on_disconnect = lambda *arguments: told.append(arguments)
    client.read()
    assert len(told) == 1
    assert client.socket() is None


def test_what_is_sent_without_a_connection_is_an_error() -> None:
    client, _sock, _came = client_with()
    client.abandon()
    with pytest.raises(ConnectionError):
        client._sock_send(b"x")
    assert client.publish("t", b"x", qos=0).rc == MQTTErrorCode.MQTT_ERR_NO_CONN


def test_each_method_that_is_replaced_is_one_of_pahos() -> None:
    ours, pahos = vars(BufferedClient), vars(BufferedClient.__mro__[1])
    replaced = {
        "_sock_recv",
        "_sock_send",
        "_packet_read",
        "_handle_publish",
        "_handle_pubackcomp",
        "_update_inflight",
    }
    assert replaced <= ours.keys() & pahos.keys()
