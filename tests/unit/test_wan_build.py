"""A connection that is not there is built: the rows, their order, and what they hold in the end."""

from __future__ import annotations

import pytest
from wan_runs import IPOE, PASSWORD, PPPOE, below, planned, run, session, task, to_the_end
from wan_trees import (
    CONNECTION,
    DHCP4,
    DHCP6,
    GPON,
    IP,
    LINK,
    NAT,
    PPP,
    VLAN,
    ec220v2,
    ec220v3,
    ethernet_wan,
    ex220,
    family_a,
    tr098_pppoe,
    tr181,
)

from acs.devices.record import Verdict
from acs.model import Add, Operation, Secret, Set
from acs.profiles import OutcomeKind, Wan

OURS = "gigafibre_pppoe"


def calls(operations: list[Operation]) -> list[str]:
    """AddObject and SetParameterValues in order, the leaves of a row without those of others."""
    said = []
    for operation in operations:
        match operation:
            case Add(table):
                said.append(f"add {table}")
            case Set(changes):
                said.append("set " + " ".join(c.path.rpartition(".")[2] for c in changes))
    return said


def test_family_a_builds_pppoe_in_the_order_seen_on_the_wire() -> None:
    device = family_a(ethernet_wan(port=6))
    run(device, task("tplink-a", PPPOE))
    assert calls(device.operations) == [
        f"add {GPON}",
        "set LowerLayers Alias",
        f"add {LINK}",
        "set LowerLayers Alias Enable",
        f"add {VLAN}",
        "set LowerLayers Alias VLANID Enable",
        "set X_TP_MulticastStatus X_TP_VLANMode",
        f"add {PPP}",
        f"add {IP}",
        "set LowerLayers",
        "set LowerLayers Alias AuthenticationProtocol X_TP_UsernameDomainEnable Username Password",
        "set X_TP_ConnType X_TP_ServiceType Alias IPv4Enable MaxMTUSize X_TP_ConnName "
        "X_TP_IPv6AddrType",
        f"add {NAT}",
        "set Interface Enable",
        f"add {DHCP6}",
        "set Interface RequestAddresses RequestPrefixes Enable",
        "set ProvisioningCode Enable Enable Enable Enable Enable",
    ]
    last = device.sets[-1].changes
    assert [change.path for change in last] == [
        "Device.DeviceInfo.ProvisioningCode",
        f"{GPON}1.Enable",
        f"{LINK}3.Enable",
        f"{VLAN}2.Enable",
        f"{PPP}2.Enable",
        f"{IP}5.Enable",
    ]


def test_the_rows_built_stand_on_each_other() -> None:
    device = family_a(ethernet_wan(port=6))
    before = dict(device.values)
    run(device, task("tplink-a", PPPOE, mark=False))
    assert device[f"{GPON}1.LowerLayers"] == "Device.Optical.Interface.1."
    assert device[f"{LINK}3.LowerLayers"] == f"{GPON}1."
    assert below(device, f"{VLAN}2.") == {
        "Alias": OURS,
        "Enable": "1",
        "LowerLayers": f"{LINK}3.",
        "VLANID": "40",
        "X_TP_MulticastStatus": "1",
        "X_TP_VLANMode": "2",
    }
    assert device[f"{PPP}2.LowerLayers"] == f"{VLAN}2."
    assert device[f"{PPP}2.Password"] == PASSWORD
    assert device[f"{IP}5.LowerLayers"] == f"{PPP}2."
    assert device[f"{IP}5.X_TP_ServiceType"] == "Internet,TR069"
    assert device[f"{NAT}4.Interface"] == f"{IP}5."
    assert device[f"{DHCP6}1.Interface"] == f"{IP}5."
    assert {path: device.values[path] for path in before} == before


def test_what_was_built_is_proven_in_the_next_session_and_never_built_again() -> None:
    device = family_a(ethernet_wan(port=6), later=True)
    first, then = session(device, task("tplink-a", PPPOE))
    assert first is not None
    assert first.kind is OutcomeKind.AWAITING
    second, then = session(device, then)
    assert second is not None
    assert second.kind is OutcomeKind.PROVEN
    verdicts = {line.path: line.verdict for line in second.lines}
    assert verdicts[f"{IP}5.LowerLayers"] is Verdict.PROVEN
    assert verdicts[f"{PPP}2.Password"] is Verdict.WRITTEN
    assert second.snapshot.values[f"{VLAN}2.VLANID"].text == "40"
    rows = len(device.values)
    third = run(device, then)
    assert third.kind is OutcomeKind.IN_ORDER
    assert device.sets == []
    assert len(device.values) == rows


def test_the_password_shows_nowhere() -> None:
    device = family_a(ethernet_wan(port=6))
    plan = planned(device, "tplink-a", PPPOE)
    outcome = run(device, task("tplink-a", PPPOE))
    for shown in (plan.render(), plan.as_mapping(), plan, outcome, outcome.snapshot):
        assert PASSWORD not in str(shown)
    assert f"step 11: {PPP}{{ppp}}.Password = ***  (wan: password)" in plan.render()


def test_family_a_builds_ipoe_with_a_dhcp_client_and_no_ppp() -> None:
    device = family_a(ethernet_wan(port=6))
    run(device, task("tplink-a", IPOE))
    assert not any(operation == Add(PPP) for operation in device.operations)
    assert device[f"{IP}5.LowerLayers"] == f"{VLAN}2."
    assert device[f"{IP}5.X_TP_ConnType"] == "DHCP"
    assert device[f"{DHCP4}3.Interface"] == f"{IP}5."


def test_without_a_vlan_the_row_stays_untagged() -> None:
    device = family_a()
    run(device, task("tplink-a", Wan("pppoe", None, "u", Secret("p"))))
    assert device[f"{VLAN}1.VLANID"] == "0"
    assert device[f"{VLAN}1.X_TP_VLANMode"] == "0"


def test_mtu_replaces_the_usual_one_and_ipv6_can_be_left_out() -> None:
    device = family_a()
    run(device, task("tplink-a", Wan("pppoe", 40, "u", Secret("p"), mtu=1480, ipv6=False)))
    assert device[f"{IP}4.MaxMTUSize"] == "1480"
    assert device[f"{IP}4.IPv6Enable"] == "0"
    assert Add(DHCP6) not in device.operations


def test_without_light_the_chain_stands_on_the_ethernet_wan_and_takes_over_from_the_old_one() -> (
    None
):
    device = ex220()
    run(device, task("tplink-a", PPPOE))
    assert Add(GPON) not in device.operations
    assert device[f"{LINK}3.LowerLayers"] == "Device.Ethernet.Interface.7."
    assert device[f"{VLAN}2.X_TP_VLANEnable"] == "1"
    last = [(change.path, change.value.text) for change in device.sets[-1].changes]
    assert last[0] == (f"{IP}4.Enable", "0")
    assert last[-1] == (f"{IP}5.Enable", "1")
    assert f"{IP}4.Enable" not in {c.path for s in device.sets[:-1] for c in s.changes}


def test_the_generic_stack_is_built_on_the_link_that_is_there() -> None:
    device = tr181()
    outcome = to_the_end(device, task("tr181", PPPOE))
    assert outcome.kind is OutcomeKind.PROVEN
    assert Add(LINK) not in device.operations
    assert device[f"{VLAN}1.LowerLayers"] == f"{LINK}1"
    assert device[f"{PPP}1.LowerLayers"] == f"{VLAN}1"
    assert device[f"{IP}2.LowerLayers"] == f"{PPP}1"
    assert device[f"{IP}1.Enable"] == "true"


def test_the_generic_stack_without_a_vlan_needs_no_row_for_it() -> None:
    device = tr181()
    to_the_end(device, task("tr181", Wan("ipoe")))
    assert device[f"{IP}2.LowerLayers"] == f"{LINK}1"
    assert device[f"{DHCP4}1.Interface"] == f"{IP}2"


def test_a_row_in_a_row_is_built_and_found_again() -> None:
    device = ec220v2()
    to_the_end(device, task("tplink-c", PPPOE))
    row = f"{CONNECTION}2.WANPPPConnection.1."
    assert below(device, row)["Username"] == "abo@isp.example"
    assert device[f"{CONNECTION}2.WANEthernetLinkConfig.X_TP_VID"] == "40"
    default = device["InternetGatewayDevice.Layer3Forwarding.DefaultConnectionService"]
    assert default == row.rstrip(".")
    device.next_session()
    again = run(device, task("tplink-c", PPPOE, f"{CONNECTION}1.WANIPConnection.1."))
    assert not any(isinstance(operation, Add) for operation in device.operations)
    # Nothing is known of the password in this session, and a running connection goes off for it.
    assert [change.path for change in again.plan.writes] == [
        row + "Enable",
        row + "Password",
        row + "Enable",
    ]


@pytest.mark.parametrize(
    ("device", "name", "wish", "reason"),
    [
        (ec220v3(), "tplink-b", IPOE, "its blueprint builds none"),
        (tr098_pppoe(), "tr098", IPOE, "its blueprint builds none"),
        (family_a(), "tplink-a", Wan(vlan=40), "mode: is missing"),
        (family_a(), "tplink-a", Wan("pppoe", 40), "username: is missing"),
    ],
)
def test_what_cannot_be_built_is_a_problem_and_nothing_is_written(device, name, wish, reason):  # type: ignore[no-untyped-def]
    outcome = run(device, task(name, wish))
    assert outcome.kind is OutcomeKind.FAILED
    assert [p.where for p in outcome.problems] == ["wan"]
    assert reason in str(outcome.problems[0])
    assert device.sets == []


def test_a_device_that_does_not_show_what_leads_outside_is_left_alone() -> None:
    device = family_a()
    del device.values["Device.Optical.Interface.1.Upstream"]
    outcome = run(device, task("tplink-a", PPPOE))
    assert "does not show which interface leads outside" in str(outcome.problems[0])
    assert device.sets == []
