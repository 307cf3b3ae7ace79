"""An agent that lost what was set up on it, and says nothing of it."""

from __future__ import annotations

import pytest
from usp_plain_agent import PlainAgent
from usp_world import World

from acs.model import EventKind
from acs.usp import messages
from acs.usp.messages import Error
from acs.usp.onboarding import OURS, Wanted

BOOT = messages.Event("Device.", "Boot!", {"Cause": "LocalReboot"})


def set_up() -> tuple[World, PlainAgent]:
    """A world with an agent that is set up, and was asked nothing since."""
    world = World()
    agent: PlainAgent = world.join(PlainAgent())
    agent.tells(BOOT)
    world.wait(3)
    assert agent.subscriptions
    agent.asked.clear()
    return world, agent


def events(world: World) -> list[EventKind]:
    """Kinds of events of the last visit."""
    contact = world.watcher.contacts[-1]
    assert contact is not None
    return [event.kind for event in contact.events]


def test_one_that_was_reset_by_hand_is_set_up_again_once_it_connects() -> None:
    """Its subscription to Boot! is gone, so a Connect record is all that it sends."""
    world, agent = set_up()
    before = {told["ID"] for told in agent.subscriptions.values()}
    agent.subscriptions.clear()
    agent.connects()
    world.wait(3)
    assert {told["ID"] for told in agent.subscriptions.values()} == before
    assert events(world) == [EventKind.CONNECTED, EventKind.ON_BOARD_REQUEST]
    world.check()


def test_subscriptions_of_others_are_none_of_ours() -> None:
    world, agent = set_up()
    agent.subscriptions = {"Device.LocalAgent.Subscription.1.": {"ID": "boot-of-others"}}
    agent.connects()
    world.wait(3)
    assert EventKind.ON_BOARD_REQUEST in events(world)


def test_one_that_has_them_is_asked_once_and_left_alone() -> None:
    world, agent = set_up()
    agent.connects()
    world.wait(3)
    assert next(each for each in agent.asked if isinstance(each, messages.Get)) == messages.Get(
        ("Device.LocalAgent.Subscription.*.ID",)
    )
    assert not {"Add", "Set", "Delete"} & set(agent.kinds())
    assert events(world) == [EventKind.CONNECTED]


@pytest.mark.parametrize("why", ["an error", "a path error"])
def test_one_that_does_not_show_them_counts_as_set_up(why: str) -> None:
    world, agent = set_up()
    if why == "an error":
        agent.answers[messages.Get] = Error(7006, "permission denied")
    else:
        agent.untrusted = True
    agent.connects()
    world.wait(3)
    assert events(world) == [EventKind.CONNECTED]
    assert "Add" not in agent.kinds()


def test_one_that_says_that_it_booted_is_not_asked_for_it() -> None:
    world, agent = set_up()
    agent.connects()
    agent.tells(BOOT)
    world.wait(3)
    asked = [path for each in agent.asked if isinstance(each, messages.Get) for path in each.paths]
    assert "Device.LocalAgent.Subscription.*.ID" not in asked


def test_all_of_ours_are_known_by_their_ids() -> None:
    assert all(name.startswith(OURS) for name in Wanted("self::acs").subscriptions)
