"""Outbound safety as operators see it: every command says the mode, held devices are released."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli_on_disk import KEY, SERIAL, House

from acs.devices.effects import SaveDevice
from acs.devices.record import Custody, Standing
from acs.store import devices, wakes


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def held(house: House) -> int:
    device_id = house.matched_device()
    house.apply(SaveDevice(device_id, {"standing": Standing.PLANNED, "custody": Custody.FOREIGN}))
    return device_id


@pytest.mark.parametrize("command", [("device", "list"), ("doctor",), ("device", "jobs", SERIAL)])
def test_every_listing_says_that_nothing_is_sent(house: House, command: tuple[str, ...]) -> None:
    house.matched_device()
    quiet = house.run(*command)
    assert "dry-run: nothing is sent" not in quiet.output
    told = house.run(*command, ACS_SAFETY_MODE="dry-run")
    assert "dry-run: nothing is sent to devices or ERPNext" in told.output


def test_the_allow_list_is_named(house: House) -> None:
    ended = house.run(
        "device", "list", ACS_SAFETY_MODE="allow-list", ACS_SAFETY_DEVICES="A-1,B-2",
        ACS_SAFETY_TAGS="pilot",
    )  # fmt: skip
    assert "allow-list: only A-1, B-2, #pilot" in ended.output


def test_a_held_device_is_released_and_called(house: House) -> None:
    device_id = held(house)
    assert house.run("device", "release", SERIAL, "--yes").exit_code == 0
    with house.open().read() as conn:
        assert devices.get_thd(conn, device_id).custody is Custody.OURS
        wake = wakes.get_thd(conn, device_id)
    assert wake is not None and wake.reason == "released"
    assert "released" in house.run("device", "timeline", SERIAL).output


def test_all_held_devices_are_released_at_once(house: House) -> None:
    device_id = held(house)
    none = house.run("device", "release", "--all", "--query", "model=other", "--yes")
    assert none.exit_code == 1 and "no device is held" in none.output
    assert house.json("device", "release", "--all", "--yes") == {"released": [KEY]}
    with house.open().read() as conn:
        assert devices.get_thd(conn, device_id).custody is Custody.OURS


def test_a_device_that_is_not_held_cannot_be_released(house: House) -> None:
    house.matched_device()
    ended = house.run("device", "release", SERIAL, "--yes")
    assert ended.exit_code == 1 and "is not held" in ended.output
    assert house.run("device", "release").exit_code == 2
