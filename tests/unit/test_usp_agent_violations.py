"""What a simulated agent does when the controller breaks the protocol: as real agents do."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from usp_desk import CONTROLLER, Desk

from acs.usp.pb import usp_msg_pb2 as pb
from acs.usp.pb import usp_record_pb2 as record_pb
from simulators.usp.outgoing import LinkWish


def record(desk: Desk) -> record_pb.Record:
    return record_pb.Record(version="1.3", to_id=desk.agent.endpoint, from_id=CONTROLLER)


def get(desk: Desk) -> pb.Msg:
    return desk.request("get", param_paths=["Device.DeviceInfo.SerialNumber"])


def no_header(desk: Desk, bad: record_pb.Record) -> None:
    message = get(desk)
    message.ClearField("header")
    bad.no_session_context.payload = message.SerializeToString()


def unsolicited(_desk: Desk, bad: record_pb.Record) -> None:
    message = pb.Msg()
    message.header.msg_type = pb.Header.GET_RESP
    message.body.response.get_resp.SetInParent()
    bad.no_session_context.payload = message.SerializeToString()


def undecodable(_desk: Desk, bad: record_pb.Record) -> None:
    bad.no_session_context.payload = b"\xff\xff\xff"


def connect(_desk: Desk, bad: record_pb.Record) -> None:
    bad.mqtt_connect.subscribed_topic = "x"


def empty(_desk: Desk, bad: record_pb.Record) -> None:
    bad.no_session_context.SetInParent()


def nothing(_desk: Desk, _bad: record_pb.Record) -> None:
    """Leave the record without content."""


@pytest.mark.parametrize("break_it", [no_header, unsolicited, undecodable, connect, empty, nothing])
def test_what_makes_no_sense_is_passed_over_in_silence(
    break_it: Callable[[Desk, record_pb.Record], None],
) -> None:
    desk = Desk()
    bad = record(desk)
    break_it(desk, bad)
    desk.agent.received(bad.SerializeToString(), "reply", desk.now)
    assert desk.agent.take() == []
    assert desk.agent.wants is LinkWish.STAY
    assert desk.agent.counters["ignored"] == 1


@pytest.mark.parametrize("octets", [b"", b"\x00", b"\xff" * 40, b"\x0a\xff\xff\xff\xff\x7f"])
def test_octets_that_are_no_record_are_passed_over(octets: bytes) -> None:
    desk = Desk()
    desk.agent.received(octets, None, desk.now)
    assert desk.agent.take() == []


@pytest.mark.parametrize("version", ["2.0", ""])
def test_any_version_and_an_empty_message_id_are_taken(version: str) -> None:
    desk = Desk()
    odd = record(desk)
    odd.version = version
    message = get(desk)
    message.header.msg_id = ""
    odd.no_session_context.payload = message.SerializeToString()
    desk.agent.received(odd.SerializeToString(), "reply", desk.now)
    desk.collect()
    assert desk.replies[0].body.response.HasField("get_resp")


def test_a_header_that_says_another_type_than_the_body_is_7001() -> None:
    desk = Desk()
    message = get(desk)
    message.header.msg_type = pb.Header.SET
    desk.send(message)
    desk.collect()
    assert desk.replies[0].body.error.err_code == 7001
    assert desk.replies[0].header.msg_id == message.header.msg_id


@pytest.mark.parametrize("kind", ["notify", "register"])
def test_requests_that_only_agents_make_are_7002(kind: str) -> None:
    assert Desk().ask(kind).body.error.err_code == 7002


def session(desk: Desk) -> record_pb.Record:
    bad = record(desk)
    bad.session_context.session_id, bad.session_context.sequence_id = 5, 1
    return bad


def tls(desk: Desk) -> record_pb.Record:
    bad = record(desk)
    bad.payload_security = record_pb.Record.TLS12
    bad.no_session_context.payload = get(desk).SerializeToString()
    return bad


def goodbye(desk: Desk) -> record_pb.Record:
    bad = record(desk)
    bad.disconnect.reason_code = 7105
    return bad


@pytest.mark.parametrize(("make", "code"), [(tls, 7104), (session, 7106), (goodbye, 7105)])
def test_a_disconnect_record_and_a_link_that_closes_for_a_while(
    make: Callable[[Desk], record_pb.Record], code: int
) -> None:
    desk = Desk()
    desk.records.clear()
    desk.agent.received(make(desk).SerializeToString(), "reply", desk.now)
    desk.collect()
    assert [each.disconnect.reason_code for each in desk.records] == [code]
    desk.wait(1)
    assert desk.agent.wants is LinkWish.RECONNECT
    assert 4 <= desk.agent.back_at - desk.now <= 10
    desk.wait(15)
    assert desk.records[-1].HasField("mqtt_connect")
    assert desk.agent.counters["boots"] == 1


@pytest.mark.parametrize("hardened", [False, True])
@pytest.mark.parametrize("type_", [None, 99])
def test_two_messages_that_crash_real_agents(hardened: bool, type_: int | None) -> None:
    desk = Desk(hardened=hardened, boot_subscription=True)
    desk.kinds()
    message = get(desk)
    if type_ is None:
        message.ClearField("body")
    else:
        message.header.MergeFromString(bytes([0x10, type_]))
    desk.send(message)
    desk.collect()
    assert desk.replies == []
    assert desk.agent.counters["crashes"] == 1
    desk.wait(60)
    assert desk.kinds() == ([] if hardened else ["event"])


def test_the_answer_goes_where_the_request_says_else_to_the_controllers_topic() -> None:
    desk = Desk()
    desk.send(get(desk), reply_to="my/topic")
    desk.send(get(desk), reply_to=None)
    desk.collect()
    assert desk.topics[-2:] == ["my/topic", None]


def test_a_notify_resp_that_nobody_waits_for_is_ignored() -> None:
    desk = Desk()
    desk.answer("nobody")
    assert desk.agent.counters["ignored"] == 1
