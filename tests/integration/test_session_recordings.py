"""Recording, trees and comparisons with the running program and a simulated ONT."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import pytest
from homes import SSID, Home
from running_acs import BOOTSTRAP, RunningAcs, wait_for

from acs.cwmp.recording import Recording, replay
from acs.devices.record import JobKind, JobState
from acs.profiles import Library
from acs.store import trees


def recordings(acs: RunningAcs, home: Home) -> list[Path]:
    return sorted((acs.data_dir / "recordings").glob(f"*{home.serial}*.jsonl"), key=by_time)


def by_time(path: Path) -> float:
    return Recording.load(path.read_bytes()).header.at


@pytest.fixture
def recorded(live_acs: RunningAcs, home: Home) -> Home:
    """A home whose ONT is recorded from its first call on."""
    key = f"{home.mac.replace(':', '')[:6]}-{home.product_class}-{home.serial}"
    asked = live_acs.command("session", "record", key, "--new", "--for", "1h")
    assert asked.returncode == 0, asked.stderr
    assert key in asked.stdout
    live_acs.restart()
    home.client.url = live_acs.url
    return home


def test_sessions_are_recorded_without_secrets_and_play_again(
    live_acs: RunningAcs, recorded: Home
) -> None:
    home = recorded
    home.scan()
    home.settle_in()
    home.call("1 BOOT")
    files = wait_for(
        "three recordings",
        lambda: found if len(found := recordings(live_acs, home)) == 3 else None,
    )
    for file in files:
        assert file.stat().st_mode & 0o777 == 0o600
        text = file.read_text()
        for secret in (home.key, home.sip_password, BOOTSTRAP[1]):
            assert secret not in text
        assert "authorization" not in text.lower()
    assert files[0].parent.stat().st_mode & 0o777 == 0o700
    played = live_acs.command("session", "replay", *map(str, files), "--json")
    document = json.loads(played.stdout)
    assert [each["same"] for each in document["replays"]] == [True] * 3, document
    assert played.returncode == 0
    assert "SetParameterValues" in document["replays"][0]["messages"]
    assert "SetParameterValues" not in document["replays"][2]["messages"]

    shown = live_acs.command("session", "show", files[0].name)
    assert "Inform" in shown.stdout
    assert home.ssid not in shown.stdout, "names only"
    whole = live_acs.command("session", "show", str(files[0]), "-v")
    assert home.ssid in whole.stdout

    listed = json.loads(live_acs.command("session", "recordings", "--json").stdout)
    assert [each["device"] for each in listed["recorded"]] == [home.device.key]
    assert {file.name for file in files} <= {each["file"] for each in listed["recordings"]}

    assert live_acs.command("session", "stop", home.serial).returncode == 0
    again = live_acs.command("session", "stop", home.serial)
    assert again.returncode == 1
    assert "is not recorded" in again.stderr


def test_a_running_server_takes_notice(live_acs: RunningAcs, home: Home) -> None:
    home.scan()
    home.call()
    assert home.device
    begins = re.compile(f"recording begins.*{re.escape(home.device.key)}")
    assert live_acs.command("session", "record", home.serial).returncode == 0
    wait_for("the server", lambda: begins.search(live_acs.log))
    home.call()
    assert wait_for("a recording", lambda: recordings(live_acs, home))


def test_another_wish_is_told_as_the_first_difference(live_acs: RunningAcs, recorded: Home) -> None:
    home = recorded
    home.scan()
    home.call()
    [file] = wait_for("a recording", lambda: recordings(live_acs, home))
    file.write_text(file.read_text().replace(f'"ssid":"{home.ssid}"', '"ssid":"Autre"'))
    played = live_acs.command("session", "replay", str(file))
    assert played.returncode == 1
    assert f"{SSID.format(1)}: then {home.ssid} string, now Autre string" in played.stdout


def test_a_device_that_is_not_recorded_leaves_no_file(live_acs: RunningAcs, home: Home) -> None:
    home.scan()
    home.call()
    assert home.device
    assert recordings(live_acs, home) == []


def test_names_of_a_model_are_asked_once(live_acs: RunningAcs, home: Home) -> None:
    home.scan()
    home.settle_in()
    home.call("2 PERIODIC")
    with live_acs.database.read() as conn:
        known = trees.all_names_thd(conn)
    [key] = [key for key in known if "XX230v" in key]
    assert known[key].unlisted == ()
    assert known[key].names["Device.WiFi.SSID.{i}.SSID"] is True
    assert known[key].names["Device.DeviceInfo.SoftwareVersion"] is False
    told = live_acs.told(home.device, "discovery")
    home.call("2 PERIODIC")
    assert live_acs.told(home.device, "discovery") == told


def test_a_whole_tree_is_read_browsed_exported_and_compared(
    live_acs: RunningAcs, home: Home, tmp_path: Path
) -> None:
    home.scan()
    home.settle_in()
    unread = live_acs.command("device", "diff", home.serial, "--back", "1")
    assert unread.returncode == 1
    assert "--refresh" in unread.stderr
    asked = json.loads(
        live_acs.command("device", "tree", home.serial, "--refresh", "--json").stdout
    )
    assert asked["job"]["state"] == "queued"
    home.call("2 PERIODIC")
    job = live_acs.job(asked["job"]["id"])
    assert (job.kind, job.state) == (JobKind.TREE, JobState.DONE), job.result

    shown = live_acs.command("device", "tree", home.serial)
    assert "Device.WiFi." in shown.stdout
    assert "value" in shown.stdout
    found = json.loads(
        live_acs.command("device", "tree", home.serial, "Device.WiFi.", "--json").stdout
    )
    ssid = found["values"][SSID.format(1)]
    assert (ssid["value"], ssid["writable"]) == (home.ssid, True)

    file = tmp_path / "tree.csv"
    live_acs.command("device", "tree", home.serial, "--export", str(file))
    with file.open(newline="") as lines:
        rows = {row["parameter"]: row for row in csv.DictReader(lines)}
    assert rows[SSID.format(1)]["value"] == home.ssid
    assert len(rows) >= job.result["count"]  # type: ignore[operator]
    assert file.stat().st_mode & 0o777 == 0o600
    assert home.key not in file.read_text()

    home.change(wifi_ssid="Autre maison")
    live_acs.command("device", "provision", home.serial)
    home.call("2 PERIODIC")
    home.call("2 PERIODIC")
    live_acs.command("device", "tree", home.serial, "--refresh")
    home.call("2 PERIODIC")
    compared = live_acs.command("device", "diff", home.serial, "--back", "1", "--json")
    assert compared.returncode == 1
    assert json.loads(compared.stdout)["differing"][SSID.format(1)] == [home.ssid, "Autre maison"]


def test_recordings_play_in_a_process_that_never_saw_the_server(
    live_acs: RunningAcs, recorded: Home
) -> None:
    home = recorded
    home.call()
    [file] = wait_for("a recording", lambda: recordings(live_acs, home))
    played = replay(Recording.load(file.read_bytes()), Library.load())
    assert played.difference is None, str(played.difference)
    assert played.said[0] == "InformResponse"
