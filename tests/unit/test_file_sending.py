"""Sending a file to a device that reads slowly, not at all, or goes."""

from __future__ import annotations

import io
from typing import Any

import pytest
from twisted.internet.task import Clock

from acs.files.sending import CHUNK, LONGEST_SECONDS, STALLED_SECONDS, Sending
from acs.files.throttle import Throttle


class Wire:
    """A request and its connection; ``room`` octets are taken before it pauses."""

    def __init__(self, room: int = 10**9) -> None:
        self.room = room
        self.written = b""
        self.finished = False
        self.aborted = False
        self.producer: Any = None
        self.channel = self

    def registerProducer(self, producer: object, streaming: bool) -> None:
        assert streaming
        self.producer = producer

    def unregisterProducer(self) -> None:
        self.producer = None

    def write(self, data: bytes) -> None:
        self.written += data
        if len(self.written) >= self.room and self.producer is not None:
            self.producer.pauseProducing()

    def finish(self) -> None:
        self.finished = True

    def forceAbortClient(self) -> None:
        self.aborted = True


CONTENT = bytes(range(256)) * 1024


def sending(wire: Wire, clock: Clock, rate: float = 0, length: int = len(CONTENT)) -> io.BytesIO:
    file = io.BytesIO(CONTENT)
    request: Any = wire
    Sending(request, file, length, Throttle(rate), clock).start()
    clock.advance(0)
    return file


def run(clock: Clock, steps: int = 50) -> None:
    for _ in range(steps):
        clock.advance(0)


def test_all_of_it_goes_and_no_clock_is_left_running() -> None:
    wire, clock = Wire(), Clock()
    file = sending(wire, clock)
    run(clock)
    assert wire.written == CONTENT
    assert wire.finished
    assert file.closed
    assert clock.getDelayedCalls() == []


def test_a_part_ends_where_it_should() -> None:
    wire, clock = Wire(), Clock()
    sending(wire, clock, length=CHUNK + 5)
    run(clock)
    assert wire.written == CONTENT[: CHUNK + 5]
    assert wire.finished


def test_it_waits_for_a_device_that_does_not_read_and_goes_on() -> None:
    wire, clock = Wire(room=1), Clock()
    sending(wire, clock)
    run(clock)
    assert len(wire.written) == CHUNK
    clock.advance(STALLED_SECONDS - 1)
    wire.room = 10**9
    wire.producer.resumeProducing()
    run(clock)
    assert wire.finished
    assert clock.getDelayedCalls() == []


def test_a_device_that_reads_no_more_is_cut_off() -> None:
    wire, clock = Wire(room=1), Clock()
    file = sending(wire, clock)
    clock.advance(STALLED_SECONDS)
    assert wire.aborted
    assert file.closed
    assert clock.getDelayedCalls() == []


def test_a_transfer_that_never_ends_is_ended() -> None:
    wire, clock = Wire(), Clock()
    sending(wire, clock, rate=1)
    clock.pump([60.0] * int(LONGEST_SECONDS / 60))
    assert wire.aborted
    assert not wire.finished
    assert clock.getDelayedCalls() == []


def test_a_device_that_goes_leaves_nothing_behind() -> None:
    wire, clock = Wire(room=1), Clock()
    file = sending(wire, clock)
    wire.producer.stopProducing()
    assert file.closed
    assert clock.getDelayedCalls() == []


def test_a_file_that_is_cut_meanwhile_ends_the_connection() -> None:
    wire, clock = Wire(), Clock()
    sending(wire, clock, length=len(CONTENT) + 1)
    run(clock)
    assert wire.aborted
    assert not wire.finished


def test_a_pause_after_the_last_octet_starts_no_clock() -> None:
    wire, clock = Wire(room=len(CONTENT)), Clock()
    sending(wire, clock)
    run(clock)
    assert wire.finished
    assert clock.getDelayedCalls() == []


@pytest.mark.parametrize("rate", [1000.0, 50_000.0])
def test_the_rate_is_held(rate: float) -> None:
    wire, clock = Wire(), Clock()
    sending(wire, clock, rate=rate)
    clock.pump([0.25] * 8)
    # Two seconds, and one second's worth that is free.
    assert 2 * rate <= len(wire.written) <= 3.5 * rate
