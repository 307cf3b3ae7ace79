"""A session that the server recorded, played to it by the simulator."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from acs_fixtures import ERP_SETTINGS
from click.testing import CliRunner
from homes import Home, Site
from running_acs import BOOTSTRAP, RunningAcs, wait_for

from acs.devices.record import Standing
from simulators.cpe.cli import main
from simulators.erpnext.running import RunningSimulator


def play(acs: RunningAcs, *arguments: str) -> tuple[int, dict[str, Any]]:
    given = [*arguments, "--acs", acs.url, "--username", BOOTSTRAP[0], "--json"]
    ran = CliRunner().invoke(main, ["play", *given], env={"CPE_SIM_PASSWORD": BOOTSTRAP[1]})
    [session] = json.loads(ran.stdout)["sessions"]
    return ran.exit_code, session


def test_a_recorded_first_boot_plays_as_the_device(
    tmp_path: Path, erpnext: RunningSimulator
) -> None:
    acs = RunningAcs(tmp_path, ERP_URL=erpnext.url, **ERP_SETTINGS)
    asked = acs.command("session", "record", "1C61B6-Device2-22275B0000001", "--new")
    assert asked.returncode == 0, asked.stderr
    try:
        home = Home(acs.start(), Site(erpnext.url), 1)
        home.scan()
        first = home.call()
        directory = acs.data_dir / "recordings"
        [file] = wait_for("the recording", lambda: list(directory.glob("*.jsonl")))

        # The server forgets the device, so that it has everything to say again.
        acs.forget(home.device)
        code, session = play(acs, str(file))
        assert session["differences"] == []
        assert (code, session["requests"]) == (0, first.methods)
        assert "SetParameterValues" in first.methods
        assert acs.values(home.device)["Device.WiFi.SSID.1.SSID"] == "TP-Link_0110"

        # Nobody recorded a box with this number: the server has less to say.
        code, session = play(acs, str(file), "--serial", "22275B9999999")
        assert (code, session["end"]) == (1, "complete"), session
        [difference] = session["differences"]
        assert difference["heard"] == "nothing more"
        assert acs.device("22275B9999999").standing is Standing.QUARANTINED
    finally:
        acs.close()
