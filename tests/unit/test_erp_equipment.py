"""A list row as equipment and intent."""

from __future__ import annotations

import re
from dataclasses import replace
from importlib.resources import files
from typing import Any

import pytest

from acs.devices.identity import EquipmentStatus
from acs.model import Secret
from acs.profiles.dial_plans import DialPlan
from acs.profiles.intent import Band, Intent, Management, Radio, Role, Security, Wan
from erp_bridge.equipment import canonical, equipment_of, intent_of, passwords_set
from erp_bridge.mapping import Mapping, load, parse

DEFAULT = (files("erp_bridge") / "mapping.toml").read_text("utf-8")
ROW: dict[str, Any] = {
    "name": "EQP-00001",
    "modified": "2026-11-22 04:52:55.843136",
    "equipment_type": "ONT",
    "status": "Actif",
    "cwmp_serial": " 2227abc ",
    "serial_number": 22275,
    "barcode": None,
    "gpon_serial": "tplgB4FA11C8",
    "mac_address": "1c-61-b4-fa-11-c8",
    "customer": "Marie-Ève Gagnon",
    "service_location": "LOC-1",
    "service_subscription": None,
    "wifi_ssid": "Maison <5G>",
    "wifi_password": "********",
    "sip_username": "4505550101",
    "sip_password": "****",
}
SECRETS = {"wifi_password": Secret("s<b>cr3t"), "sip_password": Secret("p w")}
EMPTY = dict.fromkeys(ROW) | {"name": "EQP-2", "status": "inventory"}


def over(text: str) -> Mapping:
    return parse(text, "site.toml", DEFAULT)


def test_identifiers_come_in_normal_form() -> None:
    equipment = equipment_of(ROW, load())
    assert equipment.name == "EQP-00001"
    assert equipment.cwmp_serial == "2227ABC"
    assert equipment.serial_number == "22275"
    assert equipment.barcode == ""
    assert equipment.gpon_serial == "54504C47B4FA11C8"
    assert equipment.mac == "1C61B4FA11C8"
    assert equipment.status is EquipmentStatus.ACTIVE
    assert equipment.customer == "Marie-Ève Gagnon"
    assert equipment.service_subscription == ""
    assert equipment.modified == ROW["modified"]


def test_a_customer_may_come_from_the_location() -> None:
    mapping = over('[equipment.fields]\ncustomer = "service_location.customer"\n')
    assert equipment_of(ROW | {"customer": "Luc Roy"}, mapping).customer == "Luc Roy"


def test_the_wish_is_on_every_band() -> None:
    wifi = intent_of(ROW, SECRETS, load()).wifi
    assert [network.band for network in wifi] == [Band.GHZ_2_4, Band.GHZ_5]
    assert {network.ssid for network in wifi} == {"Maison <5G>"}
    assert {network.passphrase for network in wifi} == {Secret("s<b>cr3t")}
    assert {network.security for network in wifi} == {Security.WPA2}


def test_bands_suffix_and_security_are_the_sites_choice() -> None:
    mapping = over(
        '[wifi]\nsecurity = "wpa2-wpa3"\n[[wifi.bands]]\nband = "2.4"\n'
        '[[wifi.bands]]\nband = "5"\nsuffix = "-5G"\n'
    )
    wifi = intent_of(ROW, SECRETS, mapping).wifi
    assert [network.ssid for network in wifi] == ["Maison <5G>", "Maison <5G>-5G"]
    assert {network.security for network in wifi} == {Security.WPA2_WPA3}


def test_the_telephone_line_takes_its_constants_from_the_mapping() -> None:
    mapping = over(
        '[voice]\nregistrar = "sip.example.net"\nregistrar_port = 5060\ndomain = "example.net"\n'
    )
    [line] = intent_of(ROW, SECRETS, mapping).voice
    assert line.username == "4505550101"
    assert line.password == Secret("p w")
    assert line.registrar == "sip.example.net"
    assert line.registrar_port == 5060
    assert line.domain == "example.net"
    assert line.proxy is None
    assert line.enabled is True
    assert line.digit_map is None
    assert line.dial_plan is DialPlan.QUEBEC


def test_an_empty_profile_enforces_nothing() -> None:
    assert intent_of(EMPTY, {}, load()) == Intent()


@pytest.mark.parametrize("username", [None, "", "   "])
def test_without_a_sip_user_the_line_is_left_alone(username: object) -> None:
    row = ROW | {"sip_username": username}
    assert intent_of(row, SECRETS, over('[voice]\nregistrar = "sip.example.net"\n')).voice == ()


def test_an_ssid_without_password_changes_no_security() -> None:
    [first, _] = intent_of(ROW, {}, load()).wifi
    assert first.ssid == "Maison <5G>"
    assert first.passphrase is None
    assert first.security is None


def test_the_mask_of_a_list_is_never_a_password() -> None:
    intent = intent_of(ROW, {}, load())
    assert all(network.passphrase is None for network in intent.wifi)
    assert intent.voice[0].password is None
    assert passwords_set(ROW, load()) == ("wifi_password", "sip_password")
    assert passwords_set(EMPTY, load()) == ()


def test_a_guest_network_where_the_site_has_the_fields() -> None:
    mapping = over('[equipment.fields]\nwifi_ssid_guest = "guest_ssid"\n')
    wifi = intent_of(ROW | {"guest_ssid": "Invités"}, SECRETS, mapping).wifi
    guests = [network for network in wifi if network.role is Role.GUEST]
    assert [(n.ssid, n.enabled) for n in guests] == [("Invités", True)] * 2


def test_the_inform_interval_is_a_constant() -> None:
    management = intent_of(EMPTY, {}, over("[management]\nperiodic_inform_interval = 300\n"))
    assert management.management is not None
    assert management.management.periodic_inform is True
    assert management.management.periodic_inform_interval == 300


WISHES = """
[wishes]
wan.mode = "wan_mode"
wan.vlan = "service_subscription.vlan"
wan.username = "pppoe_username"
wan.password = "pppoe_password"
wifi.guest.isolated = "guest_isolated"
wifi.guest.max_clients = "guest_clients"
wifi.iot.ssid = "iot_ssid"
wifi.iot.passphrase = "iot_password"
radio."5".channel = "channel_5"
voice.dial_plan = "plan"
voice.region = "pays"
management.stun_enabled = "stun"
band_steering = "steering"
admin_password = "admin"
[equipment.fields]
wifi_ssid_guest = "guest_ssid"
"""


def wished(own: str = "", secrets: dict[str, Secret] | None = None, **row: Any) -> Intent:
    return intent_of(EMPTY | row, secrets or {}, over(WISHES + own))


def test_an_account_is_a_pppoe_connection() -> None:
    intent = wished(
        secrets={"wan.password": Secret("p")},
        wan_vlan=40,
        pppoe_username="abo@isp",
        pppoe_password="*",
    )
    assert intent == Intent(wan=Wan("pppoe", 40, "abo@isp", Secret("p")))


@pytest.mark.parametrize(
    ("row", "wan"),
    [
        ({"wan_mode": "DHCP", "wan_vlan": "35"}, Wan("ipoe", 35)),
        ({"wan_mode": "PPPoE", "pppoe_username": "a"}, Wan("pppoe", username="a", mtu=1492)),
        ({"pppoe_username": "a", "wan_vlan": 40.0}, Wan("pppoe", 40, "a", mtu=1492)),
        ({"wan_vlan": 40}, Wan(None, 40)),
        ({"wan_vlan": 0}, None),
        ({}, None),
    ],
)
def test_constants_of_a_connection_are_for_who_has_one(
    row: dict[str, Any], wan: Wan | None
) -> None:
    own = '[constants]\nwan.mode = "pppoe"\nwan.mtu = 1492\n'
    # A mode of its own that needs no account takes the constants as well.
    expected = replace(wan, mtu=1492) if wan and wan.mode == "ipoe" else wan
    assert wished(own, **row).wan == expected


def test_a_connection_without_account_can_be_one_for_all() -> None:
    own = '[constants]\nwan.mode = "ipoe"\nwan.vlan = 35\n'
    assert wished(own).wan == Wan("ipoe", 35)
    assert wished(own, pppoe_username="a").wan == Wan("pppoe", 35, "a")


def test_further_networks_and_radios() -> None:
    intent = wished(
        secrets={"wifi.iot.passphrase": Secret("motdepasse")},
        guest_ssid="Invités",
        guest_isolated=1,
        guest_clients=20,
        iot_ssid="Choses",
        channel_5="AUTO",
        steering="Non",
    )
    guests = [each for each in intent.wifi if each.role is Role.GUEST]
    things = [each for each in intent.wifi if each.role is Role.IOT]
    assert [(g.ssid, g.isolated, g.max_clients, g.enabled) for g in guests] == [
        ("Invités", True, 20, True)
    ] * 2
    assert [(t.ssid, t.passphrase, t.security) for t in things] == [
        ("Choses", Secret("motdepasse"), Security.WPA2)
    ] * 2
    assert intent.radios == (Radio(Band.GHZ_5, channel="auto"),)
    assert intent.band_steering is False


def test_constants_alone_make_no_further_network() -> None:
    own = "[constants]\nwifi.guest.max_clients = 20\nwifi.main.hidden = false\n"
    assert {(each.role, each.hidden) for each in wished(own).wifi} == {(Role.MAIN, False)}
    off = wished("[constants]\nwifi.guest.enabled = false\n")
    assert [(each.role, each.enabled) for each in off.wifi] == [(Role.GUEST, False)] * 2


def test_constants_of_management_are_for_all_and_a_field_wins() -> None:
    own = '[constants]\nmanagement.stun_enabled = true\nmanagement.stun_server = "stun.isp"\n'
    assert wished(own).management == Management(stun_enabled=True, stun_server="stun.isp")
    assert wished(own, stun=0).management == Management(stun_enabled=False, stun_server="stun.isp")


def test_a_dial_plan_of_the_customer_wins_over_a_map_for_all() -> None:
    own = '[voice]\ndigit_map = "911|x.t"\n[constants]\nvoice.region = "us"\n'
    [line] = wished(own, sip_username="450").voice
    assert (line.wanted_digit_map, line.region) == ("911|x.t", "US")
    [line] = wished(own, sip_username="450", plan="Quebec", pays="ca").voice
    assert (line.digit_map, line.dial_plan, line.region) == (None, DialPlan.QUEBEC, "CA")


def test_the_password_of_the_web_interface() -> None:
    intent = wished(secrets={"admin_password": Secret("porte")})
    assert intent.admin_password == Secret("porte")


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"wan_vlan": "quarante"}, "service_subscription.vlan (wan.vlan): 'quarante' is no whole"),
        ({"steering": "peut-être"}, "steering (band_steering): 'peut-être' is neither yes nor no"),
        ({"sip_username": "4", "plan": "Ontario"}, "plan (voice.dial_plan): 'Ontario' is none of"),
    ],
)
def test_a_value_that_makes_no_sense_is_named_with_its_field(
    row: dict[str, Any], said: str
) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        wished(**row)


def test_a_change_of_a_linked_document_is_a_change() -> None:
    mapping = over(WISHES)
    before = equipment_of(ROW | {"service_subscription_modified": "a"}, mapping)
    after = equipment_of(ROW | {"service_subscription_modified": "b"}, mapping)
    assert before.modified != after.modified
    assert canonical(before, Intent()) == canonical(after, Intent())


def test_the_canonical_text_changes_with_what_matters_only() -> None:
    mapping = load()
    equipment, intent = equipment_of(ROW, mapping), intent_of(ROW, SECRETS, mapping)
    text = canonical(equipment, intent)
    assert b"s<b>cr3t" in text
    assert canonical(replace(equipment, modified="later", customer="Other"), intent) == text
    assert canonical(replace(equipment, status=EquipmentStatus.DEFECTIVE), intent) != text
    assert canonical(replace(equipment, mac="1C61B4FA11C9"), intent) != text
    other = SECRETS | {"wifi_password": Secret("s<b>cr3u")}
    assert canonical(equipment, intent_of(ROW, other, mapping)) != text
