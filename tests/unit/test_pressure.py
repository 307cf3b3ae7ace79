"""What is measured of how long sessions wait, and what is told of it."""

from __future__ import annotations

import socket

import pytest
from structlog.testing import capture_logs

from acs.api import Metrics, State
from acs.cwmp.admission import Admission, Aim
from acs.server.pressure import TICK_SECONDS, Load, Pressure, unaccepted


class Measured:
    """A server whose figures the test sets."""

    def __init__(self, sharers: int = 1) -> None:
        self.now = 100.0
        self.store, self.served, self.accepted, self.waiting = 0.0, 0, 0, 0
        self.admission = Admission(Aim(delay=1.0, interval=0.5), spread=lambda: 0.5)
        load = Load(
            store_delay=lambda: self.store,
            served=lambda: self.served,
            accepted=lambda: self.accepted,
            unaccepted=lambda: self.waiting,
            sharers=sharers,
        )
        self.pressure = Pressure(self.admission, load, lambda: self.now)

    def tick(self, seconds: float = TICK_SECONDS) -> float:
        self.now += seconds
        self.pressure.tick()
        return self.admission.delay


def test_a_turn_that_takes_long_is_waited_for_twice_and_the_store_once() -> None:
    server = Measured()
    assert server.tick() == pytest.approx(0.0)
    server.store = 0.3
    assert server.tick(TICK_SECONDS + 0.2) == pytest.approx(0.7)


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
        server.served += 40
        delay = server.tick()
    return delay


def test_a_line_is_written_when_it_begins_and_one_when_it_ends() -> None:
    server = Measured()
    metrics = Metrics()
    server.pressure.watch(metrics)
    server.tick()
    with capture_logs() as lines:
        server.store = 4.0
        for number in range(20):
            server.tick()
            server.admission.wait(number, server.now)
        health = server.pressure.health()
        assert health.state is State.DEGRADED
        assert "first answers wait 4.0 s" in health.detail
        assert "acs_admission_holds_back 1.0" in metrics.render().decode()
        server.store = 0.0
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
