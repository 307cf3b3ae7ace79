"""What the customer's world asks of the running program."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from acs_fixtures import ERP_SETTINGS, NewHome
from homes import KEY, MAIN, SIP_PASSWORD, SSID, Home
from running_acs import RunningAcs, wait_for

from acs.devices.record import Standing
from simulators.erpnext.running import RunningSimulator

# --- 1: the mapping is a file, and wrong ones are refused at the start ------------------------


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('[equipment.fields]\nserial_nummer = "serial_number"\n', ("line 2", "serial_number")),
        ('[equipment.fields]\nserial_number = "numero_de_serie"\n', ("numero_de_serie",)),
        ('[equipment]\ndoctype = "Équipement"\n', ("Équipement",)),
        ('[equipment.fields]\nmac_address = "service_location"\n', ("service_location",)),
        ("[equipment.fields]\nserial_number = 7\n", ("line 2", "serial_number")),
        ("[equipment\n", ("line 1",)),
    ],
    ids=["unknown key", "unknown field", "missing doctype", "wrong type", "number", "no TOML"],
)
def test_a_mapping_that_does_not_fit_fails_the_start_with_the_fix_named(
    erpnext: RunningSimulator, tmp_path: Path, text: str, named: tuple[str, ...]
) -> None:
    file = tmp_path / "mapping.toml"
    file.write_text(text, "utf-8")
    acs = RunningAcs(
        tmp_path / "acs", ERP_URL=erpnext.url, ERP_MAPPING=str(file), LOG_FILE="-", **ERP_SETTINGS
    )
    ended = acs.command("serve", "--ready")
    assert ended.returncode == 3, ended
    assert "ready" not in ended.stdout
    assert "Traceback" not in ended.stderr
    for words in named:
        assert words in ended.stderr


def test_a_site_that_cannot_be_reached_does_not_keep_the_server_from_starting(
    tmp_path: Path,
) -> None:
    acs = RunningAcs(tmp_path / "acs", ERP_URL="http://127.0.0.1:9", **ERP_SETTINGS)
    try:
        acs.start()
        assert acs.health()["status"] in ("ok", "degraded")
    finally:
        acs.close()


def test_a_site_without_the_fields_of_customers_does_not_keep_the_server_from_starting(
    erpnext: RunningSimulator, tmp_path: Path
) -> None:
    file = tmp_path / "mapping.toml"
    file.write_text('[customer]\ndoctype = "Abonne"\nphone = ["numero"]\n', "utf-8")
    acs = RunningAcs(tmp_path / "acs", ERP_URL=erpnext.url, ERP_MAPPING=str(file), **ERP_SETTINGS)
    try:
        acs.start()
        assert acs.health()["status"] == "ok"
    finally:
        acs.close()


# --- 3: phone and e-mail --------------------------------------------------------------------------

CUSTOM = {"cell_phone": "+14505550301", "email_billing": "facture@exemple.test"}
STOCK = {"mobile_no": "+14505550302", "email_id": "stock@exemple.test"}


@pytest.mark.parametrize(
    ("filled", "phone", "email"),
    [
        (CUSTOM | STOCK, "+14505550301", "facture@exemple.test"),
        (CUSTOM, "+14505550301", "facture@exemple.test"),
        (STOCK, "+14505550302", "stock@exemple.test"),
        (STOCK | {"cell_phone": "+14505550301"}, "+14505550301", "stock@exemple.test"),
        (STOCK | {"cell_phone": " ", "email_billing": ""}, "+14505550302", "stock@exemple.test"),
        ({}, "", ""),
    ],
    ids=["all", "custom only", "stock only", "mixed", "custom blank", "none"],
)
def test_phone_and_e_mail_come_from_cell_phone_email_billing_then_the_stock_fields(
    live_acs: RunningAcs, home: Home, filled: dict[str, str], phone: str, email: str
) -> None:
    customer = f"Client {home.number}"
    kind = {"customer_type": "Individual", "customer_group": "Résidentiel", "territory": "Canada"}
    home.site.add("Customer", customer_name=customer, **kind, **filled)
    home.scan(customer=customer)
    home.settle_in()
    ended = live_acs.command("device", "show", home.serial, "--customer", "--json")
    assert ended.returncode == 0, ended
    assert json.loads(ended.stdout)["customer"] == {
        "name": customer,
        "title": customer,
        "phone": phone,
        "email": email,
    }


# --- 6: which comes first, the scan or the ONT --------------------------------------------------


def test_scan_before_first_inform_ends_provisioned(home: Home) -> None:
    home.scan()
    home.settle_in()
    assert home.is_served
    assert home.device.standing is Standing.LIVE
    assert home.device.equipment == home.equipment


def test_first_inform_before_scan_ends_provisioned(home: Home) -> None:
    first = home.call()
    assert home.device.standing is Standing.QUARANTINED
    assert not first.named("SetParameterValues")
    assert not home.call("2 PERIODIC").named("SetParameterValues")
    home.scan()
    assert home.call("2 PERIODIC").named("SetParameterValues"), "at its very next contact"
    home.call()
    assert home.is_served
    assert home.device.standing is Standing.LIVE


def test_first_inform_before_a_scan_of_the_gpon_serial_ends_provisioned(home: Home) -> None:
    home.call()
    assert home.device.standing is Standing.QUARANTINED
    home.scan_by_mac(gpon_serial=f"TPLG{home.mac.replace(':', '')[4:]}")
    home.call("2 PERIODIC")
    home.call()
    assert home.device.matched_by == "gpon_serial"
    assert home.is_served


def test_a_box_that_is_recorded_only_after_its_reset_ends_provisioned(home: Home) -> None:
    home.call()
    home.ont.factory_reset()
    home.scan()
    home.settle_in()
    assert home.is_served


ENABLED = "Device.WiFi.SSID.{}.Enable"
DIGIT_MAP = "Device.X_TP_Services.X_TP_VoiceService.1.VoiceProfile.1.DigitMap"


@pytest.mark.parametrize("status", ["defective", "returned"])
def test_a_box_out_of_service_is_neutral_until_it_is_active(home: Home, status: str) -> None:
    home.scan()
    home.settle_in()
    assert home.is_served
    change_and_call(home, lambda: home.change(status=status))
    assert home.device.standing is Standing.NEUTRAL
    for i in MAIN:
        assert home.shows(ENABLED.format(i)) == "0"
        assert home.ssid not in home.shows(SSID.format(i))
        assert home.key not in home.shows(KEY.format(i))
    assert home.shows(SIP_PASSWORD) != home.sip_password
    change_and_call(home, lambda: home.change(status="active"))
    assert home.is_served
    assert home.shows(ENABLED.format(1)) == "1"
    assert home.shows(SIP_PASSWORD) == home.sip_password
    assert home.device.standing is Standing.LIVE


def change_and_call(home: Home, change: Callable[[], None]) -> None:
    """Change something in ERPNext, and have the ONT call until it has what follows from it."""
    before = home.mirrored().digest
    change()
    home.call("2 PERIODIC")  # has the mirror look
    wait_for("the change", lambda: home.mirrored().digest != before)
    home.call("2 PERIODIC")
    home.call()


# --- 2: subscriptions -------------------------------------------------------------------------


def test_who_is_suspended_keeps_911_and_has_all_back_once_active(home: Home) -> None:
    name = f"SUB-T{home.number}"
    service = {"service_category": "Bundle", "monthly_price": 89.95}
    home.site.add(
        "Service Subscription", name=name, customer="Jean Tremblay", status="Suspendu", **service
    )
    home.scan(service_subscription=name)
    home.settle_in()
    assert home.device.standing is Standing.LIVE
    assert [home.shows(ENABLED.format(i)) for i in MAIN] == ["0", "0"]
    assert home.shows(DIGIT_MAP) == "911"
    assert home.shows(SIP_PASSWORD) == home.sip_password
    change = partial(home.site.change, "Service Subscription", name)
    change_and_call(home, lambda: change(status="Actif"))
    assert home.is_served
    assert [home.shows(ENABLED.format(i)) for i in MAIN] == ["1", "1"]
    assert home.shows(DIGIT_MAP).startswith("911|")


def test_a_box_without_a_profile_is_left_as_it_is(home: Home) -> None:
    home.scan(wifi_ssid=None, wifi_password=None, sip_username=None, sip_password=None)
    first = home.settle_in()
    paths = {path for rpc in first.named("SetParameterValues") for path in rpc.values}
    assert not [path for path in paths if ".WiFi." in path or ".X_TP_Services." in path]
    assert home.device.standing is Standing.LIVE


# --- 7: the serial the OLT sees -------------------------------------------------------------------


def test_gpon_serial_as_text_and_as_hex_match_the_same_box(make_home: NewHome) -> None:
    for spelled in ("TPLG{}", "54504C47{}"):
        home = make_home()
        home.scan_by_mac(gpon_serial=spelled.format(home.mac.replace(":", "")[4:]))
        home.settle_in()
        assert (home.device.equipment, home.device.matched_by) == (home.equipment, "gpon_serial")
        assert home.is_served


def test_two_rows_on_one_gpon_serial_go_to_quarantine(home: Home) -> None:
    tail = home.mac.replace(":", "")[4:]
    home.scan_by_mac(gpon_serial=f"TPLG{tail}")
    home.scan_by_mac(name=f"{home.equipment}-B", gpon_serial=f"54504C47{tail}")
    assert not home.call().named("SetParameterValues")
    assert home.device.standing is Standing.QUARANTINED
    assert {home.equipment, f"{home.equipment}-B"} <= set(
        home.device.reason.replace(",", " ").split()
    )
    home.site.delete("Service Equipment", f"{home.equipment}-B")
    home.call("2 PERIODIC")  # has the mirror look
    wait_for("the row to be gone", lambda: home.mirrored(f"{home.equipment}-B") is None)
    home.call("2 PERIODIC")
    home.call()
    assert home.device.standing is Standing.LIVE, "once a person has decided"


def test_two_rows_on_one_serial_go_to_quarantine(live_acs: RunningAcs, home: Home) -> None:
    home.scan()
    home.scan(name=f"{home.equipment}-B")
    assert not home.call().named("SetParameterValues")
    assert home.device.standing is Standing.QUARANTINED
    assert not live_acs.faults(home.device)
