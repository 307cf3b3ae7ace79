"""The programs of a scenario end, whatever becomes of it or of them."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from simulators.scenario.children import Child, ChildError

SLEEPS = """\
import os, subprocess, sys, time
worker = subprocess.Popen(["sleep", "600"])
print(sys.argv[1], os.getpid(), worker.pid, flush=True)
worker.wait()
"""
KILLED = """\
import os, sys, time
from pathlib import Path
from simulators.scenario.children import Child
child = Child(sys.argv[1:], folder=Path(),
              environ=os.environ, ready="ready")
print(child.first_line, flush=True)
time.sleep(600)
"""


def gone(pid: int) -> bool:
    """True once the process has ended; whoever has to take note of that may not have yet."""
    until = time.monotonic() + 20
    while time.monotonic() < until:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except OSError:
            return True
        time.sleep(0.01)
    return False


def test_they_end_when_the_scenario_is_killed(tmp_path: Path) -> None:
    program = [sys.executable, "-c", SLEEPS, "ready"]
    run = subprocess.Popen(
        [sys.executable, "-c", KILLED, *program],
        stdout=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
    )
    with run:
        assert run.stdout is not None
        pid, worker = map(int, run.stdout.readline().split()[1:])
        run.kill()
    try:
        assert gone(pid)
    finally:
        os.kill(worker, 9)


def test_one_that_never_is_ready_is_ended_with_all_it_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("simulators.scenario.children.START_SECONDS", 0.5)
    program = [sys.executable, "-c", SLEEPS, "not yet"]
    with pytest.raises(ChildError, match="did not start:\nnot yet") as error:
        Child(program, folder=tmp_path, environ=os.environ, ready="ready")
    pid, worker = map(int, str(error.value).split()[-2:])
    assert gone(pid)
    assert gone(worker)
