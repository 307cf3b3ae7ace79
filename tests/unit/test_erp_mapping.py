"""The mapping file: default, overlay, and errors that name place and fix."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import pytest

from acs.devices.identity import EquipmentStatus
from acs.profiles.dial_plans import DIGIT_MAPS, DialPlan, emergency_waits
from erp_bridge.mapping import (
    Mapping,
    MappingError,
    customer_fields,
    fields,
    load,
    parse,
    site_fields,
)
from erp_bridge.words import fold

DEFAULT = (files("erp_bridge") / "mapping.toml").read_text("utf-8")


def over(text: str) -> Mapping:
    return parse(text, "site.toml", DEFAULT)


def test_the_default_loads() -> None:
    mapping = load()
    assert mapping.equipment.doctype == "Service Equipment"
    assert [rule.band.value for rule in mapping.wifi.bands] == ["2.4", "5"]
    assert mapping.wifi.security.value == "wpa2"


def test_the_dial_plan_of_all_is_quebecs_where_911_waits_for_nothing() -> None:
    plan = load().constants["voice.dial_plan"]
    assert plan is DialPlan.QUEBEC
    assert not emergency_waits(DIGIT_MAPS[plan])


def test_a_sites_file_names_only_what_differs(tmp_path: Path) -> None:
    path = tmp_path / "mapping.toml"
    path.write_text(
        '[equipment]\ndoctype = "Equipement"\n[equipment.fields]\nmac_address = "mac"\n'
        'barcode = ""\n[[wifi.bands]]\nband = "5"\nsuffix = "-5G"\n',
        "utf-8",
    )
    mapping = load(path)
    assert mapping.equipment.doctype == "Equipement"
    assert site_fields(mapping)["mac_address"] == "mac"
    assert site_fields(mapping)["serial_number"] == "serial_number"
    assert "barcode" not in site_fields(mapping)
    assert [(r.band.value, r.suffix) for r in mapping.wifi.bands] == [("5", "-5G")]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[equipment]\nx = ", "not TOML"),
        ("\n[equipmnt]\n", "line 2: unknown key 'equipmnt'. Did you mean 'equipment'?"),
        (
            '[equipment.fields]\nmac_adress = "m"\n',
            "line 2: unknown key 'equipment.fields.mac_adress'. Did you mean 'mac_address'?",
        ),
        ("[voice]\nregistrar = 7\n", "line 2: voice.registrar: Expected `str`, got `int`"),
        ('[wifi]\nsecurity = "wep"\n', "line 2: wifi.security: Invalid enum value 'wep'"),
        ('[[wifi.bands]]\nband = "60"\n', "Invalid enum value '60'"),
        ('[[wifi.bands]]\nband = "5"\nprefix = "x"\n', "unknown field `prefix`"),
        ('[[wifi.bands]]\nband = "5"\n[[wifi.bands]]\nband = "5"\n', "names a band twice"),
        ('[equipment.fields]\nstatus = ""\n', "line 2: equipment.fields.status: is needed"),
        ('[equipment.fields]\nstatus = "Le statut"\n', "is no field name"),
        ('[equipment.fields]\nmac_address = "a.b"\n', "is no field name"),
        ('[equipment.fields]\nbarcode = "mac_address"\n', "is the same field as"),
        ('[equipment.status]\nactive = ["Retourne"]\n', "also means"),
        ('[equipment]\ndoctype = " "\n', "line 2: equipment.doctype: is empty"),
        ("[lookup]\nmac_spellings = []\n", "Keep at least one spelling"),
        ('[passwords]\nscript = "a/b"\n', "is no method name"),
        ("[voice]\nline = 0\n", "counts from 1"),
        ("[voice]\nproxy_port = 70000\n", "is no port"),
        ("[management]\nperiodic_inform_interval = 5\n", "must be 0, or 30 s to a week"),
        ('[customer]\nphones = ["a"]\n', "unknown key 'customer.phones'. Did you mean 'phone'?"),
        (
            '[customer]\nphone = "cell_phone"\n',
            "line 2: customer.phone: Expected `array`, got `str`",
        ),
        ("[customer]\nemail = [7]\n", "line 2: customer.email"),
        ("[customer]\nname = []\n", "line 2: customer.name: Expected `str`, got `array`"),
        ('[customer]\nphone = [""]\n', "line 2: customer.phone: '' is no field name"),
        ('[customer]\nphone = ["Cell Phone"]\n', "'Cell Phone' is no field name"),
        ('[customer]\nphone = ["contact.phone"]\n', "'contact.phone' is no field name"),
        ('[customer]\nname = "Nom"\n', "line 2: customer.name: 'Nom' is no field name"),
        ('[customer]\nphone = ["a", "a"]\n', "customer.phone: 'a' is named twice (in phone)"),
        ('[customer]\nphone = ["a"]\nemail = ["a"]\n', "customer.email: 'a' is named twice"),
        ('[customer]\ndoctype = " "\n', "line 2: customer.doctype: is blank"),
        ("[wishes]\nwan.vlna = 'x'\n", "line 2: wishes.wan.vlna: there is no such setting. Did"),
        ("[wishes]\nwan.vlna = 'x'\n", "you mean 'wan.vlan'?"),
        ("[wishes]\n'wan.vlan' = 7\n", "line 2: wishes.wan.vlan: must be the name of a field"),
        ("[wishes]\nwan.vlan = 'Le VLAN'\n", "line 2: wishes.wan.vlan: 'Le VLAN' is no field name"),
        ("[wishes]\nvoice.username = 'x'\n", "name the field as equipment.fields.sip_username"),
        ("[wishes]\nwan.vlan = 'status'\n", "line 2: wishes.wan.vlan: is the same field as status"),
        ("wishes = 3\n", "line 1: wishes: must be a table"),
        ("[constants]\nstun = 'x'\n", "line 2: constants.stun: there is no such setting"),
        ("[constants.wan]\nvlan = 5000\n", "line 2: constants.wan.vlan: is 5000; 1 to 4094"),
        ("[constants]\nwan.vlan = 'x'\n", "constants.wan.vlan: 'x' is no whole number"),
        ("[constants]\nwan.mode = 'pptp'\n", "is 'pptp'; pppoe and ipoe are possible"),
        ("[constants]\nwan.vlan = [4]\n", "must be a text, a whole number, true or false"),
        ("[constants]\nwan.ipv6 = 'peut-être'\n", "'peut-être' is neither yes nor no"),
        ("[constants]\nvoice.dial_plan = 'ontario'\n", "'ontario' is none of quebec"),
        ("[constants]\nvoice.registrar = 'x'\n", "write it as registrar of [voice]"),
        ("[constants]\nwan.password = 'x'\n", "a secret is never one for all"),
        ("[constants]\nwan.username = 'x'\n", "no two customers share it"),
        ("[constants]\nradio.'5'.channel = 6\n", "is 6; 5 GHz has 32 to 177, and auto"),
        ("[constants]\nmanagement.acs_url = 'http://x'\n", "there is no such setting"),
        ("customer = 3\n", "line 1: customer: Expected `object`, got `int`"),
        ("equipment = 3\n", "line 1: equipment: Expected `object`, got `int`"),
    ],
)
def test_a_bad_file_is_refused_with_place_and_fix(text: str, said: str) -> None:
    with pytest.raises(MappingError) as caught:
        over(text)
    assert said in str(caught.value)
    assert str(caught.value).startswith("site.toml")


def test_a_setting_may_be_spelled_with_or_without_quotes() -> None:
    own = """
[wishes]
"wan.vlan" = "service_subscription.vlan"
wan.mtu = "mtu"
radio."2.4".channel = "canal"
[wishes.wifi.guest]
isolated = "isoler"
[constants]
"voice.dial_plan" = ""
management.stun_enabled = true
[subscription.effects.suspended]
voice = "keep"
"""
    mapping = over(own)
    assert mapping.wishes == {
        "wan.vlan": "service_subscription.vlan",
        "wan.mtu": "mtu",
        "radio.2.4.channel": "canal",
        "wifi.guest.isolated": "isoler",
    }
    assert mapping.constants == {"management.stun_enabled": True}
    asked = fields(mapping)
    assert "service_subscription.vlan as wan_vlan" in asked
    assert "service_subscription.modified as service_subscription_modified" in asked
    assert "canal" in asked


def test_fields_of_customers_stand_in_order() -> None:
    assert customer_fields(load()) == [
        ("name", "customer_name"),
        ("phone", "cell_phone"),
        ("phone", "mobile_no"),
        ("email", "email_billing"),
        ("email", "email_id"),
    ]


def test_a_site_may_name_its_own_fields_of_customers_or_none() -> None:
    mapping = over('[customer]\ndoctype = "Client"\nname = ""\nphone = ["tel"]\nemail = []\n')
    assert mapping.customer.doctype == "Client"
    assert customer_fields(mapping) == [("phone", "tel")]


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(MappingError, match=r"gone\.toml: cannot be read"):
        load(tmp_path / "gone.toml")


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("Actif", EquipmentStatus.ACTIVE),
        ("ACTIVE", EquipmentStatus.ACTIVE),
        ("  en   SERVICE ", EquipmentStatus.ACTIVE),
        ("assigne", EquipmentStatus.ACTIVE),
        ("Inventaire", EquipmentStatus.INVENTORY),
        ("inventory", EquipmentStatus.INVENTORY),
        ("Défectueux", EquipmentStatus.DEFECTIVE),
        ("defectueux", EquipmentStatus.DEFECTIVE),
        ("De\u0301fectueux", EquipmentStatus.DEFECTIVE),
        ("Retourné", EquipmentStatus.RETURNED),
        ("retourne", EquipmentStatus.RETURNED),
        ("Annulé", EquipmentStatus.RETURNED),
        ("annule", EquipmentStatus.RETURNED),
        ("", EquipmentStatus.UNKNOWN),
        ("Quarantaine", EquipmentStatus.UNKNOWN),
    ],
)
def test_status_words_in_both_languages(word: str, status: EquipmentStatus) -> None:
    assert load().status_of(word) is status


def test_fold_makes_annule_one_word() -> None:
    assert fold("Annulé") == fold("annule") == fold(" ANNULE ") == "annule"


@pytest.mark.parametrize(
    ("kind", "ours"),
    [("ONT", True), ("ont", True), ("Routeur", True), ("", True), ("TV Box", False)],
)
def test_only_some_types_are_ours(kind: str, ours: bool) -> None:
    assert load().is_ours(kind) is ours
    assert over("[equipment]\ntypes = []\n").is_ours(kind)


def test_fields_asked_for() -> None:
    mapping = over('[equipment.fields]\ncustomer = "service_location.customer"\nbarcode = ""\n')
    asked = fields(mapping, without=frozenset({"gpon_serial"}))
    assert asked[:2] == ["name", "modified"]
    assert "service_location.customer as customer" in asked
    assert "barcode" not in asked
    assert "gpon_serial" not in asked
    assert "" not in asked
