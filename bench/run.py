"""Measuring: each figure on a copy of a prepared fleet, beside the echo of the same run."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import quantiles

from bench.certificate import make_certificate
from bench.databases import databases
from bench.figures import SUITES, Figure, Kind, Wish
from bench.fleet import Fleet, prepare
from bench.open_sessions import measure_open
from bench.place import Place
from bench.processes import BenchError
from bench.rates import measure_rate, share_of_load
from bench.recording import RecordingError
from bench.report import Measured
from bench.servers import Server, echo
from bench.size import Size
from bench.storm import Weathered, weather
from bench.telling import Say
from bench.usp.measure import UspRun

_SATURATED = {"ACS_CWMP_TARGET_DELAY": "30"}
"""A speed is measured with the server as busy as can be, against which it would defend itself, the
sooner the more else the machine has to do. In a storm that is part of what is measured."""
_USP = frozenset(figure.name for figure in SUITES["usp"])
_MOST_ON_DISK = 2000
"""Devices of a storm that is made for their size on disk alone."""


def measure(
    figures: Sequence[Figure], size: Size, say: Say, *, database: str = "sqlite", workers: int = 1
) -> Iterator[Measured]:
    """Measure ``figures`` one after the other.

    One that met a wrong answer is left out, and ``say`` hears why.  Raises `BenchError` when there
    is nothing to measure with.
    """
    with tempfile.TemporaryDirectory(prefix="acs-bench-") as name:
        folder = Path(name)
        certificate = make_certificate(folder)
        with databases(database, folder) as kept:
            place = Place(folder / "place", kept, certificate, workers)
            for measured in _measured(figures, place, size, say):
                measured.database, measured.workers = database, workers
                yield measured


def _measured(figures: Sequence[Figure], place: Place, size: Size, say: Say) -> Iterator[Measured]:
    of_usp = [figure for figure in figures if figure.name in _USP]
    if of_usp:
        with UspRun(place, size, say) as run:
            for figure in of_usp:
                with _told(figure.name, say):
                    yield run.measure(figure)
    others = [figure for figure in figures if figure.name not in _USP]
    if others:
        with echo(place.folder.parent, place.certificate) as baseline:
            yield from _Run(place, size, baseline, say).measure(others)


@contextmanager
def _told(name: str, say: Say) -> Iterator[None]:
    """Say why there is no figure, and go on with the next one."""
    try:
        yield
    except (BenchError, RecordingError) as error:
        say(f"no figure for {name}: {error}")


class _Run:
    """One run: what was prepared is used again."""

    def __init__(self, place: Place, size: Size, baseline: Server, say: Say) -> None:
        self._place = place
        self._size = size
        self._echo = baseline
        self._say = say
        self._fleets: dict[Wish, Fleet] = {}

    def measure(self, figures: Sequence[Figure]) -> Iterator[Measured]:
        """Measure ``figures``; a storm and its size on disk are one."""
        stormy = [figure for figure in figures if figure.kind in (Kind.STORM, Kind.DISK)]
        for figure in figures:
            if figure not in stormy:
                with _told(figure.name, self._say):
                    yield self._on_a_fleet(figure)
        if stormy:
            with _told(stormy[0].name, self._say):
                yield from self._in_a_storm(stormy)

    def _in_a_storm(self, figures: Sequence[Figure]) -> Iterator[Measured]:
        storms = any(figure.kind is Kind.STORM for figure in figures)
        units = self._size.storm_units if storms else min(self._size.storm_units, _MOST_ON_DISK)
        seen = weather(self._place.beside("storm"), units, self._size, self._echo, self._say)
        for figure in figures:
            how = self._of_a_storm if figure.kind is Kind.STORM else _on_disk
            yield how(figure, seen)

    def _on_a_fleet(self, figure: Figure) -> Measured:
        if figure.wish not in self._fleets:
            self._say(f"preparing {self._size.units} devices")
            place = self._place.beside(f"fleet_{figure.wish.name.lower()}", _SATURATED)
            self._fleets[figure.wish] = prepare(place, self._size.units, figure.wish)
        fleet = self._fleets[figure.wish].copy(figure.name)
        how = measure_open if figure.kind is Kind.OPEN else measure_rate
        return how(figure, self._size, fleet, self._echo, self._say)

    def _of_a_storm(self, figure: Figure, seen: Weathered) -> Measured:
        tally = seen.tally
        measured = Measured(
            figure, durations=tally.durations, waits=tally.waits, at=sorted(tally.at)
        )
        measured.add(tally.sessions / seen.cpu, seen.echo)
        median, late = _middle_and_late(tally.durations)
        never = seen.units - tally.sessions
        # Whoever was not served waited at least as long as the storm took.
        median_wait, late_wait = _middle_and_late([*tally.waits, *[tally.seconds] * never])
        measured.fields |= {
            "units": seen.units,
            "arrived_within_seconds": self._size.storm_seconds,
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
            "load_cpu_by_server_cpu": share_of_load(figure.name, tally.cpu, seen.cpu, self._say),
        }
        return measured


def _on_disk(figure: Figure, seen: Weathered) -> Measured:
    """What is stored of each device; beside it, what each device sent."""
    measured = Measured(figure)
    measured.add(seen.stored / seen.units / 1024, seen.told / 1024)
    measured.fields["units"] = seen.units
    return measured


def _middle_and_late(seconds: list[float]) -> tuple[float, float]:
    """Median and 95th percentile."""
    if len(seconds) < 2:
        return (seconds or [0.0])[0], (seconds or [0.0])[0]
    hundredths = quantiles(seconds, n=100, method="inclusive")
    return round(hundredths[49], 3), round(hundredths[94], 3)
