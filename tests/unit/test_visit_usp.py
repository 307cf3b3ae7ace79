"""Visits of a device that speaks USP: the same flow, and one device over both protocols."""

from __future__ import annotations

from dataclasses import replace

import pytest
from agent_in_memory import MemoryAgent
from device_in_memory import MemoryDevice
from device_trees import SECRETS, xx230v
from house_in_memory import EQUIPMENT, HOME, KEY, SSID, MemoryHouse, live, served

from acs.devices.agents import Agent
from acs.devices.effects import (
    ForgetMissing,
    SaveCredentials,
    SaveLayout,
    SaveModelNames,
    SaveProof,
    SaveSnapshot,
)
from acs.devices.house import Policy
from acs.devices.identity import Equipment
from acs.devices.record import Device, Job, JobKind, JobState, Standing, Verdict
from acs.devices.vocabulary import Discovery, model_key
from acs.model import EventKind, Get, List, Operate, Operated, Value
from acs.profiles import Intent, Management

ON_BOARD = EventKind.ON_BOARD_REQUEST
BOOT = EventKind.BOOT
MARKER = "Device.DeviceInfo.ProvisioningCode"


def agent_of(device: MemoryDevice, **options: object) -> MemoryAgent:
    return MemoryAgent(device.values, write_only=SECRETS, **options)  # type: ignore[arg-type]


def known_unit() -> MemoryDevice:
    """One that tells its model, firmware and MAC."""
    device = xx230v()
    told = {
        "DeviceInfo.ModelName": "XX230v",
        "DeviceInfo.SoftwareVersion": "0.6.0 3.0.0",
        "Ethernet.Interface.1.MACAddress": "1C:61:B4:FA:11:C8",
    }
    device.values |= {f"Device.{leaf}": Value(text) for leaf, text in told.items()}
    return device


def call(
    house: MemoryHouse, agent: MemoryAgent, *events: EventKind, credential: str = "own"
) -> None:
    """Let an agent that tells no more than its identity be visited."""
    agent.operations.clear()
    told = ("HardwareVersion", "SoftwareVersion", "ModelName")
    house.visited(agent, *events, credential=credential, protocol="usp", told=told)


def record(house: MemoryHouse) -> Device:
    assert house.device is not None
    return house.device


def test_an_agent_is_matched_provisioned_and_proven_in_its_first_visit() -> None:
    house, agent = served(), agent_of(xx230v())
    call(house, agent, ON_BOARD)
    assert (record(house).standing, record(house).protocol) == (Standing.LIVE, "usp")
    assert record(house).blueprint == "tplink-a"
    assert agent[SSID] == "Maison"
    assert agent[KEY] == "motdepasse"
    assert house.proofs[-1].complete
    assert not any("ManagementServer" in path for path in agent.written)


def test_a_later_visit_of_a_proven_agent_asks_nothing() -> None:
    house, agent = served(), agent_of(xx230v())
    call(house, agent, ON_BOARD)
    house.committed.clear()
    call(house, agent, EventKind.ASKED)
    call(house, agent, EventKind.CONNECTED)
    assert [type(op).__name__ for op in agent.operations] == ["Accept"]
    assert house.committed == [], "nothing of it is worth waiting for"


def test_a_boot_is_answered_by_a_glance() -> None:
    house, agent = served(), agent_of(known_unit())
    call(house, agent, ON_BOARD)
    call(house, agent, BOOT, credential="bootstrap")
    assert [type(op).__name__ for op in agent.operations] == ["Accept", "Get"]


def test_types_that_become_known_are_no_change() -> None:
    house, agent = served(), agent_of(known_unit())
    call(house, agent, ON_BOARD)
    agent.typed = True
    call(house, agent, BOOT)
    assert [type(op).__name__ for op in agent.operations] == ["Accept", "Get"]


def test_management_of_our_own_and_passwords_are_left_to_the_transport() -> None:
    house, agent = served(Policy(periodic_inform_interval=900)), agent_of(xx230v())
    house.source.put(EQUIPMENT, replace(HOME, management=Management(acs_url="https://acs/")))
    call(house, agent, ON_BOARD, credential="bootstrap")
    assert record(house).standing is Standing.LIVE
    assert not any(isinstance(effect, SaveCredentials) for effect in house.effects)
    assert not any("ManagementServer" in path for path in agent.written)
    assert not any("not possible" in line for line in house.timeline)


# --- one device over both protocols


def test_a_move_is_looked_at_and_nothing_is_written() -> None:
    house, device = served(), xx230v()
    live(device, house)
    agent = agent_of(device)
    call(house, agent, ON_BOARD)
    assert agent.sets == [], "neither passwords nor what CWMP proved"
    assert record(house).standing is Standing.LIVE
    assert "protocol: cwmp → usp" in house.timeline
    assert not any(isinstance(effect, SaveSnapshot) and not effect.snapshot.values
                   for effect in house.effects), "what is known of it stays"  # fmt: skip
    assert [type(op).__name__ for op in agent.operations].count("Get") >= 2
    proofs = [effect.proof for effect in house.effects if isinstance(effect, SaveProof)]
    assert proofs, "the proof of what its other protocol shows is kept"
    assert all(proof.complete for proof in proofs)
    call(house, agent, EventKind.ASKED)
    assert [type(op).__name__ for op in agent.operations] == ["Accept"]


def test_and_back() -> None:
    house, device = served(), xx230v()
    live(device, house)
    call(house, agent_of(device), ON_BOARD)
    device.operations.clear()
    house.visited(device, BOOT)
    assert device.sets == []
    assert record(house).protocol == "cwmp"
    assert record(house).standing is Standing.LIVE
    assert house.timeline[-1] != "protocol: cwmp → usp"
    assert "protocol: usp → cwmp" in house.timeline


def test_what_changed_meanwhile_is_healed_after_a_move() -> None:
    house, device = served(), xx230v()
    live(device, house)
    agent = agent_of(device)
    agent.values[SSID] = Value("somebody else")
    call(house, agent, ON_BOARD)
    assert agent[SSID] == "Maison"
    assert agent.written == [SSID]


def test_a_drift_found_after_a_move_is_only_reported_where_that_is_wanted() -> None:
    house, device = served(Policy(heal=False)), xx230v()
    live(device, house)
    agent = agent_of(device)
    agent.values[SSID] = Value("somebody else")
    call(house, agent, ON_BOARD)
    assert agent.sets == []
    assert record(house).standing is Standing.DRIFTED


def test_an_account_of_cwmp_is_not_touched_over_usp() -> None:
    house, device = served(), xx230v()
    house.visited(device, EventKind.BOOTSTRAP, credential="bootstrap")
    assert house.password is not None
    device.next_session()
    call(house, agent_of(device), ON_BOARD, credential="own")
    assert house.password is not None, "nobody has used it yet"


@pytest.mark.parametrize(("events", "comes_in"), [((ON_BOARD,), True), ((BOOT,), False)])
def test_the_shared_secret_is_good_for_an_introduction_only(
    events: tuple[EventKind, ...], comes_in: bool
) -> None:
    house, device = served(), xx230v()
    live(device, house)
    assert record(house).own_credentials
    agent = agent_of(device)
    call(house, agent, *events, credential="bootstrap")
    assert (agent.operations[0].__class__.__name__ == "Accept") is comes_in


# --- resets


def test_an_agent_that_introduces_itself_without_our_mark_was_reset() -> None:
    house, agent = served(), agent_of(xx230v())
    call(house, agent, ON_BOARD)
    agent.factory_reset()
    call(house, agent, ON_BOARD)
    assert agent[KEY] == "motdepasse", "secrets are written again, though they were written before"
    assert agent[SSID] == "Maison"


def test_one_that_still_has_it_was_not() -> None:
    house, agent = served(), agent_of(xx230v())
    call(house, agent, ON_BOARD)
    call(house, agent, ON_BOARD)
    assert agent.sets == []
    assert Get((MARKER,)) in agent.operations


# --- nothing follows from what is not shown


def test_nothing_is_learned_of_the_model_from_what_one_role_sees() -> None:
    house, agent = served(), agent_of(xx230v(), hidden=["*IsolationEnable", "*.13.*", "*.14.*"])
    call(house, agent, EventKind.BOOTSTRAP)
    call(house, agent, EventKind.BOOTSTRAP)
    kinds = {type(effect) for effect in house.effects}
    assert kinds.isdisjoint({ForgetMissing, SaveLayout, SaveModelNames})


def test_the_names_of_a_model_come_from_what_it_supports() -> None:
    house, agent = served(), agent_of(known_unit(), typed=True, hidden=["Device.Users.*"])
    call(house, agent, ON_BOARD)
    house.discoveries[model_key(record(house))] = Discovery.BY_LEVEL
    call(house, agent, EventKind.ASKED)
    (learned,) = [effect for effect in house.effects if isinstance(effect, SaveModelNames)]
    assert learned.model_key.endswith("|usp"), "CWMP has other names on the same firmware"
    assert "Device.Users.User.{i}.Password" in learned.names
    assert learned.names["Device.WiFi.SSID.{i}.SSID"]
    assert learned.unlisted == ()
    assert [type(op).__name__ for op in agent.operations] == ["Accept", "List"]


def test_an_agent_whose_model_is_not_known_is_not_asked_level_by_level() -> None:
    house, agent = served(), agent_of(known_unit())
    call(house, agent, ON_BOARD)
    house.discoveries[model_key(record(house))] = Discovery.WHOLE
    call(house, agent, EventKind.ASKED)
    assert not any(isinstance(effect, SaveModelNames) for effect in house.effects)
    assert [type(op).__name__ for op in agent.operations] == ["Accept", "List"]


def test_a_device_and_its_agent_have_one_model_key() -> None:
    told = {"manufacturer": "TP-Link", "model": "M", "hardware": "H", "software": "S"}
    device, agent = Device(1, "k", "o", "p", "s", protocol="usp"), Agent("os::o-s")
    for name, text in told.items():
        setattr(device, name, text)
        setattr(agent, name, text)
    assert model_key(device) == model_key(agent)
    assert model_key(device) != model_key(replace(device, protocol="cwmp"))


def test_a_role_that_sees_no_network_is_named_as_the_reason() -> None:
    house, agent = served(), agent_of(xx230v(), hidden=["Device.WiFi.*", "Device.X_TP_*"])
    house.source.put(EQUIPMENT, Intent(wifi=HOME.wifi))
    call(house, agent, ON_BOARD)
    assert record(house).standing is Standing.FAULTED
    assert "give the role of our Controller access" in record(house).reason
    assert house.faults


def test_health_that_is_not_shown_is_not_learned_as_missing() -> None:
    house, agent = served(), agent_of(known_unit())
    call(house, agent, ON_BOARD)
    health = {"paths": ["Device.XPON.ONU.1.ANI.1.Transceiver.1."], "purpose": "health"}
    house.jobs = [Job(7, 1, JobKind.READ, health)]
    call(house, agent, EventKind.ASKED)
    assert house.jobs[0].state is JobState.DONE
    assert not any(isinstance(effect, ForgetMissing) for effect in house.effects)
    assert not any(isinstance(op, List) for op in agent.operations)


# --- commands


@pytest.mark.parametrize(
    ("command", "state", "said"),
    [
        ("wifi_restart", JobState.DONE, "Device.WiFi.Reset()"),
        ("coffee", JobState.FAILED, "nor in the blueprint: names it has are wifi_restart"),
    ],
)
def test_a_command_is_known_by_the_name_its_blueprint_has(
    command: str, state: JobState, said: str
) -> None:
    house, agent = served(), agent_of(known_unit())
    agent.answers[Operate] = Operated()
    call(house, agent, ON_BOARD)
    house.jobs = [Job(7, 1, JobKind.OPERATE, {"command": command})]
    call(house, agent, EventKind.ASKED)
    assert house.jobs[0].state is state
    sent = [op.command for op in agent.asked if isinstance(op, Operate)]
    assert said in (*sent, str(house.jobs[0].result.get("error", "")))[0]


# --- identity


def test_it_is_matched_by_the_mac_that_its_blueprint_names() -> None:
    house, device = MemoryHouse(), xx230v()
    device.values["Device.Ethernet.Interface.1.MACAddress"] = Value("1C:61:B4:FA:22:10")
    house.source.put(Equipment("EQP-2", mac="1C61B4FA2210"), HOME)
    call(house, agent_of(device), ON_BOARD)
    assert (record(house).equipment, record(house).matched_by) == ("EQP-2", "mac_address")
    assert record(house).standing is Standing.LIVE


@pytest.mark.parametrize(("hidden", "said"), [(["*MACAddress"], True), ([], False)])
def test_what_a_role_does_not_show_is_named_where_nothing_matches(
    hidden: list[str], said: bool
) -> None:
    house = MemoryHouse()
    call(house, agent_of(known_unit(), hidden=hidden), ON_BOARD)
    assert record(house).standing is Standing.QUARANTINED
    assert ("shows our role neither a MAC" in record(house).reason) == said


def test_what_the_agent_told_of_itself_is_not_asked_again() -> None:
    house, agent = served(), agent_of(known_unit())
    call(house, agent, ON_BOARD)
    asked = {path for op in agent.operations if isinstance(op, Get) for path in op.paths}
    assert record(house).model == "XX230v"
    assert "Device.DeviceInfo.ModelName" not in asked


def test_a_proof_of_what_cannot_be_read_says_so() -> None:
    house, agent = served(), agent_of(xx230v())
    call(house, agent, ON_BOARD)
    secret = [line for line in house.proofs[-1].lines if line.path == KEY]
    assert [(line.read, line.verdict) for line in secret] == [(None, Verdict.WRITTEN)]


def test_the_connection_it_told_of_stays_known_when_it_tells_no_addresses() -> None:
    house, agent = served(), agent_of(known_unit())
    address = "Device.IP.Interface.6.IPv4Address.1.IPAddress"
    agent.values[address] = Value("100.64.0.10")
    call(house, agent, ON_BOARD)
    assert record(house).wan == "Device.IP.Interface.6."
    del agent.values[address]
    call(house, agent, BOOT)
    assert record(house).wan == "Device.IP.Interface.6."
