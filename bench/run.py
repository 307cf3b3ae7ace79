"""Measuring: each figure on a copy of a prepared fleet, beside the echo of the same run."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from bench.certificate import make_certificate
from bench.databases import databases
from bench.erp.measure import ErpRun
from bench.figures import SUITES, Figure, Kind, Wish
from bench.fleet import Fleet, prepare
from bench.open_sessions import measure_open
from bench.place import Place
from bench.processes import BenchError
from bench.rates import measure_rate
from bench.recording import RecordingError
from bench.report import Measured
from bench.servers import Server, echo
from bench.size import Size
from bench.storm import Weathered, told_of, weather
from bench.telling import Say
from bench.usp.measure import UspRun

_SATURATED = {"ACS_CWMP_TARGET_DELAY": "30"}
"""A speed is measured with the server as busy as can be, against which it would defend itself, the
sooner the more else the machine has to do. In a storm that is part of what is measured."""
_USP = frozenset(figure.name for figure in SUITES["usp"])
_ERP = frozenset(figure.name for figure in SUITES["erp"])
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
    of_erp = [figure for figure in figures if figure.name in _ERP]
    others = [figure for figure in figures if figure.name not in _USP | _ERP]
    if of_erp or others:
        with echo(place.folder.parent, place.certificate) as baseline:
            erp_run = ErpRun(place, size, baseline, say)
            for figure in of_erp:
                with _told(figure.name, say):
                    yield erp_run.measure(figure)
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
            if figure.kind is Kind.STORM:
                yield told_of(figure, seen, self._size, self._say)
            else:
                yield _on_disk(figure, seen)

    def _on_a_fleet(self, figure: Figure) -> Measured:
        if figure.wish not in self._fleets:
            self._say(f"preparing {self._size.units} devices")
            place = self._place.beside(f"fleet_{figure.wish.name.lower()}", _SATURATED)
            self._fleets[figure.wish] = prepare(place, self._size.units, figure.wish)
        fleet = self._fleets[figure.wish].copy(figure.name)
        how = measure_open if figure.kind is Kind.OPEN else measure_rate
        return how(figure, self._size, fleet, self._echo, self._say)


def _on_disk(figure: Figure, seen: Weathered) -> Measured:
    """What is stored of each device; beside it, what each device sent."""
    measured = Measured(figure)
    measured.add(seen.stored / seen.units / 1024, seen.told / 1024)
    measured.fields["units"] = seen.units
    return measured
