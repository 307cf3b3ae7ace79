"""A customer's document as a card, and what `acs doctor` says of customers."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import msgspec
import pytest
from erp_in_memory import Erp

from erp_bridge.check import findings
from erp_bridge.customer import CustomerCard, card_of, read_card
from erp_bridge.errors import ErpForbidden, ErpUnavailable
from erp_bridge.mapping import Mapping, load, parse
from erp_bridge.schema import Finding, Level
from simulators.erpnext.schema import DocTypes, standard_doctypes

DEFAULT = (files("erp_bridge") / "mapping.toml").read_text("utf-8")
ALL = {
    "name": "Luc Roy - 1",
    "customer_name": "Luc Roy",
    "cell_phone": "+14505550101",
    "mobile_no": "+14505550199",
    "email_billing": "facture@exemple.test",
    "email_id": "autre@exemple.test",
}


def over(text: str) -> Mapping:
    return parse(text, "site.toml", DEFAULT)


# --- the card -------------------------------------------------------------------------------


def test_the_first_filled_field_counts() -> None:
    card = card_of(ALL, load())
    assert card == CustomerCard("Luc Roy - 1", "Luc Roy", "+14505550101", "facture@exemple.test")


@pytest.mark.parametrize("empty", [None, "", "  ", "\u00a0", "\n\t"])
def test_blanks_do_not_fill_a_field(empty: str | None) -> None:
    card = card_of(ALL | {"cell_phone": empty, "email_billing": empty}, load())
    assert (card.phone, card.email) == ("+14505550199", "autre@exemple.test")


def test_phone_and_e_mail_are_chosen_apart() -> None:
    card = card_of(ALL | {"cell_phone": ""}, load())
    assert (card.phone, card.email) == ("+14505550199", "facture@exemple.test")


def test_what_is_left_out_is_empty_and_the_document_names_the_customer() -> None:
    assert card_of({"name": "CUST-7"}, load()) == CustomerCard("CUST-7", "CUST-7", "", "")


def test_texts_are_one_line_with_composed_accents_and_numbers_are_texts() -> None:
    row = {"customer_name": " Marie-E\u0300ve\u00a0 Gagnon\n", "cell_phone": 4505550102}
    card = card_of({"name": "C", **row}, load())
    assert (card.title, card.phone) == ("Marie-Ève Gagnon", "4505550102")


def test_a_sites_own_order_counts() -> None:
    mapping = over('[customer]\nname = ""\nphone = ["mobile_no", "cell_phone"]\nemail = []\n')
    assert card_of(ALL, mapping) == CustomerCard("Luc Roy - 1", "Luc Roy - 1", "+14505550199", "")


# --- reading --------------------------------------------------------------------------------


def erp_with(*customers: dict[str, Any]) -> Erp:
    erp = Erp()
    setup = erp.client("acs.setup")
    for customer in customers:
        usual = {"customer_type": "Individual", "customer_group": "Résidentiel"}
        document = {"doctype": "Customer", "territory": "Canada", **usual, **customer}
        setup.call("frappe.client.insert", doc=document)
    return erp


def test_two_customers_of_one_name_are_told_apart_by_their_documents() -> None:
    erp = erp_with(
        {"customer_name": "Luc Roy", "cell_phone": "1"},
        {"customer_name": "Luc Roy", "cell_phone": "2"},
    )
    cards = [read_card(erp.client(), load(), name) for name in ("Luc Roy", "Luc Roy - 1")]
    assert cards == [
        CustomerCard("Luc Roy", "Luc Roy", "1", ""),
        CustomerCard("Luc Roy - 1", "Luc Roy", "2", ""),
    ]


@pytest.mark.parametrize("name", ["Boulangerie A/B & fils #2 100 %", "Élodie Côté"])
def test_a_name_with_signs_of_addresses_is_read(name: str) -> None:
    erp = erp_with({"customer_name": name, "mobile_no": "450"})
    assert read_card(erp.client(), load(), name) == CustomerCard(name, name, "450", "")


@pytest.mark.parametrize("name", ["Nobody", "", " ", ".", ".."])
def test_a_customer_that_is_not_there_has_no_card(name: str) -> None:
    assert read_card(erp_with().client(), load(), name) is None


def test_a_mapping_without_the_doctype_asks_nothing() -> None:
    erp = erp_with({"customer_name": "Luc Roy"})
    before = erp.routes
    assert read_card(erp.client(), over('[customer]\ndoctype = ""\n'), "Luc Roy") is None
    assert erp.routes == before


def test_other_failures_are_told() -> None:
    erp = erp_with({"customer_name": "Luc Roy"})
    with pytest.raises(ErpForbidden):
        read_card(erp.client("acs.nobody"), load(), "Luc Roy")
    erp.order("500html")
    with pytest.raises(ErpUnavailable):
        read_card(erp.client(), load(), "Luc Roy")


# --- acs doctor -----------------------------------------------------------------------------


def about_customers(erp: Erp, mapping: Mapping | None = None) -> list[Finding]:
    found = findings(erp.client(), mapping or load())
    assert [finding for finding in found if finding.level is Level.ERROR] == []
    return [finding for finding in found if "ustomer" in finding.text]


def changed(**changes: Any) -> DocTypes:
    """The doctypes of the site, Customer with changes."""
    kinds = dict(standard_doctypes())
    kinds["Customer"] = msgspec.structs.replace(kinds["Customer"], **changes)
    return kinds


def test_a_site_with_all_fields_is_well() -> None:
    assert about_customers(Erp()) == [Finding(Level.OK, "Customer has all mapped fields")]


def test_a_missing_field_is_a_warning() -> None:
    fields = standard_doctypes()["Customer"].fields
    kept = tuple(field for field in fields if field.name != "cell_phone")
    [finding] = about_customers(Erp(doctypes=changed(fields=kept)))
    assert finding.level is Level.WARNING
    assert "no field 'cell_phone'" in finding.text


def test_customers_that_may_not_be_read_are_a_warning() -> None:
    [finding] = about_customers(Erp(doctypes=changed(permissions={})))
    assert finding.level is Level.WARNING
    assert finding.text.startswith("Customer may not be read")
    assert "role that may read Customer" in finding.fix


def test_a_missing_doctype_is_a_warning_and_none_is_well() -> None:
    [finding] = about_customers(Erp(), over('[customer]\ndoctype = "Abonne"\n'))
    assert finding.level is Level.WARNING
    assert "no doctype 'Abonne'" in finding.text
    assert "customer.doctype" in finding.fix
    assert about_customers(Erp(), over('[customer]\ndoctype = ""\n')) == []
