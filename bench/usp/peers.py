"""The load process and the echo of a run, and what the load was told and found."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from bench.processes import START_SECONDS, BenchError, Program
from bench.servers import Server
from bench.usp.broker import ECHO_PREFIX, PREFIX, Mosquitto
from bench.usp.fleet import CONTROLLER, UspFleet
from bench.usp.line import PATIENCE
from bench.usp.orders import Agents, Answer, Arrive, Order, Report, Told


class Peers:
    """A load process."""

    def __init__(self, program: Program) -> None:
        self._program = program

    def arrive(self, first: int, count: int) -> Told:
        """Have agents say that they are there. Raises `BenchError`."""
        return self._obey(Arrive(first, count), 60.0 + count / 100)

    def report(self, seconds: float, underway: int) -> Told:
        """Have them send Notifies. Raises `BenchError` when one was answered wrong, or not."""
        return self._obey(Report(seconds, underway), seconds + 2 * PATIENCE)

    def begin_answering(self, count: int, seconds: float) -> None:
        """Have them answer so many Gets, until `answered`."""
        self._program.say(msgspec.json.encode(Answer(count, seconds)))

    def answered(self, seconds: float) -> Told:
        """Wait until they did. Raises `BenchError`."""
        told = msgspec.json.decode(self._program.hear(seconds + PATIENCE), type=Told)
        if told.error:
            raise BenchError(f"after {told.done}: {told.error}")
        return told

    def _obey(self, order: Order, seconds: float) -> Told:
        self._program.say(msgspec.json.encode(order))
        return self.answered(seconds)


@contextmanager
def speaking(fleet: UspFleet, broker: Mosquitto, *, echo: bool = False) -> Iterator[Peers]:
    """Run a load process for the agents of ``fleet``; ``echo``: against the echo."""
    agents = Agents(
        port=broker.port,
        username=broker.username,
        password=broker.password,
        prefix=ECHO_PREFIX if echo else PREFIX,
        controller=CONTROLLER,
        units=fleet.units,
        version=fleet.version,
        check=not echo,
    )
    command = (sys.executable, "-m", "bench.usp.load")
    with Program(*command, folder=fleet.place.folder) as program:
        program.say(msgspec.json.encode(agents))
        program.hear_of("ready", START_SECONDS)
        yield Peers(program)


@contextmanager
def echoing(folder: Path, broker: Mosquitto) -> Iterator[Server]:
    """Run the echo, which listens at the broker alone."""
    agents = Agents(
        broker.port, broker.username, broker.password, ECHO_PREFIX, controller="", units=0
    )
    with Program(sys.executable, "-m", "bench.usp.echo", folder=folder) as program:
        program.say(msgspec.json.encode(agents))
        program.hear_of("ready", START_SECONDS)
        yield Server(program, 0, 0, lambda: 0.0)
