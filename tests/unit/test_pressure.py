"""What is measured of how long sessions wait, and what is told of it."""

from __future__ import annotations

import heapq
import socket
from collections.abc import Callable
from random import Random

import pytest
from structlog.testing import capture_logs

from acs.api import Metrics, State
from acs.cwmp.admission import Admission, Aim
from acs.server.pressure import TICK_SECONDS, Load, Pressure, unaccepted


class Measured:
    """A server whose figures the test sets."""

    def __init__(self, sharers: int = 1) -> None:
        self.now = 100.0
        self.turn = 0.0
        self.store, self.asked, self.answered, self.accepted = 0.0, 0, 0, 0
        self.ended = (0, 0)
        self.waiting = 0
        self.admission = Admission(Aim(delay=1.0, interval=0.5), spread=lambda: 0.5)
        load = Load(
            store_delay=lambda: self.store,
            asked=lambda: self.asked,
            answered=lambda: self.answered,
            ended=lambda: self.ended,
            accepted=lambda: self.accepted,
            unaccepted=lambda: self.waiting,
            sharers=sharers,
        )
        self.pressure = Pressure(self.admission, load, lambda: self.now, self.next_turn)

    def next_turn(self, call: Callable[[], None]) -> None:
        self.now += self.turn
        call()

    def serve(self, sessions: int, exchanges: int, calls: int = 0) -> None:
        """So many sessions of so many exchanges, and calls of the store in each of them."""
        self.ended = self.ended[0] + sessions, self.ended[1] + sessions * exchanges
        self.answered += sessions * exchanges
        self.asked += sessions * calls

    def tick(self, seconds: float = TICK_SECONDS) -> float:
        self.now += seconds
        self.pressure.tick()
        return self.admission.delay


def test_a_session_waits_for_a_turn_with_each_exchange_and_for_the_store_with_each_call() -> None:
    server = Measured()
    assert server.tick() == pytest.approx(0.0)
    for _ in range(50):
        server.serve(4, exchanges=5, calls=3)
        server.tick()
    server.turn, server.store = 0.02, 0.1
    assert server.tick() == pytest.approx(6 * 0.02 + 3 * 0.1, rel=0.01)


def test_one_long_session_does_not_make_all_look_long() -> None:
    server = Measured()
    for _ in range(50):
        server.serve(1, exchanges=500)
        server.tick()
    server.turn = 0.02
    assert server.tick() == pytest.approx(21 * 0.02, rel=0.01)


def test_a_tick_that_comes_late_is_no_queue() -> None:
    """Another program had the processor."""
    server = Measured()
    for _ in range(20):
        assert server.tick(TICK_SECONDS + 2.0) == pytest.approx(0.0)
    assert server.admission.calm


def test_a_burst_on_an_idle_server_is_no_queue() -> None:
    server = Measured()
    for _ in range(50):
        server.tick()
    server.waiting = 1000
    assert server.tick() <= 2 * TICK_SECONDS
    assert server.admission.calm


def test_a_queue_that_stays_is_as_long_as_it_takes_to_accept_it() -> None:
    one, of_two = Measured(), Measured(sharers=2)
    delays = [_delay_of_a_queue(server) for server in (one, of_two)]
    assert delays == [pytest.approx(1.5, rel=0.05), pytest.approx(0.75, rel=0.05)]
    assert [server.admission.calm for server in (one, of_two)] == [False, True]


def _delay_of_a_queue(server: Measured) -> float:
    server.waiting = 600
    delay = 0.0
    for _ in range(60):
        server.accepted += 40
        server.serve(40, exchanges=2)
        delay = server.tick()
    return delay


def test_a_line_is_written_when_it_begins_and_one_when_it_ends() -> None:
    server = Measured()
    metrics = Metrics()
    server.pressure.watch(metrics)
    server.tick()
    with capture_logs() as lines:
        server.turn = 4.0 / 11
        for number in range(20):
            server.tick()
            server.admission.wait(number, server.now)
        health = server.pressure.health()
        assert health.state is State.DEGRADED
        assert "sessions wait 4.0 s" in health.detail
        assert "acs_admission_holds_back 1.0" in metrics.render().decode()
        server.turn = 0.0
        for _ in range(20):
            server.tick()
    assert [line["event"] for line in lines] == [
        "new sessions are held back",
        "all sessions are let in again",
    ]
    assert lines[1]["refused"] == server.admission.refused > 0
    assert server.pressure.health().state is State.OK


def test_the_kernel_tells_how_many_wait_to_be_accepted() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=16) as listening:
        assert unaccepted(listening) == 0
        callers = [socket.create_connection(listening.getsockname()) for _ in range(3)]
        assert unaccepted(listening) == 3
        listening.accept()[0].close()
        assert unaccepted(listening) == 2
        for caller in callers:
            caller.close()


class Boots:
    """First boots: each of 12 exchanges, of which a reactor serves all that came in one turn."""

    EXCHANGES = 12

    def __init__(self, capacity: float, thinks: float) -> None:
        self.cost = 1.0 / (capacity * self.EXCHANGES)
        self.thinks = thinks
        self.now = 0.0
        self.admission = Admission(Aim(), spread=Random(7).random)
        self.ended = self.answered = self.came = self.most_open = 0
        self.ours: list[float] = []
        """Of each session that ended, seconds it waited for us."""
        self.due: list[tuple[float, int]] = []
        self.back: list[tuple[float, int]] = []
        self.open: dict[int, list[float]] = {}
        self.probe: Callable[[], None] | None = None
        load = Load(
            store_delay=lambda: 0.0,
            asked=lambda: 0,
            answered=lambda: self.answered,
            ended=lambda: (self.ended, self.EXCHANGES * self.ended),
            accepted=lambda: 0,
            unaccepted=lambda: 0,
        )
        self.pressure = Pressure(self.admission, load, lambda: self.now, self.next_turn)

    def next_turn(self, call: Callable[[], None]) -> None:
        self.probe = call

    def run(self, until: float, arrivals: float) -> None:
        tick, arrived = self.now, 0.0
        while self.now < until:
            if self.now >= tick:
                tick = self.now + TICK_SECONDS
                self.pressure.tick()
            probe, self.probe = self.probe, None
            began = self.now
            self.turn()
            if probe:
                probe()
            self.now = max(self.now, began + 0.002)
            arrived += arrivals * (self.now - began)
            for _ in range(int(arrived)):
                self.came += 1
                heapq.heappush(self.back, (began, self.came))
            arrived -= int(arrived)

    def turn(self) -> None:
        """See to all that has come."""
        began = self.now
        while self.back and self.back[0][0] <= began:
            called, who = heapq.heappop(self.back)
            wait = self.admission.wait(who, began)
            self.now += 0.1 * self.cost
            if wait is None:
                self.open[who] = [0, 0.0]
                heapq.heappush(self.due, (called, who))
            else:
                heapq.heappush(self.back, (began + wait, who))
        self.most_open = max(self.most_open, len(self.open))
        while self.due and self.due[0][0] <= began:
            asked, who = heapq.heappop(self.due)
            self.now += self.cost
            self.answered += 1
            session = self.open[who]
            session[0] += 1
            session[1] += self.now - asked
            if session[0] < self.EXCHANGES:
                heapq.heappush(self.due, (self.now + self.thinks, who))
            else:
                self.ended += 1
                self.ours.append(session[1])
                del self.open[who]


@pytest.mark.parametrize("thinks", [0.001, 0.2])
def test_sessions_that_are_let_in_go_fast_in_a_storm_of_first_boots(thinks: float) -> None:
    boots = Boots(capacity=100, thinks=thinks)
    boots.run(5.0, arrivals=50)
    assert boots.admission.calm
    boots.run(15.0, arrivals=300)
    ended = boots.ended
    boots.ours.clear()
    boots.run(25.0, arrivals=300)
    assert boots.ended - ended >= 0.8 * 1000, "as much is served as can be"
    assert sorted(boots.ours)[len(boots.ours) // 2] < 1.0
    assert sorted(boots.ours)[len(boots.ours) * 95 // 100] < 2.0
    assert boots.most_open < 1000, "of more than five thousand who called"
    boots.run(150.0, arrivals=2)
    assert boots.ended + len(boots.open) == boots.came > 5000, "nobody is left behind"
    assert boots.admission.calm
