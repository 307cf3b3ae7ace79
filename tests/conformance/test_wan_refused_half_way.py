"""A connection whose building a simulated XX230v refuses at each of its steps, on the running
program: what the unit is left with, what an operator is told, and how it goes on (TP-Link
reference 8.2 and 17)."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest
from acs_fixtures import ERP_SETTINGS, StartAcs
from homes import Home, new_home
from running_acs import RunningAcs

from acs.devices.record import JobKind, JobState, Standing
from simulators.cpe.misbehaviour import Misbehaviour, parse_draw
from simulators.erpnext.running import RunningSimulator

MAPPING = """
[wishes]
"wan.mode" = "wan_mode"
"wan.vlan" = "wan_vlan"
"wan.username" = "pppoe_username"
"wan.password" = "pppoe_password"
"""
ACCOUNT = "abo@isp.example"
PASSWORD = "geheim-77"
TABLES = (
    "IP.Interface", "PPP.Interface", "Ethernet.Link", "Ethernet.VLANTermination",
    "NAT.InterfaceSetting", "DHCPv4.Client", "DHCPv6.Client", "X_TP_GPON.Link",
)  # fmt: skip
IP = "Device.IP.Interface."
STEPS = 17
"""Rows created and requests sent for a chain on light; see `test_the_chain_has_its_steps`."""


@pytest.fixture(scope="module")
def live_acs(
    start_acs: StartAcs, erpnext: RunningSimulator, tmp_path_factory: pytest.TempPathFactory
) -> RunningAcs:
    mapping = tmp_path_factory.mktemp("mapping") / "site.toml"
    mapping.write_text(MAPPING)
    return start_acs(ERP_URL=erpnext.url, ERP_MAPPING=str(mapping), **ERP_SETTINGS)


MakeHome = Callable[[], Home]


@pytest.fixture(scope="module")
def make_home(live_acs: RunningAcs, erpnext: RunningSimulator) -> MakeHome:
    """Homes whose ONT reaches us by DHCP on another VLAN, and is to have PPPoE."""

    def make() -> Home:
        home = new_home(live_acs, erpnext.url)
        tree = home.ont.tree
        tree.drop_row("Device.PPP.Interface.", 3)
        tree.put(f"{IP}6.LowerLayers", "Device.Ethernet.VLANTermination.3.")
        tree.put(f"{IP}6.X_TP_ConnType", "DHCP")
        home.scan(wan_mode="PPPoE", wan_vlan=1035, pppoe_username=ACCOUNT, pppoe_password=PASSWORD)
        return home

    return make


def rows(home: Home) -> dict[str, list[int]]:
    return {table: home.ont.tree.rows(f"Device.{table}.") for table in TABLES}


def connections(home: Home) -> Mapping[str, str]:
    """What the rows of all layers hold, as far as the server may write there."""
    below = tuple(f"Device.{table}." for table in TABLES)
    return {path: text for path, text in home.ont.tree.settings() if path.startswith(below)}


def assert_built(home: Home) -> None:
    """The unit has one connection more, whole, and calls by it."""
    tree = home.ont.tree
    (ppp,) = tree.rows("Device.PPP.Interface.")
    assert home.shows(f"Device.PPP.Interface.{ppp}.Username") == ACCOUNT
    assert home.shows(f"Device.PPP.Interface.{ppp}.Password") == PASSWORD
    assert home.shows(f"Device.PPP.Interface.{ppp}.ConnectionStatus") == "Connected"
    vlan = home.shows(f"Device.PPP.Interface.{ppp}.LowerLayers")
    assert home.shows(f"{vlan}VLANID") == "1035"
    (above,) = (
        row
        for row in tree.rows(IP)
        if home.shows(f"{IP}{row}.LowerLayers") == f"Device.PPP.Interface.{ppp}."
    )
    assert home.ont.wan.startswith(f"{IP}{above}.")
    assert home.is_served


def until_live(home: Home) -> None:
    for _ in range(4):
        home.call()
        if home.device.standing is Standing.LIVE:
            return
    raise AssertionError(home.device.reason)


@pytest.fixture(scope="module")
def steps(make_home: MakeHome) -> list[str]:
    """Each step of the chain as the fault to be drawn at it: ``AddObject=9002@3``."""
    home = make_home()
    report = home.call()
    asked = [rpc.method for rpc in report.rpcs]
    begun = asked.index("AddObject")
    until_live(home)
    assert_built(home)
    return [
        f"{method}=9002@{asked[: at + 1].count(method)}"
        for at, method in enumerate(asked)
        if at >= begun and method in ("AddObject", "SetParameterValues")
    ]


def test_the_chain_has_its_steps(steps: list[str]) -> None:
    assert len(steps) == STEPS, steps


@pytest.mark.parametrize("step", range(STEPS))
def test_a_refused_step_leaves_nothing_behind_and_is_built_when_the_fault_is_gone(
    live_acs: RunningAcs, make_home: MakeHome, steps: list[str], step: int
) -> None:
    home = make_home()
    before, held = rows(home), connections(home)
    home.misbehave(Misbehaviour(faults=(parse_draw(steps[step]),)))
    report = home.call()
    (drawn,) = [rpc for rpc in report.rpcs if rpc.drawn]
    added = [rpc for rpc in report.named("AddObject") if not rpc.fault]

    assert rows(home) == before
    assert connections(home) == held
    assert len(report.named("DeleteObject")) == len(added)

    device = home.device
    assert device.standing is Standing.FAULTED
    (fault,) = live_acs.faults(device)
    assert (fault.subject, fault.code) == ("provision", 9002)
    for told in (device.reason, fault.text, live_acs.told(device, "faulted")[-1]):
        assert "fault 9002 (Internal error)" in told
        assert f"refused at step {step + 1} of {STEPS}" in told
        assert drawn.names[0].split(".")[1] in told, "it names what was refused"
        assert PASSWORD not in told
        match len(added):
            case 0:
                assert told.endswith("nothing was changed")
            case 1:
                assert "the row created was removed" in told
            case number:
                assert f"the {number} rows created were removed" in told

    home.misbehave()
    job = live_acs.enqueue(device, JobKind.PROVISION)
    until_live(home)
    assert_built(home)
    more = {table: len(numbers) - len(before[table]) for table, numbers in rows(home).items()}
    assert set(more.values()) <= {0, 1}
    assert live_acs.faults(device) == []
    assert live_acs.job(job).state is JobState.DONE
    assert not home.call("2 PERIODIC").written


def test_a_row_that_cannot_be_removed_is_named_and_used_when_it_goes_on(
    live_acs: RunningAcs, make_home: MakeHome
) -> None:
    """An XX230v refuses to delete what it thinks is in use (TP-Link reference 8.2)."""
    home = make_home()
    before = rows(home)
    draws = ("AddObject:Device.NAT.InterfaceSetting.=9002", "DeleteObject:Device.PPP.*=9814")
    home.misbehave(Misbehaviour(faults=tuple(map(parse_draw, draws))))
    home.call()
    (left,) = rows(home)["PPP.Interface"]
    assert {**rows(home), "PPP.Interface": []} == before
    reason = home.device.reason
    assert "4 rows created were removed" in reason
    said = (
        f"could not be removed: Device.PPP.Interface.{left}. (fault 9814 (Parse xml string failed))"
    )
    assert said in reason

    home.misbehave()
    live_acs.enqueue(home.device, JobKind.PROVISION)
    until_live(home)
    assert_built(home)
    assert rows(home)["PPP.Interface"] == [left]
