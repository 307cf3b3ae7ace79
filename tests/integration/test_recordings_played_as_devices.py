"""A session that the server recorded, played to it by the simulator."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from homes import Home
from running_acs import BOOTSTRAP, RunningAcs, wait_for

from acs.devices.record import Standing


def play(acs: RunningAcs, *arguments: str) -> tuple[int, dict[str, object]]:
    ran = subprocess.run(
        [
            *(sys.executable, "-c", "from simulators.cpe.cli import main; main()", "play"),
            *arguments,
            *("--acs", acs.url, "--username", BOOTSTRAP[0], "--json"),
        ],
        env={**os.environ, "CPE_SIM_PASSWORD": BOOTSTRAP[1]},
        stdout=subprocess.PIPE,
        text=True,
        timeout=60,
        check=False,
    )
    [session] = json.loads(ran.stdout)["sessions"]
    return ran.returncode, session


def test_a_recorded_first_boot_plays_as_the_device(live_acs: RunningAcs, home: Home) -> None:
    acs = live_acs
    key = f"{home.mac.replace(':', '')[:6]}-{home.product_class}-{home.serial}"
    assert acs.command("session", "record", key, "--new").returncode == 0
    acs.restart()
    home.client.url = acs.url
    home.scan()
    first = home.call()
    directory = acs.data_dir / "recordings"
    [file] = wait_for("the recording", lambda: list(directory.glob(f"*{home.serial}*.jsonl")))
    assert acs.command("session", "stop", key).returncode == 0

    # The server forgets the device, so that it has everything to say again.
    acs.forget(home.device)
    acs.restart()
    code, session = play(acs, str(file))
    assert (code, session["same"]) == (0, True), session
    assert session["requests"] == first.methods
    assert acs.values(home.device) != {}

    # Nobody recorded a box with this number: the server has less to say.
    code, session = play(acs, str(file), "--serial", "22275B9999999")
    assert (code, session["end"]) == (1, "complete"), session
    [difference] = session["differences"]  # type: ignore[misc]
    assert difference["heard"] == "nothing more"
    assert acs.device("22275B9999999").standing is Standing.QUARANTINED
    assert home.key not in json.dumps(session)


def test_a_file_that_is_no_recording_is_named(tmp_path: Path) -> None:
    file = tmp_path / "x.jsonl"
    file.write_text("{}\n{}\n{}\n")
    ran = subprocess.run(
        [
            *(sys.executable, "-c", "from simulators.cpe.cli import main; main()", "play"),
            *(str(file), "--acs", "http://127.0.0.1:1/"),
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 1
    assert f"{file}: it has version None" in ran.stderr
