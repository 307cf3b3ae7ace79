"""Converge on a USP agent in memory: untyped texts, secured values, roles, search paths."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from agent_in_memory import MemoryAgent
from device_in_memory import MemoryDevice
from device_trees import SECRETS, crossed_tr181, xx230v
from searching_family import searching_family
from wan_trees import DHCP6, GPON, IP, LINK, NAT, PPP, VLAN, gpon_pppoe
from wan_trees import family_a as wan_family_a

from acs.devices.record import Snapshot, Verdict
from acs.model import Add, Get, Secret, Set, ValueType
from acs.profiles import (
    Band,
    Intent,
    Library,
    Management,
    Outcome,
    OutcomeKind,
    Radio,
    Role,
    Security,
    Task,
    VoiceLine,
    Wan,
    WifiNetwork,
    converge,
    fingerprint,
)

LIBRARY = Library.load()
KEY = b"k" * 32
SSID = "Device.WiFi.SSID.3.SSID"
PASSPHRASE = "Device.WiFi.AccessPoint.3.Security.KeyPassphrase"
HOME = WifiNetwork(
    Band.GHZ_5, Role.MAIN, "Maison", Secret("motdepasse"), Security.WPA2, True, max_clients=20
)
INTENT = Intent(
    wifi=(HOME,),
    radios=(Radio(Band.GHZ_5, enabled=True, channel=44),),
    voice=(VoiceLine(username="4505550101", password=Secret("sip-secret"), registrar="sip.isp"),),
    management=Management(periodic_inform_interval=600),
)
PPPOE = Wan("pppoe", 40, "abo@isp.example", Secret("geheim-77"))


def task(
    name: str, intent: Intent = INTENT, *, library: Library = LIBRARY, **options: object
) -> Task:
    blueprint = library.get(name, "usp")
    assert blueprint is not None
    print_ = fingerprint(intent, blueprint, KEY)
    wanted = Task(intent, blueprint, Snapshot(), KEY, print_, now=5.0, shows_all=False)
    return replace(wanted, **options)  # type: ignore[arg-type]


def run(device: MemoryDevice, wanted: Task) -> Outcome:
    outcome = device.run(converge(device.model, wanted))
    assert isinstance(outcome, Outcome)
    return outcome


def agent(device: MemoryDevice, **options: Any) -> MemoryAgent:
    """The same tree, spoken to over USP; what it is written it applies at once."""
    return MemoryAgent(device.values, write_only=SECRETS, rows=device.rows, **options)


@pytest.mark.parametrize("typed", [False, True])
def test_a_tp_link_is_provisioned_and_proven_in_one_visit(typed: bool) -> None:
    device = agent(xx230v(), typed=typed)
    outcome = run(device, task("tplink-a"))
    assert (outcome.kind, outcome.problems) == (OutcomeKind.PROVEN, ())
    assert device[SSID] == "Maison"
    assert device[PASSPHRASE] == "motdepasse"
    assert device["Device.WiFi.Radio.2.Channel"] == "44"
    assert device["Device.WiFi.Radio.2.AutoChannelEnable"] == "false", "a word, never 0"
    assert not any("ManagementServer" in path for path in device.written)
    line = next(line for line in outcome.lines if line.path == PASSPHRASE)
    assert (line.read, line.verdict) == (None, Verdict.WRITTEN)
    assert outcome.plan.notes == ("management: no use over USP: periodic_inform_interval",)


@pytest.mark.parametrize("typed", [False, True])
def test_a_second_look_finds_all_in_order(typed: bool) -> None:
    device = agent(xx230v(), typed=typed)
    first = run(device, task("tplink-a"))
    device.next_session()
    second = run(device, task("tplink-a", snapshot=first.snapshot))
    assert second.kind is OutcomeKind.IN_ORDER
    assert device.sets == []


def test_values_are_compared_by_what_is_wanted_not_by_their_text() -> None:
    device = agent(xx230v())
    first = run(device, task("tplink-a"))
    for path, value in list(device.values.items()):
        if value.type is ValueType.BOOLEAN:
            device.values[path] = value._replace(text={"true": "1", "false": "0"}[value.text])
    device.values["Device.WiFi.Radio.2.Channel"] = device.values[SSID]._replace(text="044")
    device.next_session()
    assert run(device, task("tplink-a", snapshot=first.snapshot)).kind is OutcomeKind.IN_ORDER


def test_what_a_unit_applies_later_is_awaited_and_seen_in_the_next_visit() -> None:
    device = agent(xx230v(), later=["Device.WiFi.SSID.*"])
    first = run(device, task("tplink-a"))
    assert first.kind is OutcomeKind.AWAITING
    verdicts = {line.path: line.verdict for line in first.lines}
    assert verdicts[SSID] is Verdict.AWAITED
    assert verdicts["Device.WiFi.Radio.2.Channel"] is Verdict.PROVEN
    device.next_session()
    later = task("tplink-a", snapshot=first.snapshot, verifying=True, fresh=False)
    assert run(device, later).kind is OutcomeKind.PROVEN
    assert device.sets == []


def test_a_standard_tree_is_provisioned_by_references() -> None:
    device = agent(crossed_tr181())
    intent = Intent(wifi=(replace(HOME, max_clients=None),))
    assert run(device, task("tr181", intent)).kind is OutcomeKind.PROVEN
    assert device[SSID] == "Maison"
    assert device["Device.WiFi.AccessPoint.1.Security.KeyPassphrase"] == "motdepasse"


def test_an_empty_secret_is_not_taken_for_the_secret() -> None:
    device = agent(xx230v())
    first = run(device, task("tplink-a"))
    assert first.snapshot.values[PASSPHRASE].text == ""
    device.next_session()
    other = replace(INTENT, wifi=(replace(HOME, passphrase=Secret("anders-1")),))
    again = run(device, task("tplink-a", other, snapshot=first.snapshot))
    assert device[PASSPHRASE] == "anders-1"
    assert "anders-1" not in repr(again)
    assert again.snapshot.values[PASSPHRASE].text == ""


def test_a_secret_that_our_role_may_read_is_kept_nowhere() -> None:
    device = MemoryAgent(xx230v().values)
    first = run(device, task("tplink-a"))
    second = run(device, task("tplink-a", snapshot=first.snapshot))
    assert "motdepasse" not in repr((first, second))
    assert all(value.text != "motdepasse" for value in second.snapshot.values.values())


# --- what our role may not see


def test_hidden_networks_are_neither_written_nor_learned_as_missing() -> None:
    device = agent(xx230v(), hidden=["Device.WiFi.*"], counted=True)
    outcome = run(device, task("tplink-a", Intent(wifi=(HOME,))))
    assert outcome.kind is OutcomeKind.FAILED
    assert "shows us nothing of Device.WiFi.AccessPoint." in outcome.text
    assert "give the role of our Controller access" in outcome.text
    assert device.sets == []


def test_denied_networks_end_with_the_same_reason() -> None:
    device = agent(xx230v(), denied=["Device.WiFi.*"])
    outcome = run(device, task("tplink-a", Intent(wifi=(HOME,))))
    assert outcome.kind is OutcomeKind.FAILED
    assert "shows us nothing of Device.WiFi.AccessPoint." in outcome.text


def test_what_is_visible_is_provisioned_and_the_rest_named() -> None:
    device = agent(xx230v(), hidden=["Device.X_TP_Services.*"])
    outcome = run(device, task("tplink-a"))
    assert outcome.kind is OutcomeKind.PROVEN
    assert device[SSID] == "Maison"
    assert "1 wish cannot be met: voice line 1: line" in outcome.text
    assert (
        "shows us nothing of Device.X_TP_Services.X_TP_VoiceService.1.VoiceProfile.1."
        in outcome.text
    )


def test_one_row_of_a_table_that_is_hidden_is_not_read_as_gone() -> None:
    device = agent(xx230v())
    first = run(device, task("tplink-a"))
    device.hidden = ["Device.WiFi.SSID.3.*", "Device.WiFi.AccessPoint.3.*"]
    device.counted = True
    device.next_session()
    blind = run(device, task("tplink-a", Intent(wifi=(HOME,)), snapshot=first.snapshot))
    assert blind.kind is OutcomeKind.FAILED
    assert device.sets == []
    assert blind.snapshot.written == first.snapshot.written, "secrets are not forgotten"
    device.hidden = []
    device.next_session()
    again = run(device, task("tplink-a", snapshot=blind.snapshot))
    assert again.kind is OutcomeKind.IN_ORDER
    assert device.sets == []


@pytest.mark.parametrize("how", ["hidden", "denied"])
def test_a_connection_that_is_hidden_is_not_built_a_second_time(how: str) -> None:
    device = agent(wan_family_a(gpon_pppoe()), counted=True, **{how: ["Device.PPP.*"]})
    outcome = run(device, task("tplink-a", Intent(wan=PPPOE), carrier=f"{IP}1."))
    assert outcome.kind is OutcomeKind.FAILED
    assert f"the device does not show us all of {PPP}" in outcome.text
    assert not [o for o in device.operations if isinstance(o, Add | Set)]


def test_where_no_connection_shows_none_is_built() -> None:
    device = agent(wan_family_a(), hidden=["Device.IP.*"])
    outcome = run(device, task("tplink-a", Intent(wan=PPPOE)))
    assert outcome.kind is OutcomeKind.FAILED
    assert f"the device does not show us all of {IP}" in outcome.text
    assert not [o for o in device.operations if isinstance(o, Add | Set)]


# --- connections


@pytest.mark.parametrize("typed", [False, True])
def test_a_connection_is_built_and_switched_on(typed: bool) -> None:
    device = agent(wan_family_a(), typed=typed, counted=True)
    outcome = run(device, task("tplink-a", Intent(wan=PPPOE), carrier=f"{IP}1."))
    assert outcome.kind is OutcomeKind.PROVEN, outcome.text
    tables = [o.table for o in device.operations if isinstance(o, Add)]
    assert tables == [GPON, LINK, VLAN, PPP, IP, NAT, DHCP6]
    (ppp,) = [p for p, v in device.values.items() if p.startswith(PPP) and v.text == PPPOE.username]
    row = ppp.removesuffix("Username")
    assert device[f"{row}Enable"] == "true"
    assert device[f"{row}Password"] == "geheim-77"
    assert not device[f"{row}LowerLayers"].endswith("."), "references have no last dot over USP"
    device.next_session()
    again = run(
        device, task("tplink-a", Intent(wan=PPPOE), carrier=f"{IP}1.", snapshot=outcome.snapshot)
    )
    assert again.kind is OutcomeKind.IN_ORDER
    assert device.sets == []


# --- search paths


def test_places_that_are_search_paths_are_read_written_and_proven(tmp_path: Path) -> None:
    library = searching_family(tmp_path)
    tree = crossed_tr181()
    users = {1: "support", 2: "admin"}
    for number, name in users.items():
        tree.values[f"Device.Users.User.{number}.Username"] = tree.values[SSID]._replace(text=name)
        tree.values[f"Device.Users.User.{number}.Password"] = tree.values[SSID]
    device = agent(tree)
    wish = Intent(wifi=(replace(HOME, max_clients=None),), admin_password=Secret("neu-12345"))
    first = run(device, task("mine", wish, library=library))
    assert first.kind is OutcomeKind.PROVEN
    assert device[SSID] == "Maison"
    assert device["Device.Users.User.2.Password"] == "neu-12345"
    assert device["Device.Users.User.1.Password"] != "neu-12345"
    proven = {line.path for line in first.lines if line.verdict is Verdict.PROVEN}
    assert "Device.WiFi.AccessPoint.1.SSIDReference+.SSID" in proven
    device.next_session()
    again = run(device, task("mine", wish, library=library, snapshot=first.snapshot))
    assert again.kind is OutcomeKind.IN_ORDER
    assert device.sets == []


def test_a_search_that_finds_several_rows_is_a_problem_not_a_guess(tmp_path: Path) -> None:
    library = searching_family(tmp_path)
    tree = crossed_tr181()
    for number in (1, 2):
        tree.values[f"Device.Users.User.{number}.Username"] = tree.values[SSID]._replace(
            text="admin"
        )
        tree.values[f"Device.Users.User.{number}.Password"] = tree.values[SSID]
    device = agent(tree)
    outcome = run(device, task("mine", Intent(admin_password=Secret("neu-1")), library=library))
    assert outcome.kind is OutcomeKind.FAILED
    assert device.sets == []


# --- refusals


def test_an_optional_leaf_that_is_read_only_is_left_out() -> None:
    place = "Device.X_TP_Services.X_TP_VoiceService.1.VoiceProfile.1.MultiIsp.1.MultiIspName"
    device = agent(xx230v(), read_only=[place])
    outcome = run(device, task("tplink-a"))
    assert outcome.kind is OutcomeKind.PROVEN
    assert len(device.sets) == 2
    assert place not in {change.path for change in device.sets[1].changes}


def test_a_look_costs_two_gets_and_one_list_for_each_table() -> None:
    device = agent(xx230v())
    intent = Intent(wifi=(HOME,))
    first = run(device, task("tplink-a", intent))
    device.next_session()
    run(device, task("tplink-a", intent, snapshot=first.snapshot))
    assert len([o for o in device.operations if isinstance(o, Get)]) == 2


def test_a_row_is_given_its_name_as_it_is_created() -> None:
    device = agent(wan_family_a())
    run(device, task("tplink-a", Intent(wan=PPPOE), carrier=f"{IP}1."))
    created = {o.table: o.given for o in device.operations if isinstance(o, Add)}
    assert [(each.path, each.value.text) for each in created[PPP]] == [("Alias", "gigafibre_pppoe")]
    assert created[NAT] == (), "the blueprint gives it no name"
    assert not any(path.endswith(".Alias") for path in device.written), "it is written once"
    names = [v.text for p, v in device.values.items() if p.startswith(PPP) and p.endswith("Alias")]
    assert "gigafibre_pppoe" in names
