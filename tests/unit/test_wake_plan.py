"""The policy of waking: which way, what follows from each answer, and that it always ends."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acs.devices import wake_plan
from acs.devices.wake_plan import Limits, Ways
from acs.devices.waking import Answer, Reply, Wake, WakeState, Way

LIMITS = Limits(answer_seconds=30, attempts=4)
ASKED = Wake(7, "a reason", way=Way.HTTP, asked_at=100.0, next_at=100.0)
BEGAN, NOW = 101.0, 102.0
FINAL = frozenset(WakeState) - {WakeState.WAITING, WakeState.SENT}


@pytest.mark.parametrize(
    ("agent", "http", "udp", "expected"),
    [
        ("", "", "", Ways((Way.USP, Way.HTTP, Way.UDP))),
        ("", None, None, Ways((Way.USP,))),
        ("its agent is away", "", None, Ways((Way.HTTP,), ("its agent is away",))),
        (None, "it is elsewhere", "", Ways((Way.UDP,), ("it is elsewhere",), True)),
        (None, "it is elsewhere", None, Ways((), ("it is elsewhere",), True)),
        (None, None, "elsewhere", Ways((), ("elsewhere",), True)),
        (None, None, None, Ways()),
    ],
)
def test_ways(agent: str | None, http: str | None, udp: str | None, expected: Ways) -> None:
    assert wake_plan.ways(agent=agent, http=http, udp=udp) == expected


@pytest.mark.parametrize(
    ("open_ways", "attempts", "expected"),
    [
        ((), 0, Way.NONE),
        ((Way.HTTP,), 3, Way.HTTP),
        ((Way.HTTP, Way.UDP), 0, Way.HTTP),
        ((Way.HTTP, Way.UDP), 1, Way.UDP),
        ((Way.HTTP, Way.UDP), 2, Way.HTTP),
    ],
)
def test_another_way_is_tried_each_time(
    open_ways: tuple[Way, ...], attempts: int, expected: Way
) -> None:
    assert wake_plan.chosen(Ways(open_ways), replace(ASKED, attempts=attempts)) is expected


@pytest.mark.parametrize(
    ("reply", "before", "state", "next_at"),
    [
        (Reply.ACCEPTED, 0, WakeState.SENT, NOW + 30),
        (Reply.ACCEPTED, 7, WakeState.SENT, NOW + 30),
        (Reply.BUSY, 0, WakeState.WAITING, NOW + 2),
        (Reply.BUSY, 1, WakeState.WAITING, NOW + 10),
        (Reply.BUSY, 2, WakeState.WAITING, NOW + 30),
        (Reply.BUSY, 6, WakeState.WAITING, NOW + 30),
        (Reply.BUSY, 7, WakeState.BUSY, 0),
        (Reply.UNAUTHORIZED, 0, WakeState.WAITING, NOW + 30),
        (Reply.UNAUTHORIZED, 1, WakeState.REFUSED, 0),
        (Reply.FORBIDDEN, 0, WakeState.REFUSED, 0),
        (Reply.UNREACHABLE, 0, WakeState.WAITING, NOW + 10),
        (Reply.UNREACHABLE, 1, WakeState.WAITING, NOW + 60),
        (Reply.UNREACHABLE, 2, WakeState.WAITING, NOW + 300),
        (Reply.UNREACHABLE, 3, WakeState.UNREACHABLE, 0),
    ],
)
def test_what_follows_from_an_answer(
    reply: Reply, before: int, state: WakeState, next_at: float
) -> None:
    wake = replace(ASKED, attempts=before)
    after = wake_plan.answered(wake, Answer(reply, "its words"), BEGAN, NOW, LIMITS)
    assert (after.state, after.next_at) == (state, next_at)
    assert (after.attempts, after.detail) == (before + 1, "its words")
    assert after.ended_at == (NOW if state in FINAL else 0.0)
    assert after.sent_at == (BEGAN if state is WakeState.SENT else 0.0)


@pytest.mark.parametrize(
    ("attempts", "state"),
    [(1, WakeState.WAITING), (3, WakeState.WAITING), (4, WakeState.UNREACHABLE)],
)
def test_who_does_not_call_is_asked_again(attempts: int, state: WakeState) -> None:
    sent = replace(ASKED, state=WakeState.SENT, attempts=attempts, sent_at=NOW)
    after = wake_plan.unanswered(sent, NOW + 30, LIMITS)
    assert after.state is state
    assert "did not call within 30 s" in after.detail
    assert after.next_at == (0.0 if state in FINAL else NOW + 30)


def test_with_one_attempt_nothing_is_tried_again_but_busy_devices() -> None:
    once = Limits(attempts=1)
    for reply in (Reply.UNAUTHORIZED, Reply.UNREACHABLE):
        assert wake_plan.answered(ASKED, Answer(reply), BEGAN, NOW, once).state in FINAL
    assert wake_plan.answered(ASKED, Answer(Reply.BUSY), BEGAN, NOW, once).state not in FINAL


@pytest.mark.parametrize(
    ("reason", "last_seen", "has_jobs", "expected"),
    [
        ("a changed wish", 0.0, False, False),
        ("a changed wish", 99.0, False, False),
        ("a changed wish", 101.0, False, False),
        ("a changed wish", 102.0, False, True),
        ("a changed wish", 999.0, False, False),
        ("job: reboot", 0.0, True, False),
        ("job: reboot", 102.0, True, True),
        ("job: reboot", 0.0, False, True),
    ],
)
def test_who_called_by_itself_since_needs_no_call(
    reason: str, last_seen: float, has_jobs: bool, expected: bool
) -> None:
    wake = replace(ASKED, reason=reason)
    assert wake_plan.is_needless(wake, last_seen, 110.0, has_jobs=has_jobs) is expected


def test_who_called_while_it_was_withheld_is_to_be_called_all_the_same() -> None:
    """It got nothing then."""
    held = wake_plan.withheld(replace(ASKED, reason="a changed wish"), "dry-run", 101.0)
    assert not wake_plan.is_needless(held, 105.0, 110.0, has_jobs=True)
    assert wake_plan.is_needless(replace(held, reason="job: set"), 105.0, 110.0, has_jobs=False)


def test_without_a_way_it_is_said_why() -> None:
    unreachable = wake_plan.no_way(ASKED, Ways(), NOW)
    assert unreachable.state is WakeState.UNREACHABLE
    assert unreachable.detail == "it told no way to call it"
    away = wake_plan.no_way(ASKED, Ways((), ("its agent is away",)), NOW)
    assert (away.state, away.detail) == (WakeState.UNREACHABLE, "its agent is away")
    forbidden = wake_plan.no_way(ASKED, Ways((), ("it is elsewhere",), True), NOW)
    assert (forbidden.state, forbidden.detail) == (WakeState.REFUSED, "it is elsewhere")
    assert {unreachable.ended_at, forbidden.ended_at} == {NOW}


def test_a_withheld_device_is_looked_at_later() -> None:
    after = wake_plan.withheld(ASKED, "safety.mode is dry-run", NOW)
    assert (after.state, after.attempts) == (WakeState.WAITING, 0)
    assert after.detail == "withheld: safety.mode is dry-run"
    assert after.next_at == NOW + wake_plan.HELD_PAUSE


@pytest.mark.parametrize(
    ("last_seen", "interval", "expected"), [(100.0, 300, 400.0), (100.0, 0, 0.0), (0.0, 300, 0.0)]
)
def test_when_it_calls_by_itself(last_seen: float, interval: float, expected: float) -> None:
    assert wake_plan.next_inform(last_seen, interval) == expected


@given(
    st.lists(st.sampled_from(Reply), min_size=20, max_size=20),
    st.integers(1, 6),
    st.booleans(),
)
def test_it_always_ends_after_a_bounded_number_of_calls(
    replies: list[Reply], attempts: int, always: bool
) -> None:
    limits = Limits(attempts=attempts)
    wake, now, calls = ASKED, 200.0, 0
    while wake.state not in FINAL:
        reply = replies[0 if always else calls]
        calls += 1
        wake = wake_plan.answered(wake, Answer(reply), now, now, limits)
        assert wake.next_at >= now or wake.state in FINAL
        if wake.state is WakeState.SENT:
            wake = wake_plan.unanswered(wake, wake.next_at, limits)
        now = max(now, wake.next_at)
    assert calls == wake.attempts <= limits.most
    assert wake.state is not WakeState.WOKEN
    assert wake.ended_at > 0
    if Reply.BUSY not in replies:
        assert calls <= limits.attempts
