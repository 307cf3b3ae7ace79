"""A storm: all units arrive within a time of their own, whatever the server can take.

What is refused comes back when it was told to, as a CPE does (TR-069 3.2.1.1).
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Iterator
from heapq import heapify, heappop, heappush
from statistics import NormalDist

from bench.calls import Call, Calls
from bench.dialogue import DEFAULT_RETRY, Dialogue, Early, Late, Refused, Wrong
from bench.orders import Load, Tally
from bench.units import Unit

MOST_OPEN = 6000
"""Sessions one load process has open; file descriptors are limited."""
CPE_PATIENCE = 30.0
"""Seconds a CPE waits for an answer."""
GIVE_UP = 600.0
"""Seconds after which what has not been served by then counts as never served."""


class Storming:
    """One storm of the units of ``load``."""

    def __init__(
        self, load: Load, begin: Callable[[Unit], Dialogue], context: ssl.SSLContext | None
    ) -> None:
        self._load = load
        self._begin = begin
        self._calls = Calls(load.port, load.use, self._ended, context=context, failed=self._failed)
        self._tally = Tally()
        self._due: list[tuple[float, int]] = []
        self._first_try: dict[int, float] = {}
        self._started = 0.0

    def run(self, within: float) -> Tally:
        """Let all units arrive ``within`` seconds, and wait until each has had its session."""
        tally, spent = self._tally, time.process_time()
        self._started = time.monotonic()
        numbers = range(self._load.first, self._load.first + self._load.units)
        arrivals = zip(arrival_times(self._load.units, within), mixed(numbers), strict=True)
        self._due = [(self._started + at, number) for at, number in arrivals]
        heapify(self._due)
        try:
            self._weather()
        except (Wrong, OSError) as error:
            tally.error = f"{error}" or type(error).__name__
        tally.seconds = time.monotonic() - self._started
        tally.cpu = time.process_time() - spent
        tally.requests = self._calls.requests
        return tally

    def _weather(self) -> None:
        looked = self._started
        while (self._due or self._calls.open) and self._now() < GIVE_UP:
            now = time.monotonic()
            if now - looked > 1.0:
                looked = now
                self._calls.give_up(CPE_PATIENCE)
            while self._due and self._due[0][0] <= now and self._calls.open < MOST_OPEN:
                due, number = heappop(self._due)
                self._first_try.setdefault(number, due)
                unit = Unit(number)
                self._calls.begin(unit, self._begin(unit))
            rest = self._due[0][0] - time.monotonic() if self._due else 1.0
            self._calls.step(min(rest, 1.0) if self._calls.open < MOST_OPEN else 1.0)

    def _ended(self, call: Call) -> None:
        now, tally = time.monotonic(), self._tally
        if call.line is not None:
            call.line.close()
        tally.sessions += 1
        tally.durations.append(round(now - call.began, 4))
        tally.waits.append(round(now - self._first_try[call.unit.number], 4))
        tally.at.append(round(now - self._started, 2))

    def _failed(self, call: Call, wrong: Wrong) -> bool:
        match wrong:
            case Refused(seconds=seconds):
                self._tally.refused += 1
                heappush(self._due, (time.monotonic() + seconds, call.unit.number))
                return True
            case Late():
                self._tally.given_up += 1
                heappush(self._due, (time.monotonic() + DEFAULT_RETRY, call.unit.number))
                return True
            case Early():
                self._tally.early += 1
                if self._load.again:
                    heappush(self._due, (time.monotonic() + self._load.again, call.unit.number))
                return True
            case _:
                return False

    def _now(self) -> float:
        return time.monotonic() - self._started


def arrival_times(count: int, within: float) -> Iterator[float]:
    """Seconds after the begin: a bell over ``within``, three deviations to each side."""
    bell = NormalDist(within / 2, within / 6)
    for number in range(count):
        yield min(max(bell.inv_cdf((number + 0.5) / count), 0.0), within)


def mixed(numbers: range) -> list[int]:
    """The numbers out of order, as houses are: always in the same one."""
    step = next(step for step in (7919, 7907, 7901, 1) if len(numbers) % step)
    return [numbers[n * step % len(numbers)] for n in range(len(numbers))]
