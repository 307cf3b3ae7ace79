"""The benchmark runs: a real server, a recorded ONT, the echo. Nothing is said about speed."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from bench.certificate import make_certificate
from bench.databases import Sqlite
from bench.figures import SUITES, Kind
from bench.fleet import prepare
from bench.orders import Load, Login
from bench.place import Place
from bench.players import Players
from bench.processes import BenchError, cpu_seconds, memory_kib
from bench.report import Measured
from bench.run import measure
from bench.size import Size

SMALL = Size(
    rounds=1,
    seconds=0.2,
    warm_up=0.1,
    units=40,
    connections=8,
    open_sessions=30,
    storm_units=20,
    storm_seconds=0.5,
    processes=2,
)


def measured(names: Sequence[str], database: str = "sqlite") -> dict[str, Measured]:
    figures = [figure for figure in SUITES["cwmp"] if figure.name in names]
    found = measure(figures, SMALL, lambda text: None, database=database)
    return {each.name: each for each in found}


@pytest.mark.slow
def test_figures_of_one_fleet_are_measured_with_every_answer_checked() -> None:
    names = {
        "cwmp.periodic.digest",
        "cwmp.periodic.newconn",
        "cwmp.periodic.tls",
        "cwmp.first_contact",
        "cwmp.open_session_kib",
    }
    found = measured(sorted(names))
    assert found.keys() == names
    assert all(each.value > 0 and each.baseline > 0 for each in found.values())
    assert found["cwmp.open_session_kib"].fields["sessions"] == SMALL.open_sessions
    assert found["cwmp.periodic.digest"].fields["requests_per_session"] == 3


@pytest.mark.slow
@pytest.mark.skipif(
    os.environ.get("ACS_TEST_WITHOUT_POSTGRESQL") == "1", reason="asked to leave PostgreSQL out"
)
def test_a_boot_is_ten_reads_and_five_sets_on_postgresql_too() -> None:
    [boot] = measured(["cwmp.boot"], "postgresql").values()
    assert boot.database == "postgresql"
    assert boot.value > 0


@pytest.mark.slow
def test_a_storm_is_provisioned_by_its_first_sessions() -> None:
    found = measured(["cwmp.storm.20000", "cwmp.disk_kib_per_device"])
    storm = found["cwmp.storm.20000"]
    assert storm.fields["units"] == SMALL.storm_units
    assert storm.fields["share_provisioned"] == 1.0
    assert float(storm.fields["erpnext_queries_per_device"]) > 0
    assert len(storm.durations) == SMALL.storm_units
    assert found["cwmp.disk_kib_per_device"].value > 0


@pytest.mark.slow
def test_a_wrong_password_is_no_figure(tmp_path: Path) -> None:
    place = Place(tmp_path / "fleet", Sqlite(), make_certificate(tmp_path))
    fleet = prepare(place, 5)
    with place.serve("digest") as server:
        load = Load(
            port=server.port,
            scripts=fleet.scripts[Kind.PERIODIC],
            first=0,
            units=6,  # the last one has no account
            connections=1,
            login=Login.OWN,
        )
        with (
            Players(load, tmp_path, 1) as players,
            pytest.raises(BenchError, match="status 401 to the Inform"),
        ):
            players.play(10.0)


def test_cpu_time_grows_with_work_and_memory_with_what_is_held() -> None:
    before = cpu_seconds(os.getpid())
    while cpu_seconds(os.getpid()) - before < 0.05:
        sum(range(10_000))
    assert cpu_seconds(os.getpid()) >= before + 0.05
    lean = memory_kib(os.getpid())
    held = b"x" * 20_000_000
    assert memory_kib(os.getpid()) - lean > 15_000
    assert len(held) == 20_000_000
