"""Bulk reads and passwords against the simulated site, without sockets."""

from __future__ import annotations

from dataclasses import replace
from importlib.resources import files
from typing import Any

import msgspec
import pytest
from erp_in_memory import DOCTYPE, Erp, keyed

from acs.devices.identity import EquipmentStatus, Hints, Terms, terms
from acs.model import DeviceId, Secret
from acs.profiles import Wan
from erp_bridge import lookup as lookup_module
from erp_bridge.check import findings
from erp_bridge.errors import ErpForbidden, ErpMisconfigured, ErpUnavailable
from erp_bridge.lookup import Lookup, Read, Unchanged, Unread
from erp_bridge.mapping import Mapping, load, parse
from erp_bridge.schema import Level
from erp_bridge.scripts import text
from simulators.erpnext.methods import Method
from simulators.erpnext.scripts import SCRIPTS
from simulators.erpnext.seeding import bulk_mac, bulk_serial

DEFAULT = (files("erp_bridge") / "mapping.toml").read_text("utf-8")
ONE: dict[str, Any] = {
    "name": "EQP-1",
    "serial_number": "2227ABC",
    "mac_address": "1c-61-b4-fa-11-c8",
    "gpon_serial": "TPLGB4FA11C8",
    "status": "active",
    "wifi_ssid": "Maison <5G>",
    "wifi_password": "s<b>cr3t",
}


def over(own: str) -> Mapping:
    return parse(own, "site.toml", DEFAULT)


def reads(erp: Erp, *asked: Terms, mapping: Mapping | None = None) -> list[Read]:
    found = Lookup(erp.client(), mapping or load(), digest=keyed).search(asked)
    assert all(isinstance(one, Read) for one in found)
    return [one for one in found if isinstance(one, Read)]


@pytest.mark.parametrize(
    "asked",
    [
        Terms(serials=("2227ABC",)),
        Terms(macs=("1C61B4FA11C8",)),
        Terms(gpon_serials=("54504C47B4FA11C8",)),
    ],
)
def test_found_by_any_identifier_in_any_spelling(asked: Terms) -> None:
    [one] = reads(Erp([ONE]), asked)
    assert one.equipment.name == "EQP-1"
    assert one.equipment.status is EquipmentStatus.ACTIVE
    assert one.intent.wifi[0].ssid == "Maison <5G>"
    assert one.intent.wifi[0].passphrase == Secret("s<b>cr3t")


def test_a_gpon_serial_stored_as_hex_is_found_too() -> None:
    erp = Erp([ONE | {"gpon_serial": "54504c47b4fa11c8"}])
    assert reads(erp, Terms(gpon_serials=("54504C47B4FA11C8",)))


def test_two_rows_on_one_serial_both_come() -> None:
    twin = ONE | {"name": "EQP-2", "mac_address": None}
    found = reads(Erp([ONE, twin]), Terms(serials=("2227ABC",)))
    assert [one.equipment.name for one in found] == ["EQP-1", "EQP-2"]


def test_200_devices_cost_one_list_and_few_calls_of_the_script() -> None:
    erp = Erp(customers=300)
    asked = [
        terms(Hints(DeviceId("1C61B5", "XX230v", bulk_serial(n)), mac=bulk_mac(n).replace(":", "")))
        for n in range(1, 201)
    ]
    found = reads(erp, *asked)
    assert {one.equipment.name for one in found} >= {f"EQP-{100_000 + n}" for n in range(1, 201)}
    assert all(one.intent.voice[0].password for one in found)
    assert erp.routes["frappe.client.get_list Service Equipment"] == 1
    assert erp.routes["acs_equipment_secrets Service Equipment"] <= 2
    assert erp.queries <= 3


def test_an_answer_that_fills_the_bound_is_asked_again_in_halves(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lookup_module, "MAX_ROWS", 5)
    erp = Erp(customers=12)
    found = reads(erp, *(Terms(serials=(bulk_serial(n),)) for n in range(1, 13)))
    assert len({one.equipment.name for one in found}) == len(found) == 12


def test_without_passwords_the_script_is_not_called() -> None:
    erp = Erp([ONE | {"wifi_password": None}])
    [one] = reads(erp, Terms(serials=("2227ABC",)))
    assert one.intent.wifi[0].passphrase is None
    assert "acs_equipment_secrets Service Equipment" not in erp.routes


def test_equipment_of_other_types_is_not_ours() -> None:
    assert reads(Erp([ONE | {"equipment_type": "TV Box"}]), Terms(serials=("2227ABC",))) == []


def test_nothing_to_look_for_asks_nothing() -> None:
    erp = Erp([ONE])
    assert reads(erp, Terms(serials=("",))) == []
    assert erp.queries == 0


# --- fields the site refuses ---------------------------------------------------------------


def without_field(name: str) -> Erp:
    standard = Erp().simulator.site.documents.doctypes
    kept = tuple(field for field in standard[DOCTYPE].fields if field.name != name)
    row = {key: value for key, value in ONE.items() if key != name}
    kinds = dict(standard) | {DOCTYPE: msgspec.structs.replace(standard[DOCTYPE], fields=kept)}
    return Erp([row], doctypes=kinds)


@pytest.mark.parametrize("field", ["gpon_serial", "service_subscription", "sip_password"])
def test_one_refused_field_does_not_lose_the_batch(field: str) -> None:
    erp = without_field(field)
    dropped: list[str] = []
    lookup = Lookup(erp.client(), load(), dropped.append, digest=keyed)
    [one] = lookup.search([Terms(serials=("2227ABC",), gpon_serials=("54504C47B4FA11C8",))])
    assert isinstance(one, Read)
    assert one.intent.wifi[0].passphrase == Secret("s<b>cr3t")
    assert dropped == [field]
    before = erp.queries
    assert lookup.search([Terms(serials=("2227ABC",))])
    assert erp.queries == before + 2
    assert dropped == [field]


def test_a_refused_field_that_is_needed_stops_with_the_fix() -> None:
    erp = without_field("serial_number")
    with pytest.raises(ErpMisconfigured, match="serial_number"):
        Lookup(erp.client(), load(), digest=keyed).search([Terms(macs=("1C61B4FA11C8",))])


# --- reading again --------------------------------------------------------------------------


def test_by_name_tells_unchanged_changed_and_gone() -> None:
    erp = Erp([ONE, ONE | {"name": "EQP-2", "mac_address": None}])
    lookup = Lookup(erp.client(), load(), digest=keyed)
    first = {
        one.equipment.name: one.equipment.modified
        for one in lookup.search([Terms(serials=("2227ABC",))])
        if isinstance(one, Read)
    }
    erp.change("EQP-2", wifi_password="s<b>cr3u")  # the same length
    results = lookup.by_name({**first, "EQP-3": ""})
    [changed] = [one for one in results if isinstance(one, Read)]
    assert changed.equipment.name == "EQP-2"
    assert changed.intent.wifi[0].passphrase == Secret("s<b>cr3u")
    assert [one for one in results if isinstance(one, Unchanged)] == [Unchanged("EQP-1")]
    assert len(results) == 2


# --- passwords ------------------------------------------------------------------------------


def script_answering(**changes: Any) -> dict[str, Any]:
    """The script with some fields of its rows replaced."""

    def run(call: Any) -> Any:
        answer = SCRIPTS["acs_equipment_secrets"].run(call)
        rows = answer if isinstance(answer, list) else [answer]
        for row in rows:
            row.update(changes)
        return answer

    return dict(SCRIPTS) | {"acs_equipment_secrets": replace(Method(run))}


@pytest.mark.parametrize("value", ["********", "*", None, "", 7])
def test_a_mask_or_nothing_is_never_taken_for_a_password(value: object) -> None:
    erp = Erp([ONE], scripts=script_answering(wifi_password=value))
    [one] = Lookup(erp.client(), load(), digest=keyed).search([Terms(serials=("2227ABC",))])
    assert isinstance(one, Unread)
    assert "wifi_password" in one.reason


def test_one_unreadable_password_costs_one_equipment() -> None:
    def run(call: Any) -> Any:
        rows = SCRIPTS["acs_equipment_secrets"].run(call)
        return [row | {"wifi_password": None} if row["name"] == "EQP-1" else row for row in rows]

    erp = Erp(
        [ONE, ONE | {"name": "EQP-2", "mac_address": None}],
        scripts=dict(SCRIPTS) | {"acs_equipment_secrets": Method(run)},
    )
    found = Lookup(erp.client(), load(), digest=keyed).search([Terms(serials=("2227ABC",))])
    assert [type(one) for one in found] == [Unread, Read]


def test_a_password_changed_while_it_was_read_is_read_later() -> None:
    erp = Erp([ONE], scripts=script_answering(wifi_password=None, modified="later"))
    [one] = Lookup(erp.client(), load(), digest=keyed).search([Terms(serials=("2227ABC",))])
    assert isinstance(one, Unread)
    assert "changed while" in one.reason


def test_a_missing_script_is_a_matter_for_a_person() -> None:
    erp = Erp([ONE], scripts={})
    with pytest.raises(ErpMisconfigured, match="acs_equipment_secrets is missing"):
        Lookup(erp.client(), load(), digest=keyed).search([Terms(serials=("2227ABC",))])


def test_get_password_only_where_the_mapping_says_so() -> None:
    erp = Erp([ONE], scripts={})
    lookup = Lookup(
        erp.client("acs.setup"), over("[passwords]\nsystem_manager = true\n"), digest=keyed
    )
    [one] = lookup.search([Terms(serials=("2227ABC",))])
    assert isinstance(one, Read)
    assert one.intent.wifi[0].passphrase == Secret("s<b>cr3t")
    with pytest.raises(ErpForbidden):
        Lookup(erp.client(), over("[passwords]\nsystem_manager = true\n"), digest=keyed).search(
            [Terms(serials=("2227ABC",))]
        )


def test_one_call_per_equipment_where_the_script_takes_no_list() -> None:
    erp = Erp([ONE, ONE | {"name": "EQP-2", "mac_address": None}])
    found = reads(erp, Terms(serials=("2227ABC",)), mapping=over("[passwords]\nbulk = false\n"))
    assert [one.intent.wifi[0].passphrase for one in found] == [Secret("s<b>cr3t")] * 2
    assert erp.routes["acs_equipment_secrets Service Equipment"] == 2


def test_a_user_without_rights_is_told_so() -> None:
    with pytest.raises(ErpForbidden):
        Lookup(Erp([ONE]).client("acs.nobody"), load(), digest=keyed).search(
            [Terms(serials=("2227ABC",))]
        )


def test_an_answer_too_late_is_unavailable() -> None:
    erp = Erp([ONE])
    erp.order("timeout")
    with pytest.raises(ErpUnavailable, match="did not answer"):
        Lookup(erp.client(), load(), digest=keyed).search([Terms(serials=("2227ABC",))])


def test_results_show_no_password() -> None:
    assert "s<b>cr3t" not in repr(reads(Erp([ONE]), Terms(serials=("2227ABC",))))


def test_the_shipped_script_is_python_and_names_the_mapped_fields() -> None:
    shipped = text("acs_equipment_secrets")
    compile(shipped, "acs_equipment_secrets", "exec")
    for field in ("wifi_password", "sip_password"):
        assert f'"{field}"' in shipped


# --- further wishes -------------------------------------------------------------------------

ACCOUNT = """
[wishes]
wan.vlan = "service_subscription.vlan"
wan.username = "service_subscription.pppoe_username"
wan.password = "service_subscription.pppoe_password"
wifi.guest.isolated = "guest_isolated"
radio."5".channel = "wifi_channel_5"
"""


def with_subscription(**equipment: Any) -> Erp:
    erp = Erp()
    subscription = {
        "doctype": "Service Subscription",
        "name": "SUB-1",
        "customer": "Luc Roy",
        "status": "Actif",
        "vlan": 40,
        "pppoe_username": "roy@isp",
        "pppoe_password": "p<w",
    }
    person = {
        "doctype": "Customer",
        "name": "Luc Roy",
        "customer_name": "Luc Roy",
        "customer_type": "Individual",
        "customer_group": "Individual",
        "territory": "Canada",
    }
    box = {"doctype": DOCTYPE, "equipment_type": "ONT", **ONE, "service_subscription": "SUB-1"}
    erp.simulator.site.seed([person, subscription, box | equipment])
    return erp


def test_an_account_of_the_subscription_is_read_with_its_password() -> None:
    [one] = reads(with_subscription(), Terms(serials=("2227ABC",)), mapping=over(ACCOUNT))
    assert one.intent.wan == Wan("pppoe", 40, "roy@isp", Secret("p<w"))
    assert one.intent.wifi[0].passphrase == Secret("s<b>cr3t")


def test_a_change_of_the_subscription_alone_is_read() -> None:
    erp = with_subscription()
    lookup = Lookup(erp.client(), over(ACCOUNT), digest=keyed)
    [first] = lookup.search([Terms(serials=("2227ABC",))])
    assert isinstance(first, Read)
    known = {"EQP-1": first.equipment.modified}
    assert lookup.by_name(known) == [Unchanged("EQP-1")]
    erp.client("acs.setup").call(
        "frappe.client.set_value",
        doctype="Service Subscription",
        name="SUB-1",
        fieldname={"vlan": 41},
    )
    [second] = lookup.by_name(known)
    assert isinstance(second, Read)
    assert second.intent.wan == Wan("pppoe", 41, "roy@isp", Secret("p<w"))


def test_a_wish_that_makes_no_sense_costs_one_equipment() -> None:
    erp = with_subscription(wifi_channel_5="onze")
    [one] = Lookup(erp.client(), over(ACCOUNT), digest=keyed).search([Terms(serials=("2227ABC",))])
    assert isinstance(one, Unread)
    said = "wifi_channel_5 (radio.5.channel): 'onze' is no whole number, nor auto"
    assert one.reason == f"{said}; correct it in ERPNext"


# --- acs doctor -----------------------------------------------------------------------------

REGISTRAR = '[voice]\nregistrar = "sip.example.net"\n'


def levels(erp: Erp, mapping: Mapping, user: str = "acs.bridge") -> list[tuple[Level, str]]:
    found = findings(erp.client(user), mapping)
    assert all(one.fix for one in found if one.level is not Level.OK)
    return [(one.level, one.text) for one in found if one.level is not Level.OK]


def test_a_good_site_passes() -> None:
    assert levels(Erp([ONE]), over(REGISTRAR)) == []


def test_a_site_with_further_wishes_passes() -> None:
    assert levels(with_subscription(), over(REGISTRAR + ACCOUNT)) == []


def test_a_missing_registrar_is_mentioned() -> None:
    [(level, said)] = levels(Erp([ONE]), load())
    assert level is Level.WARNING
    assert "registrar" in said


@pytest.mark.parametrize(
    ("own", "said"),
    [
        ('[equipment]\ndoctype = "Equipment"\n', "Equipment"),
        ('[equipment.fields]\nbarcode = "code_barre"\n', "no field 'code_barre'"),
        ('[wishes]\nwan.vlan = "service_subscription.vlna"\n', "no field 'vlna'"),
        ('[wishes]\nwan.vlan = "vlna"\n', "no field 'vlna' (mapped as wan.vlan)"),
        ('[equipment.fields]\nwifi_password = "pppoe_username"\n', "is of type Data"),
    ],
)
def test_a_mapping_that_does_not_fit_is_an_error(own: str, said: str) -> None:
    found = levels(Erp([ONE]), over(own + REGISTRAR))
    assert any(level is Level.ERROR and said in text for level, text in found)


def test_a_missing_script_is_an_error() -> None:
    [(level, said)] = levels(Erp([ONE], scripts={}), over(REGISTRAR))
    assert level is Level.ERROR
    assert "acs_equipment_secrets" in said


def test_a_script_that_withholds_a_field_is_an_error() -> None:
    def run(call: Any) -> Any:
        rows = SCRIPTS["acs_equipment_secrets"].run(call)
        return [{"name": row["name"], "wifi_password": row["wifi_password"]} for row in rows]

    erp = Erp([ONE], scripts={"acs_equipment_secrets": Method(run)})
    [(level, said)] = levels(erp, over(REGISTRAR))
    assert level is Level.ERROR
    assert "sip_password" in said


def test_a_user_without_rights_is_an_error() -> None:
    found = levels(Erp([ONE]), over(REGISTRAR), "acs.nobody")
    customers = [level for level, text in found if text.startswith("Customer ")]
    others = [level for level, text in found if not text.startswith("Customer ")]
    assert others
    assert set(others) == {Level.ERROR}
    assert customers == [Level.WARNING], "devices are served without them"


def test_a_wrong_site_name_ends_the_check_at_once() -> None:
    [(level, said)] = levels(Erp([ONE], hosts=["erp.example.net"]), over(REGISTRAR))
    assert level is Level.ERROR
    assert "No ERPNext site of this name" in said
