"""The benchmark runs: a real server, a recorded ONT, the echo. Nothing is said about speed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bench.figures import SUITES
from bench.fleet import prepare
from bench.load import Load
from bench.processes import BenchError, Player, cpu_seconds
from bench.report import Measured
from bench.run import Size, measure

SMALL = Size(rounds=1, seconds=0.2, warm_up=0.1, units=40, connections=8)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["cwmp.periodic.digest", "cwmp.boot", "cwmp.first_contact"])
def test_a_figure_is_measured_with_every_answer_checked(name: str) -> None:
    figures = [figure for figure in SUITES["cwmp"] if figure.name == name]
    said: list[str] = []
    [measured] = measure(figures, SMALL, said.append)
    assert isinstance(measured, Measured)
    assert measured.value > 0
    assert measured.baseline > 0
    assert any(name in line for line in said)


@pytest.mark.slow
def test_a_wrong_password_is_no_figure(tmp_path: Path) -> None:
    fleet = prepare(tmp_path / "fleet", 5)
    with fleet.serve("digest") as server:
        load = Load(
            port=server.port,
            script=fleet.scripts.periodic,
            connections=1,
            units=6,  # the last one has no account
            digest=True,
            warm_up=10.0,
        )
        with (
            Player(load, fleet.folder) as player,
            pytest.raises(BenchError, match="status 401 to the Inform"),
        ):
            player.ready()


def test_cpu_time_grows_with_work() -> None:
    before = cpu_seconds(os.getpid())
    while cpu_seconds(os.getpid()) - before < 0.05:
        sum(range(10_000))
    assert cpu_seconds(os.getpid()) >= before + 0.05
