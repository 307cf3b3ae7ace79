"""A storm: a town of new ONTs arrives at once, each is found in ERPNext and provisioned."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import quantiles

import msgspec

from acs.devices.record import Standing
from acs.store import devices, equipment
from bench.business import Business, stand_in
from bench.dialogue import Script
from bench.figures import Figure
from bench.orders import Load, Login, Tally
from bench.place import BOOTSTRAP, Place
from bench.players import playing
from bench.processes import BenchError
from bench.rates import per_cpu_second, requests_of, share_of_load
from bench.recording import ont_of, record
from bench.report import Measured
from bench.servers import Server
from bench.size import Size
from bench.telling import Say
from bench.units import Unit

_SESSIONS_TO_LIVE = 4
_GO_BEFORE = 3
"""Units by whom the server learns what their model has, and the one that is recorded."""
_MIRROR_SECONDS = 600
_AGAIN_SECONDS = 10.0
"""After which a unit that was not found in time calls again: the server asks it to, or it boots."""


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
    """What ERPNext was asked about equipment, by what for."""
    calls: Mapping[str, int]
    """All calls that ERPNext got from the first unit on, by what they did to which doctype."""
    stored: int
    """Octets the database grew by."""
    told: int
    """Octets each unit sent."""
    echo: float
    """Sessions per CPU-second of the echo, which gets the same requests."""


def weather(
    place: Place,
    units: int,
    size: Size,
    echo: Server,
    say: Say,
    *,
    cold: bool = False,
    subscribed: bool = False,
) -> Weathered:
    """Let ``units`` new ONTs arrive; ``place`` is made for it. Raises `BenchError`.

    ``cold``: nothing of ERPNext is mirrored before a unit calls. ``subscribed``: each has a
    subscription, which is looked up as well.
    """
    say(f"a storm of {units}: ERPNext is told of them")
    folder = place.folder.with_name(f"{place.folder.name}.erpnext")
    with stand_in(folder, 0, units + _GO_BEFORE, subscribed=subscribed) as erp:
        place = place.beside(place.folder.name, erp.settings)
        place.make()
        unswept = replace(place, more={**place.more, "ACS_ERP_SWEEP_MINUTES": "0"})
        with unswept.alone().serve("digest") as server:
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
            again=_AGAIN_SECONDS if cold else 0.0,
        )
        say(f"a storm of {units} within {size.storm_seconds:g} s")
        tally, cpu, called = _storm(unswept if cold else place, load, size, erp, filled=not cold)
        queries, calls = erp.queries() - asked, erp.calls() - called
    provisioned = _provisioned(place) - _GO_BEFORE
    if provisioned <= 0:
        raise BenchError(f"{tally.sessions} sessions, and nothing was provisioned")
    return Weathered(
        units,
        tally,
        cpu,
        provisioned,
        queries,
        calls,
        place.size() - before,
        sum(map(len, script.requests())),
        _echo_rate(script, load, size, echo, place.folder),
    )


def told_of(figure: Figure, seen: Weathered, size: Size, say: Say) -> Measured:
    """The figure of a storm."""
    tally = seen.tally
    measured = Measured(figure, durations=tally.durations, waits=tally.waits, at=sorted(tally.at))
    measured.add(tally.sessions / seen.cpu, seen.echo)
    median, late = _middle_and_late(tally.durations)
    never = seen.units - tally.sessions
    # Whoever was not served waited at least as long as the storm took.
    median_wait, late_wait = _middle_and_late([*tally.waits, *[tally.seconds] * never])
    measured.fields |= {
        "units": seen.units,
        "arrived_within_seconds": size.storm_seconds,
        "took_seconds": round(tally.seconds, 1),
        "median_session_seconds": median,
        "p95_session_seconds": late,
        "median_seconds_to_service": median_wait,
        "p95_seconds_to_service": late_wait,
        "share_provisioned": round(seen.provisioned / seen.units, 4),
        "never_served": never,
        "ended_unprovisioned": tally.early,
        "refused_503": tally.refused,
        "given_up": tally.given_up,
        "erpnext_queries_per_device": round(sum(seen.queries.values()) / seen.units, 5),
        **{f"erpnext_{name}_queries": count for name, count in seen.queries.items()},
        "load_cpu_by_server_cpu": share_of_load(figure.name, tally.cpu, seen.cpu, say),
    }
    return measured


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


def _storm(
    place: Place, load: Load, size: Size, erp: Business, *, filled: bool
) -> tuple[Tally, float, Counter[str]]:
    """What the units met, CPU-seconds of the server, and how ERPNext was called before."""
    with place.serve("digest") as server:
        if filled:
            # As a server knows ERPNext that has run for a while; what it asked for it counts.
            await_mirror(place, load.units)
        against = msgspec.structs.replace(load, port=server.port)
        with playing(against, place.folder, size.processes) as cpes:
            before, called = server.settle(), erp.calls()
            tally = cpes.storm(size.storm_seconds)
            return tally, server.settle() - before, called


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


def _middle_and_late(seconds: list[float]) -> tuple[float, float]:
    """Median and 95th percentile."""
    if len(seconds) < 2:
        return (seconds or [0.0])[0], (seconds or [0.0])[0]
    hundredths = quantiles(seconds, n=100, method="inclusive")
    return round(hundredths[49], 3), round(hundredths[94], 3)
