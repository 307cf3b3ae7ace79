"""The rules of session contexts, row by row (TR-369, R-E2E.3 to R-E2E.25, segmentation)."""

from __future__ import annotations

import pytest

from acs.usp.errors import Code
from acs.usp.records import Sar, Segment
from acs.usp.session_context import (
    LAST_SEQUENCE,
    Bounds,
    ContextOver,
    Received,
    SessionContext,
)

ID = 17


def part(
    number: int,
    payload: bytes = b"",
    *,
    id: int = ID,
    expected: int = 1,
    missing: int = 0,
    sar: Sar = Sar.NONE,
) -> Segment:
    return Segment(id, number, expected, missing, sar, sar, (payload,))


def started(bounds: Bounds | None = None) -> SessionContext:
    """A context in which the peer sent its first record."""
    context = SessionContext(bounds) if bounds else SessionContext()
    assert context.receive(part(1, b"first")) == Received((b"first",))
    return context


def ended(context: SessionContext, received: Received) -> str:
    """The context is over, and the next one can be started; gives why."""
    assert received.failure is not None
    assert received.failure.code is Code.SESSION_CONTEXT_TERMINATED
    assert context.session_id == 0
    (hello,) = context.restart(99)
    assert (hello.session_id, hello.sequence_id, hello.expected_id) == (99, 1, 1)
    assert hello.payloads == (b"",), "there is one, and it is empty"
    return received.failure.text


# --- establishing and ending -------------------------------------------------------------


@pytest.mark.parametrize("id", [0, 1])
def test_r_e2e_3_session_ids_are_greater_than_1(id: int) -> None:
    with pytest.raises(ValueError, match="cannot be the id"):
        SessionContext().start(id)


def test_an_id_in_use_starts_no_new_context() -> None:
    with pytest.raises(ValueError, match="cannot be the id"):
        started().start(ID)


def test_we_start_with_sequence_1() -> None:
    context = SessionContext()
    context.start(ID)
    assert context.send(b"hello") == (part(1, b"hello"),)


def test_without_a_context_nothing_is_sent() -> None:
    with pytest.raises(ContextOver, match="no session context"):
        SessionContext().send(b"hello")


def test_r_e2e_4_the_peer_starts_a_context_with_its_first_record() -> None:
    context = started()
    assert context.session_id == ID
    assert context.send(b"answer") == (part(1, b"answer", expected=2),)


def test_a_context_may_start_with_an_empty_record() -> None:
    context = SessionContext()
    assert context.receive(part(1)) == Received()
    assert context.send(b"x") == (part(1, b"x", expected=2),)


def test_r_e2e_6_another_id_restarts_the_context() -> None:
    context = started()
    context.send(b"lost")
    assert context.receive(part(1, b"anew", id=23)).payloads == (b"anew",)
    assert context.session_id == 23
    assert context.send(b"x") == (part(1, b"x", id=23, expected=2),)


def test_a_record_of_the_former_context_that_was_late_restarts_nothing() -> None:
    context = started()
    context.receive(part(1, b"anew", id=23))
    assert context.receive(part(2, b"late")) == Received()
    assert context.session_id == 23
    assert context.receive(part(2, b"next", id=23)).payloads == (b"next",)


def test_a_peer_that_lost_its_memory_may_take_the_same_id() -> None:
    context = started()
    context.receive(part(2, b"second"))
    assert context.receive(part(1, b"Boot!")).payloads == (b"Boot!",)
    assert context.send(b"x") == (part(1, b"x", expected=2),)


def test_r_mtp_7_a_disconnect_clears_the_context() -> None:
    context = started()
    context.send(b"x")
    context.end()
    assert context.session_id == 0
    assert context.repeat() == ()
    # Not even that there was one is remembered: the old id is as good as any.
    assert context.receive(part(1, b"first")).payloads == (b"first",)
    assert context.session_id == ID


def test_r_e2e_8_near_the_last_number_we_send_no_more() -> None:
    context = started()
    context._next = LAST_SEQUENCE
    context.send(b"x")
    with pytest.raises(ContextOver, match="used up"):
        context.send(b"y")


def test_r_e2e_9_near_the_last_number_of_the_peer_the_context_ends() -> None:
    context = started()
    context._expected = LAST_SEQUENCE + 1
    assert "used up" in ended(context, context.receive(part(LAST_SEQUENCE + 1, b"x")))


# --- numbers -----------------------------------------------------------------------------


def test_r_e2e_14_to_16_numbers_go_up_by_one_and_tell_what_is_expected() -> None:
    context = started()
    assert context.send(b"a") == (part(1, b"a", expected=2),)
    context.receive(part(2, b"second", expected=2))
    assert context.send(b"b") == (part(2, b"b", expected=3),)


def test_r_e2e_17_what_is_sent_is_kept_until_the_peer_expects_more() -> None:
    context = started()
    context.send(b"a")
    context.send(b"b")
    context.receive(part(2, b"x", expected=2))
    assert [each.payloads for each in context.repeat()] == [(b"b",)]
    context.receive(part(3, b"y", expected=3))
    assert context.repeat() == ()


def test_a_peer_cannot_have_what_was_never_sent() -> None:
    context = started()
    assert "1 records of ours, of 0" in ended(context, context.receive(part(2, expected=2)))


def test_r_e2e_20_a_number_above_waits_for_the_ones_before_it() -> None:
    context = started()
    assert context.receive(part(4, b"four")).payloads == ()
    assert context.receive(part(3, b"three")).payloads == ()
    assert context.receive(part(2, b"two")).payloads == (b"two", b"three", b"four")
    assert context.send(b"x")[0].expected_id == 5


def test_r_e2e_20_a_number_below_is_ignored() -> None:
    context = started()
    context.receive(part(2, b"two"))
    assert context.receive(part(2, b"two")) == Received()
    assert context.receive(part(1, b"first")) == Received()


def test_r_e2e_25_a_duplicate_that_waits_is_ignored() -> None:
    context = started(Bounds(octets=8))
    context.receive(part(3, b"three"))
    assert context.receive(part(3, b"three")) == Received()
    assert context.receive(part(2, b"two")).payloads == (b"two", b"three")


@pytest.mark.parametrize(
    ("bounds", "number", "payload"),
    [(Bounds(records=4), 7, b"x"), (Bounds(octets=8), 3, b"nine octets")],
)
def test_r_e2e_21_what_cannot_be_kept_ends_the_context(
    bounds: Bounds, number: int, payload: bytes
) -> None:
    context = started(bounds)
    text = ended(context, context.receive(part(number, payload)))
    assert text == "more came before its turn than is kept"


@pytest.mark.parametrize("bounds", [Bounds(records=2), Bounds(octets=4)])
def test_a_peer_that_acknowledges_nothing_gets_nothing_more(bounds: Bounds) -> None:
    context = SessionContext(bounds)
    context.start(ID)
    context.send(b"aa")
    context.send(b"bb")
    with pytest.raises(ContextOver, match="not acknowledged"):
        context.send(b"c")


def test_what_is_acknowledged_makes_room() -> None:
    context = started(Bounds(records=2, octets=5))
    for number in range(2, 6):
        context.send(b"fives")
        assert context.receive(part(number, expected=number)).failure is None


def test_a_payload_beyond_the_bounds_is_not_sent_in_part() -> None:
    context = started(Bounds(records=4))
    with pytest.raises(ContextOver):
        context.send(b"12345", 1)
    assert context.send(b"1234", 1)[0] == part(1, b"1", expected=2, sar=Sar.BEGIN)


# --- retransmission ----------------------------------------------------------------------


def test_a_gap_is_asked_for_once() -> None:
    context = started()
    assert context.receive(part(3, b"three")).send == (part(1, expected=2, missing=2),)
    assert context.receive(part(4, b"four")).send == ()
    # What fills it may leave another one.
    context.receive(part(7, b"seven"))
    assert context.receive(part(2, b"two")).send == (part(2, expected=5, missing=5),)


def test_a_record_without_payload_is_as_one_with_an_empty_one() -> None:
    context = SessionContext()
    none = Segment(ID, 1, 1)
    assert none.payloads == ()
    assert context.receive(none) == Received()
    assert context.receive(part(2, b"two")).payloads == (b"two",)


def test_a_record_that_is_asked_for_is_sent_again() -> None:
    context = started()
    context.send(b"a")
    context.send(b"b")
    received = context.receive(part(2, expected=2, missing=2))
    assert received.send == (part(2, b"b", expected=3),)


def test_two_gaps_that_face_each_other_do_not_wait_for_each_other() -> None:
    context = started()
    context.send(b"lost")
    received = context.receive(part(3, missing=1))
    assert part(1, b"lost", expected=2) in received.send


def test_a_record_the_peer_has_by_now_is_not_sent_again() -> None:
    context = started()
    context.send(b"a")
    assert context.receive(part(2, expected=2, missing=1)) == Received()


def test_a_record_that_was_never_sent_cannot_be_sent_again() -> None:
    context = started()
    assert "never sent" in ended(context, context.receive(part(2, missing=1)))


def test_a_record_is_sent_again_so_often_and_no_more() -> None:
    context = started(Bounds(tries=2))
    context.send(b"a")
    for number in (2, 3):
        assert len(context.receive(part(number, missing=1)).send) == 1
    received = context.receive(part(4, b"four", missing=1))
    assert received.payloads == (b"four",)
    assert "too often" in ended(context, received)


def test_repeating_sends_what_is_not_acknowledged_and_asks_again() -> None:
    context = started(Bounds(tries=2))
    context.send(b"a")
    context.receive(part(3, b"three"))
    again = (part(1, b"a", expected=2), part(2, expected=2, missing=2))
    assert context.repeat() == again
    assert context.repeat() == again
    with pytest.raises(ContextOver, match="acknowledge"):
        context.repeat()


def test_what_came_since_is_not_asked_for_again() -> None:
    context = started()
    context.receive(part(3, b"three"))
    context.receive(part(2, b"two"))
    assert context.repeat() == (part(1, expected=4),)


def test_repeating_asks_anew_when_the_request_arrived_and_the_record_did_not() -> None:
    context = started()
    context.receive(part(3, b"three"))
    context.receive(part(4, expected=2))
    assert context.repeat() == (part(2, expected=2, missing=2),)


# --- segmentation ------------------------------------------------------------------------


def test_a_payload_that_fits_is_one_record() -> None:
    context = started()
    assert context.send(b"12345", 5) == (part(1, b"12345", expected=2),)


def test_plaintext_is_split_to_the_limit_and_put_together() -> None:
    context = started()
    segments = context.send(b"1234567", 3)
    assert segments == (
        part(1, b"123", expected=2, sar=Sar.BEGIN),
        part(2, b"456", expected=2, sar=Sar.INPROCESS),
        part(3, b"7", expected=2, sar=Sar.COMPLETE),
    )
    assert [each.rec_sar for each in segments] == [each.sar for each in segments]
    peer = SessionContext()
    last, first, middle = segments[2], segments[0], segments[1]
    peer.start(ID)
    peer.send(b"first")
    assert peer.receive(first).payloads == ()
    assert peer.receive(last).payloads == ()
    assert peer.receive(middle).payloads == (b"1234567",)


def test_a_sign_of_life_may_come_within_a_segmented_message() -> None:
    context = started()
    context.receive(part(2, b"one ", sar=Sar.BEGIN))
    assert context.receive(part(3)) == Received()
    assert context.receive(part(4, b"whole", sar=Sar.COMPLETE)).payloads == (b"one whole",)


@pytest.mark.parametrize(
    "states",
    [
        (Sar.INPROCESS,),
        (Sar.COMPLETE,),
        (Sar.BEGIN, Sar.BEGIN),
        (Sar.BEGIN, Sar.NONE),
        (Sar.BEGIN, Sar.COMPLETE, Sar.COMPLETE),
    ],
    ids=str,
)
def test_a_failed_reassembly_ends_the_context(states: tuple[Sar, ...]) -> None:
    context = started()
    for number, sar in enumerate(states[:-1], 2):
        assert context.receive(part(number, b"x", sar=sar)).failure is None
    received = context.receive(part(len(states) + 1, b"x", sar=states[-1]))
    assert "segment" in ended(context, received)


def test_a_message_that_grows_too_large_ends_the_context() -> None:
    context = started(Bounds(octets=8))
    context.receive(part(2, b"12345", sar=Sar.BEGIN))
    received = context.receive(part(3, b"6789", sar=Sar.INPROCESS))
    assert ended(context, received) == "a segmented message is larger than is taken"


def test_what_was_whole_before_a_failure_counts() -> None:
    context = started()
    context.receive(part(3, b"x", sar=Sar.COMPLETE))
    received = context.receive(part(2, b"two"))
    assert received.payloads == (b"two",)
    assert received.failure is not None


# --- payload security --------------------------------------------------------------------


def test_a_context_secured_by_tls_is_refused_by_name() -> None:
    context = SessionContext()
    received = context.receive(part(1, b"\x16\x03\x01"), tls=True)
    assert received.payloads == received.send == ()
    assert received.failure is not None
    assert received.failure.code is Code.SECURE_SESSION_NOT_SUPPORTED
    assert "TLS" in received.failure.text
    assert context.session_id == 0


def test_r_e2e_18_payload_security_stays_the_same() -> None:
    context = started()
    received = context.receive(part(2, b"x"), tls=True)
    assert received.payloads == ()
    assert "payload_security" in ended(context, received)


# --- after a failure ---------------------------------------------------------------------


def test_r_e2e_24_what_still_comes_of_a_failed_context_is_ignored() -> None:
    context = started()
    assert context.receive(part(2, missing=5)).failure is not None
    assert context.receive(part(3, b"late")) == Received()
    context.restart(99)
    assert context.receive(part(4, b"late")) == Received()
    assert context.session_id == 99
    assert context.receive(part(1, b"anew", id=99, expected=2)).payloads == (b"anew",)
