"""`acs device tree` and `diff`, and `acs session`, on a data directory."""

from __future__ import annotations

import csv
import io
import stat
from pathlib import Path

import pytest
from cli_on_disk import KEY, KEY_PASSPHRASE, SEEN, SERIAL, SSID, TREE, House

from acs.cli.device_diff import compare
from acs.cli.diff_ignored import COUNTERS, IDENTITIES
from acs.devices.effects import SaveDevice, SaveModelNames, SaveSnapshot, SaveTree
from acs.devices.record import JobKind, Snapshot
from acs.model import Value, ValueType

OTHER = "22275A7000002"
ODD = """
[blueprint]
name = "odd"
title = "A family whose secret has a name like any other"
extends = "tplink-a"
sources = ["made up"]

[admin.password]
replace = true
first_of = ["Device.X_ODD_Word"]
secret = true
"""
FIRST = Path(__file__).parents[1] / "recordings" / "tplink-a-first-boot.jsonl"


@pytest.fixture
def house(tmp_path: Path) -> House:
    made = House(tmp_path)
    device = made.call()
    tree = {**TREE, "Device.DeviceInfo.UpTime": Value("5", ValueType.UNSIGNED_INT)}
    facts = {"model": "XX230v", "software": "1.0", "manufacturer": "TP-Link", "hardware": "1"}
    made.apply(
        SaveDevice(device, facts),
        SaveTree(device, SEEN, tree),
        SaveModelNames("TP-Link|XX230v|1|1.0", SEEN, {"Device.WiFi.SSID.{i}.SSID": True}),
    )
    return made


def test_objects_are_closed_with_their_number_of_values(house: House) -> None:
    shown = house.run("device", "tree", SERIAL)
    assert shown.exit_code == 0, shown.output
    lines = shown.stdout.split("\n")
    [wifi] = [line for line in lines if line.strip().startswith("Device.WiFi.")]
    assert "(7 values)" in wifi
    assert SSID not in shown.stdout


def test_a_path_is_opened_level_by_level(house: House) -> None:
    shown = house.run("device", "tree", SERIAL, "Device.WiFi.SSID.", "--depth", "2")
    [row] = [line for line in shown.stdout.split("\n") if line.strip().startswith(SSID)]
    assert "TP-Link_0001" in row
    assert row.split()[2:4] == ["string", "yes"]


def test_text_is_looked_for_in_names_and_values_but_not_in_secrets(house: House) -> None:
    assert SSID in house.run("device", "tree", SERIAL, "--search", "tp-link_0001").stdout
    assert (
        "OperatingFrequencyBand" in house.run("device", "tree", SERIAL, "--search", "band").stdout
    )
    nothing = house.run("device", "tree", SERIAL, "--search", "told-in-clear")
    assert nothing.exit_code == 1
    assert "Nothing" in nothing.stdout


def test_secrets_are_masked_wherever_a_tree_is_shown(house: House) -> None:
    for arguments in (["--depth", "9"], ["--json"], ["--export", "-"]):
        shown = house.run("device", "tree", SERIAL, *arguments)
        assert "told-in-clear" not in shown.output
        assert "***" in shown.output


def test_a_newer_snapshot_wins(house: House) -> None:
    house.apply(SaveSnapshot(1, Snapshot(SEEN + 60, {SSID: Value("Maison")})))
    values = house.json("device", "tree", SERIAL)["values"]
    assert values[SSID]["value"] == "Maison"
    assert values[SSID]["writable"] is True
    assert values[KEY_PASSPHRASE]["writable"] is None


def test_it_is_written_as_csv(house: House) -> None:
    rows = list(
        csv.reader(io.StringIO(house.run("device", "tree", SERIAL, "--export", "-").stdout))
    )
    assert rows[0] == ["parameter", "value", "type", "writable"]
    assert [SSID, "TP-Link_0001", "string", "yes"] in rows


def test_a_file_that_is_there_is_written_over_only_when_forced(
    house: House, tmp_path: Path
) -> None:
    file = tmp_path / "tree.csv"
    arguments = ("device", "tree", SERIAL, "--export", str(file))
    assert house.run(*arguments).exit_code == 0
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    file.write_text("mine")
    ended = house.run(*arguments, "--refresh")
    assert (ended.exit_code, "--force" in ended.stderr) == (2, True)
    assert file.read_text() == "mine"
    assert house.json("job", "list")["jobs"] == [], "nothing was asked for"
    assert house.run(*arguments, "--force").exit_code == 0
    assert file.read_text().startswith("parameter,value")


def test_no_value_is_a_formula_in_a_spreadsheet(house: House) -> None:
    names = {
        "Device.Hosts.Host.1.HostName": Value('=HYPERLINK("http://x","y")'),
        "Device.Hosts.Host.2.HostName": Value("@SUM(1)"),
        "Device.WiFi.Signal": Value("-45"),
    }
    house.apply(SaveTree(1, SEEN + 1, {**TREE, **names}))
    text = house.run("device", "tree", SERIAL, "--export", "-").stdout
    values = {row[0]: row[1] for row in csv.reader(io.StringIO(text))}
    assert [values[name] for name in names] == ['\'=HYPERLINK("http://x","y")', "'@SUM(1)", "-45"]


def test_a_part_that_was_read_is_no_whole_tree(house: House) -> None:
    other = house.call(OTHER)
    house.apply(SaveTree(other, SEEN, {SSID: Value("A")}, "Device.WiFi."))
    assert house.json("device", "tree", OTHER)["tree_read_at"] is None
    assert "never" in house.run("device", "tree", OTHER).stdout
    house.apply(SaveTree(1, SEEN + 60, {SSID: Value("A")}, "Device.WiFi."))
    tree = house.json("device", "tree", SERIAL)
    assert tree["tree_read_at"] < tree["values"][SSID]["read_at"]


def test_one_parameter_is_shown_without_those_that_begin_alike(house: House) -> None:
    assert list(house.json("device", "tree", SERIAL, SSID)["values"]) == [SSID]
    other = {SSID: Value("Maison"), SSID + "AdvertisementEnabled": Value("1")}
    house.apply(SaveTree(1, SEEN + 60, {**TREE, **other}))
    assert list(house.json("device", "tree", SERIAL, SSID)["values"]) == [SSID]


def test_a_refresh_is_asked_for_once(house: House) -> None:
    first = house.json("device", "tree", SERIAL, "Device.WiFi.", "--refresh", "--names")
    again = house.json("device", "tree", SERIAL, "Device.WiFi.", "--refresh", "--names")
    assert first["job"] == again["job"]
    job = house.job(first["job"]["id"])
    assert (job.kind, job.payload) == (JobKind.TREE, {"path": "Device.WiFi.", "names": True})
    assert house.run("device", "tree", SERIAL, "--wait", "5").exit_code == 2


def test_a_comparison_names_the_command_that_reads_a_missing_tree(house: House) -> None:
    house.call(OTHER)
    ended = house.run("device", "diff", SERIAL, OTHER)
    assert ended.exit_code == 1
    assert (
        f"acs device tree {house.json('device', 'show', OTHER)['device']['key']} --refresh"
        in ended.stderr
    )


def test_two_devices_are_compared_without_what_always_differs(house: House) -> None:
    other = house.call(OTHER)
    tree = {
        **TREE,
        SSID: Value("Autre"),
        "Device.Users.User.2.Password": Value("another"),
        "Device.DeviceInfo.UpTime": Value("9", ValueType.UNSIGNED_INT),
        "Device.NAT.PortMapping.1.Enable": Value("1"),
        "Device.NAT.PortMapping.1.Alias": Value("cpe-1"),
    }
    house.apply(SaveTree(other, SEEN, tree))
    found = house.json("device", "diff", SERIAL, OTHER, code=1)
    assert found["differing"][SSID] == ["TP-Link_0001", "Autre"]
    assert found["differing"]["Device.Users.User.2.Password"] == ["***", "***"]
    assert found["only_first"] == {}
    assert set(found["only_second"]) == {
        "Device.NAT.PortMapping.1.Enable",
        "Device.NAT.PortMapping.1.Alias",
    }
    assert found["ignored"] == 1
    shown = house.run("device", "diff", SERIAL, OTHER)
    assert "Device.NAT.  " in shown.stdout, "an object the other has not is one line"
    assert "(2 values)" in shown.stdout
    every = house.json("device", "diff", SERIAL, OTHER, "--all", code=1)
    assert "Device.DeviceInfo.UpTime" in every["differing"]


def test_secrets_of_both_families_are_masked_in_a_comparison(house: House) -> None:
    (blueprints := house.directory / "blueprints").mkdir()
    (blueprints / "odd.toml").write_text(ODD)
    other = house.call(OTHER)
    path = "Device.X_ODD_Word"
    house.apply(
        SaveDevice(other, {"blueprint": "odd"}),
        SaveTree(other, SEEN, {**TREE, path: Value("in-clear")}),
        SaveTree(1, SEEN + 1, {**TREE, path: Value("in-clear-too")}),
    )
    found = house.json(
        "device", "diff", SERIAL, OTHER, code=1, ACS_PROVISIONING_BLUEPRINT_DIR=str(blueprints)
    )
    assert found["differing"][path] == ["***", "***"]


def test_a_device_is_compared_with_its_past(house: House) -> None:
    assert house.run("device", "diff", SERIAL, "--back", "1").exit_code == 1
    house.apply(SaveTree(1, SEEN + 86_400, {**TREE, SSID: Value("Maison")}))
    found = house.json("device", "diff", SERIAL, "--back", "1", code=1)
    assert found["differing"] == {SSID: ["TP-Link_0001", "Maison"]}
    assert house.run("device", "diff", SERIAL, "--at", "2001-01-01").exit_code == 1
    same = house.run("device", "diff", SERIAL, "--back", "1", "--below", "Device.Users.")
    assert same.exit_code == 0
    assert (
        house.run("device", "diff", SERIAL, "--back", "1", "--below", "Device.Users").exit_code == 0
    )
    ignored = house.run("device", "diff", SERIAL, "--back", "1", "--ignore", "*.SSID")
    assert ignored.exit_code == 0
    mistyped = house.run("device", "diff", SERIAL, "--back", "1", "--below", "Device.Usres.")
    assert mistyped.exit_code == 1
    assert "neither" in mistyped.output


@pytest.mark.parametrize(
    "arguments", [[], [OTHER, "--back", "1"], ["--back", "1", "--at", "2026-01-01"]]
)
def test_one_thing_is_compared_with(house: House, arguments: list[str]) -> None:
    assert house.run("device", "diff", SERIAL, *arguments).exit_code == 2


@pytest.mark.parametrize(
    ("path", "ignored"),
    [
        ("Device.Ethernet.Interface.1.Stats.BytesSent", True),
        ("Device.WiFi.AccessPoint.1.AssociatedDevice.4.Noise", True),
        ("Device.IP.Interface.2.IPv4Address.1.IPAddress", True),
        ("Device.WiFi.SSID.1.SSID", False),
        ("Device.WiFi.SSID.1.Enable", False),
    ],
)
def test_what_is_left_out(path: str, ignored: bool) -> None:
    found = compare({path: Value("1")}, {path: Value("2")}, ignore=(*COUNTERS, *IDENTITIES))
    assert (found.ignored == 1) is ignored
    assert (path in found.differing) is not ignored


# --- sessions ------------------------------------------------------------------------------


def test_recording_is_asked_for_and_stopped(house: House) -> None:
    asked = house.json("session", "record", SERIAL, "--for", "2h")
    assert asked["device"] == KEY
    listed = house.json("session", "recordings")
    assert [each["device"] for each in listed["recorded"]] == [KEY]
    assert listed["recordings"] == []
    assert house.json("session", "stop", SERIAL) == {"device": KEY, "stopped": True}
    assert house.run("session", "stop", SERIAL).exit_code == 1


def test_only_a_new_device_is_recorded_by_its_key_alone(house: House) -> None:
    assert house.run("session", "record", "1C61B4-New-1").exit_code == 4
    assert house.json("session", "record", "1C61B4-New-1", "--new")["device"] == "1C61B4-New-1"
    assert house.json("session", "stop", "1C61B4-New-1")["stopped"] is True
    assert house.run("session", "record", SERIAL, "--for", "30d").exit_code == 2
    for odd in ("garbage", "22275A7000009", "1C61B4-a b-1"):
        refused = house.run("session", "record", odd, "--new")
        assert (refused.exit_code, "is no key of a device" in refused.stderr) == (2, True)


def test_a_recording_is_found_by_a_part_of_its_name(house: House) -> None:
    kept = house.directory / "recordings" / f"{KEY}-20260101T000000Z-abc.jsonl"
    kept.parent.mkdir()
    kept.write_bytes(FIRST.read_bytes())
    for name in (str(kept), kept.name, SERIAL):
        assert house.json("session", "show", name)["file"].endswith(kept.name)
    played = house.run("session", "replay", SERIAL)
    assert played.exit_code == 0, played.output
    assert "the same" in played.stdout
    unknown = house.run("session", "show", "nobody")
    assert unknown.exit_code == 1
    assert "acs session recordings" in unknown.stderr


def test_a_file_that_is_no_recording_is_refused_in_one_line(house: House, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.jsonl"
    wrong.write_text("{}\n{}\n{}\n")
    for command in ("show", "replay"):
        ended = house.run("session", command, str(wrong))
        assert ended.exit_code == 1
        assert "line 1" in ended.stderr
