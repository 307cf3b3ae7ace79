"""``make demo``: all ONTs get there, and the settings of an installation stay out of it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow


def test_the_demonstration_leaves_the_installation_alone(tmp_path: Path) -> None:
    (tmp_path / "acs.toml").write_text(f'[database]\nurl = "sqlite:///{tmp_path}/mine.db"\n')
    ended = subprocess.run(
        [sys.executable, "-m", "simulators.demo", "--once"],
        cwd=tmp_path,
        env={name: text for name, text in os.environ.items() if not name.startswith("ACS_")},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "All 6 ONTs are proven live" in ended.stdout
    assert "protocol       cwmp → usp" in ended.stdout
    assert ended.stdout.count("online, by evidence: ") >= 3
    moved = ended.stdout.partition("gets firmware that speaks USP")[2]
    assert "225C1CU000013  is given" not in moved
    assert [file.name for file in tmp_path.iterdir()] == ["acs.toml"]
