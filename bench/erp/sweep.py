"""How fast the mirror is filled from a whole ERPNext, and how fast it follows what changed."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, replace

from acs.server.sweeping import progress_thd
from acs.store import Database
from bench.business import Business, crowded
from bench.erp.site import PAGE, Site
from bench.figures import Figure
from bench.place import Place
from bench.processes import BenchError
from bench.report import Measured
from bench.size import Size
from bench.telling import Say
from erp_bridge.progress import Done
from simulators.erpnext.seeding import FIRST_BULK_NUMBER

_LIFTED = {"ACS_ERP_QUERIES_PER_SECOND": "100000"}
_LONG_AGO = 3 * 3600.0
"""Seconds since most of the site was changed last: longer than two sweeps overlap."""
_CHANGED = 100
"""One row of so many is changed between two sweeps."""
_PATIENCE = 1800.0
_LOOK_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class _Swept:
    done: Done
    cpu: float
    """CPU-seconds of the server."""
    erp_cpu: float
    calls: Counter[str]

    @property
    def seconds(self) -> float:
        return max(self.done.ended_at - self.done.began_at, 0.001)

    @property
    def speed(self) -> float:
        """Rows a second."""
        return self.done.listed / self.seconds


def measure_sweep(figure: Figure, place: Place, size: Size, say: Say) -> Measured:
    """Sweep ``size.rows`` equipments; ``place`` is made for it. Raises `BenchError`."""
    say(f"an ERPNext with {size.rows} customers")
    folder = place.folder.with_name(f"{place.folder.name}.erpnext")
    with crowded(folder, size.rows) as erp, Site(erp.url) as site:
        # All was seeded in one moment; in a site that lives, little is of the last hour.
        site.put_clock_ahead(_LONG_AGO)
        _touch(site, 1)
        place = place.beside(place.folder.name, erp.settings)
        place.make()
        full = _sweep(place, erp, say)
        touched = max(size.rows // _CHANGED, 1)
        _touch(site, touched)
        after = _sweep(_soon(place), erp, say, since=full.done)
        free = place.beside(f"{place.folder.name}_lifted", _LIFTED)
        free.make()
        lifted = _sweep(free, erp, say)
        bare = site.rows_per_second(min(size.rows, 20 * PAGE))
    for swept, rows in ((full, size.rows), (lifted, size.rows), (after, touched)):
        if swept.done.changed < rows or swept.done.unread:
            raise BenchError(f"a sweep that was to read {rows} equipments: {swept.done}")
    measured = Measured(figure)
    measured.add(full.speed, bare)
    measured.fields |= {
        "rows": size.rows,
        **_told("full", full),
        "rows_per_cpu_second": round(full.done.listed / full.cpu, 1),
        "erpnext_cpu_by_server_cpu": round(full.erp_cpu / full.cpu, 2),
        **_told("lifted", lifted),
        **_told("incremental", after),
        "incremental_listed": after.done.listed,
        "incremental_changed": after.done.changed,
    }
    return measured


def _touch(site: Site, count: int) -> None:
    """Change equipments, and one subscription, as SQL does: no webhook tells of it."""
    for number in range(FIRST_BULK_NUMBER, FIRST_BULK_NUMBER + count):
        ssid = f"Nouvelle maison {number}"
        site.touch("Service Equipment", f"EQP-{number}", wifi_ssid=ssid)
    subscription = f"SUB-{FIRST_BULK_NUMBER:010d}"
    site.touch("Service Subscription", subscription, speed_down=1000 + count)


def _soon(place: Place) -> Place:
    """The same place, where it is time for the next sweep."""
    return replace(place, more={**place.more, "ACS_ERP_SWEEP_MINUTES": "0.001"})


def _sweep(place: Place, erp: Business, say: Say, since: Done | None = None) -> _Swept:
    """Serve until a sweep has ended that began after ``since``."""
    with place.serve() as server:
        spent, erp_spent, called = server.cpu(), erp.cpu(), erp.calls()
        database = place.database()
        try:
            done = _await_sweep(database, since)
        finally:
            database.dispose()
        swept = _Swept(done, server.cpu() - spent, erp.cpu() - erp_spent, erp.calls() - called)
    say(f"{done.listed} rows in {swept.seconds:.1f} s, {swept.cpu:.1f} s of CPU")
    return swept


def _await_sweep(database: Database, since: Done | None) -> Done:
    until = time.monotonic() + _PATIENCE
    while True:
        done = database.run("progress", progress_thd).last
        if done is not None and (since is None or done.began_at > since.began_at):
            return done
        if time.monotonic() > until:
            raise BenchError(f"no sweep has ended within {_PATIENCE:g} s")
        time.sleep(_LOOK_SECONDS)


def _told(name: str, swept: _Swept) -> dict[str, float | str]:
    return {
        f"{name}_seconds": round(swept.seconds, 1),
        f"{name}_rows_per_second": round(swept.speed, 1),
        f"{name}_server_cpu_seconds": round(swept.cpu, 2),
        f"{name}_erpnext_calls": sum(swept.calls.values()),
    }
