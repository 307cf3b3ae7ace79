"""How much ERPNext is asked: rates, bursts, who goes first, and that nobody is held up."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from twisted.internet.defer import CancelledError, Deferred, maybeDeferred
from twisted.internet.task import Clock

from erp_bridge.asking import Asker, Turns
from erp_bridge.breaker import Breaker
from erp_bridge.budget import Bucket, Budget, Turn
from erp_bridge.errors import ErpUnavailable


def test_a_bucket_lets_a_burst_through_and_then_its_rate() -> None:
    bucket = Bucket(10, now=0.0)
    for _ in range(10):
        assert bucket.wait(0.0) == 0
        bucket.take(1, 0.0)
    assert bucket.wait(0.0) == pytest.approx(0.1)
    assert bucket.wait(0.05) == pytest.approx(0.05)
    assert bucket.wait(0.1) == 0


def test_rest_earns_no_more_than_a_burst() -> None:
    bucket = Bucket(2, now=0.0)
    assert bucket.wait(3600.0) == 0
    bucket.take(2, 3600.0)
    assert bucket.wait(3600.0) == pytest.approx(0.5)


def test_a_rate_below_one_still_lets_one_go() -> None:
    bucket = Bucket(0.1, now=0.0)
    assert bucket.wait(0.0) == 0
    bucket.take(1, 0.0)
    assert bucket.wait(0.0) == pytest.approx(10)


def test_what_was_asked_beyond_is_owed() -> None:
    bucket = Bucket(10, now=0.0)
    bucket.take(30, 0.0)
    assert bucket.wait(0.0) == pytest.approx(2.1)


def test_devices_go_before_sweeps_and_sweeps_before_writes() -> None:
    budget: Budget[str] = Budget(10, 10, at_once=1, now=0.0)
    for turn in (Turn.WRITE, Turn.SWEEP, Turn.DEVICES):
        budget.join(turn, turn.name, 0.0)
    went = []
    while (who := budget.next(0.0)) is not None:
        assert budget.next(0.0) is None, "one at a time"
        assert budget.pause(0.0) is None
        went.append(who)
        budget.ended(Turn[who], 1, 0.0)
    assert went == ["DEVICES", "SWEEP", "WRITE"]


def test_reads_that_are_used_up_do_not_hold_up_writes() -> None:
    budget: Budget[str] = Budget(1, 1, at_once=4, now=0.0)
    for name in ("first", "second"):
        budget.join(Turn.DEVICES, name, 0.0)
    budget.join(Turn.WRITE, "write", 0.0)
    assert [budget.next(0.0), budget.next(0.0), budget.next(0.0)] == ["first", "write", None]
    assert budget.pause(0.0) == pytest.approx(1)
    assert (budget.waiting, budget.waited(0.5)) == (1, 0.5)
    assert budget.next(1.0) == "second"


# --- with an asker -------------------------------------------------------------------------


class World:
    """An asker on a clock, whose work is done at once or when it is told to."""

    def __init__(self, reads: float = 2, writes: float = 1, at_once: int = 4) -> None:
        self.clock = Clock()
        self.clock.advance(1_800_000_000.0)
        self.turns = Turns(
            self.clock, Budget(reads, writes, at_once=at_once, now=self.clock.seconds())
        )
        self.breaker = Breaker(self.clock.seconds)
        self.slow = False
        self.under_way: list[Deferred[Any]] = []
        self.asker = Asker(self.breaker, self._in_thread, turns=self.turns)
        self.asked: list[str] = []

    def _in_thread(self, work: Callable[[], Any]) -> Deferred[Any]:
        if not self.slow:
            return maybeDeferred(work)
        done: Deferred[Any] = Deferred()
        self.under_way.append(done)
        return done.addCallback(lambda _: work())

    def ask(self, name: str, *, calls: int = 1, asker: Asker | None = None, **options: Any) -> Any:
        def work() -> str:
            self.asked.append(name)
            for _ in range(calls):
                self.turns.called()
            return name

        return Deferred.fromCoroutine((asker or self.asker).ask(work, **options))


def test_no_more_is_asked_than_the_budget_allows() -> None:
    world = World(reads=2)
    for n in range(10):
        world.ask(str(n))
    assert len(world.asked) == 2
    assert world.turns.waiting == 8
    world.clock.pump([0.25] * 8)
    assert len(world.asked) == 6
    assert world.turns.waited == pytest.approx(2)
    world.clock.pump([0.25] * 8)
    assert world.asked == [str(n) for n in range(10)], "in the order they came"


def test_each_call_that_was_made_counts() -> None:
    world = World(reads=2)
    world.ask("a list and its passwords", calls=2)
    world.ask("next")
    assert world.asked == ["a list and its passwords"]
    world.clock.advance(0.5)
    assert world.asked == ["a list and its passwords", "next"]


def test_a_device_overtakes_a_sweep_and_a_write() -> None:
    world = World(reads=1, writes=1, at_once=1)
    world.slow = True
    sweeper = world.asker.as_turn(Turn.SWEEP)
    world.ask("first")
    world.ask("write", writes=True)
    world.ask("sweep", asker=sweeper)
    world.ask("device")
    for _ in range(4):
        world.clock.advance(2)
        world.under_way.pop().callback(None)
    assert world.asked == ["first", "device", "sweep", "write"]


def test_who_gives_up_waiting_asks_nothing_and_holds_up_nobody() -> None:
    world = World(reads=1)
    world.ask("first")
    given_up, next_one = world.ask("given up"), world.ask("next")
    heard: list[Any] = []
    given_up.addErrback(lambda failure: heard.append(failure.type))
    given_up.cancel()
    assert heard == [CancelledError]
    world.clock.advance(1)
    assert world.asked == ["first", "next"]
    assert next_one.result == "next"
    assert world.breaker.ready


def test_a_site_that_goes_down_meanwhile_is_not_asked() -> None:
    world = World(reads=1)
    world.ask("first")
    late = world.ask("late")
    world.breaker.refuse("the key is refused")
    world.clock.advance(5)
    heard: list[Any] = []
    late.addErrback(lambda failure: heard.append(failure.value))
    assert isinstance(heard[0], ErpUnavailable)
    assert "the key is refused" in str(heard[0])
    assert world.asked == ["first"]
    assert world.turns.waiting == 0
