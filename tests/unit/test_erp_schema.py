"""The mapping against the schema of a site."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import pytest

from erp_bridge.mapping import load, parse
from erp_bridge.schema import Level, check_customer, check_linked, check_meta, linked_doctypes

DEFAULT = (files("erp_bridge") / "mapping.toml").read_text("utf-8")

GOOD: dict[str, dict[str, Any]] = {
    "equipment_type": {"fieldtype": "Select", "options": "\nONT\nRouter"},
    "status": {"fieldtype": "Select", "options": "inventory\nactive\nDéfectueux\nreturned"},
    "cwmp_serial": {"fieldtype": "Data", "search_index": 1},
    "serial_number": {"fieldtype": "Data", "search_index": 1},
    "barcode": {"fieldtype": "Data", "search_index": 1},
    "gpon_serial": {"fieldtype": "Data", "search_index": 1},
    "mac_address": {"fieldtype": "Data", "unique": 1},
    "customer": {"fieldtype": "Link", "options": "Customer"},
    "service_location": {"fieldtype": "Link"},
    "service_subscription": {"fieldtype": "Link"},
    "wifi_ssid": {"fieldtype": "Data", "ignore_xss_filter": 1},
    "wifi_password": {"fieldtype": "Password", "ignore_xss_filter": 1},
    "sip_username": {"fieldtype": "Data"},
    "sip_password": {"fieldtype": "Password", "ignore_xss_filter": 1},
}


def meta(**changes: dict[str, Any] | None) -> dict[str, Any]:
    rows = {name: row | (changes.get(name) or {}) for name, row in GOOD.items()}
    kept = [n for n in rows if n not in changes or changes[n] is not None]
    return {"fields": [{"fieldname": name, **rows[name]} for name in kept]}


def test_a_schema_that_fits_has_no_findings() -> None:
    assert check_meta(load(), meta()) == []


@pytest.mark.parametrize(
    ("changes", "level", "said"),
    [
        ({"gpon_serial": None}, Level.ERROR, "has no field 'gpon_serial'"),
        ({"wifi_password": {"fieldtype": "Data"}}, Level.ERROR, "is of type Data"),
        ({"customer": {"fieldtype": "Select"}}, Level.ERROR, "is of type Select"),
        ({"mac_address": {"fieldtype": "Int"}}, Level.ERROR, "is of type Int"),
        ({"mac_address": {"unique": 0, "search_index": 1}}, Level.WARNING, "is not unique"),
        ({"serial_number": {"search_index": 0}}, Level.WARNING, "has no index"),
        ({"sip_password": {"ignore_xss_filter": 0}}, Level.WARNING, "HTML filter"),
        ({"wifi_ssid": {"ignore_xss_filter": 0}}, Level.WARNING, "HTML filter"),
        ({"customer": {"is_virtual": 1}}, Level.WARNING, "virtual"),
        ({"customer": {"fetch_from": "a.b"}}, Level.WARNING, "fetched"),
        ({"status": {"options": "active\nEn transit"}}, Level.WARNING, "En transit"),
    ],
)
def test_each_fault_is_named_with_its_fix(changes: dict[str, Any], level: Level, said: str) -> None:
    [finding] = check_meta(load(), meta(**changes))
    assert finding.level is level
    assert said in finding.text
    assert finding.fix


@pytest.mark.parametrize(("ours", "spared"), [("barcode", True), ("serial_number", False)])
def test_only_a_field_that_can_be_spared_may_be_left_out(ours: str, spared: bool) -> None:
    [finding] = check_meta(load(), meta(**{ours: None}))
    assert (f'{ours} = ""' in finding.fix) is spared
    assert "(Customize Form)" in finding.fix


def test_a_schema_without_fields_names_all_of_them() -> None:
    assert len(check_meta(load(), {})) == len(GOOD)


CUSTOMER = {
    "customer_name": "Data",
    "cell_phone": "Phone",
    "mobile_no": "Read Only",
    "email_billing": "Data",
    "email_id": "Read Only",
}


def customer_meta(**changes: str | None) -> dict[str, Any]:
    types = {**CUSTOMER, **changes}
    return {"fields": [{"fieldname": n, "fieldtype": kind} for n, kind in types.items() if kind]}


def test_a_customer_that_fits_has_no_findings() -> None:
    assert check_customer(load(), customer_meta()) == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"cell_phone": None}, "Customer has no field 'cell_phone' (mapped as phone)"),
        ({"customer_name": None}, "Customer has no field 'customer_name' (mapped as name)"),
        ({"email_id": "Password"}, "Customer.email_id is of type Password"),
        ({"cell_phone": "Table"}, "Customer.cell_phone is of type Table"),
    ],
)
def test_a_fault_of_customers_is_a_warning_with_its_fix(
    changes: dict[str, str | None], said: str
) -> None:
    [finding] = check_customer(load(), customer_meta(**changes))
    assert finding.level is Level.WARNING
    assert said in finding.text
    assert "customer." in finding.fix


def test_customers_without_any_field_are_warnings_only() -> None:
    found = check_customer(load(), {"fields": None})
    assert [finding.level for finding in found] == [Level.WARNING] * len(CUSTOMER)


WISHES = """
[wishes]
wan.vlan = "service_subscription.vlan"
wan.password = "pppoe_password"
wifi.guest.isolated = "guest_isolated"
"""


def wishing(**changes: dict[str, Any] | None) -> dict[str, Any]:
    found = meta(service_subscription={"fieldtype": "Link", "options": "Service Subscription"})
    more = {
        "pppoe_password": {"fieldtype": "Password", "ignore_xss_filter": 1},
        "guest_isolated": {"fieldtype": "Check"},
        **changes,
    }
    found["fields"] += [{"fieldname": name, **row} for name, row in more.items() if row]
    return found


def test_wishes_are_looked_for_on_the_site_and_on_linked_documents() -> None:
    mapping = parse(WISHES, "site.toml", DEFAULT)
    assert check_meta(mapping, wishing()) == []
    assert linked_doctypes(mapping, wishing()) == {"service_subscription": "Service Subscription"}
    target = {"fields": [{"fieldname": "vlan", "fieldtype": "Int"}]}
    link = ("service_subscription", "Service Subscription")
    assert check_linked(mapping, *link, target) == []
    [lacking] = check_linked(mapping, *link, {"fields": []})
    assert "Service Subscription has no field 'vlan' (mapped as wan.vlan)" in lacking.text
    assert 'wan.vlan = ""' in lacking.fix


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"pppoe_password": {"fieldtype": "Data"}}, "cannot serve as wan.password"),
        ({"pppoe_password": None}, "no field 'pppoe_password' (mapped as wan.password)"),
        ({"guest_isolated": {"fieldtype": "Table"}}, "cannot serve as wifi.guest.isolated"),
    ],
)
def test_a_wish_without_its_field_is_an_error(
    changes: dict[str, dict[str, Any] | None], said: str
) -> None:
    [finding] = check_meta(parse(WISHES, "site.toml", DEFAULT), wishing(**changes))
    assert finding.level is Level.ERROR
    assert said in finding.text
