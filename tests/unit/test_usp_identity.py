"""Which device an agent may say it is: what the transport vouches for is an endpoint id only."""

from __future__ import annotations

import pytest
from usp_plain_agent import PlainAgent
from usp_world import AGENT, World

from acs.devices.agents import Holder
from acs.model import Contact, DeviceId, Event, EventKind
from acs.usp import messages
from acs.usp.endpoint import names
from acs.usp.identity import objection

UNIT = DeviceId("1C61B4", "Device2", "22275A7000001")
STRANGER = "os::EEEEEE-1"
HOLDER = Holder(1, AGENT)
PASSWORD = Holder(1)
BOOT = messages.Event("Device.", "Boot!", {"Cause": "LocalReboot"})
RESET = messages.Event("Device.", "Boot!", {"Cause": "LocalFactoryReset"})


def contact(credential: str, kind: EventKind = EventKind.BOOT) -> Contact:
    events = (Event(kind),)
    return Contact(UNIT, "TP-Link", "usp", "Device.", events, {}, 0.0, credential=credential)


@pytest.mark.parametrize("credential", ["bootstrap", "own", "certificate", "none"])
@pytest.mark.parametrize("kind", [EventKind.BOOT, EventKind.BOOTSTRAP, EventKind.ON_BOARD_REQUEST])
def test_an_agent_that_proved_to_be_a_unit_is_not_replaced(
    credential: str, kind: EventKind
) -> None:
    claim = contact(credential, kind)
    assert objection(STRANGER, claim, [PASSWORD, HOLDER], rebootstrap=True)
    assert objection(STRANGER, claim, [HOLDER], rebootstrap=True) == AGENT


def test_the_same_agent_may_come_again_and_a_unit_nobody_proved_to_be_is_free() -> None:
    assert not objection(AGENT, contact("bootstrap"), [HOLDER], rebootstrap=False)
    assert not objection(STRANGER, contact("bootstrap"), [], rebootstrap=False)


@pytest.mark.parametrize("credential", ["bootstrap", "own"])
def test_a_password_over_cwmp_holds_until_a_reset(credential: str) -> None:
    reset = contact(credential, EventKind.ON_BOARD_REQUEST)
    assert objection(STRANGER, contact(credential), [PASSWORD], rebootstrap=True)
    assert objection(STRANGER, reset, [PASSWORD], rebootstrap=False)
    assert not objection(STRANGER, reset, [PASSWORD], rebootstrap=True)


def test_an_endpoint_id_that_names_the_unit_is_proof_with_an_account_only() -> None:
    named = "os::1c61b4-22275A7000001"
    assert not objection(named, contact("own"), [PASSWORD, HOLDER], rebootstrap=False)
    assert objection(named, contact("bootstrap"), [PASSWORD, HOLDER], rebootstrap=False)


@pytest.mark.parametrize(
    ("endpoint", "does"),
    [
        ("os::1C61B4-22275A7000001", True),
        ("ops::1C61B4-Device2-22275A7000001", True),
        ("ops::1C61B4-Device%32-22275A7000001", True),
        ("os::1C61B4-22275a7000001", False),
        ("os::1C61B4-22275A7000002", False),
        ("ops::1C61B4-Device3-22275A7000001", False),
        ("proto::1C61B4-22275A7000001", False),
        ("self::1C61B4-22275A7000001", False),
    ],
)
def test_some_endpoint_ids_name_a_unit(endpoint: str, *, does: bool) -> None:
    assert names(endpoint, UNIT) is does


@pytest.mark.parametrize("credential", ["bootstrap", "own"])
def test_a_stranger_is_given_nothing_of_another_home(credential: str) -> None:
    world = World()
    unit = world.join(PlainAgent(credential="own"))
    unit.tells(RESET)
    world.wait(5)
    stranger = world.join(PlainAgent(STRANGER, credential=credential))
    stranger.tells(RESET)
    world.wait(5)
    assert set(stranger.kinds()) <= {"GetSupportedProtocol", "Get"}
    assert any("refused as" in remark for remark in world.watcher.remarks)
    assert any(STRANGER in entry for entry in world.keeping.timeline)
    assert not world.keeping.agents[STRANGER].device_id
    unit.kinds()
    unit.tells(RESET)
    world.wait(5)
    assert "Set" in unit.kinds()


class HesitantAgent(PlainAgent):
    """Never answers an Add."""

    def received(self, octets: bytes, topic: str, now: float) -> None:
        super().received(octets, topic, now)
        if any(isinstance(each, messages.Add) for each in self.asked):
            self.take()


def test_two_agents_of_one_device_are_not_visited_at_once() -> None:
    world = World()
    first = world.join(HesitantAgent(credential="bootstrap"))
    second = world.join(PlainAgent(STRANGER, credential="bootstrap"))
    first.tells(BOOT)
    world.wait(3)
    assert "Add" in first.kinds()
    second.tells(BOOT)
    world.wait(10)
    assert "Add" not in second.kinds()
    assert any("visited as another agent" in remark for remark in world.watcher.remarks)
    world.wait(60)
    assert "Add" in second.kinds()
