"""`acs plan` on a SQLite file: what would be written, from what is stored alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from cli_on_disk import (
    KEY,
    KEY_PASSPHRASE,
    PASSPHRASE,
    SEEN,
    SERIAL,
    SSID,
    TREE,
    House,
    wish,
)
from wan_runs import PASSWORD, PPPOE
from wan_trees import family_a

from acs.devices.effects import SaveDevice, SaveModelNames, SaveSnapshot, SaveTree
from acs.devices.identity import EquipmentStatus, Treatment
from acs.devices.provisioning import wish_key
from acs.devices.record import Snapshot
from acs.devices.vocabulary import model_key
from acs.model import Value
from acs.profiles import Band, Intent, Library, Radio
from acs.profiles.changes import seal_written
from acs.server import fingerprint_key, policy_of
from acs.store.devices import get_thd


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path / "data")


def test_changes_are_shown_in_order_with_why_group_and_no_secret(house: House) -> None:
    house.matched_device()
    plan = house.json("plan", SERIAL, code=1)
    assert plan["result"] == "changes"
    assert (plan["device"], plan["equipment"], plan["blueprint"]) == (KEY, "EQP-00001", "tplink-a")
    assert plan["snapshot_at"] == "2026-09-21T14:13:20.000Z"
    assert [
        (c["path"], c["current"], c["wanted"], c["group"], c["why"]) for c in plan["changes"]
    ] == [
        (SSID, "TP-Link_0001", "Maison Tremblay", "set", "wifi 2.4 main: ssid"),
        (KEY_PASSPHRASE, "***", "***", "set", "wifi 2.4 main: passphrase"),
    ]
    shown = house.run("plan", SERIAL)
    assert shown.exit_code == 1
    assert "Maison Tremblay" in shown.stdout
    assert "2 changes." in shown.stdout
    assert PASSPHRASE not in shown.output


def test_nothing_to_change_is_0(house: House) -> None:
    device_id = house.matched_device()
    database = house.open()
    sealed = seal_written(fingerprint_key(database), KEY_PASSPHRASE, Value(PASSPHRASE))
    database.dispose()
    values = {**TREE, SSID: Value("Maison Tremblay")}
    house.apply(SaveSnapshot(device_id, Snapshot(SEEN, values, {KEY_PASSPHRASE: sealed})))
    plan = house.json("plan", SERIAL)
    assert (plan["result"], plan["changes"], plan["kept"]) == ("in order", [], 2)
    assert "Nothing to change. 2 parameters are as wanted." in house.run("plan", SERIAL).stdout


def test_what_was_not_read_for_an_earlier_wish_is_unknown_not_absent(house: House) -> None:
    house.matched_device()
    interval = {"ACS_PROVISIONING_PERIODIC_INFORM_INTERVAL": "777"}
    plan = house.json("plan", SERIAL, code=1, **interval)
    by_path = {change["path"]: change for change in plan["changes"]}
    found = by_path["Device.ManagementServer.PeriodicInformInterval"]
    assert (found["current"], found["wanted"], found["group"]) == (None, "777", "management")
    assert plan["problems"] == []
    assert any("last read for another wish" in note for note in plan["notes"])


def test_a_leaf_of_a_row_that_was_not_read_is_planned_all_the_same(house: House) -> None:
    device_id = house.matched_device()
    values = {path: value for path, value in TREE.items() if path not in (SSID, KEY_PASSPHRASE)}
    house.apply(SaveSnapshot(device_id, Snapshot(SEEN, values)))
    plan = house.json("plan", SERIAL, code=1)
    planned = {change["path"]: change["current"] for change in plan["changes"]}
    assert planned == {SSID: None, KEY_PASSPHRASE: "***"}


def test_what_was_asked_for_this_very_wish_and_is_not_there_is_a_problem(house: House) -> None:
    device_id = house.matched_device()
    blueprint = Library.load().get("tplink-a")
    assert blueprint is not None
    compared = wish_key("digest of Maison Tremblay", blueprint, policy_of(house.settings))
    values = {path: value for path, value in TREE.items() if path != SSID}
    house.apply(
        SaveDevice(device_id, {"wish": compared}), SaveSnapshot(device_id, Snapshot(SEEN, values))
    )
    plan = house.json("plan", SERIAL, code=1)
    assert [problem["setting"] for problem in plan["problems"]] == ["ssid"]


def test_a_device_without_equipment_in_the_mirror_says_so(house: House) -> None:
    house.call()
    plan = house.json("plan", SERIAL, code=1)
    assert (plan["result"], plan["equipment"]) == ("unknown", None)
    assert "matches no equipment in the mirror" in plan["reason"]


@pytest.mark.parametrize("url", ["", "https://erp.example.net"])
def test_a_device_without_equipment_is_told_how_to_ask(house: House, url: str) -> None:
    house.call()
    keys = {"ACS_ERP_API_KEY": "key", "ACS_ERP_API_SECRET": "secret"} if url else {}
    shown = house.run("plan", SERIAL, ACS_ERP_URL=url, **keys)
    assert shown.exit_code == 1
    assert (f"acs plan {KEY} --refresh" in shown.stdout) is bool(url)


def test_a_device_that_fits_two_equipments_names_both(house: House) -> None:
    house.call()
    house.mirror(wish("EQP-1"), wish("EQP-2"))
    assert "EQP-1, EQP-2" in house.json("plan", SERIAL, code=1)["reason"]


def test_a_device_that_will_be_matched_is_told_with_what(house: House) -> None:
    device_id = house.call()
    house.mirror(wish())
    house.apply(SaveSnapshot(device_id, Snapshot(SEEN, TREE)))
    plan = house.json("plan", SERIAL, code=1)
    assert (plan["equipment"], plan["matched_by"]) == ("EQP-00001", "serial_number")
    assert any("not matched yet" in note for note in plan["notes"])
    assert any("own user name and password are not shown" in note for note in plan["notes"])


def test_a_device_that_was_never_read_has_no_plan_yet(house: House) -> None:
    house.call()
    house.mirror(wish())
    assert "not read yet" in house.json("plan", SERIAL, code=1)["reason"]


def test_nothing_is_pushed_to_returned_equipment(house: House) -> None:
    house.matched_device()
    house.mirror(wish(status=EquipmentStatus.RETURNED, treatment=Treatment.HOLD))
    plan = house.json("plan", SERIAL)
    assert (plan["result"], plan["changes"]) == ("held", [])
    assert "EQP-00001 is returned" in plan["reason"]


def test_a_plan_that_is_too_long_says_that_nothing_would_be_written(house: House) -> None:
    house.matched_device()
    plan = house.json("plan", SERIAL, code=1, ACS_PROVISIONING_MAX_CHANGES="1")
    assert any("a session would write nothing" in note for note in plan["notes"])


def test_refreshing_without_erpnext_names_the_setting(house: House) -> None:
    house.matched_device()
    ended = house.run("plan", SERIAL, "--refresh")
    assert ended.exit_code == 3
    assert "erp.url is empty" in ended.stderr


def test_a_connection_is_shown_step_by_step_with_symbols(house: House) -> None:
    device_id = house.matched_device()
    house.mirror(replace(wish(), intent=Intent(wan=PPPOE)))
    values = {**TREE, **family_a().values}
    house.apply(SaveSnapshot(device_id, Snapshot(SEEN, values)))
    plan = house.json("plan", SERIAL, code=1)
    created = [step["create"] for step in plan["steps"] if step["create"]]
    assert created[0] == "Device.X_TP_GPON.Link.{gpon}."
    leaves = sum(len(step["changes"]) for step in plan["steps"])
    assert plan["reason"] == f"{leaves + len(created)} changes"
    assert len(created) == 7
    shown = house.run("plan", SERIAL).stdout
    assert "create Device.PPP.Interface.{ppp}." in shown
    assert PASSWORD not in shown


def test_a_connection_of_a_device_whose_own_were_never_read_is_not_guessed(house: House) -> None:
    house.matched_device()
    house.mirror(replace(wish(), intent=Intent(wan=PPPOE)))
    plan = house.json("plan", SERIAL, code=1)
    assert (plan["result"], plan["steps"]) == ("unknown", [])
    assert any("connections were not read yet" in note for note in plan["notes"])


def test_a_tree_that_was_read_shows_a_connection_before_it_is_built(house: House) -> None:
    device_id = house.matched_device()
    house.mirror(replace(wish(), intent=Intent(wan=PPPOE)))
    values = {**TREE, **family_a().values, "Device.PPP.Interface.9.Password": Value("in-clear-4")}
    house.apply(SaveTree(device_id, SEEN + 60, values))
    plan = house.json("plan", SERIAL, code=1)
    created = [step["create"] for step in plan["steps"] if step["create"]]
    assert created[0] == "Device.X_TP_GPON.Link.{gpon}."
    assert not any("connections were not read yet" in note for note in plan["notes"])
    assert any("as its tree of 2026-09-21 14:14:20Z has it" in note for note in plan["notes"])
    assert "in-clear-4" not in house.run("plan", SERIAL).output


def test_a_tree_from_before_a_reset_says_nothing(house: House) -> None:
    device_id = house.matched_device()
    house.mirror(replace(wish(), intent=Intent(wan=PPPOE)))
    tree = SaveTree(device_id, SEEN + 60, {**TREE, **family_a().values})
    house.apply(tree, SaveDevice(device_id, {"last_bootstrap": SEEN + 120}))
    plan = house.json("plan", SERIAL, code=1)
    assert (plan["result"], plan["steps"]) == ("unknown", [])


def test_a_leaf_that_the_model_is_known_to_have_is_unknown_not_absent(house: House) -> None:
    device_id = house.matched_device()
    values = {path: value for path, value in TREE.items() if not path.endswith("Channel")}
    radio = "Device.WiFi.Radio.{i}."
    house.apply(SaveSnapshot(device_id, Snapshot(SEEN, values)))
    house.mirror(replace(wish(), intent=Intent(radios=(Radio(Band.GHZ_2_4, channel=11),))))
    absent = house.json("plan", SERIAL, code=1)
    assert [problem["setting"] for problem in absent["problems"]] == ["channel"]

    database = house.open()
    with database.read() as conn:
        device = get_thd(conn, device_id)
    database.dispose()
    names = {radio + "Channel": True, radio + "AutoChannelEnable": True}
    assert device is not None
    house.apply(SaveModelNames(model_key(device), SEEN, names))
    plan = house.json("plan", SERIAL, code=1)
    assert plan["problems"] == []
    assert {c["path"]: (c["current"], c["wanted"]) for c in plan["changes"]} == {
        "Device.WiFi.Radio.1.Channel": (None, "11"),
        "Device.WiFi.Radio.1.AutoChannelEnable": (None, "0"),
    }
