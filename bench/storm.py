"""A storm: a town of new ONTs arrives at once, each is found in ERPNext and provisioned."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from acs.devices.record import Standing
from acs.store import devices, equipment
from bench.business import stand_in
from bench.dialogue import Script
from bench.orders import Load, Login, Tally
from bench.place import BOOTSTRAP, Place
from bench.players import playing
from bench.processes import BenchError
from bench.rates import per_cpu_second, requests_of
from bench.recording import ont_of, record
from bench.servers import Server
from bench.size import Size
from bench.telling import Say
from bench.units import Unit

_SESSIONS_TO_LIVE = 4
_GO_BEFORE = 3
"""Units by whom the server learns what their model has, and the one that is recorded."""
_MIRROR_SECONDS = 600


@dataclass(frozen=True, slots=True)
class Weathered:
    """What a storm did."""

    units: int
    tally: Tally
    cpu: float
    """CPU-seconds of the server."""
    provisioned: int
    """Devices that were written, or written and seen to be in order."""
    queries: Mapping[str, int]
    """What ERPNext was asked, by what for."""
    stored: int
    """Octets the database grew by."""
    told: int
    """Octets each unit sent."""
    echo: float
    """Sessions per CPU-second of the echo, which gets the same requests."""


def weather(place: Place, units: int, size: Size, echo: Server, say: Say) -> Weathered:
    """Let ``units`` new ONTs arrive; ``place`` is made for it. Raises `BenchError`."""
    say(f"a storm of {units}: ERPNext is told of them")
    folder = place.folder.with_name(f"{place.folder.name}.erpnext")
    with stand_in(folder, 0, units + _GO_BEFORE) as erp:
        place = place.beside(place.folder.name, erp.settings)
        place.make()
        unswept = {**place.more, "ACS_ERP_SWEEP_MINUTES": "0"}
        with replace(place.alone(), more=unswept).serve("digest") as server:
            script = _rehearse(server.port, units)
        before = place.size()
        asked = erp.queries()
        load = Load(
            port=0,
            scripts=[script],
            first=0,
            units=units,
            connections=size.connections,
            login=Login.BOOTSTRAP,
            bootstrap=BOOTSTRAP,
        )
        say(f"a storm of {units} within {size.storm_seconds:g} s")
        tally, cpu = _storm(place, load, size)
        queries = erp.queries() - asked
    provisioned = _provisioned(place) - _GO_BEFORE
    if provisioned <= 0:
        raise BenchError(f"{tally.sessions} sessions, and nothing was provisioned")
    return Weathered(
        units,
        tally,
        cpu,
        provisioned,
        queries,
        place.size() - before,
        sum(map(len, script.requests())),
        _echo_rate(script, load, size, echo, place.folder),
    )


def _rehearse(port: int, units: int) -> Script:
    """Record the first session of a unit whose model the server knows by then."""
    teacher, second, model = (Unit(units + number) for number in range(_GO_BEFORE))
    ont = ont_of(teacher, port, BOOTSTRAP)
    record(ont, teacher)
    record(ont_of(second, port, BOOTSTRAP), second)
    for _ in range(_SESSIONS_TO_LIVE):
        if not record(ont, teacher, ["2 PERIODIC"]).answers:
            return record(ont_of(model, port, BOOTSTRAP), model)
    raise BenchError(f"not at rest after {_SESSIONS_TO_LIVE} periodic sessions")


def _storm(place: Place, load: Load, size: Size) -> tuple[Tally, float]:
    with place.serve("digest") as server:
        # What a server that has run for a while knows of ERPNext; what it asked for it counts.
        await_mirror(place, load.units)
        against = msgspec.structs.replace(load, port=server.port)
        with playing(against, place.folder, size.processes) as cpes:
            before = server.settle()
            tally = cpes.storm(size.storm_seconds)
            return tally, server.settle() - before


def await_mirror(place: Place, units: int) -> None:
    """Wait until the running server has mirrored so many equipments. Raises `BenchError`."""
    database = place.database()
    until = time.monotonic() + _MIRROR_SECONDS
    while (there := database.run("size", equipment.size_thd)) < units:
        if time.monotonic() > until:
            raise BenchError(f"{there} of {units} equipments are mirrored in {_MIRROR_SECONDS} s")
        time.sleep(0.2)
    database.dispose()


def _echo_rate(script: Script, load: Load, size: Size, echo: Server, folder: Path) -> float:
    replay = [requests_of(script, digest=True)]
    against = msgspec.structs.replace(load, port=echo.port, login=Login.NONE, replay=replay)
    with playing(against, folder, 1) as others:
        return per_cpu_second(echo, others, size.seconds)[0]


def _provisioned(place: Place) -> int:
    database = place.database()
    counts = database.run("standings", devices.standings_thd)
    database.dispose()
    return counts[Standing.VERIFYING] + counts[Standing.LIVE]
