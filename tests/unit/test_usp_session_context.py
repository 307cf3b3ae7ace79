"""Session contexts over channels that lose, repeat and reorder what they carry."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from acs.usp.records import Segment
from acs.usp.session_context import Bounds, SessionContext

AMPLE = Bounds(records=10_000, tries=10_000)


class Side:
    """An endpoint with what it sent and got, and the way to it."""

    def __init__(self, name: bytes) -> None:
        self.name = name
        self.context = SessionContext(AMPLE)
        self.sent: list[bytes] = []
        self.got: list[bytes] = []
        self.under_way: list[Segment] = []

    def take(self, at: int, other: Side) -> None:
        received = self.context.receive(self.under_way.pop(at))
        assert received.failure is None
        self.got.extend(received.payloads)
        other.under_way.extend(received.send)


class Channel(RuleBasedStateMachine):
    """Two sides speak as they like; the channel does its worst."""

    def __init__(self) -> None:
        super().__init__()
        self.sides = (Side(b"a"), Side(b"b"))

    @initialize()
    def begin(self) -> None:
        self.sides[0].context.start(7)
        self.say(0, 1, 0)
        # The other side answers in the context it was spoken to in.
        self.sides[1].take(0, self.sides[0])

    @rule(who=st.integers(0, 1), size=st.integers(1, 30), limit=st.sampled_from([0, 1, 7]))
    def say(self, who: int, size: int, limit: int) -> None:
        side, other = self.sides[who], self.sides[1 - who]
        payload = (side.name + b"%d:" % len(side.sent)).ljust(size, b".")
        side.sent.append(payload)
        other.under_way.extend(side.context.send(payload, limit))

    @rule(who=st.integers(0, 1), data=st.data())
    def deliver(self, who: int, data: st.DataObject) -> None:
        side = self.sides[who]
        if side.under_way:
            at = data.draw(st.integers(0, len(side.under_way) - 1))
            side.take(at, self.sides[1 - who])

    @rule(who=st.integers(0, 1), data=st.data())
    def repeat(self, who: int, data: st.DataObject) -> None:
        way = self.sides[who].under_way
        if way:
            way.append(data.draw(st.sampled_from(way)))

    @rule(who=st.integers(0, 1), data=st.data())
    def lose(self, who: int, data: st.DataObject) -> None:
        way = self.sides[who].under_way
        if way:
            way.pop(data.draw(st.integers(0, len(way) - 1)))

    @rule(who=st.integers(0, 1))
    def lose_patience(self, who: int) -> None:
        self.sides[1 - who].under_way.extend(self.sides[who].context.repeat())

    @invariant()
    def what_arrives_is_in_order_and_once(self) -> None:
        one, other = self.sides
        assert one.got == other.sent[: len(one.got)]
        assert other.got == one.sent[: len(other.got)]

    def teardown(self) -> None:
        """Once the channel is good again, everything arrives."""
        one, other = self.sides
        for _ in range(8):
            for side, peer in ((one, other), (other, one)):
                peer.under_way.extend(side.context.repeat())
            while one.under_way or other.under_way:
                for side, peer in ((one, other), (other, one)):
                    if side.under_way:
                        side.take(0, peer)
        assert one.got == other.sent
        assert other.got == one.sent


Channel.TestCase.settings = settings(
    max_examples=60, stateful_step_count=30, deadline=None, database=None
)
TestChannel = Channel.TestCase


def test_empty_parts_of_a_payload_that_came_too_early_take_no_room() -> None:
    context = SessionContext()
    context.receive(Segment(7, 1, 1, payloads=(b"first",)))
    context.receive(Segment(7, 3, 1, payloads=(b"", b"third") + (b"",) * 10_000))
    kept = context._ahead[3]
    assert kept.payloads == (b"third",)
    assert context.receive(Segment(7, 2, 1, payloads=(b"se", b"cond"))).payloads == (
        b"second",
        b"third",
    )
