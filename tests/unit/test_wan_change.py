"""A connection that is there: found, changed in order, and protected where it carries us."""

from __future__ import annotations

from dataclasses import replace

import pytest
from device_in_memory import MemoryDevice, value_of
from hypothesis import given, settings
from hypothesis import strategies as st
from wan_runs import ELSEWHERE, IPOE, PPPOE, planned, run, session, task, to_the_end
from wan_trees import (
    CONNECTION,
    IP,
    MANAGED,
    PPP,
    VLAN,
    a_row,
    ec220v2,
    ec220v3,
    ethernet_wan,
    ex220,
    family_a,
    gpon_ipoe,
    gpon_pppoe,
    managed,
    tr098_pppoe,
    tr181,
)

from acs.model import Add, Change, Delete, Secret
from acs.profiles import OutcomeKind, Wan
from acs.profiles.compare import switches_off

CARRIER = f"{IP}6."
ACCOUNT = Wan("pppoe", 2, "new", Secret("other"))


def requests(device: MemoryDevice) -> list[list[tuple[str, str]]]:
    return [
        [
            (change.path.removeprefix("Device."), "***" if change.secret else change.value.text)
            for change in operation.changes
        ]
        for operation in device.sets
    ]


def test_a_connection_somebody_else_made_is_changed_off_vlan_account_on() -> None:
    device = family_a(ethernet_wan(port=6), gpon_pppoe())
    run(device, task("tplink-a", PPPOE, mark=False))
    assert requests(device) == [
        [("IP.Interface.6.Enable", "0")],
        [("Ethernet.VLANTermination.3.VLANID", "40")],
        [("PPP.Interface.3.Username", PPPOE.username), ("PPP.Interface.3.Password", "***")],
        [("IP.Interface.6.Enable", "1")],
    ]
    assert not any(isinstance(operation, Add | Delete) for operation in device.operations)
    assert device[f"{IP}6.X_TP_ServiceType"] == "Internet,TR069"
    assert device[f"{IP}6.X_TP_ConnName"] == "pppoe_gpon_2_1"


def test_what_is_right_already_is_left_as_it_is() -> None:
    device = family_a(gpon_pppoe())
    wish = Wan("pppoe", 2, "old")
    assert run(device, task("tplink-a", wish, mark=False)).kind is OutcomeKind.IN_ORDER
    assert device.sets == []


def test_what_is_off_is_changed_and_goes_on_at_the_end() -> None:
    device = family_a(gpon_pppoe())
    device.values[f"{IP}6.Enable"] = device.values[f"{IP}6.Enable"]._replace(text="0")
    run(device, task("tplink-a", replace(PPPOE, password=None), mark=False))
    assert requests(device) == [
        [("Ethernet.VLANTermination.3.VLANID", "40")],
        [("PPP.Interface.3.Username", PPPOE.username)],
        [("IP.Interface.6.Enable", "1")],
    ]


class TestTheOneThatCarriesTheSession:
    def test_its_account_changes_in_one_request_without_an_off(self) -> None:
        device = family_a(gpon_pppoe())
        run(device, task("tplink-a", ACCOUNT, CARRIER, mark=False))
        assert requests(device) == [
            [("PPP.Interface.3.Username", "new"), ("PPP.Interface.3.Password", "***")]
        ]

    @pytest.mark.parametrize("carrier", [CARRIER, ""], ids=["known", "unknown"])
    def test_its_vlan_stays_and_the_reason_is_told(self, carrier: str) -> None:
        device = family_a(gpon_pppoe())
        outcome = run(device, task("tplink-a", PPPOE, carrier))
        assert outcome.kind is OutcomeKind.FAILED
        says = "carries" if carrier else "may carry"
        assert str(outcome.problems[0]) == (
            f"wan: vlan: {IP}6. {says} our session; the VLAN of such a connection is changed only "
            "with provisioning.change_carrier"
        )
        assert device.sets == []

    def test_where_that_is_allowed_its_vlan_changes_in_one_request(self) -> None:
        device = family_a(gpon_pppoe())
        run(device, task("tplink-a", PPPOE, CARRIER, change_carrier=True, mark=False))
        assert len(requests(device)) == 1
        assert (f"{VLAN}3.VLANID".removeprefix("Device."), "40") in requests(device)[0]
        assert device[f"{IP}6.Enable"] == "true"

    def test_one_of_another_mode_stays_on_until_the_device_calls_by_the_new_one(self) -> None:
        device = family_a(gpon_ipoe(), later=True)
        first, then = session(device, task("tplink-a", PPPOE, CARRIER))
        assert first is not None
        assert first.kind is OutcomeKind.AWAITING
        assert "carries our session and stays on" in first.text
        assert device[f"{IP}6.Enable"] == "true"
        second, then = session(device, then)
        assert second is not None
        assert second.kind is OutcomeKind.PROVEN
        assert device[f"{IP}6.Enable"] == "true"
        # The device moved over: it calls by the one we built.
        moved = replace(then, carrier=f"{IP}7.", verifying=True)
        third, then = session(device, moved)
        assert third is not None
        assert third.kind is OutcomeKind.AWAITING
        assert third.problems == ()
        assert [change.path for change in third.plan.writes] == [f"{IP}6.Enable"]
        assert device[f"{IP}6.Enable"] == "0"
        assert to_the_end(device, then).kind is OutcomeKind.PROVEN

    def test_it_keeps_the_word_by_which_it_carries_us(self) -> None:
        device = family_a()
        to_the_end(device, task("tplink-a", PPPOE))
        row = f"{IP}4.X_TP_ServiceType"
        device.values[row] = device.values[row]._replace(text="TR069,VoIP")
        device.next_session()
        run(device, task("tplink-a", replace(PPPOE, password=None), f"{IP}4."))
        assert device[row] == "Internet,TR069"


class TestWhatOurSessionStandsOn:
    """Rows below the carrier count as the carrier itself, whoever else stands on them."""

    def test_a_vlan_that_another_connection_shares_with_it_stays(self) -> None:
        device = family_a(gpon_pppoe())
        device.values |= {
            path: value_of(plain)
            for path, plain in a_row(
                IP, 7, Enable=True, LowerLayers=f"{VLAN}3.", X_TP_ConnType="DHCP",
                X_TP_ServiceType="TR069",
            ).items()
        }  # fmt: skip
        outcome = run(device, task("tplink-a", PPPOE, f"{IP}7."))
        assert str(outcome.problems[0]) == (
            f"wan: vlan: {VLAN}3. carries our session; the VLAN of such a connection is changed "
            "only with provisioning.change_carrier"
        )
        assert device.sets == []

    @pytest.mark.parametrize("running", [True, False])
    def test_nor_does_it_move_in_a_device_that_holds_both(self, running: bool) -> None:
        device = ec220v2()
        for leaf, plain in {
            "Enable": running,
            "ConnectionType": "IP_Routed",
            "Username": "a",
        }.items():
            device.values[f"{CONNECTION}1.WANPPPConnection.1.{leaf}"] = value_of(plain)
        wish = Wan("pppoe", 40, "a")
        outcome = run(device, task("tplink-c", wish, f"{CONNECTION}1.WANIPConnection.1."))
        assert f"{CONNECTION}1. carries our session" in str(outcome.problems[0])
        assert device[f"{CONNECTION}1.WANEthernetLinkConfig.X_TP_VID"] == "0"

    @pytest.mark.parametrize("carrier", [f"{IP}99.", f"{CONNECTION}1.WANIPConnection.1."])
    def test_one_that_this_tree_does_not_have_protects_all(self, carrier: str) -> None:
        device = family_a(gpon_pppoe())
        outcome = run(device, task("tplink-a", PPPOE, carrier))
        assert "the VLAN of such a connection" in str(outcome.problems[0])
        assert device.sets == []

    def test_what_our_own_connection_stands_on_is_not_moved_either(self) -> None:
        device = built(PPPOE)
        device.operations.clear()
        row = f"{PPP}2.LowerLayers"
        device.values[row] = device.values[row]._replace(text=f"{VLAN}9.")
        wish = replace(PPPOE, password=None)
        outcome = run(device, task("tplink-a", wish, f"{IP}4."))
        assert "what stands below such a connection" in str(outcome.problems[0])
        assert device.sets == []

    def test_nor_is_its_mode_changed(self) -> None:
        device = built(PPPOE)
        device.operations.clear()
        row = f"{IP}4.X_TP_ConnType"
        device.values[row] = device.values[row]._replace(text="Bridge")
        outcome = run(device, task("tplink-a", replace(PPPOE, password=None), f"{IP}4."))
        assert "the mode of such a connection" in str(outcome.problems[0])
        assert device.sets == []


class TestAConnectionForManagementAlone:
    """It stays, and one we build for the Internet does not draw our session away from it."""

    SERVICE = f"{IP}7.X_TP_ServiceType"

    @pytest.mark.parametrize("carrier", [CARRIER, ""], ids=["known", "unknown"])
    def test_one_that_is_built_is_for_the_internet_alone(self, carrier: str) -> None:
        device = family_a(gpon_ipoe(services="TR069"))
        outcome = run(device, task("tplink-a", PPPOE, carrier))
        assert outcome.problems == ()
        assert device[self.SERVICE] == "Internet"
        assert f"{IP}6.Enable" not in device.written
        device.next_session()
        wanted = replace(task("tplink-a", PPPOE, carrier), snapshot=outcome.snapshot)
        assert run(device, wanted).kind is OutcomeKind.IN_ORDER

    def test_one_whose_mode_is_none_of_ours_counts_too(self) -> None:
        device = family_a(gpon_ipoe(services="TR069"))
        device.values[f"{IP}6.X_TP_ConnType"] = value_of("Static")
        run(device, task("tplink-a", PPPOE, CARRIER))
        assert device[self.SERVICE] == "Internet"

    def test_where_the_device_comes_by_another_one_it_is_built_for_both(self) -> None:
        """A template that is on, but not how the device reaches us, tells nothing."""
        device = family_a(gpon_ipoe(services="TR069"))
        run(device, task("tplink-a", PPPOE, ELSEWHERE))
        assert device[self.SERVICE] == "Internet,TR069"

    def test_what_a_connection_serves_already_it_keeps(self) -> None:
        device = family_a(gpon_ipoe(services="TR069"))
        first = run(device, task("tplink-a", PPPOE, ELSEWHERE))
        device.next_session()
        run(device, replace(task("tplink-a", PPPOE, CARRIER), snapshot=first.snapshot))
        assert device[self.SERVICE] == "Internet,TR069"


class TestWhatAWishReplaces:
    def test_the_old_one_goes_off_in_the_request_that_switches_the_new_one_on(self) -> None:
        device = family_a(gpon_ipoe())
        run(device, task("tplink-a", PPPOE, mark=False))
        last = requests(device)[-1]
        assert last[0] == ("IP.Interface.6.Enable", "0")
        assert last[-1] == ("IP.Interface.7.Enable", "1")
        assert not any(isinstance(operation, Delete) for operation in device.operations)

    def test_one_that_serves_something_else_too_stays_on(self) -> None:
        device = family_a(gpon_ipoe(services="Internet,VoIP"))
        outcome = run(device, task("tplink-a", PPPOE))
        assert "serves VoIP too and stays on" in str(outcome.problems[0])
        assert device[f"{IP}6.Enable"] == "true"

    def test_one_for_another_service_is_none_of_our_business(self) -> None:
        device = family_a(gpon_ipoe(services="VoIP"))
        outcome = run(device, task("tplink-a", PPPOE))
        assert outcome.problems == ()
        assert f"{IP}6.Enable" not in device.written

    def test_one_on_another_medium_is_left_alone(self) -> None:
        device = family_a(ethernet_wan(port=6))
        outcome = run(device, task("tplink-a", PPPOE))
        assert outcome.problems == ()
        assert not any(path.startswith(f"{IP}4.") for path in device.written)

    def test_back_to_the_first_mode_uses_what_was_there(self) -> None:
        device = family_a(gpon_ipoe())
        to_the_end(device, task("tplink-a", PPPOE))
        device.next_session()
        run(device, task("tplink-a", Wan("ipoe", 10), mark=False))
        assert Add(IP) not in device.operations
        assert device[f"{IP}6.Enable"] == "1"
        assert device[f"{IP}7.Enable"] == "0"


class TestOtherFamilies:
    def test_family_b_changes_what_is_there_by_the_switch_of_ppp(self) -> None:
        device = ec220v3()
        run(device, task("tplink-b", PPPOE, mark=False))
        assert [path for path, _ in requests(device)[0]] == ["PPP.Interface.1.Enable"]
        assert device[f"{VLAN}1.VLANID"] == "40"
        assert device[f"{VLAN}1.Enable"] == "1"
        assert device[f"{VLAN}2.Enable"] == "false"
        assert device[f"{PPP}1.Enable"] == "1"

    def test_generic_tr181_follows_the_layers_to_the_vlan(self) -> None:
        device = tr181(pppoe=True, vlan=7)
        assert run(device, task("tr181", PPPOE)).kind is OutcomeKind.PROVEN
        assert device[f"{VLAN}1.VLANID"] == "40"

    def test_generic_tr181_without_a_vlan_row_below_says_so(self) -> None:
        outcome = run(tr181(pppoe=True), task("tr181", PPPOE))
        assert str(outcome.problems[0]) == "wan: vlan: the device has no vlan:VLANID"

    @pytest.mark.parametrize("leaf", ["X_HW_VLAN", "X_ZTE-COM_VLANID", "X_CT-COM_VLANIDMark"])
    def test_generic_tr098_finds_the_vendors_vlan(self, leaf: str) -> None:
        device = managed(tr098_pppoe(leaf))
        run(device, task("tr098", PPPOE, MANAGED))
        assert device[f"{CONNECTION}1.WANPPPConnection.1.{leaf}"] == "40"

    def test_the_dongle_of_family_c_is_never_touched(self) -> None:
        device = ec220v2()
        to_the_end(device, task("tplink-c", PPPOE))
        assert not any(".WANDevice.2." in str(operation) for operation in device.operations)

    def test_family_c_changes_its_factory_connection(self) -> None:
        device = managed(ec220v2())
        device.values[f"{MANAGED}Name"] = value_of("management")
        device.values[f"{CONNECTION}9.X_TP_ServiceType"] = value_of("TR069")
        run(device, task("tplink-c", IPOE, MANAGED))
        assert device[f"{CONNECTION}1.WANEthernetLinkConfig.X_TP_VID"] == "40"
        assert device[f"{CONNECTION}1.WANEthernetLinkConfig.X_TP_VLanEnabled"] == "1"


def test_two_that_could_be_meant_are_left_alone() -> None:
    device = tr181(pppoe=True, vlan=7)
    for leaf, text in (("LowerLayers", f"{PPP}1"), ("Enable", "true")):
        device.values[f"{IP}3.{leaf}"] = device.values[f"{IP}2.{leaf}"]._replace(text=text)
    outcome = run(device, task("tr181", Wan("pppoe", None, "x")))
    assert f"more than one connection could be meant: {IP}2., {IP}3." in str(outcome.problems[0])


def test_a_loop_of_layers_ends() -> None:
    device = tr181(pppoe=True, vlan=7)
    device.values[f"{VLAN}1.LowerLayers"] = device.values[f"{VLAN}1.LowerLayers"]._replace(
        text=f"{PPP}1"
    )
    assert planned(device, "tr181", PPPOE).creations


def test_a_list_of_layers_without_end_is_not_followed_to_its_end() -> None:
    device = tr181(pppoe=True, vlan=7)
    row = f"{IP}2.LowerLayers"
    device.values[row] = value_of(",".join([*["Device.X.1"] * 15, f"{PPP}1"]))
    assert not planned(device, "tr181", PPPOE).creations
    device.values[row] = value_of(",".join([*["Device.X.1"] * 16, f"{PPP}1"]))
    assert planned(device, "tr181", PPPOE).creations


STATES = {
    "empty": lambda: family_a(),
    "ethernet": lambda: family_a(ethernet_wan(port=6)),
    "ipoe": lambda: family_a(gpon_ipoe()),
    "pppoe": lambda: family_a(ethernet_wan(port=6), gpon_pppoe()),
    "ex220": lambda: ex220(),
    "ours": lambda: built(PPPOE),
    "ours-ipoe": lambda: built(IPOE),
}


def built(wish: Wan) -> MemoryDevice:
    device = family_a()
    to_the_end(device, task("tplink-a", wish))
    device.next_session()
    return device


wishes = st.builds(
    Wan,
    mode=st.sampled_from(["pppoe", "ipoe", None]),
    vlan=st.none() | st.sampled_from([2, 10, 40]),
    username=st.none() | st.sampled_from(["old", "new"]),
    password=st.none() | st.just(Secret("p")),
    mtu=st.none() | st.just(1400),
    ipv6=st.sampled_from([None, True, False]),
)


def rank(change: Change) -> int:
    if not change.path.endswith(".Enable"):
        return 1
    return 0 if switches_off(change.value.text) else 2


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(sorted(STATES)),
    wishes,
    st.sampled_from(["", ELSEWHERE, CARRIER, f"{IP}4."]),
    st.booleans(),
)
def test_off_stands_first_and_on_last_in_every_request_and_the_carrier_is_safe(
    state: str, wish: Wan, carrier: str, allowed: bool
) -> None:
    device = STATES[state]()
    device.operations.clear()
    first = run(device, task("tplink-a", wish, carrier, change_carrier=allowed))
    for operation in device.sets:
        ranks = [rank(change) for change in operation.changes]
        assert ranks == sorted(ranks)
        paths = [change.path for change in operation.changes]
        assert len(paths) == len(set(paths))
        off = [c.path for c in operation.changes if switches_off(c.value.text)]
        if carrier and f"{carrier}Enable" in off:
            assert allowed
            assert len(operation.changes) > 1
    assert not any(isinstance(operation, Delete) for operation in device.operations)
    # Whatever was done, it was done once.
    device.next_session()
    again = run(device, replace(task("tplink-a", wish, carrier), snapshot=first.snapshot))
    assert not again.plan.creations
    if first.problems == ():
        assert device.sets == []
