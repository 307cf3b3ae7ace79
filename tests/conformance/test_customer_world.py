"""What the customer's world asks of the running program, numbered as in its list of checks.

Charges are nobody's yet: 10 and 16 are tried as far as webhooks, devices and events go, 11 is not.
The stand-in of ERPNext has no scheduler, so all that is tried with it is tried without one.
Checks, or parts of them, that are tried elsewhere:

 2 words of both       test_erp_services.py::test_status_words_of_both_languages_are_one_value
 2 cancelled           test_erp_services.py::test_what_is_cancelled_is_overwritten...
 4 one refused field   test_erp_lookup.py::test_one_refused_field_does_not_lose_the_batch
 5 its first line      test_erp_client.py::test_a_refusal_shows_the_first_line...
 5 417 is not retried  test_erp_client.py::test_what_cannot_help_is_not_tried_again
 5 5xx and time-outs   test_erp_client.py::test_a_read_is_made_again_where_that_may_help
 5 with back-off       test_erp_outbox_worker.py::test_pauses_grow_up_to_an_hour
 6 at once             test_webhook_to_device.py::test_a_scan_after_the_first_contact_needs_no_hand
 8 both paths          test_health.py::test_both_optical_paths_give_the_same_dbm
 8 limits              test_optical_power.py::test_limits_at_below_and_above
 9 signals             test_optical_power.py::test_signal_of_either_scale_is_dbm
10 five times          test_erpnext_bridge_rules.py::test_9_a_job_reopened_and_completed_again...
12 each category       test_erp_services.py::test_a_negative_price_is_a_rebate_and_never_a_service
13 webhooks, polling   test_erpnext_chaos.py::test_webhooks_that_are_doubled_late_mixed_and_lost
14 log on a disk       test_rival_defects.py::test_the_log_cannot_fill_the_disk
15 devices answered    test_disk_full.py::test_on_a_full_disk_known_devices_are_answered...
16 devices, ERPNext    test_erpnext_chaos.py::test_in_dry_run_nothing_leaves...
16 events              test_events_duty.py::test_what_may_not_leave_is_recorded_as_withheld
"""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import covered
import pytest
from acs_fixtures import ERP_SETTINGS, NewHome
from homes import KEY, MAIN, SIP_PASSWORD, SSID, Home
from running_acs import RunningAcs, wait_for

from acs.devices.record import Standing
from simulators.erpnext.running import RunningSimulator


@pytest.mark.parametrize(("file", "test"), covered.named(__doc__))
def test_what_is_said_to_be_tried_elsewhere_is(file: str, test: str) -> None:
    assert covered.exists(file, test)


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


# --- 12: rebates --------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["Actif", "Suspendu", "Annulé"])
def test_a_negative_price_row_never_provisions_as_a_service(home: Home, status: str) -> None:
    """A suspended rebate suspends nobody, and an active one brings nobody back."""
    place = f"LOC-R{home.number}"
    home.site.add("Service Location", name=place, customer="Jean Tremblay", address_line="1 rue A")
    bought = "Suspendu" if status == "Actif" else "Actif"
    for name, price, state in (("RABAIS", -10.0, status), ("SERVICE", 79.95, bought)):
        home.site.add(
            "Service Subscription",
            name=f"{name}-{home.number}",
            customer="Jean Tremblay",
            service_location=place,
            service_category="Internet",
            monthly_price=price,
            status=state,
        )
    home.scan(service_location=place)
    home.settle_in()
    enabled = "0" if bought == "Suspendu" else "1"
    assert [home.shows(ENABLED.format(i)) for i in MAIN] == [enabled] * 2


# --- 14: a day in small ---------------------------------------------------------------------------

HOMES, ROUNDS = 8, 6


def test_a_steady_load_and_then_all_at_once_leaves_little_in_log_and_store(
    live_acs: RunningAcs, make_home: NewHome
) -> None:
    """Figures of a whole fleet are the benchmark's; this is what a session may leave behind."""
    homes = [make_home() for _ in range(HOMES)]
    for home in homes:
        home.scan()
        home.settle_in()

    def used() -> tuple[int, int]:
        """Octets of the log, and pages of the database."""
        with live_acs.database.read() as conn:
            pages: int = conn.exec_driver_sql("PRAGMA page_count").scalar_one()
        return len(live_acs.log.encode()), pages

    log, kept = used()
    sessions = [home.call("2 PERIODIC") for _ in range(ROUNDS) for home in homes]
    with ThreadPoolExecutor(HOMES) as pool:
        sessions += pool.map(lambda home: home.call("2 PERIODIC"), homes)
    assert [session.rpcs for session in sessions] == [[]] * HOMES * (ROUNDS + 1)
    now_log, now_kept = used()
    assert now_log - log < len(sessions) * 10, "a session that changes nothing is no line"
    assert now_kept - kept <= len(sessions) // 10, "nor is it a row"
    assert live_acs.health()["status"] == "ok"
