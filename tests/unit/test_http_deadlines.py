"""Deadlines of many connections, looked at together."""

from __future__ import annotations

from twisted.internet.task import Clock

from acs.http.deadlines import TICK, Deadlines


class Connection:
    def __init__(self, deadline: float, error: Exception | None = None) -> None:
        self.deadline = deadline
        self.error = error
        self.times = 0

    def expired(self) -> None:
        self.times += 1
        if self.error is not None:
            raise self.error


def test_one_that_fails_keeps_nobody_waiting() -> None:
    clock, errors = Clock(), list[BaseException]()
    deadlines = Deadlines(clock, errors.append)
    failing, late, early = Connection(0.5, ValueError("x")), Connection(0.5), Connection(1.5)
    for each in (failing, late, early):
        deadlines.watch(each)
    clock.advance(TICK)
    assert (failing.times, late.times, early.times) == (1, 1, 0)
    assert errors == [failing.error]
    clock.advance(TICK)
    assert (failing.times, late.times, early.times) == (2, 2, 1)
    for each in (failing, late, early):
        deadlines.forget(each)
    clock.advance(TICK)
    assert not clock.getDelayedCalls()
