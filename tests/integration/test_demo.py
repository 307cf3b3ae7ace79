"""``make demo``: all ONTs get there and follow ERPNext; an installation is left alone."""

from __future__ import annotations

import os
import re
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
    _, _, everyday = ended.stdout.partition("Two customers get a new Wi-Fi password")
    passwords, _, rest = everyday.partition("An ONT was plugged in that nobody recorded")
    scan, _, rest = rest.partition("A customer is suspended, and pays")
    suspension, _, written_back = rest.partition("What ERPNext shows of EQP-00001 by now")
    assert "22275A7000001  calls its ACS (6 CONNECTION REQUEST)" in passwords
    for serial in ("22275A7000001", "2226469000012"):
        assert re.search(rf"{serial}  has it [\d.]+ s after .*, proven after [\d.]+ s", passwords)
    assert passwords.count("its webhook: sent, 200") == 2
    assert "device.quarantined" in scan
    assert "acs reconcile  in ACS only" in scan
    assert "perhaps EQP-00021, its serial_number 22275A7004827 is one character off" in scan
    assert "22275A7004821  the hub hears: device.provisioned" in scan
    off, _, on = suspension.partition("proven after")
    assert "SSID.1.Enable = 0" in off
    assert "DigitMap = 911\n" in off
    assert "SSID.1.Enable = 1" in on
    assert "provisioning_status: live" in written_back
    assert re.search(r"provisioning_note: \d+ parameters proven", written_back)
    assert [file.name for file in tmp_path.iterdir()] == ["acs.toml"]
