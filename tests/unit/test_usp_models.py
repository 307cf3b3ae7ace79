"""Whose word counts for the supported model of a whole kind of agents."""

from __future__ import annotations

import pytest
from usp_plain_agent import PlainAgent
from usp_world import World

from acs.usp import messages

BOOT = messages.Event("Device.", "Boot!", {"Cause": "LocalReboot"})
SUPPORTED = "GetSupportedDM"


def visited(world: World, credential: str) -> PlainAgent:
    agent: PlainAgent = world.join(PlainAgent(credential=credential))
    agent.tells(BOOT)
    world.wait(3)
    return agent


@pytest.mark.parametrize("credential", ["own", "certificate"])
def test_an_agent_that_proved_itself_speaks_for_its_kind(credential: str) -> None:
    world = World()
    agent = visited(world, credential)
    assert SUPPORTED in agent.kinds()
    assert len(world.keeping.models) == 1


def test_one_with_the_shared_secret_that_is_nobodys_speaks_for_itself_alone() -> None:
    world = World()
    agent = visited(world, "bootstrap")
    assert SUPPORTED in agent.kinds()
    assert world.keeping.models == {}


def test_what_nobody_believes_is_not_asked_for_at_every_contact() -> None:
    world = World()
    agent = visited(world, "bootstrap")
    agent.asked.clear()
    agent.tells(messages.Event("Device.LocalAgent.", "Periodic!"))
    world.wait(3)
    assert SUPPORTED not in agent.kinds()
