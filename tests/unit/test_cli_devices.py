"""`acs device list`, `show` and the listings of one device, on a SQLite file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from cli_on_disk import KEY, KEY_PASSPHRASE, PASSPHRASE, SEEN, SERIAL, SSID, House, finish, wish

from acs.devices.effects import EnqueueJob, SaveDevice
from acs.devices.identity import Service, ServiceCategory, ServiceStatus, Treatment
from acs.devices.record import Job, JobKind, JobState, Standing


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path / "data")


# --- list -----------------------------------------------------------------------------------


def test_the_list_counts_all_and_pages_by_id(house: House) -> None:
    first, second = house.call("S1"), house.call("S2")
    house.apply(SaveDevice(second, {"standing": Standing.LIVE}))
    page = house.json("device", "list", "--limit", "1")
    assert [device["id"] for device in page["devices"]] == [first]
    assert page["after"] == first
    assert (page["counts"]["waiting"], page["counts"]["live"]) == (1, 1)
    rest = house.json("device", "list", "--after", str(first))
    assert [device["serial_number"] for device in rest["devices"]] == ["S2"]
    assert rest["after"] is None


def test_the_list_filters_by_standing_and_text(house: House) -> None:
    live = house.call("S1")
    house.call("S2")
    house.apply(SaveDevice(live, {"standing": Standing.LIVE, "mac": "1C61B4FA11C8"}))
    for filters in (("--standing", "live"), ("--search", "fa:11:c8")):
        found = house.json("device", "list", *filters)["devices"]
        assert [device["serial_number"] for device in found] == ["S1"]


def test_the_list_for_people_ends_with_counts(house: House) -> None:
    house.call()
    shown = house.run("device", "list")
    assert KEY in shown.stdout
    assert shown.stdout.splitlines()[-1] == "1 in all: 1 waiting"
    assert "\x1b" not in shown.stdout


def test_an_empty_list_says_so(house: House) -> None:
    shown = house.run("device", "list")
    assert (shown.exit_code, shown.stdout) == (0, "No device.\n0 in all\n")


def test_watching_needs_a_terminal(house: House) -> None:
    shown = house.run("device", "list", "--watch")
    assert shown.exit_code == 2
    assert "needs a terminal" in shown.stderr


def test_times_are_utc_and_never_is_null(house: House) -> None:
    house.call()
    device = house.json("device", "list")["devices"][0]
    assert device["first_seen"] == "2026-09-21T14:13:20.000Z"
    assert device["last_boot"] is None
    assert device["equipment"] is None


# --- finding a device -----------------------------------------------------------------------


@pytest.mark.parametrize("name", [KEY, SERIAL, "1c-61-b4-fa-11-c8", "EQP-00001", "1"])
def test_a_device_goes_by_many_names(house: House, name: str) -> None:
    house.matched_device()
    assert house.json("device", "show", name)["device"]["key"] == KEY


@pytest.mark.parametrize(
    "command",
    [
        ("device", "show"),
        ("device", "timeline"),
        ("device", "faults"),
        ("device", "proof"),
        ("device", "jobs"),
        ("device", "snapshot"),
        ("device", "reboot", "--yes"),
        ("device", "forget", "--yes"),
        ("plan",),
        ("blueprint", "match"),
    ],
)
def test_an_unknown_device_ends_with_4_and_near_names(
    house: House, command: tuple[str, ...]
) -> None:
    house.call()
    ended = house.run(*command, "22275A7000010")
    assert ended.exit_code == 4
    assert f"did you mean {KEY}?" in ended.stderr
    assert ended.stdout == ""


def test_a_name_of_two_devices_ends_with_4_and_both_keys(house: House) -> None:
    house.call("S1", "A")
    house.call("S1", "B")
    ended = house.run("device", "show", "S1")
    assert ended.exit_code == 4
    assert "fits 2 devices: 1C61B4-A-S1, 1C61B4-B-S1" in ended.stderr


# --- one device -----------------------------------------------------------------------------


def test_show_tells_all_that_is_known(house: House) -> None:
    house.matched_device()
    known = house.json("device", "show", SERIAL)
    assert known["device"]["standing"] == "live"
    assert known["device"]["own_credentials"] is True
    assert known["equipment"]["customer"] == "Jean Tremblay"
    assert known["proof"]["complete"] is True
    assert known["faults"][0]["parameters"] == [f"{SSID}: 9007 too long"]
    text = house.run("device", "show", SERIAL).stdout
    for said in ("what was written is seen", "EQP-00001", "1C:61:B4:FA:11:C8", "9007 too long"):
        assert said in text
    assert "complete" in text


def test_show_tells_what_status_and_subscriptions_take_away(house: House) -> None:
    house.matched_device()
    row = wish()
    services = (
        Service("SUB-1", ServiceCategory.INTERNET, ServiceStatus.SUSPENDED),
        Service("SUB-2", ServiceCategory.VOICE, ServiceStatus.ACTIVE),
    )
    box = replace(row.equipment, services=services, treatment=Treatment.HOLD)
    house.mirror(replace(row, equipment=box))
    text = house.run("device", "show", SERIAL).stdout
    assert "internet suspended (SUB-1), voice active (SUB-2)" in text
    assert "active: nothing is pushed" in text
    known = house.json("device", "show", SERIAL)["equipment"]
    assert known["treatment"] == "hold"
    assert known["services"][0] == {
        "name": "SUB-1",
        "category": "internet",
        "status": "suspended",
    }


def test_a_device_cannot_write_to_the_terminal(house: House) -> None:
    device_id = house.call()
    house.apply(SaveDevice(device_id, {"model": "\x1b]0;owned\x07", "reason": "a\nb"}))
    for command in (("device", "show", SERIAL), ("device", "list")):
        shown = house.run(*command).stdout
        assert "\x1b" not in shown
        assert "\\x1b]0;owned\\x07" in shown


def test_the_timeline_is_newest_first_and_bounded(house: House) -> None:
    house.matched_device()
    entries = house.json("device", "timeline", SERIAL, "-n", "1")["timeline"]
    assert [(entry["kind"], entry["session"]) for entry in entries] == [("first contact", "s1")]
    assert "first contact" in house.run("device", "timeline", SERIAL).stdout


def test_faults_of_all_devices_name_the_device_and_the_parameter(house: House) -> None:
    house.matched_device()
    fault = house.json("device", "faults")["faults"][0]
    assert (fault["device"], fault["code"]) == (KEY, 9003)
    shown = house.run("device", "faults").stdout
    assert KEY in shown
    assert f"{SSID}: 9007 too long" in shown


def test_no_fault_is_said(house: House) -> None:
    house.call()
    assert house.run("device", "faults", SERIAL).stdout == "No open fault.\n"


def test_the_proof_shows_each_line(house: House) -> None:
    house.matched_device()
    proof = house.json("device", "proof", SERIAL)["proofs"][0]
    assert [(line["path"], line["verdict"]) for line in proof["lines"]] == [
        (SSID, "proven"),
        (KEY_PASSPHRASE, "written"),
    ]
    assert proof["lines"][1]["wanted"] == "***"


def test_a_device_without_proof_ends_with_1(house: House) -> None:
    house.call()
    ended = house.run("device", "proof", SERIAL)
    assert (ended.exit_code, ended.stdout) == (1, "No proof yet.\n")


def test_the_snapshot_is_in_order_and_masked(house: House) -> None:
    house.matched_device()
    values = house.json("device", "snapshot", SERIAL)["values"]
    assert values["Device.Users.User.2.Password"]["value"] == "***"
    assert values[SSID] == {"value": "TP-Link_0001", "type": "string"}
    below = house.json("device", "snapshot", SERIAL, "Device.WiFi.Radio.")["values"]
    assert list(below) == [
        "Device.WiFi.Radio.1.Channel",
        "Device.WiFi.Radio.1.OperatingFrequencyBand",
    ]
    assert "told-in-clear" not in house.run("device", "snapshot", SERIAL).stdout


def test_jobs_are_listed_with_outcome_and_without_secrets(house: House) -> None:
    device_id = house.matched_device()
    path = "Device.Users.User.2.Password"
    house.apply(
        EnqueueJob(
            Job(
                0,
                device_id,
                JobKind.SET,
                {"changes": [{"path": "Device.X.Code", "value": PASSPHRASE, "secret": True}]},
                created_at=SEEN,
                created_by="test",
            )
        ),
        EnqueueJob(Job(0, device_id, JobKind.READ, {"paths": [path]}, created_at=SEEN)),
    )
    finish(house, 2, JobState.DONE, {"values": {path: PASSPHRASE}, "missing": []})
    listed = house.json("device", "jobs", SERIAL)["jobs"]
    assert [(job["id"], job["state"]) for job in listed] == [(2, "done"), (1, "queued")]
    assert listed[0]["result"]["values"] == {path: "***"}
    assert listed[1]["payload"]["changes"][0]["value"] == "***"
    assert PASSPHRASE not in house.run("device", "jobs", SERIAL).stdout


# --- forget ---------------------------------------------------------------------------------


def test_forgetting_asks_and_warns_of_the_devices_own_password(house: House) -> None:
    house.matched_device()
    kept = house.run("device", "forget", SERIAL, text="n\n")
    assert kept.exit_code == 1
    assert "refused until a factory reset" in kept.output
    gone = house.run("device", "forget", SERIAL, text="y\n")
    assert gone.exit_code == 0
    assert house.run("device", "show", SERIAL).exit_code == 4
