"""A defective ONT is replaced: the new one has the profile of the old one, if beyond doubt."""

from __future__ import annotations

from collections.abc import Mapping as Row
from importlib.resources import files
from typing import Any

import pytest
from erp_in_memory import Erp, keyed

from acs.devices.identity import Treatment
from acs.model import Secret
from erp_bridge.lookup import Lookup, Read, Unchanged, Unread
from erp_bridge.mapping import load, parse
from simulators.erpnext.methods import Method
from simulators.erpnext.scripts import SCRIPTS

DEFAULT = (files("erp_bridge") / "mapping.toml").read_text("utf-8")
OLD: dict[str, Any] = {
    "name": "EQP-OLD",
    "serial_number": "OLD1",
    "status": "defective",
    "wifi_ssid": "Maison",
    "wifi_password": "quai & chaloupe",
    "sip_username": "4505550101",
    "sip_password": "fournil_2026!",
}
NEW = {"name": "EQP-NEW", "serial_number": "NEW1", "status": "active"}


def place(*rows: Row[str, Any], scripts: Any = SCRIPTS) -> Erp:
    """A site with equipment at one location, unless a row says otherwise."""
    erp = Erp(customers=2, scripts=scripts)
    for number in (1, 2):
        erp.change(f"EQP-10000{number}", service_location="", service_subscription="")
    erp.simulator.site.seed(
        {
            "doctype": "Service Equipment",
            "equipment_type": "ONT",
            "service_location": "LOC-100001",
            **row,
        }
        for row in rows
    )
    return erp


def new(erp: Erp, own: str = "") -> Read | Unread | Unchanged:
    mapping = parse(own, "site.toml", DEFAULT)
    [found] = Lookup(erp.client(), mapping, digest=keyed).by_name({"EQP-NEW": ""})
    return found


@pytest.mark.parametrize("status", ["defective", "Défectueux", "returned", "Retourné"])
def test_the_new_box_has_the_profile_of_the_one_it_replaces(status: str) -> None:
    erp = place(OLD | {"status": status}, NEW)
    found = new(erp)
    assert isinstance(found, Read)
    assert found.intent.wifi[0].ssid == "Maison"
    assert found.intent.wifi[0].passphrase == Secret("quai & chaloupe")
    assert found.intent.voice[0].username == "4505550101"
    assert found.intent.voice[0].password == Secret("fournil_2026!")
    assert found.equipment.serial_number == "NEW1"
    assert found.note == "it has the profile of EQP-OLD, which it replaces"
    [old] = Lookup(erp.client(), load(), digest=keyed).by_name({"EQP-OLD": ""})
    assert isinstance(old, Read)
    assert old.equipment.treatment is Treatment.NEUTRAL
    assert "Maison" not in repr(old.intent)


@pytest.mark.parametrize(
    ("others", "why"),
    [
        ([OLD, {**OLD, "name": "EQP-OLD2"}], "EQP-OLD, EQP-OLD2 have left its place"),
        ([OLD, {**NEW, "name": "EQP-NEW2"}], "EQP-NEW2 at its place has no profile either"),
        (
            [OLD, {**OLD, "name": "EQP-ON", "status": "active"}],
            "EQP-ON at its place has a profile",
        ),
        ([OLD | {"status": "active"}], ""),
        ([OLD | {"service_location": "LOC-100002"}], ""),
        ([OLD | {"equipment_type": "TV Box"}], ""),
        ([OLD | {"wifi_ssid": None, "sip_username": None}], ""),
        ([], ""),
    ],
)
def test_where_there_is_doubt_it_has_none_and_says_why(
    others: list[dict[str, Any]], why: str
) -> None:
    found = new(place(NEW, *others))
    assert isinstance(found, Read)
    assert found.intent.empty
    assert why in found.note
    assert bool(found.note) is bool(why)


@pytest.mark.parametrize(
    "own",
    [{"wifi_ssid": "Neuf"}, {"sip_username": "4505550199"}, {"status": "returned"}],
)
def test_a_box_with_a_profile_or_out_of_service_inherits_nothing(own: dict[str, Any]) -> None:
    found = new(place(OLD, NEW | own))
    assert isinstance(found, Read)
    assert "Maison" not in repr(found.intent)
    assert found.note == ""


def test_a_site_may_switch_it_off() -> None:
    found = new(place(OLD, NEW), "[swap]\ninherit = false\n")
    assert isinstance(found, Read)
    assert found.intent.empty


def test_a_change_of_the_old_box_is_one_of_the_new() -> None:
    erp = place(OLD, NEW)
    first = new(erp)
    assert isinstance(first, Read)
    reading = Lookup(erp.client(), load(), digest=keyed)
    known = {"EQP-NEW": first.equipment.modified}
    assert reading.by_name(known) == [Unchanged("EQP-NEW")]
    erp.change("EQP-OLD", wifi_password="Bateau-1987")
    [second] = reading.by_name(known)
    assert isinstance(second, Read)
    assert second.intent.wifi[0].passphrase == Secret("Bateau-1987")
    assert reading.affected("Service Equipment", ["EQP-OLD"]) == ["EQP-NEW", "EQP-OLD"]


def test_half_a_profile_is_not_taken_over() -> None:
    def masked(call: Any) -> Any:
        rows = SCRIPTS["acs_equipment_secrets"].run(call)
        return [row | {"sip_password": None} for row in rows]

    found = new(place(OLD, NEW, scripts={"acs_equipment_secrets": Method(masked)}))
    assert isinstance(found, Unread)
    assert "sip_password" in found.reason


def test_both_in_one_batch_are_read_with_one_call_for_passwords() -> None:
    erp = place(OLD, NEW)
    found = Lookup(erp.client(), load(), digest=keyed).by_name({"EQP-NEW": "", "EQP-OLD": ""})
    assert [type(one) for one in found] == [Read, Read]
    assert erp.routes["acs_equipment_secrets Service Equipment"] == 1
