"""From a customer's new Wi-Fi password in ERPNext to the proof that the device has it.

The site's own webhook tells of the change, the server reads the equipment again and asks the
device to call.  Changes come one after the other, at moments that follow no rhythm of the server,
and then in bursts: all devices within a moment.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from random import Random
from statistics import median

from bench.business import Business, stand_in
from bench.erp.homes import Homes
from bench.erp.site import Site
from bench.erp.stages import Course, Watch, medians, percentiles
from bench.erp.storm import by_kind
from bench.figures import Figure
from bench.place import Place
from bench.report import Measured
from bench.servers import Server
from bench.size import Size
from bench.telling import Say
from bench.units import Unit

_HANDS = 4
"""Users who save at the same time, in a burst."""
_APART = 1.0
"""Most seconds between a proof and the next change: longer than any look of the server takes."""
_BETWEEN_BURSTS = 2.1
"""A device that was just asked to call is left alone for a moment."""
_BASES = 20


def measure_proofs(figure: Figure, place: Place, homes: Homes, size: Size, say: Say) -> Measured:
    """Change passwords of ``size.homes`` live devices; ``place`` is made for it.

    Raises `BenchError`.
    """
    with _living(place, homes, size.homes) as living:
        return _measured(figure, living, _Changes(living, size.homes, say), size)


def measure_later(place: Place, homes: Homes, count: int, say: Say) -> dict[str, float | str]:
    """Change passwords of ``count`` devices that are called twice; ``place`` is made for it.

    Raises `BenchError`.
    """
    with _living(place, homes, count) as living:
        courses = _Changes(living, count, say).in_bursts(1)
    told: dict[str, float | str] = {"later_changes": count}
    return told | _named("_later", percentiles([course.whole for course in courses]))


@dataclass(frozen=True, slots=True)
class _Living:
    """Devices that live, with all that serves them."""

    server: Server
    erp: Business
    site: Site
    watch: Watch


@contextmanager
def _living(place: Place, homes: Homes, count: int) -> Iterator[_Living]:
    secret = secrets.token_urlsafe(24)
    folder = place.folder.with_name(f"{place.folder.name}.erpnext")
    with stand_in(folder, 0, count, subscribed=True) as erp, Site(erp.url) as site:
        more = {
            **erp.settings,
            "ACS_ERP_WEBHOOK_SECRET": secret,
            "ACS_API_LISTEN": "127.0.0.1:0",
            "ACS_WAKEUP_ENABLED": "true",
            "ACS_WAKEUP_NETWORKS": "127.0.0.1/32",
        }
        place = place.beside(place.folder.name, more)
        place.make()
        with place.serve("digest") as server, homes(server, place.folder, count):
            door = f"http://127.0.0.1:{server.api_port}/hooks/erpnext/service-equipment"
            site.send_webhooks(door, secret)
            database = place.database()
            try:
                watch = Watch(database, count)
                server.settle()
                yield _Living(server, erp, site, watch)
            finally:
                database.dispose()


class _Changes:
    """Changes that are made and waited for; no two of them want the same password."""

    def __init__(self, living: _Living, devices: int, say: Say) -> None:
        self._site = living.site
        self._watch = living.watch
        self._devices = devices
        self._say = say
        self._random = Random(1)
        self._made = 0

    def one_by_one(self, count: int) -> list[Course]:
        """Change so many, one after the other; the devices take turns."""
        self._say(f"{count} changes, one after the other")
        found: list[Course] = []
        for turn in range(count):
            time.sleep(self._random.uniform(0, _APART))
            found += self._proven([turn % self._devices])
        return found

    def in_bursts(self, count: int) -> list[Course]:
        """Change all devices at once, so many times."""
        self._say(f"{count} bursts of {self._devices} changes")
        found: list[Course] = []
        for _ in range(count):
            time.sleep(_BETWEEN_BURSTS)
            found += self._proven(range(self._devices))
        return found

    def _proven(self, units: Sequence[int]) -> list[Course]:
        self._watch.begin()
        self._made += 1
        with ThreadPoolExecutor(_HANDS) as hands:
            saved = dict(zip(units, hands.map(self._change, units), strict=True))
        return self._watch.courses(saved)

    def _change(self, unit: int) -> float:
        """Return when the site had answered."""
        self._site.change(Unit(unit).equipment, wifi_password=f"tournesol-{self._made}-{unit:07d}")
        return time.time()


def _measured(figure: Figure, living: _Living, changes: _Changes, size: Size) -> Measured:
    server, erp, site = living.server, living.erp, living.site
    called, spent = erp.calls(), server.cpu()
    alone = changes.one_by_one(size.changes)
    spent = server.settle() - spent
    calls = erp.calls() - called
    together = changes.in_bursts(size.bursts)
    read = median(site.read_seconds(Unit(0).equipment) for _ in range(_BASES))
    ping = median(site.ping_seconds() for _ in range(_BASES))
    measured = Measured(figure)
    whole = percentiles([course.whole for course in alone])
    measured.add(1000 * whole[0], 1000 * read)
    measured.fields["changes"] = len(alone)
    measured.fields |= _named("", whole)
    measured.fields |= _named("_from_webhook", percentiles([course.ours for course in alone]))
    for stage, seconds in medians(alone).items():
        measured.fields[f"median_seconds_{stage}"] = round(seconds, 4)
    measured.fields["burst_changes"] = len(together)
    measured.fields |= _named("_in_burst", percentiles([course.whole for course in together]))
    for stage, seconds in medians(together).items():
        measured.fields[f"burst_median_seconds_{stage}"] = round(seconds, 4)
    kinds = by_kind(calls)
    kinds["write"] -= len(alone)  # those are the users'
    measured.fields |= {
        f"erpnext_{name}_calls_per_change": round(kinds[name] / len(alone), 2)
        for name in sorted(kinds)
    }
    measured.fields |= {
        "server_cpu_ms_per_change": round(1000 * spent / len(alone), 1),
        "erpnext_ping_ms": round(1000 * ping, 2),
    }
    return measured


def _named(of: str, found: tuple[float, float, float]) -> dict[str, float | str]:
    names = ("p50", "p95", "p99")
    return {
        f"{name}_seconds{of}": round(seconds, 3) for name, seconds in zip(names, found, strict=True)
    }
