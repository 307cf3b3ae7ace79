"""Chains built over the RPCs of CWMP on units that check every name, type and word themselves."""

from __future__ import annotations

from dataclasses import replace

import pytest
from simulated_line import SimulatedLine
from wan_runs import IPOE, PPPOE, next_task, task

from acs.profiles import Outcome, OutcomeKind, Task, Wan, converge
from simulators.cpe.device import Ont
from simulators.cpe.modelfile import Identity

BOX = Identity("1C61B4", "Device2", "22275A7000001", "1C:61:B4:FA:11:C8")


def rows_of(ont: Ont) -> dict[str, int]:
    tables = ("IP.Interface", "PPP.Interface", "Ethernet.Link", "Ethernet.VLANTermination")
    tables += ("NAT.InterfaceSetting", "DHCPv4.Client", "DHCPv6.Client", "X_TP_GPON.Link")
    return {table: len(ont.tree.rows(f"Device.{table}.")) for table in tables}


def bring(ont: Ont, wanted: Task) -> tuple[Outcome, Task]:
    """One session, after which the unit applies what it accepted."""
    line = SimulatedLine(ont)
    outcome = line.run(converge(line.model, wanted))
    ont.apply()
    carrier = ont.wan.partition("IPv4Address")[0]
    return outcome, replace(next_task(wanted, outcome), carrier=carrier)


@pytest.mark.parametrize("wish", [PPPOE, IPOE], ids=["pppoe", "ipoe"])
def test_an_ex220_gets_its_connection_and_calls_by_it(wish: Wan) -> None:
    ont = Ont("tplink-a-ex220", BOX)
    wanted = task("tplink-a", wish, ont.wan.partition("IPv4Address")[0], change_carrier=True)
    first, then = bring(ont, wanted)
    assert first.kind is OutcomeKind.AWAITING, first.text
    second, then = bring(ont, then)
    assert second.kind is OutcomeKind.PROVEN, second.text
    rows = rows_of(ont)
    third, _ = bring(ont, then)
    assert third.kind is OutcomeKind.IN_ORDER, third.text
    assert rows_of(ont) == rows


def test_an_xx230v_on_light_gets_ipoe_beside_the_pppoe_that_carries_it() -> None:
    ont = Ont("tplink-a-xx230v", BOX)
    old = "Device.IP.Interface.6."
    first, then = bring(ont, task("tplink-a", IPOE, old))
    assert first.kind is OutcomeKind.AWAITING, first.text
    assert ont.tree.get(old + "Enable") == "1"
    # It calls by the new one, so the old one is switched off behind it.
    assert then.carrier == "Device.IP.Interface.7."
    second, then = bring(ont, then)
    assert [change.path for change in second.plan.writes] == [old + "Enable"]
    assert ont.tree.get(old + "Enable") == "0"
    third, then = bring(ont, then)
    assert third.kind is OutcomeKind.PROVEN, third.text
    assert third.problems == ()
    assert ont.tree.get("Device.Ethernet.VLANTermination.4.VLANID") == "40"
    assert bring(ont, then)[0].kind is OutcomeKind.IN_ORDER


def test_the_account_of_the_one_that_carries_the_session_changes_in_place() -> None:
    ont = Ont("tplink-a-xx230v", BOX)
    rows = rows_of(ont)
    wish = replace(PPPOE, vlan=2)
    first, then = bring(ont, task("tplink-a", wish, "Device.IP.Interface.6."))
    assert first.kind is OutcomeKind.AWAITING, first.text
    assert ont.tree.get("Device.PPP.Interface.3.Username") == wish.username
    assert ont.tree.get("Device.IP.Interface.6.Enable") == "1"
    assert bring(ont, then)[0].kind is OutcomeKind.PROVEN
    assert rows_of(ont) == rows
