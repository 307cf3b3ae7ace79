"""The benchmark of USP runs: a real server, a real broker, agents, the echo."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace

import pytest

from bench.figures import SUITES
from bench.run import measure
from bench.size import QUICK

SMALL = replace(QUICK, seconds=0.1, warm_up=0.1, agents=20, underway=10)
FIGURES = {figure.name: figure for figure in SUITES["usp"]}


@pytest.mark.slow
@pytest.mark.skipif(
    shutil.which("mosquitto", path=os.environ["PATH"] + ":/usr/sbin") is None,
    reason="needs Mosquitto",
)
def test_notifies_of_a_fleet_are_kept_and_answered_beside_the_echo() -> None:
    said: list[str] = []
    (notify,) = measure([FIGURES["usp.notify"]], SMALL, said.append)
    assert notify.value > 0
    assert notify.baseline > 0
    assert 1000 <= float(notify.fields["record_octets"]) <= 1100
    assert notify.fields["agents"] == 20
    assert not any("no figure" in line for line in said)
