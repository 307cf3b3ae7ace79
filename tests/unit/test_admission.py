"""Who is let in while too many call: the controller by itself, and in a closed loop."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acs.cwmp import admission as admission_module
from acs.cwmp.admission import NARROWEST, SOONEST, WIDEST, Admission, Aim

AIM = Aim(delay=1.0, interval=0.5, least_rate=25.0)


def held(delay: float = 3.5, spread: float = 0.5) -> Admission:
    """Admission that holds back, since time 0, after 100 sessions a second were served.

    What may be used at once is used.
    """
    admission = Admission(AIM, spread=lambda: spread)
    admission.measured(0.0, 0, -1.0)
    admission.measured(0.0, 0, -0.1)
    assert not admission.measured(delay, 10, -0.05), "once is a moment's stop"
    assert admission.measured(delay, 10, 0.0)
    assert not admission.calm
    admission._credit = 0.0
    return admission


def test_without_delay_everybody_is_let_in() -> None:
    admission = Admission(AIM, spread=lambda: 0.5)
    for tick in range(100):
        assert not admission.measured(0.9, tick, tick / 10)
        assert admission.wait("a", tick / 10) is None
    assert admission.refused == 0


def test_a_short_peak_holds_nobody_back() -> None:
    admission = Admission(AIM, spread=lambda: 0.5)
    for tick in range(100):
        admission.measured(2.9 if tick % 4 else 0.1, tick, tick / 10)
        assert admission.calm


def test_a_delay_that_stays_holds_back_within_two_intervals() -> None:
    admission = Admission(AIM, spread=lambda: 0.5)
    changes = [tick for tick in range(20) if admission.measured(1.2, tick * 20, tick / 10)]
    assert changes == [5]
    assert not admission.calm


def test_a_great_delay_holds_back_at_once() -> None:
    admission = Admission(AIM, spread=lambda: 0.5)
    admission.measured(0.0, 0, 0.0)
    assert not admission.measured(3.1, 0, 0.1)
    assert admission.measured(3.1, 0, 0.2)
    waits = [admission.wait(n, 0.2) for n in range(8)]
    assert waits[-1] == SOONEST + NARROWEST / 2


def test_a_few_who_call_while_all_others_are_slow_are_not_sent_away() -> None:
    """Another program takes the processor for a while: nothing that we do makes the delay."""
    admission = Admission(AIM, spread=lambda: 0.5)
    for tick in range(100):
        admission.measured(5.0, tick // 2, tick / 10)
        if tick % 2:
            assert admission.wait(tick, tick / 10) is None
    assert not admission.calm


def test_one_measurement_alone_is_no_interval() -> None:
    """The machine stood still for a minute."""
    admission = Admission(AIM, spread=lambda: 0.5)
    admission.measured(0.0, 0, 0.0)
    admission._begin_interval(0, 0.1)
    assert not admission.measured(60.0, 0, 60.0)
    assert not admission.measured(0.2, 0, 60.1)
    assert admission.calm


def test_the_rate_is_kept_and_a_slow_disk_stops_nobody() -> None:
    admission = held(delay=60.0)
    admission.measured(60.0, 12, 0.6)
    admission._capacity = 0.0
    admission.measured(60.0, 24, 1.2)
    assert admission.rate == AIM.least_rate
    let_in = sum(admission.wait(n, 1.2 + n / 1000) is None for n in range(4000))
    assert let_in == pytest.approx(4 * AIM.least_rate, abs=10)


def test_what_is_served_is_let_in_however_long_each_session_takes() -> None:
    """Each waits for a slow disk: nothing is gained by letting in fewer than it bears."""
    admission = held(delay=3.5)
    served, arrivals = 10.0, 0
    for tick in range(1, 200):
        let_in = 0
        for _ in range(20):
            arrivals += 1
            let_in += admission.wait(arrivals, tick / 10) is None
        served += let_in
        admission.measured(2.5, served, tick / 10)
    assert admission.rate >= 50


def test_while_no_session_ends_hardly_any_is_let_in_and_all_go_on_when_one_does() -> None:
    admission = Admission(AIM, spread=lambda: 0.5)
    admission.measured(0.0, 7, 0.0)
    for tick in range(1, 100):
        admission.measured(tick / 10, 7, tick / 10)
    let_in = sum(admission.wait(n, 9.9 + n / 100) is None for n in range(1000))
    assert let_in <= 2
    for tick in range(10):
        admission.measured(1.5, 50 + 50 * tick, 20.0 + tick / 10)
    assert admission.rate >= AIM.least_rate


def test_when_nobody_is_refused_any_more_all_are_let_in() -> None:
    admission = held()
    assert admission.wait("a", 0.1) is not None
    changes = [tick for tick in range(1, 20) if admission.measured(0.1, 20, tick / 10)]
    assert changes == [10], "in the first half second somebody was"
    assert admission.calm
    assert admission.wait("b", 2.0) is None


def test_whoever_comes_back_in_time_goes_before_those_who_call_for_the_first_time() -> None:
    admission = held(delay=3.5)
    told = admission.wait("early bird", 0.0)
    assert told is not None
    admission.rate = 8.0  # of which 2 may be used at once
    now = told + 100.0
    assert admission.wait("first caller", now) is None
    assert admission.wait("second caller", now) is not None
    assert admission.wait("early bird", now) is None
    assert admission.wait("early bird", now) is not None, "once"


def test_whoever_comes_too_early_keeps_his_turn_and_gains_nothing() -> None:
    admission = held(delay=3.5)
    told = admission.wait("a", 0.0)
    assert told is not None
    admission.rate = 8.0
    assert admission.wait("b", told - 1.0) is None
    assert admission.wait("a", told - 1.0) is not None
    assert admission.wait("a", told) is None


def test_the_window_grows_with_how_many_were_sent_away_and_narrows_again() -> None:
    admission = held(spread=1.0)
    for n in range(10_000):
        admission.wait(n, 0.1)
    admission.measured(1.0, 60, 0.6)
    wide = admission.window
    assert wide == pytest.approx(1.25 * 10_000 / 100, rel=0.2)
    assert admission.retry_after() == SOONEST + wide
    for tick in range(1, 2000):
        now = 0.6 + tick / 2
        admission.wait("a", now)
        admission.measured(1.0, 60 + 50 * tick, now)
    assert NARROWEST <= admission.window < wide / 4


def test_the_addresses_that_are_remembered_are_bounded() -> None:
    admission = held()
    for n in range(admission_module.REMEMBERED + 500):
        admission.wait(n, 0.0)
    assert len(admission._sent_away) == admission_module.REMEMBERED


@given(
    st.lists(
        st.tuples(
            st.floats(0.001, 5.0),  # until the next step
            st.floats(0.0, 100.0),  # delay
            st.integers(0, 2000),  # sessions served
            st.integers(0, 50),  # who calls
        ),
        max_size=200,
    ),
    st.floats(0.0, 1.0),
)
def test_whatever_is_measured_the_bounds_hold(
    steps: list[tuple[float, float, int, int]], spread: float
) -> None:
    admission = Admission(AIM, spread=lambda: spread)
    now, served = 0.0, 0
    for lasts, delay, more, caller in steps:
        now, served = now + lasts, served + more
        before = admission.calm
        assert admission.measured(delay, served, now) == (admission.calm is not before)
        wait = admission.wait(caller, now)
        if admission.calm:
            assert wait is None
        assert wait is None or SOONEST <= wait <= SOONEST + WIDEST
        assert admission.rate >= 0.2
        assert NARROWEST <= admission.window <= WIDEST


@dataclass
class Fleet:
    """Devices that call, a server that serves so many a second, and its queue."""

    capacity: float
    random: Random = field(default_factory=lambda: Random(7))
    now: float = 0.0
    queue: float = 0.0
    served: float = 0.0
    let_in: int = 0
    called: int = 0
    longest: float = 0.0
    back: list[tuple[float, int]] = field(default_factory=list)
    changes: list[tuple[float, bool]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.admission = Admission(AIM, spread=self.random.random)

    def run(self, seconds: float, arrivals: float) -> None:
        step = 0.02
        due = 0.0
        for tick in range(round(seconds / step)):
            due += arrivals * step
            callers = [self.called + n for n in range(int(due))]
            self.called += int(due)
            due -= int(due)
            while self.back and self.back[0][0] <= self.now:
                callers.append(heapq.heappop(self.back)[1])
            for caller in callers:
                wait = self.admission.wait(caller, self.now)
                if wait is None:
                    self.queue += 1
                    self.let_in += 1
                else:
                    heapq.heappush(self.back, (self.now + wait, caller))
            done = min(self.queue, self.capacity * step)
            self.queue -= done
            self.served += done
            delay = self.queue / self.capacity
            self.longest = max(self.longest, delay)
            if tick % 5 == 0 and self.admission.measured(delay, int(self.served), self.now):
                self.changes.append((self.now, self.admission.calm))
            self.now += step


def test_at_ten_times_its_load_a_server_serves_what_it_can_and_recovers() -> None:
    fleet = Fleet(capacity=200)
    fleet.run(10, arrivals=2000)
    assert fleet.longest < 6.0, "seconds of queue, most of it from before it was noticed"
    fleet.longest = 0.0
    for _ in range(5):
        before = fleet.let_in
        fleet.run(2, arrivals=2000)
        assert 0.9 * 400 <= fleet.let_in - before <= 1.1 * 400
    assert fleet.longest < 1.3
    assert len(fleet.changes) == 1, "it does not swing"
    assert len(fleet.admission._sent_away) <= admission_module.REMEMBERED


def test_a_whole_town_that_calls_at_once_is_served_within_minutes_without_a_hand() -> None:
    fleet = Fleet(capacity=200)
    fleet.run(0.5, arrivals=15_120)
    fleet.run(150, arrivals=5)
    assert fleet.let_in == fleet.called > 8000, "all came back and were let in"
    assert fleet.admission.calm
    assert all(after - before > 1.0 for (before, _), (after, _) in pairwise(fleet.changes))
    assert len(fleet.changes) <= 6
