"""Whose word counts for the supported model of a whole kind of agents."""

from __future__ import annotations

import pytest
from usp_plain_agent import PlainAgent
from usp_world import MemoryKeeping, World

from acs.devices.agents import Agent
from acs.usp import messages
from acs.usp.models import Models

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


def test_while_what_one_showed_is_not_believed_no_other_is_asked() -> None:
    models = Models(MemoryKeeping(), lambda: 0.0)
    one, other = (Agent(name, model="XX230v", software="1.0") for name in ("os::A-1", "os::A-2"))
    asking = models.ask(one)
    asking.send(None)
    root = messages.SupportedObject("Device.")
    with pytest.raises(StopIteration) as shown:
        asking.send(messages.GetSupportedDMResp((messages.SupportedPath("Device.", (root,)),)))
    assert shown.value.value is not None
    with pytest.raises(StopIteration) as nothing:
        models.ask(other).send(None)
    assert nothing.value.value is None
    models.done(one)
    models.ask(other).send(None)  # it is asked now
