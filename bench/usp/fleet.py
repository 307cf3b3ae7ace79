"""A database in which many USP agents are known, provisioned, live and set up for us.

One simulated agent goes the whole way with the real server, from its first boot.  What the
database then holds of it is copied for all others.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path

import msgspec

from acs.devices.agents import Agent, Presence
from acs.devices.effects import SaveAgent
from acs.devices.record import Standing
from acs.store import Database, devices, equipment, usp_agents
from bench.figures import Wish
from bench.fleet import INTENTS, copy_first_thd, mirrored, open_all
from bench.place import BOOTSTRAP, Place
from bench.processes import BenchError, Program
from bench.units import Unit
from bench.usp.broker import Mosquitto
from bench.usp.octets import endpoint_of
from bench.usp.orders import Risen, Town

CONTROLLER = "self::gigafibre-acs"
_LIVE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class UspFleet:
    """A prepared place, how many agents it knows, and the version of USP they speak."""

    place: Place
    units: int
    version: str

    def copy(self, name: str) -> UspFleet:
        """The same beside it."""
        return UspFleet(self.place.copy(name), self.units, self.version)


def prepare(place: Place, broker: Mosquitto, units: int) -> UspFleet:
    """Make ``place`` with ``units`` live agents. Raises `BenchError`."""
    place.make()
    database = place.database()
    now = time.time()
    rows = [mirrored(Unit(number), INTENTS[Wish.WHOLE], now) for number in range(units)]
    database.run("mirror", equipment.store_thd, rows)
    with place.serve(), living(broker, place.folder, 0, 1, 0.1):
        _await_live(database)
    version = _multiply(database, units)
    database.dispose()
    return UspFleet(place, units, version)


class Living:
    """A town of agents that lives."""

    def __init__(self, program: Program) -> None:
        self._program = program

    def end(self) -> Risen:
        """Let it end, and say how it was."""
        self._program.close_input()
        return msgspec.json.decode(self._program.hear_of("{", 60.0), type=Risen)


@contextmanager
def living(
    broker: Mosquitto, folder: Path, first: int, units: int, within: float
) -> Iterator[Living]:
    """Run simulated agents; they begin to start when this returns."""
    username, password = BOOTSTRAP
    town = Town(broker.port, username, password, CONTROLLER, first, units, within)
    with Program(sys.executable, "-m", "bench.usp.town", folder=folder) as program:
        program.say(msgspec.json.encode(town))
        program.hear_of("ready", 600.0)
        yield Living(program)


def _await_live(database: Database) -> None:
    until = time.monotonic() + _LIVE_SECONDS
    while True:
        with database.read() as conn:
            found = usp_agents.list_thd(conn)
            live = devices.list_thd(conn, standing=Standing.LIVE)
        if live and found and found[0][0].settled:
            return
        if time.monotonic() > until:
            raise BenchError(f"the first agent is not live after {_LIVE_SECONDS:g} s")
        time.sleep(0.2)


def _multiply(database: Database, units: int) -> str:
    """Make all agents what the first one is; return its version of USP."""
    known = open_all(database, units, "usp")
    with database.begin() as conn:
        copy_first_thd(conn, known)
        ((agent, _key),) = usp_agents.list_thd(conn)
        saves = [SaveAgent(agent.endpoint, {"presence": Presence.UNKNOWN})]
        for number, device in enumerate(known[1:], start=1):
            saves.append(SaveAgent(endpoint_of(number), _like(agent, Unit(number), device.id)))
        usp_agents.save_thd(conn, saves)
    return agent.version


def _like(agent: Agent, unit: Unit, device_id: int) -> dict[str, object]:
    own = {
        "device_id": device_id,
        "serial_number": unit.serial,
        "presence": Presence.UNKNOWN,
        "reply_to": "",
    }
    same = {each.name: getattr(agent, each.name) for each in fields(Agent)}
    del same["endpoint"]
    return same | own
