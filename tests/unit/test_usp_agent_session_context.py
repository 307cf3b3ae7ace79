"""The session context of a simulated agent: segments, gaps, resends, new contexts."""

from __future__ import annotations

from itertools import count

from hypothesis import given
from hypothesis import strategies as st
from usp_desk import CONTROLLER, Desk

from acs.usp.pb import usp_msg_pb2 as pb
from acs.usp.pb import usp_record_pb2 as record_pb
from simulators.usp.session_context import Context, Segment


def context(first: int = 2) -> Context:
    ids = count(first)
    return Context(lambda: next(ids))


def test_a_message_is_cut_and_put_together_again() -> None:
    sender, receiver = context(), context(100)
    segments = sender.send(b"0123456789", 4)
    assert [each.payload_sar_state for each in segments] == [
        Segment.BEGIN,
        Segment.INPROCESS,
        Segment.COMPLETE,
    ]
    assert [each.sequence_id for each in segments] == [1, 2, 3]
    assert {each.session_id for each in segments} == {2}
    taken = [receiver.receive(each).payloads for each in segments]
    assert taken == [(), (), (b"0123456789",)]


def test_a_message_in_one_segment_says_so() -> None:
    (segment,) = context().send(b"0123", 0)
    assert segment.payload_sar_state == Segment.NONE


@given(st.permutations(range(4)), st.integers(0, 3))
def test_order_and_repetition_do_not_matter(order: list[int], twice: int) -> None:
    sender, receiver = context(), context(100)
    receiver.receive(sender.send(b"first", 0)[0])
    segments = [*sender.send(b"abcdefgh", 3), *sender.send(b"last", 0)]
    found: list[bytes] = []
    for number in [*order, twice]:
        found += receiver.receive(segments[number]).payloads
    assert found == [b"abcdefgh", b"last"]


def test_a_gap_is_asked_for_and_filled() -> None:
    sender, receiver = context(), context(100)
    first, second = sender.send(b"abcd", 2)
    receiver.receive(sender.send(b"start", 0)[0])  # Number 3 comes first of all.
    assert receiver.session == 0
    receiver.receive(first)
    third = sender.send(b"x", 0)[0]
    asked = receiver.receive(third).send[0]
    assert asked.retransmit_id == 2
    resent = sender.receive(asked).send
    assert [each.sequence_id for each in resent] == [2]
    assert resent[0] == second
    assert receiver.receive(resent[0]).payloads == (b"abcd",)


def test_what_cannot_be_sent_again_starts_a_new_context() -> None:
    sender, receiver = context(), context(100)
    receiver.receive(sender.send(b"a", 0)[0])
    ask = receiver.send(b"", 0)[0]
    ask.retransmit_id = 77
    answer = sender.receive(ask)
    assert [each.sequence_id for each in answer.send] == [1]
    assert sender.session == 3


def test_a_new_session_id_starts_anew() -> None:
    receiver = context(100)
    receiver.receive(context(5).send(b"a", 0)[0])
    assert receiver.receive(context(9).send(b"b", 0)[0]).payloads == (b"b",)
    assert receiver.session == 9


def test_an_agent_speaks_in_segments_of_the_size_it_was_given() -> None:
    desk = Desk(session_context=True, max_record=512, boot_subscription=True, connected=False)
    desk.answering = False
    desk.open()
    connect, *rest = desk.records
    assert connect.HasField("mqtt_connect")
    assert rest[0].session_context.sequence_id == 1
    desk.records.clear()
    controller = context(1000)
    message = desk.request("get", param_paths=["Device.DeviceInfo."])
    for each in controller.send(message.SerializeToString(), 0):
        record = record_pb.Record(version="1.3", to_id=desk.agent.endpoint, from_id=CONTROLLER)
        record.session_context.CopyFrom(each)
        desk.agent.received(record.SerializeToString(), "reply", desk.now)
    desk.collect()
    assert len(desk.records) > 1
    assert max(each.ByteSize() for each in desk.records) <= 512
    payloads = [
        p for each in desk.records for p in controller.receive(each.session_context).payloads
    ]
    (answer,) = payloads
    assert pb.Msg.FromString(answer).body.response.HasField("get_resp")
