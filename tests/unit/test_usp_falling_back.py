"""An agent that proved itself comes back with the secret that all share."""

from __future__ import annotations

import pytest
from usp_plain_agent import PlainAgent
from usp_world import AGENT, World

from acs.usp import messages
from acs.usp.keeping import Bounds


def boot(cause: str) -> messages.Notify:
    return messages.Notify("acs-boot", True, messages.Event("Device.", "Boot!", {"Cause": cause}))


RESET = boot("LocalFactoryReset")
RESTART = boot("LocalReboot")


def proven(*, rebootstrap: bool = True) -> tuple[World, PlainAgent]:
    world = World(bounds=Bounds(rebootstrap=rebootstrap))
    agent: PlainAgent = world.join(PlainAgent())
    agent.tells(RESTART.content)
    world.wait(3)
    assert world.row.credential == "own"
    agent.asked.clear()
    world.take()
    return world, agent


def test_without_a_reset_it_is_not_served() -> None:
    world, agent = proven()
    world.hears(RESTART, id="again", credential="bootstrap")
    world.wait(3)
    assert agent.kinds() == []
    assert world.row.credential == "own"
    assert not any(each.waiting for each in world.keeping.notifies.values())


def test_after_a_reset_it_is_served_and_the_timeline_says_so() -> None:
    world, agent = proven()
    world.hears(RESET, id="again", credential="bootstrap")
    world.wait(3)
    assert "Get" in agent.kinds()
    assert world.row.credential == "bootstrap"
    assert any("shared secret after it was reset" in text for text in world.keeping.timeline)


def test_where_it_is_denied_a_reset_does_not_help() -> None:
    world, agent = proven(rebootstrap=False)
    world.hears(RESET, id="again", credential="bootstrap")
    world.wait(3)
    assert agent.kinds() == []
    assert world.watcher.drops == [("with the shared secret, after better ones", AGENT)]


@pytest.mark.parametrize("credential", ["own", "certificate"])
def test_one_proof_is_as_good_as_another(credential: str) -> None:
    world, agent = proven()
    world.hears(RESTART, id="again", credential=credential)
    world.wait(3)
    assert agent.kinds()
    assert world.row.credential == credential
