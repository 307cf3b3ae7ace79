"""The load processes of a run, and what they were told and found together."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import msgspec

from bench.calls import PATIENCE
from bench.orders import Finish, Load, Open, Order, Play, Storm, Tally
from bench.processes import BenchError, Program
from bench.storming import GIVE_UP
from bench.units import STRANGERS

_PATIENCE = 4 * PATIENCE


class Players:
    """Load processes that were told what each plays."""

    def __init__(self, programs: Sequence[Program]) -> None:
        self._programs = programs

    def play(self, seconds: float) -> Tally:
        """Play for ``seconds``. Raises `BenchError` when any answer was wrong."""
        return self._obey([Play(seconds)] * len(self._programs), seconds + _PATIENCE)

    def open(self, count: int) -> Tally:
        """Begin ``count`` sessions and hold them. Raises `BenchError`."""
        return self._obey([Open(each) for each in _parts(count, len(self._programs))], _PATIENCE)

    def finish(self) -> Tally:
        """Let them go on to their end. Raises `BenchError`."""
        return self._obey([Finish()] * len(self._programs), _PATIENCE)

    def storm(self, within: float) -> Tally:
        """Let all devices arrive ``within`` seconds. Raises `BenchError`."""
        return self._obey([Storm(within)] * len(self._programs), GIVE_UP + within + _PATIENCE)

    def _obey(self, orders: list[Order], seconds: float) -> Tally:
        for program, order in zip(self._programs, orders, strict=True):
            program.say(msgspec.json.encode(order))
        tallies = [
            msgspec.json.decode(program.hear(seconds), type=Tally) for program in self._programs
        ]
        whole = together(tallies)
        if whole.error:
            raise BenchError(f"after {whole.sessions} sessions: {whole.error}")
        return whole


@contextmanager
def playing(load: Load, folder: Path, processes: int) -> Iterator[Players]:
    """Run load processes that share the devices and connections of ``load``."""
    with ExitStack() as stack:
        programs = []
        for number in range(processes):
            program = Program(sys.executable, "-m", "bench.load", folder=folder)
            programs.append(stack.enter_context(program))
            program.say(msgspec.json.encode(share(load, number, processes)))
        yield Players(programs)


def _parts(count: int, parts: int) -> list[int]:
    return [count // parts + (number < count % parts) for number in range(parts)]


def share(load: Load, number: int, processes: int) -> Load:
    """The part of ``load`` that one of its processes plays."""
    connections = max(1, _parts(load.connections, processes)[number])
    if not load.units:
        first = load.first + number * (STRANGERS // processes)
        return msgspec.structs.replace(load, first=first, connections=connections)
    units = _parts(load.units, processes)
    first = load.first + sum(units[:number])
    return msgspec.structs.replace(load, first=first, units=units[number], connections=connections)


def together(tallies: list[Tally]) -> Tally:
    return Tally(
        sessions=sum(each.sessions for each in tallies),
        requests=sum(each.requests for each in tallies),
        seconds=max(each.seconds for each in tallies),
        cpu=sum(each.cpu for each in tallies),
        held=sum(each.held for each in tallies),
        refused=sum(each.refused for each in tallies),
        given_up=sum(each.given_up for each in tallies),
        early=sum(each.early for each in tallies),
        durations=[one for each in tallies for one in each.durations],
        waits=[one for each in tallies for one in each.waits],
        at=[one for each in tallies for one in each.at],
        error="; ".join(each.error for each in tallies if each.error),
    )
