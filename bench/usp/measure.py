"""Measuring USP: each figure on a copy of a prepared fleet."""

from __future__ import annotations

import time
from contextlib import ExitStack
from typing import Self

from bench.figures import Figure, Kind
from bench.place import Place
from bench.processes import BenchError
from bench.report import Measured
from bench.servers import Server
from bench.size import Size
from bench.telling import Say
from bench.usp.broker import Mosquitto, mosquitto
from bench.usp.fleet import UspFleet, prepare
from bench.usp.orders import Told
from bench.usp.peers import Peers, echoing, speaking
from bench.usp.seen import check_notifies, middle_and_late, queue_reads, reads_done, visits_for_jobs
from bench.usp.storm import measure_storm

_BEFORE = 500
"""Agents that arrive before memory is looked at: what the first ones cost, others do not."""
_SECONDS_EACH = 0.05
"""Most seconds a Get may take, on the average, before the run is given up."""


class UspRun:
    """One run: a broker of its own, and a fleet that is prepared once."""

    def __init__(self, place: Place, size: Size, say: Say) -> None:
        self._place = place
        self._size = size
        self._say = say
        self._fleet: UspFleet | None = None
        self._broker: Mosquitto | None = None
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        folder = self._place.folder.with_name("mosquitto")
        self._broker = self._stack.enter_context(mosquitto(folder))
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def measure(self, figure: Figure) -> Measured:
        """Measure one figure. Raises `BenchError`."""
        assert self._broker is not None
        if figure.kind is Kind.USP_STORM:
            place = self._place.beside("usp_storm", self._broker.settings)
            return measure_storm(figure, place, self._broker, self._size, self._say)
        if self._fleet is None:
            self._say(f"preparing {self._size.agents} agents")
            place = self._place.beside("usp_fleet", self._broker.settings)
            self._fleet = prepare(place, self._broker, self._size.agents)
        fleet = self._fleet.copy(figure.name)
        match figure.kind:
            case Kind.NOTIFY:
                return self._notify(figure, fleet, self._broker)
            case Kind.GET:
                return self._get(figure, fleet, self._broker)
            case Kind.AGENT:
                return self._agent(figure, fleet, self._broker)
            case _:
                raise BenchError(f"{figure.name} is no figure of USP")

    def _notify(self, figure: Figure, fleet: UspFleet, broker: Mosquitto) -> Measured:
        size, measured = self._size, Measured(figure)
        count, octets, load, cost, carried = 0, 0, 0.0, 0.0, 0.0
        waits: list[float] = []
        began = time.time()
        with (
            fleet.place.serve() as server,
            echoing(fleet.place.folder, broker) as echo,
            speaking(fleet, broker) as agents,
            speaking(fleet, broker, echo=True) as others,
        ):
            server.settle()
            agents.arrive(0, fleet.units)
            others.report(size.warm_up, size.underway)
            count += agents.report(size.warm_up, size.underway).done
            server.settle()
            for turn in range(size.rounds):
                relay = broker.cpu()
                rate, told, spent = _rate(server, agents, size)
                carried += broker.cpu() - relay
                base, *_ = _rate(echo, others, size)
                measured.add(rate, base)
                count, load, cost = count + told.done, load + told.cpu, cost + spent
                octets, waits = told.octets, waits + told.waits
                self._say(f"{figure.name} {turn + 1}/{size.rounds}: {rate:.0f}, echo {base:.0f}")
        check_notifies(fleet.place, began, count)
        median, late = middle_and_late(waits, 99)
        measured.fields |= {
            "record_octets": octets,
            "agents": fleet.units,
            "underway": size.underway,
            "median_ms": round(1000 * median, 1),
            "p99_ms": round(1000 * late, 1),
            "load_cpu_by_server_cpu": round(load / cost, 2),
            "broker_cpu_by_server_cpu": round(carried / cost, 2),
        }
        return measured

    def _get(self, figure: Figure, fleet: UspFleet, broker: Mosquitto) -> Measured:
        """A read job for each agent, all queued at once, as by ``acs bulk``."""
        measured, patience = Measured(figure), 60.0 + _SECONDS_EACH * fleet.units
        with fleet.place.serve() as server, speaking(fleet, broker) as agents:
            agents.arrive(0, fleet.units)
            before = server.settle()
            agents.begin_answering(fleet.units, patience)
            database = fleet.place.database()
            queue_reads(database, fleet.units)
            told = agents.answered(patience)
            spent = server.settle() - before
            took = reads_done(database)
            visits = visits_for_jobs(fleet.place)
            database.dispose()
        if len(took) != fleet.units:
            raise BenchError(f"{len(took)} of {fleet.units} reads are done")
        median, late = middle_and_late(took, 99)
        measured.add(fleet.units / spent, 0.0)
        measured.fields |= {
            "agents": fleet.units,
            "answered": told.done,
            "median_ms_from_queue": round(1000 * median),
            "p99_ms_from_queue": round(1000 * late),
            "median_ms_of_visit": round(1000 * middle_and_late(visits, 99)[0]),
            "p99_ms_of_visit": round(1000 * middle_and_late(visits, 99)[1]),
            "load_cpu_by_server_cpu": round(told.cpu / spent, 2),
        }
        return measured

    def _agent(self, figure: Figure, fleet: UspFleet, broker: Mosquitto) -> Measured:
        measured = Measured(figure)
        first = min(_BEFORE, fleet.units // 4)
        rest = fleet.units - first
        with fleet.place.serve() as server, speaking(fleet, broker) as agents:
            agents.arrive(0, first)
            server.settle()
            before = server.memory()
            agents.arrive(first, rest)
            server.settle()
            after = server.memory()
        measured.add((after - before) / rest, 0.0)
        measured.fields |= {"agents": rest, "server_mib": round(after / 1024)}
        return measured


def _rate(server: Server, agents: Peers, size: Size) -> tuple[float, Told, float]:
    before = server.cpu()
    told = agents.report(size.seconds, size.underway)
    spent = server.settle() - before
    if not told.done or spent <= 0:
        raise BenchError(f"{told.done} Notifies in {spent:.2f} CPU-seconds tell nothing")
    return told.done / spent, told, spent
