"""A storm: a town of new agents boots, each is found in ERPNext and provisioned over MQTT."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from bench.business import stand_in
from bench.figures import Figure
from bench.place import Place
from bench.processes import BenchError
from bench.report import Measured
from bench.size import Size
from bench.storm import await_mirror
from bench.telling import Say
from bench.usp.broker import Mosquitto
from bench.usp.fleet import living
from bench.usp.seen import count_live, middle_and_late, number_of, proven_at

_QUIET = 20.0
"""Seconds without a further live device after which the storm counts as over."""


def measure_storm(
    figure: Figure, place: Place, broker: Mosquitto, size: Size, say: Say
) -> Measured:
    """Let ``size.agents`` new agents boot; ``place`` is made for it. Raises `BenchError`."""
    units = size.agents
    with stand_in(place.folder.with_name(f"{place.folder.name}.erpnext"), 0, units + 1) as erp:
        place = place.beside(place.folder.name, erp.settings)
        place.make()
        _go_before(place, broker, units)
        asked = erp.queries()
        with place.serve() as server:
            await_mirror(place, units)
            database = place.database()
            before, relayed = server.settle(), broker.cpu()
            say(f"a storm of {units} within {size.agents_seconds:g} s")
            began = time.monotonic()
            with living(broker, place.folder, 0, units, size.agents_seconds) as town:
                _await_all(lambda: count_live(database), units + 1, began + size.agents_seconds)
                took = time.monotonic() - began
                spent = server.settle() - before
                relayed = broker.cpu() - relayed
                risen = town.end()
            proven = {number_of(serial): at for serial, at in proven_at(database).items()}
            database.dispose()
        queries = erp.queries() - asked
    waits = [at - risen.booted[number] for number, at in proven.items() if number < units]
    if not waits:
        raise BenchError(f"{units} agents booted, and none was proven")
    median, late = middle_and_late(waits, 95)
    measured = Measured(figure, waits=waits)
    first = min(risen.booted.values())
    measured.at = sorted(at - first for number, at in proven.items() if number < units)
    measured.add(len(waits) / spent, 0.0)
    measured.fields |= {
        "units": units,
        "booted_within_seconds": size.agents_seconds,
        "took_seconds": round(took, 1),
        "median_seconds_to_live": round(median, 2),
        "p95_seconds_to_live": round(late, 2),
        "share_proven": round(len(waits) / units, 4),
        "requests_per_agent": round(risen.received / units, 1),
        "connections_lost": risen.lost,
        "erpnext_queries_per_device": round(sum(queries.values()) / units, 5),
        "load_cpu_by_server_cpu": round(risen.cpu / spent, 2),
        "broker_cpu_by_server_cpu": round(relayed / spent, 2),
    }
    return measured


def _go_before(place: Place, broker: Mosquitto, number: int) -> None:
    """One unit goes before, so that the model is known as in any network that is not new."""
    unswept = replace(place, more={**place.more, "ACS_ERP_SWEEP_MINUTES": "0"})
    database = place.database()
    with unswept.serve(), living(broker, place.folder, number, 1, 1.0):
        _await_all(lambda: count_live(database), 1, time.monotonic() + 60)
    database.dispose()


def _await_all(count: Callable[[], int], wanted: int, busy_until: float) -> None:
    """Wait until so many are live, or none was added for long."""
    before, changed = -1, time.monotonic()
    while (there := count()) < wanted:
        now = time.monotonic()
        if there != before:
            before, changed = there, now
        elif now > busy_until and now - changed > _QUIET:
            return
        time.sleep(0.25)
