"""`acs device show --customer`, with a stand-in of ERPNext in memory."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cli_on_disk import KEY, SERIAL, House, wish
from erp_in_memory import Erp

from acs.settings import ErpSettings

CONNECTED = {
    "ACS_ERP_URL": "http://127.0.0.1:8069",
    "ACS_ERP_API_KEY": "demo-key",
    "ACS_ERP_API_SECRET": "demo-secret",
}
CUSTOMER = {
    "doctype": "Customer",
    "customer_name": "Jean Tremblay",
    "customer_type": "Individual",
    "customer_group": "Résidentiel",
    "territory": "Canada",
    "cell_phone": "+14505550101",
    "email_id": "jean@exemple.test",
}


@pytest.fixture
def house(tmp_path: Path) -> House:
    made = House(tmp_path / "data")
    made.matched_device()
    return made


@pytest.fixture
def erp(monkeypatch: pytest.MonkeyPatch) -> Erp:
    """A site with one customer, who is asked in place of the configured one."""
    site = Erp()
    site.client("acs.setup").call("frappe.client.insert", doc=CUSTOMER)

    def client(settings: ErpSettings) -> Any:
        assert settings.url == CONNECTED["ACS_ERP_URL"]
        return site.client()

    monkeypatch.setattr("acs.cli.customer.make_client", client)
    return site


def card(shown: str) -> list[list[str]]:
    """The lines under the heading of the customer, as name and value."""
    lines = shown.partition("\nCustomer\n")[2].splitlines()
    return [line.rstrip().split(maxsplit=1) for line in lines]


def test_the_card_is_shown_with_the_rest(house: House, erp: Erp) -> None:
    shown = house.run("device", "show", SERIAL, "--customer", **CONNECTED)
    assert shown.exit_code == 0, shown.output
    assert KEY in shown.stdout
    assert card(shown.stdout) == [
        ["Name", "Jean Tremblay"],
        ["Phone", "+14505550101"],
        ["E-mail", "jean@exemple.test"],
    ]


def test_the_card_for_machines(house: House, erp: Erp) -> None:
    shown = house.json("device", "show", SERIAL, "--customer", **CONNECTED)
    assert shown["customer"] == {
        "name": "Jean Tremblay",
        "title": "Jean Tremblay",
        "phone": "+14505550101",
        "email": "jean@exemple.test",
    }
    assert shown["equipment"]["name"] == "EQP-00001"


def test_erpnext_is_not_asked_unless_wished(house: House, erp: Erp) -> None:
    before = erp.routes
    assert "customer" not in house.json("device", "show", SERIAL, **CONNECTED)
    assert erp.routes == before


def test_a_name_other_than_the_documents_is_shown_with_it(house: House, erp: Erp) -> None:
    setup = erp.client("acs.setup")
    setup.call("frappe.client.insert", doc={**CUSTOMER, "cell_phone": "2", "email_id": ""})
    row = wish()
    house.mirror(replace(row, equipment=replace(row.equipment, customer="Jean Tremblay - 1")))
    shown = house.run("device", "show", SERIAL, "--customer", **CONNECTED).stdout
    assert card(shown) == [
        ["Name", "Jean Tremblay"],
        ["Document", "Jean Tremblay - 1"],
        ["Phone", "2"],
        ["E-mail", "none"],
    ]


# --- no card --------------------------------------------------------------------------------


def refused(house: House, **settings: str) -> str:
    """Look with and without ``--json``: the rest is shown, and the same reason told, which is
    returned."""
    ended = house.run("device", "show", SERIAL, "--customer", **settings)
    assert ended.exit_code == 1, ended.output
    assert KEY in ended.stdout
    assert "\nCustomer\n" not in ended.stdout
    again = house.run("device", "show", SERIAL, "--customer", "--json", **settings)
    assert again.exit_code == 1
    document = json.loads(again.stdout)
    assert (document["device"]["key"], document["customer"]) == (KEY, None)
    assert again.stderr == ended.stderr
    return ended.stderr


def test_without_erpnext_the_setting_is_named(house: House) -> None:
    assert "erp.url is empty" in refused(house)


def test_an_erpnext_that_does_not_answer_is_told(house: House, erp: Erp) -> None:
    erp.order("503")
    assert "acs: ERPNext: ERPNext is in maintenance" in refused(house, **CONNECTED)


def test_a_missing_right_is_told(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    site = Erp()
    site.client("acs.setup").call("frappe.client.insert", doc=CUSTOMER)
    monkeypatch.setattr("acs.cli.customer.make_client", lambda _: site.client("acs.nobody"))
    assert "ERPNext refuses the right" in refused(house, **CONNECTED)


def test_a_customer_that_is_gone_is_told(house: House, erp: Erp) -> None:
    row = wish()
    house.mirror(replace(row, equipment=replace(row.equipment, customer="Luc Roy")))
    assert "there is no Customer 'Luc Roy'" in refused(house, **CONNECTED)


def test_an_equipment_of_nobody_is_told_without_a_question(house: House, erp: Erp) -> None:
    row = wish()
    house.mirror(replace(row, equipment=replace(row.equipment, customer="")))
    before = erp.routes
    assert "EQP-00001 names none" in refused(house, **CONNECTED)
    assert erp.routes == before


def test_a_device_without_equipment_is_told(tmp_path: Path, erp: Erp) -> None:
    house = House(tmp_path / "other")
    house.call()
    assert "no equipment in the mirror" in refused(house, **CONNECTED)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[customer]\ndoctype = ""\n', "customer.doctype is empty"),
        ("[customer]\nphone = 7\n", "line 2: customer.phone: Expected `array`"),
    ],
)
def test_a_mapping_that_does_not_serve_is_told(
    house: House, erp: Erp, tmp_path: Path, text: str, said: str
) -> None:
    file = tmp_path / "mapping.toml"
    file.write_text(text, "utf-8")
    assert said in refused(house, ACS_ERP_MAPPING=str(file), **CONNECTED)
