"""A crowd of simulated units on a clock that the test moves."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock

from simulators.cpe.alarms import Alarms
from simulators.cpe.arrivals import Once, Steady, Storm
from simulators.cpe.backoff import retry_after, retry_wait
from simulators.cpe.crowd import Crowd
from simulators.cpe.device import Ont
from simulators.cpe.fleet import Unit
from simulators.cpe.life import FLOOD_MOST, Pace
from simulators.cpe.misbehaviour import GOOD, Misbehaviour
from simulators.cpe.render import Event
from simulators.cpe.report import End, Lost, SessionReport
from simulators.cpe.tally import Durations, Tally

ROW = Unit("generic-tr098", "B100", mac="00:11:22:00:00:00", acs="http://acs/", count=5)


class Town:
    """A crowd, and an ACS that answers or holds its sessions."""

    def __init__(
        self, acs: Any = None, *, count: int = 5, pace: Pace | None = None, **settings: Any
    ) -> None:
        self.clock = Clock()
        self.calls: list[tuple[float, str, list[str], str | None]] = []
        self.ends: list[dict[str, Any]] = []
        self.retries: list[float] = []
        self.held: list[tuple[Ont, SessionReport, Deferred[SessionReport]]] = []
        self.tally = Tally()
        self._acs = acs
        units = list(Unit(**{**_fields(ROW), "count": count}).expand())
        self.crowd = Crowd(
            units,
            sessions=self,  # type: ignore[arg-type]
            reactor=self.clock,
            pace=pace or Pace(),
            seed=settings.pop("seed", 7),
            observe=self._observe,
            **settings,
        )
        self.ended = self.crowd.run()

    def run(self, ont: Ont, events: Sequence[Event], source: str | None) -> Deferred[Any]:
        self.calls.append(
            (self.clock.seconds(), ont.identity.serial, [e.code for e in events], source)
        )
        report = SessionReport(tuple(events), end=End.COMPLETE, requests=2, seconds=0.1)
        answer = self._acs(ont, report) if self._acs else None
        if answer is not None:
            self.held.append((ont, report, answer))
            return answer
        ont.finish(report, ont.acs_url)
        return succeed(report)

    def answer_all(self) -> None:
        """Complete the sessions that the ACS holds."""
        held, self.held = self.held, []
        for ont, report, answer in held:
            ont.finish(report, ont.acs_url)
            answer.callback(report)

    def _observe(self, ont: Ont, kind: str, fields: dict[str, Any]) -> None:
        self.tally.observe(ont, kind, fields)
        if kind == "session-end":
            self.ends.append(fields)
        if kind == "retry":
            self.retries.append(fields["seconds"])

    def pass_seconds(self, seconds: float, step: float = 0.5) -> None:
        self.clock.pump([step] * int(seconds / step))


def _fields(unit: Unit) -> dict[str, Any]:
    return {name: getattr(unit, name) for name in Unit.__dataclass_fields__}


def hold(_ont: Ont, _report: SessionReport) -> Deferred[SessionReport]:
    return Deferred()


def fail(_ont: Ont, report: SessionReport) -> None:
    report.end = End.FAILED


def test_all_units_call_along_the_curve_and_then_by_their_interval() -> None:
    town = Town(arrivals=Steady(0.5), pace=Pace(periodic=100))
    town.pass_seconds(10)
    assert [int(at // 2) for at, *_ in town.calls] == [0, 1, 2, 3, 4]
    assert {serial for _, serial, *_ in town.calls} == {f"B{n}" for n in range(100, 105)}
    town.pass_seconds(102)
    assert [events for *_, events, _ in town.calls[5:]] == [["2 PERIODIC"]] * 5


def test_the_same_seed_brings_the_same_units_at_the_same_times() -> None:
    def calls(seed: int) -> list[tuple[float, str]]:
        town = Town(arrivals=Storm(60), count=40, seed=seed, pace=Pace(periodic=1000))
        town.pass_seconds(61)
        return [call[:2] for call in town.calls]

    assert calls(1) == calls(1)
    assert calls(1) != calls(2)
    assert [serial for _, serial in calls(1)] != sorted(serial for _, serial in calls(1))


def test_one_timer_of_the_reactor_serves_all() -> None:
    town = Town(arrivals=Steady(1), count=50)
    assert len(town.clock.getDelayedCalls()) == 1
    town.pass_seconds(51)
    assert len(town.clock.getDelayedCalls()) == 1
    assert len(town.calls) == 50


def test_a_stopped_crowd_ends_after_the_sessions_that_run() -> None:
    town = Town(hold)
    town.pass_seconds(1)
    town.crowd.stop()
    assert not town.ended.called
    town.answer_all()
    assert town.ended.called
    assert town.clock.getDelayedCalls() == []


def test_after_a_power_cut_each_boots_and_calls_along_the_curve() -> None:
    town = Town(pace=Pace(periodic=1000))
    town.pass_seconds(10)
    town.calls.clear()
    town.crowd.call_all(Storm(60))
    town.pass_seconds(61)
    assert len(town.calls) == 5
    assert {tuple(events) for *_, events, _ in town.calls} == {("1 BOOT",)}
    assert all(10 <= at <= 71 for at, *_ in town.calls)
    assert len({at for at, *_ in town.calls}) > 1


def test_a_power_cut_ends_the_sessions_that_run_and_the_retries() -> None:
    town = Town(hold, count=3)
    town.pass_seconds(1)
    assert town.tally.open == 3
    town.crowd.call_all(Once())
    assert [end["kind"] for end in town.ends] == ["stopped"] * 3
    town.pass_seconds(1)
    assert [tuple(events) for *_, events, _ in town.calls[3:]] == [("0 BOOTSTRAP", "1 BOOT")] * 3
    assert town.tally.open == 3


def test_waits_of_a_unit_begin_anew_after_a_power_cut_and_its_retry_count_does_not() -> None:
    town = Town(fail, count=1)
    town.pass_seconds(60)
    [life] = town.crowd.lives
    before = len(town.retries)
    assert town.retries[-1] > 10
    town.crowd.call_all(Once())
    town.pass_seconds(1)
    assert 5 <= town.retries[before] <= 10
    assert life.ont.retry_count == before + 1


def test_the_waits_of_a_unit_are_its_own_whatever_others_do() -> None:
    def fail_but_the_last(ont: Ont, report: SessionReport) -> None:
        if ont.identity.serial != "B103":
            fail(ont, report)

    def told(acs: Any) -> list[float]:
        town = Town(acs, count=4)
        first = town.crowd.lives[0].ont.identity.serial
        town.pass_seconds(100)
        return [at for at, serial, *_ in town.calls if serial == first]

    assert len(told(fail)) > 3
    assert told(fail) == told(fail_but_the_last)


def test_a_stopped_crowd_does_not_wait_for_those_that_do_wrong() -> None:
    town = Town(hold, count=3, misbehaviours={1: Misbehaviour(silent=True)})
    town.pass_seconds(1)
    town.crowd.stop()
    assert [end["kind"] for end in town.ends] == ["stopped"]
    town.answer_all()
    assert town.ended.called


def test_a_power_cut_ends_a_flood_too() -> None:
    town = Town(hold, count=1, misbehaviours={0: Misbehaviour(flood=10)})
    town.pass_seconds(1)
    town.answer_all()
    town.pass_seconds(3)
    assert town.tally.open > 3
    town.crowd.call_all(Storm(60))
    assert town.tally.open == 0


def test_events_can_be_put_into_the_mouths_of_all() -> None:
    town = Town(pace=Pace(periodic=1000))
    town.pass_seconds(5)
    town.calls.clear()
    town.crowd.call_all(Steady(1), events=("4 VALUE CHANGE",))
    town.pass_seconds(7)
    assert [events for *_, events, _ in town.calls] == [["4 VALUE CHANGE"]] * 5
    for number, (at, *_) in enumerate(town.calls):
        assert 5 + number <= at <= 6 + number + 0.5  # The clock of the test moves by half seconds.


def test_units_have_their_faults_and_their_addresses_by_number() -> None:
    town = Town(
        misbehaviours={1: Misbehaviour(silent=True)}, source=lambda number: f"127.1.0.{number}"
    )
    town.pass_seconds(1)
    wrong = [life.ont.misbehaviour for life in town.crowd.lives]
    assert wrong == [GOOD, Misbehaviour(silent=True), GOOD, GOOD, GOOD]
    assert {source for *_, source in town.calls} == {f"127.1.0.{n}" for n in range(5)}


# --- failures and retries


def refuse(ont: Ont, report: SessionReport) -> None:
    report.end, report.lost, report.status = End.FAILED, Lost.STATUS, 503
    report.retry_after = 90.0


def test_a_unit_waits_as_long_as_the_acs_asks_for() -> None:
    town = Town(refuse, count=1, pace=Pace(scale=0.1))
    town.pass_seconds(200)
    assert town.retries[:2] == [90.0, 90.0]
    assert [at for at, *_ in town.calls] == pytest.approx([0.5, 90.5, 180.5], abs=0.5)
    assert town.ends[0]["kind"] == "refused 503"
    assert (town.ends[0]["status"], town.ends[0]["retry_after"]) == (503, 90.0)


def test_a_short_retry_after_does_not_shorten_the_wait_of_the_table() -> None:
    def soon(ont: Ont, report: SessionReport) -> None:
        refuse(ont, report)
        report.retry_after = 1.0

    town = Town(soon, count=1)
    town.pass_seconds(1)
    assert 5 <= town.retries[0] <= 10


TABLE = [
    (1, 5, 10),
    (2, 10, 20),
    (3, 20, 40),
    (4, 40, 80),
    (5, 80, 160),
    (6, 160, 320),
    (7, 320, 640),
    (8, 640, 1280),
    (9, 1280, 2560),
    (10, 2560, 5120),
    (11, 2560, 5120),
    (1000, 2560, 5120),
]
"""TR-069 3.2.1.1, table 3: retry number, least and most seconds."""


@pytest.mark.parametrize(("retry", "least", "most"), TABLE)
def test_retries_wait_by_the_table(retry: int, least: int, most: int) -> None:
    waits = [retry_wait(retry, 5, 2000, Random(seed)) for seed in range(200)]
    assert least <= min(waits) < least + (most - least) * 0.1
    assert most - (most - least) * 0.1 < max(waits) <= most


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("30", 30.0),
        ("0", 0.0),
        ("Mon, 21 Sep 2026 14:13:30 GMT", 10.0),
        ("Mon, 21 Sep 2026 14:13:00 GMT", 0.0),
        ("", 0.0),
        ("soon", 0.0),
        ("-5", 0.0),
    ],
)
def test_retry_after_is_seconds_or_a_date(header: str, seconds: float) -> None:
    assert retry_after(header, 1_790_000_000.0) == seconds


def test_failures_have_words_that_can_be_counted() -> None:
    def report(end: End, lost: Lost | None = None, status: int = 0) -> str:
        return SessionReport((), end=end, lost=lost, status=status).kind

    assert report(End.COMPLETE) == ""
    assert report(End.HUNG_UP) == "hung up on purpose"
    assert report(End.FAILED, Lost.STATUS, 503) == "refused 503"
    assert report(End.FAILED, Lost.TIMED_OUT) == "timed out"
    assert report(End.FAILED) == "broken answer"


# --- units that mean harm


def test_a_restless_unit_calls_as_soon_as_it_can() -> None:
    town = Town(hold, misbehaviours=lambda n: Misbehaviour(restless=n == 0), count=2)
    for _ in range(4):
        town.pass_seconds(1)
        town.answer_all()
    calls = [serial for _, serial, *_ in town.calls]
    assert (calls.count("B100"), calls.count("B101")) == (4, 1)


def test_several_sessions_at_once_are_awaited_together() -> None:
    town = Town(hold, misbehaviours={0: Misbehaviour(at_once=3)}, count=1)
    town.pass_seconds(1)
    assert len(town.calls) == town.tally.open == 3
    town.answer_all()
    assert len(town.ends) == 3
    assert town.tally.open == 0


def test_a_flood_keeps_its_rate_and_its_bound() -> None:
    def main_session_first(ont: Ont, report: SessionReport) -> Deferred[SessionReport] | None:
        if len(town.calls) == 1:
            report.end = End.HUNG_UP
            return None
        return Deferred()

    flood = {0: Misbehaviour(flood=50)}
    town = Town(main_session_first, misbehaviours=flood, count=1, pace=Pace(scale=1000))
    town.pass_seconds(2, step=0.01)
    assert 90 <= len(town.calls) <= 101
    town.pass_seconds(5, step=0.01)
    assert len(town.calls) == FLOOD_MOST + 1
    town.crowd.stop()
    assert town.ended.called
    assert town.tally.open == 0


# --- alarms


@given(st.lists(st.tuples(st.integers(0, 3), st.none() | st.integers(1, 50)), max_size=60))
def test_an_alarm_rings_when_it_was_last_set_to(moves: list[tuple[int, int | None]]) -> None:
    clock = Clock()
    alarms = Alarms(clock)
    rang: list[tuple[int, float]] = []
    made = [alarms.make(lambda n=n: rang.append((n, clock.seconds()))) for n in range(4)]  # type: ignore[misc]
    wanted: dict[int, int] = {}
    for number, at in moves:
        made[number].set(at)
        wanted.pop(number, None)
        if at is not None:
            wanted[number] = at
    clock.pump([1] * 51)
    assert sorted(rang) == sorted((number, float(at)) for number, at in wanted.items())
    assert clock.getDelayedCalls() == []


def test_many_alarms_at_once_leave_the_reactor_its_turns() -> None:
    clock = Clock()
    alarms = Alarms(clock)
    rang: list[int] = []
    others: list[int] = []
    first = alarms.make(lambda: clock.callLater(0, lambda: others.append(len(rang))))
    first.set(1.0)
    for number in range(250):
        alarms.make(lambda number=number: rang.append(number)).set(1.0)  # type: ignore[misc]
    clock.advance(1)
    assert rang == list(range(250))
    assert 0 < others[0] < 250


# --- figures


@given(st.lists(st.floats(0.0001, 100), min_size=1, max_size=300))
def test_percentiles_are_right_to_two_per_cent(seconds: list[float]) -> None:
    durations = Durations()
    for each in seconds:
        durations.add(each)
    ordered = sorted(seconds)
    exact = ordered[max(0, -(-len(ordered) * 50 // 100) - 1)]
    assert durations.percentile(0.5) == pytest.approx(exact, rel=0.021)
    assert durations.percentile(1) == pytest.approx(ordered[-1], rel=0.021)
    assert durations.longest == ordered[-1]


def test_units_with_faults_are_counted_apart() -> None:
    town = Town(refuse, misbehaviours={0: Misbehaviour(silent=True)}, count=3)
    town.pass_seconds(1)
    assert town.tally.failures == {"refused 503": 2}
    assert town.tally.wrongs == {"refused 503": 1}
    assert (town.tally.ended, town.tally.complete, town.tally.open) == (3, 0, 0)
