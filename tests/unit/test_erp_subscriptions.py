"""Subscriptions around equipment, read with it and followed by sweeps, on the simulated site."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import msgspec
import pytest
from erp_in_memory import DOCTYPE, Erp, keyed

from acs.devices.identity import ServiceCategory, ServiceStatus, Terms
from acs.model import Secret
from acs.profiles import DialPlan
from erp_bridge.check import findings
from erp_bridge.errors import ErpMisconfigured
from erp_bridge.following import has_unfollowed_links
from erp_bridge.lookup import Lookup, Read, Unchanged
from erp_bridge.mapping import Mapping, load, parse
from erp_bridge.schema import Level
from simulators.erpnext.seeding import bulk_serial

SUBSCRIPTION = "Service Subscription"
DEFAULT = (files("erp_bridge") / "mapping.toml").read_text("utf-8")
EQP, SUB = "EQP-100001", "SUB-0000100001"
LISTS = (f"list {SUBSCRIPTION}", f"frappe.client.get_list {SUBSCRIPTION}")


def over(own: str) -> Mapping:
    return parse(own, "site.toml", DEFAULT)


def set_value(erp: Erp, doctype: str, name: str, **values: Any) -> None:
    erp.client("acs.setup").call(
        "frappe.client.set_value", doctype=doctype, name=name, fieldname=values
    )


def subscribe(erp: Erp, name: str, number: int = 1, **values: Any) -> None:
    """Add a subscription at the place of a generated customer."""
    location = erp.client().read("Service Location", f"LOC-{100_000 + number}")
    given = {"service_location": location["name"], "customer": location["customer"], **values}
    erp.simulator.site.seed([{"doctype": SUBSCRIPTION, "name": name, **given}])


def lookup(erp: Erp, own: str = "", user: str = "acs.bridge") -> Lookup:
    return Lookup(erp.client(user), over(own), digest=keyed)


def the(erp: Erp, name: str = EQP, own: str = "") -> Read:
    [found] = lookup(erp, own).by_name({name: ""})
    assert isinstance(found, Read)
    return found


def lists(erp: Erp) -> int:
    return sum(erp.routes.get(route, 0) for route in LISTS)


def test_what_a_place_subscribes_to_comes_with_the_equipment() -> None:
    erp = Erp(customers=2)
    subscribe(erp, "SUB-TEL", status="Suspendu", service_category="VoIP", monthly_price=19.95)
    subscribe(erp, "SUB-RABAIS", status="Actif", service_category="VoIP", monthly_price=-5)
    one = the(erp)
    assert [(each.name, each.category, each.status) for each in one.equipment.services] == [
        (SUB, ServiceCategory.INTERNET, ServiceStatus.ACTIVE),
        ("SUB-TEL", ServiceCategory.VOICE, ServiceStatus.SUSPENDED),
    ], "the rebate is no service, or the telephone would be active"
    assert one.intent.wifi[0].enabled
    assert one.intent.voice[0].dial_plan is DialPlan.EMERGENCY


def test_one_list_reads_the_subscriptions_of_a_whole_batch_by_post_where_it_is_long() -> None:
    erp = Erp(customers=120)
    wanted = lookup(erp)
    wanted.by_name({EQP: ""})
    before = lists(erp)
    found = wanted.search([Terms(serials=(bulk_serial(n),)) for n in range(1, 121)])
    assert all(one.equipment.services for one in found)
    assert lists(erp) == before + 1
    assert erp.routes[f"frappe.client.get_list {SUBSCRIPTION}"] == 1


def test_a_changed_subscription_is_a_change_of_the_equipment() -> None:
    erp = Erp(customers=1)
    first = the(erp)
    known = {EQP: first.equipment.modified}
    assert lookup(erp).by_name(known) == [Unchanged(EQP)]
    set_value(erp, SUBSCRIPTION, SUB, status="Annulé")
    [second] = lookup(erp).by_name(known)
    assert isinstance(second, Read)
    assert not second.intent.wifi[0].enabled
    assert second.intent.wifi[0].ssid == "neutre"
    set_value(erp, SUBSCRIPTION, SUB, status="Actif")
    assert the(erp).intent == first.intent, "and all of it comes back"


def test_a_subscription_elsewhere_counts_where_the_equipment_links_to_it() -> None:
    erp = Erp(customers=2)
    erp.change(EQP, service_location="", service_subscription="SUB-0000100002")
    assert [each.name for each in the(erp).equipment.services] == ["SUB-0000100002"]


def test_the_passwords_of_a_box_that_is_nobodys_are_not_even_read() -> None:
    erp = Erp(customers=1, scripts={})
    erp.change(EQP, status="Défectueux")
    one = the(erp)
    assert {network.ssid for network in one.intent.wifi} == {"neutre", None}
    erp.change(EQP, status="Actif")
    with pytest.raises(ErpMisconfigured):
        the(erp)


def test_a_password_of_the_same_length_is_read_again() -> None:
    erp = Erp(customers=1)
    first = the(erp)
    had = first.intent.wifi[0].passphrase
    assert had is not None
    other = had.reveal()[:-1] + ("1" if had.reveal()[-1] == "0" else "0")
    erp.change(EQP, wifi_password=other)
    [second] = lookup(erp).by_name({EQP: first.equipment.modified})
    assert isinstance(second, Read)
    assert second.intent.wifi[0].passphrase == Secret(other)


# --- sites that are otherwise -------------------------------------------------------------------


def without_subscriptions() -> Erp:
    """A site whose equipment links to stock subscriptions, which are none of ours."""
    kinds = dict(Erp().simulator.site.documents.doctypes)
    box = kinds[DOCTYPE]
    kept = tuple(one for one in box.fields if one.name != "service_subscription")
    kinds[DOCTYPE] = msgspec.structs.replace(box, fields=kept)
    del kinds[SUBSCRIPTION]
    row = {"name": EQP, "serial_number": "S1", "status": "active", "wifi_ssid": "Maison"}
    return Erp([row], doctypes=kinds)


def test_a_site_without_the_doctype_is_read_without_and_the_doctor_says_so() -> None:
    erp = without_subscriptions()
    told: list[str] = []
    own = '[equipment.fields]\nservice_subscription = ""\n'
    reading = Lookup(erp.client(), over(own), told.append, digest=keyed)
    erp.change(EQP, wifi_ssid="Chez nous", barcode="B")
    [one] = reading.search([Terms(serials=("S1",))])
    assert isinstance(one, Read)
    assert one.intent.wifi[0].ssid == "Chez nous"
    assert reading.following.documents() == ()
    found = [each for each in findings(erp.client(), over(own)) if SUBSCRIPTION in each.text]
    assert [each.level for each in found] == [Level.WARNING]
    assert "subscription.doctype" in found[0].fix
    silent = own + '[subscription]\ndoctype = ""\n'
    assert not any(SUBSCRIPTION in each.text for each in findings(erp.client(), over(silent)))


def test_subscriptions_that_are_hidden_stop_the_reading_with_the_fix() -> None:
    """Else who pays would look like who left, or the reverse."""
    erp = Erp(customers=1)
    erp.order("403", match=f"/api/resource/{SUBSCRIPTION}")
    with pytest.raises(ErpMisconfigured, match="role that may read it"):
        the(erp)


@pytest.mark.parametrize(
    ("own", "level", "said"),
    [
        ('[subscription.fields]\nstatus = "etat"\n', Level.ERROR, "no field 'etat'"),
        ('[subscription.fields]\nmonthly_price = "plan_name"\n', Level.ERROR, "is of type Data"),
        ("[subscription.status]\nsuspended = []\n", Level.WARNING, "Suspendu, Suspended"),
        ("[subscription.category]\nother = []\n", Level.WARNING, "IPTV"),
    ],
)
def test_the_doctor_compares_subscriptions_with_the_site(own: str, level: Level, said: str) -> None:
    found = findings(Erp(customers=1).client(), over(own))
    assert any(one.level is level and said in one.text and one.fix for one in found)


# --- who is concerned ---------------------------------------------------------------------------


def test_who_is_concerned_by_a_change_of_a_document() -> None:
    erp = Erp(customers=3)
    erp.change("EQP-100002", service_subscription="SUB-0000100003")
    reading = lookup(erp)
    assert reading.affected(SUBSCRIPTION, ["SUB-0000100003"]) == ["EQP-100002", "EQP-100003"]
    assert reading.affected(DOCTYPE, [EQP]) == [EQP]
    assert reading.affected("Dispatch Job", ["DJ-1"]) == []
    assert reading.affected("Service Location", ["LOC-100001"]) == [], "it decides nothing"
    wishing = lookup(erp, '[wishes]\n"wan.vlan" = "service_location.vlan"\n')
    assert wishing.affected("Service Location", ["LOC-100001"]) == [EQP]


def test_links_that_the_mirror_knows_can_be_followed() -> None:
    assert not has_unfollowed_links(load())
    assert not has_unfollowed_links(over('[wishes]\n"wan.vlan" = "service_subscription.vlan"\n'))
    assert has_unfollowed_links(over('[wishes]\n"wan.vlan" = "olt_port.vlan"\n'))
