"""The benchmark runs: a real server, a recorded ONT, the echo. Nothing is said about speed."""

from __future__ import annotations

import os
from contextlib import nullcontext
from pathlib import Path

import pytest

from bench.calls import Connections
from bench.certificate import make_certificate
from bench.databases import Sqlite
from bench.figures import SUITES, Figure, Kind, Wish
from bench.fleet import prepare
from bench.open_sessions import measure_open
from bench.place import Place
from bench.processes import cpu_seconds, memory_kib
from bench.rates import measure_rate
from bench.run import measure
from bench.servers import echo
from bench.size import Size

SMALL = Size(
    rounds=1,
    seconds=0.2,
    warm_up=0.1,
    units=300,
    connections=8,
    open_sessions=300,
    storm_units=20,
    storm_seconds=0.5,
    processes=2,
)
DATABASE = "sqlite" if os.environ.get("ACS_TEST_WITHOUT_POSTGRESQL") == "1" else "postgresql"


@pytest.mark.slow
def test_figures_are_taken_of_a_fleet_beside_the_echo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Open sessions; and boots over a new TLS connection for each request, on the same server."""
    certificate = make_certificate(tmp_path)
    fleet = prepare(Place(tmp_path / "fleet", Sqlite(), certificate), SMALL.units, Wish.TELEPHONE)
    boot, proof = fleet.scripts[Kind.BOOT]
    asked = [question for question, _ in boot.answers]
    assert b"xsd:string[11]" in asked[0]
    assert b"ParameterValueStruct[5]" in asked[-1]
    assert not any(b"SetParameterValues" in question for question, _ in proof.answers)

    said: list[str] = []
    with echo(tmp_path, certificate) as baseline, fleet.place.serve() as server:
        monkeypatch.setattr(Place, "serve", lambda *_: nullcontext(server))
        figure = Figure("an.open_session", Kind.OPEN)
        measured = measure_open(figure, SMALL, fleet, baseline, said.append)
        assert measured.fields["sessions"] == SMALL.open_sessions
        assert measured.value > 0

        figure = Figure("a.boot", Kind.BOOT, use=Connections.REQUEST, tls=True)
        measured = measure_rate(figure, SMALL, fleet, baseline, said.append)
    assert measured.value > 0
    assert measured.baseline > 0
    assert measured.fields["requests_per_session"] == 2 + (len(asked) + len(proof.answers)) / 2
    assert any("a.boot 1/1" in line for line in said)


@pytest.mark.slow
def test_a_storm_is_provisioned_by_its_first_sessions() -> None:
    wanted = ("cwmp.storm.20000", "cwmp.disk_kib_per_device")
    figures = [figure for figure in SUITES["cwmp"] if figure.name in wanted]
    found = measure(figures, SMALL, lambda text: None, database=DATABASE)
    storm, disk = list(found)
    assert storm.database == DATABASE
    assert storm.fields["units"] == SMALL.storm_units
    assert storm.fields["share_provisioned"] == 1.0
    assert float(storm.fields["erpnext_queries_per_device"]) > 0
    assert storm.fields["never_served"] == 0
    assert len(storm.at) == len(storm.waits) == SMALL.storm_units
    assert len(storm.durations) == SMALL.storm_units
    assert disk.value > 0


def test_cpu_time_grows_with_work_and_memory_with_what_is_held() -> None:
    before = cpu_seconds(os.getpid())
    while cpu_seconds(os.getpid()) - before < 0.05:
        sum(range(10_000))
    assert cpu_seconds(os.getpid()) >= before + 0.05
    lean = memory_kib(os.getpid())
    # Much more than was freed before and may be used again.
    held = b"x" * 200_000_000
    assert memory_kib(os.getpid()) - lean > 150_000
    assert len(held) == 200_000_000
