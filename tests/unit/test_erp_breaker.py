"""The circuit breaker, on a clock of its own."""

from __future__ import annotations

from twisted.internet.task import Clock

from erp_bridge.breaker import Breaker, State


def opened(clock: Clock) -> Breaker:
    breaker = Breaker(clock.seconds, failures=3, pause=5, longest=60)
    for _ in range(3):
        assert breaker.allow()
        breaker.failure("no answer")
    return breaker


def test_three_failures_in_a_row_open_it() -> None:
    breaker = opened(Clock())
    assert breaker.state is State.OPEN
    assert breaker.reason == "no answer"
    assert not breaker.ready
    assert not breaker.allow()


def test_a_success_between_failures_keeps_it_closed() -> None:
    breaker = Breaker(Clock().seconds, failures=3)
    for _ in range(5):
        breaker.failure("no answer")
        breaker.failure("no answer")
        breaker.success()
    assert breaker.state is State.CLOSED
    assert breaker.allow()


def test_one_probe_after_the_pause_closes_it() -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.advance(5)
    assert breaker.ready
    assert breaker.allow()
    assert breaker.state is State.HALF_OPEN
    assert not breaker.allow()
    breaker.success()
    assert breaker.state is State.CLOSED
    assert breaker.reason == ""


def test_the_pause_grows_with_each_failed_probe_up_to_its_bound() -> None:
    clock = Clock()
    breaker = opened(clock)
    pauses = []
    clock.advance(5)
    for _ in range(5):
        assert breaker.allow()
        breaker.failure("still none")
        before = clock.seconds()
        while not breaker.ready:
            clock.advance(1)
        pauses.append(clock.seconds() - before)
    assert pauses == [10, 20, 40, 60, 60]


def test_after_a_recovery_the_pause_starts_small_again() -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.advance(5)
    assert breaker.allow()
    breaker.failure("still none")
    clock.advance(10)
    assert breaker.allow()
    breaker.success()
    for _ in range(3):
        breaker.failure("again")
    clock.advance(5)
    assert breaker.ready


def test_late_failures_of_older_requests_change_nothing() -> None:
    clock = Clock()
    breaker = opened(clock)
    breaker.failure("late")
    clock.advance(5)
    assert breaker.ready


def test_a_refusal_opens_at_once_with_an_alarm() -> None:
    clock = Clock()
    breaker = Breaker(clock.seconds, longest=60)
    breaker.refuse("the key is not accepted")
    assert breaker.state is State.OPEN
    assert breaker.alarm
    clock.advance(59)
    assert not breaker.ready
    clock.advance(1)
    assert breaker.allow()
    breaker.success()
    assert not breaker.alarm


def test_a_rate_limit_is_kept_to() -> None:
    clock = Clock()
    breaker = Breaker(clock.seconds)
    breaker.hold("rate limit", 39)
    clock.advance(38)
    assert not breaker.allow()
    clock.advance(1)
    assert breaker.allow()
    assert not breaker.alarm
