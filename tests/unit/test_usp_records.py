"""USP records to octets and back, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from usp_messages import records as any_record

from acs.usp import records
from acs.usp.pb import usp_record_pb2 as pb
from acs.usp.records import (
    Connect,
    Disconnect,
    MalformedRecord,
    NoSession,
    Record,
    Sar,
    Segment,
    payload_room,
)

OURS, THEIRS = "self::acs", "os::012345-S1"


def record(content: Any, **more: Any) -> Record:
    return Record("1.3", OURS, THEIRS, content, **more)


def wire(**parts: Any) -> bytes:
    told = {"version": "1.3", "to_id": OURS, "from_id": THEIRS, **parts}
    return pb.Record(**told).SerializeToString()


def refused(octets: bytes) -> MalformedRecord:
    with pytest.raises(MalformedRecord) as caught:
        records.decode(octets)
    return caught.value


@settings(max_examples=150, deadline=None)
@given(any_record)
def test_any_record_comes_back_as_it_was(each: Record) -> None:
    assert records.decode(records.encode(each)) == each


def test_a_higher_version_and_unknown_fields_are_no_error() -> None:
    octets = wire(version="2.0", no_session_context={"payload": b"x"}) + b"\xa0\x06\x01"
    assert records.decode(octets) == Record("2.0", OURS, THEIRS, NoSession(b"x"))


@pytest.mark.parametrize(
    "each",
    [
        Record("", OURS, THEIRS, NoSession(b"x")),
        Record("1.3", "", THEIRS, NoSession(b"x")),
        Record("1.3", OURS, "", NoSession(b"x")),
        record(NoSession(b"")),
        record(NoSession(b"x"), tls=True),
        record(Segment(1, 1, 1)),
        record(Segment(2, 0, 1)),
        record(Segment(2, 1, 0)),
        record(Segment(2, 2**64, 1)),
        record(Connect("mqtt", "5")),
        record(Connect("mqtt", "4", "topic")),
        record(Connect("stomp", "1.2")),
        record(Connect("websocket", "13")),
        record(Connect("uds", "", "topic")),
        record(Disconnect(2**32)),
    ],
    ids=repr,
)
def test_what_lacks_a_required_member_cannot_be_written(each: Record) -> None:
    with pytest.raises(ValueError, match=r".+"):
        records.encode(each)


@pytest.mark.parametrize(
    "octets",
    [
        wire(),
        wire(version="", no_session_context={"payload": b"x"}),
        wire(to_id="", no_session_context={"payload": b"x"}),
        wire(from_id="", no_session_context={"payload": b"x"}),
        wire(no_session_context={}),
        wire(no_session_context={"payload": b"x"}, payload_security=1),
        wire(no_session_context={"payload": b"x"}, payload_security=2),
        wire(session_context={"session_id": 1, "sequence_id": 1, "expected_id": 1}),
        wire(session_context={"session_id": 2, "sequence_id": 0, "expected_id": 1}),
        wire(session_context={"session_id": 2, "sequence_id": 1}),
        wire(
            session_context={
                "session_id": 2,
                "sequence_id": 1,
                "expected_id": 1,
                "payload_sar_state": 4,
            }
        ),
        wire(mqtt_connect={}),
        wire(mqtt_connect={"version": 2, "subscribed_topic": "a"}),
        wire(stomp_connect={"version": 1, "subscribed_destination": "a"}),
        wire(disconnect={}) + wire(websocket_connect={}),
        wire(no_session_context={"payload": b"x"}) + wire(no_session_context={"payload": b"y"}),
        wire() + b"\x72\x00",
    ],
    ids=[
        "no type",
        "no version",
        "no to_id",
        "no from_id",
        "no payload",
        "TLS without session",
        "unknown security",
        "session id 1",
        "no sequence",
        "no expected",
        "unknown state",
        "no topic",
        "unknown MQTT",
        "unknown STOMP",
        "two types",
        "one type twice",
        "a type to come",
    ],
)
def test_what_breaks_the_rules_is_refused(octets: bytes) -> None:
    problem = refused(octets)
    assert problem.code == 7104
    assert problem.text


def test_a_refused_record_tells_what_an_answer_needs() -> None:
    octets = wire(no_session_context={"payload": b"x"}, payload_security=1)
    problem = refused(octets)
    assert (problem.to_id, problem.from_id, problem.payload) == (OURS, THEIRS, b"x")


@pytest.mark.parametrize("octets", [b"\xff", b"\x0a\xff\xff\xff\xff\x0f", b"\x3b" * 100_000])
def test_what_is_no_protobuf_is_refused(octets: bytes) -> None:
    assert refused(octets).code == 7100


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=64), st.sampled_from(["no_session_context", "session_context"]))
def test_any_octets_are_read_or_refused(octets: bytes, member: str) -> None:
    number = pb.Record.DESCRIPTOR.fields_by_name[member].number
    inside = bytes((number << 3 | 2, len(octets))) + octets
    for each in (octets, wire() + octets, wire() + inside):
        try:
            read = records.decode(each)
        except MalformedRecord:
            continue
        assert records.decode(records.encode(read)) == read


@settings(max_examples=80, deadline=None)
@given(any_record, st.data())
def test_damaged_octets_are_read_or_refused(each: Record, data: st.DataObject) -> None:
    octets = records.encode(each)
    at = data.draw(st.integers(0, len(octets) - 1))
    flipped = bytes((octets[at] ^ data.draw(st.integers(1, 255)),))
    for damaged in (octets[:at], octets[:at] + flipped + octets[at + 1 :], octets + octets[at:]):
        try:
            read = records.decode(damaged)
        except MalformedRecord as problem:
            assert problem.code in (7100, 7104)
        else:
            assert read.from_id and read.to_id and read.version


@pytest.mark.parametrize("size", [512, 1_000, 65_536])
@pytest.mark.parametrize("signature", [0, 300])
def test_a_segment_with_all_the_room_keeps_to_the_size(size: int, signature: int) -> None:
    room = payload_room(size, "1.3", OURS, THEIRS, signature)
    full = record(
        Segment(*(2**64 - 1,) * 4, Sar.BEGIN, Sar.BEGIN, (bytes(room),)),
        mac_signature=bytes(signature // 4),
        sender_cert=bytes(signature - signature // 4),
    )
    assert size - 12 <= len(records.encode(full)) <= size


def test_without_a_size_there_is_no_limit_and_a_tiny_one_still_moves() -> None:
    assert payload_room(0, "1.3", OURS, THEIRS) == 0
    assert payload_room(20, "1.3", OURS, THEIRS) == 1
