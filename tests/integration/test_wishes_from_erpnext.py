"""From fields of ERPNext to what a simulated ONT has: the mapping, the plan, the proof."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from acs_fixtures import ERP_SETTINGS, StartAcs
from homes import Home, new_home
from running_acs import RunningAcs

from acs.devices.record import Standing
from simulators.erpnext.running import RunningSimulator

MAPPING = """
[equipment.fields]
wifi_ssid_guest = "guest_ssid"
wifi_password_guest = "guest_password"
[wishes]
wan.vlan = "service_subscription.vlan"
wan.username = "service_subscription.pppoe_username"
wan.password = "service_subscription.pppoe_password"
radio."5".channel = "wifi_channel_5"
wifi.guest.isolated = "guest_isolated"
[constants]
voice.region = "CA"
"""
ACCOUNT = {"vlan": 1035, "pppoe_username": "abo@isp.test", "pppoe_password": "Ruche-77<b>"}
IP, PPP = "Device.IP.Interface.{}.", "Device.PPP.Interface.{}."
DIGIT_MAP = "Device.X_TP_Services.X_TP_VoiceService.1.VoiceProfile.1.DigitMap"


@pytest.fixture(scope="module")
def wishing(
    start_acs: StartAcs, erpnext: RunningSimulator, tmp_path_factory: pytest.TempPathFactory
) -> RunningAcs:
    mapping = tmp_path_factory.mktemp("mapping") / "site.toml"
    mapping.write_text(MAPPING)
    return start_acs(ERP_URL=erpnext.url, ERP_MAPPING=str(mapping), **ERP_SETTINGS)


@pytest.fixture
def home(wishing: RunningAcs, erpnext: RunningSimulator) -> Home:
    """A home whose ONT reaches us by DHCP on the VLAN of its subscription, without an account."""
    made = new_home(wishing, erpnext.url)
    tree = made.ont.tree
    tree.drop_row("Device.PPP.Interface.", 3)
    tree.put(f"{IP.format(6)}LowerLayers", "Device.Ethernet.VLANTermination.3.")
    tree.put(f"{IP.format(6)}X_TP_ConnType", "DHCP")
    subscription = f"SUB-T{made.number}"
    made.site.add(
        "Service Subscription",
        name=subscription,
        customer="Jean Tremblay",
        status="Actif",
        vlan=2,
    )
    made.scan(service_subscription=subscription)
    return made


def plan_of(home: Home) -> Any:
    done = home.acs.command("plan", home.equipment, "--refresh", "--json")
    assert done.returncode in (0, 1), done.stderr
    assert ACCOUNT["pppoe_password"] not in done.stdout
    return json.loads(done.stdout)


def rows(home: Home, table: str) -> list[int]:
    return list(home.ont.tree.rows(table))


def test_an_account_of_the_subscription_becomes_a_connection(home: Home) -> None:
    home.settle_in()
    assert rows(home, "Device.PPP.Interface.") == []
    assert plan_of(home)["changes"] == []
    home.site.change("Service Subscription", f"SUB-T{home.number}", **ACCOUNT)
    shown = home.acs.command("plan", home.equipment, "--refresh").stdout
    assert re.search(r"create Device\.PPP\.Interface\.", shown), shown
    assert "1035" in shown
    assert ACCOUNT["pppoe_username"] in shown
    assert ACCOUNT["pppoe_password"] not in shown

    for _ in range(4):
        home.call("2 PERIODIC")
    [ppp] = rows(home, "Device.PPP.Interface.")
    assert home.shows(f"{PPP.format(ppp)}Username") == ACCOUNT["pppoe_username"]
    assert home.shows(f"{PPP.format(ppp)}Password") == ACCOUNT["pppoe_password"]
    vlan = home.shows(f"{PPP.format(ppp)}LowerLayers")
    assert home.shows(f"{vlan}VLANID") == "1035"
    [above] = [
        number
        for number in rows(home, "Device.IP.Interface.")
        if home.shows(f"{IP.format(number)}LowerLayers") == PPP.format(ppp)
    ]
    assert home.shows(f"{IP.format(above)}X_TP_ConnType") == "PPPoE"
    assert home.device.standing is Standing.LIVE, home.device.reason
    assert plan_of(home)["changes"] == []


def test_fields_and_constants_reach_the_device(home: Home) -> None:
    home.change(
        wifi_channel_5="44", guest_ssid="Visite", guest_password="bienvenue", guest_isolated=1
    )
    home.settle_in()
    assert home.device.standing is Standing.LIVE, home.device.reason
    assert home.shows("Device.WiFi.Radio.2.Channel") == "44"
    assert home.shows("Device.WiFi.SSID.6.SSID") == "Visite"
    assert home.shows("Device.WiFi.AccessPoint.6.IsolationEnable") == "1"
    assert home.shows(DIGIT_MAP).startswith("911|988|")


def test_a_value_that_makes_no_sense_holds_the_device_and_is_named(home: Home) -> None:
    home.change(wifi_channel_5="onze")
    home.call()
    assert home.device.standing is Standing.WAITING
    assert "wifi_channel_5 (radio.5.channel): 'onze'" in home.device.reason
    home.change(wifi_channel_5="auto")
    home.call()
    home.call()
    assert home.device.standing is Standing.LIVE
    assert home.shows("Device.WiFi.Radio.2.AutoChannelEnable") == "1"


def test_doctor_finds_the_fields_of_both_doctypes(wishing: RunningAcs, tmp_path: Path) -> None:
    found = json.loads(wishing.command("doctor", "--json").stdout)["findings"]
    assert "Service Equipment has all mapped fields" in [each["text"] for each in found]
