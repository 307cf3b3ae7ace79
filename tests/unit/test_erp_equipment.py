"""A list row as equipment and intent."""

from __future__ import annotations

from dataclasses import replace
from importlib.resources import files
from typing import Any

import pytest

from acs.devices.identity import EquipmentStatus
from acs.model import Secret
from acs.profiles.intent import Band, Intent, Role, Security
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
    assert (line.digit_map or "").startswith("911|")


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
