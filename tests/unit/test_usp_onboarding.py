"""Around a visit: who the agent is, what it supports, and setting it up for us."""

from __future__ import annotations

from collections.abc import Coroutine
from itertools import count
from typing import Any, TypeVar

import pytest
from usp_plain_agent import INFO, ROW, SUBSCRIPTIONS, PlainAgent
from usp_world import AGENT, CONTROLLER

from acs.devices.agents import Agent
from acs.usp import messages, onboarding
from acs.usp.announcement import WATCH
from acs.usp.conversation import Conversation, Send
from acs.usp.known import Known
from acs.usp.messages import Error, Failure, SupportedObject, SupportedPath
from acs.usp.onboarding import Settled, Wanted
from acs.usp.supported import MAX_OBJECTS, pack, unpack

T = TypeVar("T")
WANTED = Wanted(CONTROLLER)


def outcome(flow: Coroutine[Any, Any, T], agent: PlainAgent) -> T:
    """Drive a flow with the answers of ``agent``, and return what it came to."""
    came: list[T] = []

    async def keep() -> None:
        came.append(await flow)

    ids = count(1)
    conversation = Conversation(keep(), Known(), new_id=lambda: f"m{next(ids)}")
    step = conversation.begin()
    while isinstance(step, Send):
        request = step.message.body
        agent.asked.append(request)
        answer: Any = agent.answers.get(type(request)) or agent._answer(request)
        step = conversation.answered(answer)
    assert conversation.fault is None
    return came[0]


def settled(agent: PlainAgent, wanted: Wanted = WANTED, **known: Any) -> Settled:
    agent.asked.clear()
    return outcome(onboarding.settle(Agent(AGENT, **({"controller": ROW} | known)), wanted), agent)


def ids_on(agent: PlainAgent) -> set[str]:
    return {told["ID"] for told in agent.subscriptions.values()}


# --- who it is ---------------------------------------------------------------------------


def test_an_agent_tells_who_it_is_in_one_get() -> None:
    agent = PlainAgent()
    told = outcome(onboarding.introduce(Agent(AGENT), CONTROLLER), agent)
    assert agent.kinds() == ["GetSupportedProtocol", "Get"]
    assert told.fields == {
        "versions": "1.0,1.1,1.2,1.3",
        "version": "1.3",
        "oui": "1C61B4",
        "product_class": "Device2",
        "serial_number": "22275A7000001",
        "manufacturer": "TP-Link",
        "model": "XX230v",
        "hardware": "XX230v v1.0",
        "software": "1.0.0",
        "controller": ROW,
    }


def test_versions_are_asked_once() -> None:
    agent = PlainAgent()
    outcome(onboarding.introduce(Agent(AGENT, versions="1.3"), CONTROLLER), agent)
    assert agent.kinds() == ["Get"]


@pytest.mark.parametrize(
    ("theirs", "used"),
    [
        (("1.3", "1.1"), "1.3"),
        ((" 1.2 ", "2.0"), "1.2"),
        (("7.7",), "1.0"),
        (("", "x" * 99), "1.0"),
    ],
)
def test_the_highest_version_both_speak_is_used(theirs: tuple[str, ...], used: str) -> None:
    agent = PlainAgent()
    agent.versions = theirs
    told = outcome(onboarding.introduce(Agent(AGENT), CONTROLLER), agent).fields
    assert told["version"] == used
    assert len(told["versions"]) <= onboarding.TEXT_LENGTH


def test_an_agent_that_tells_nothing_leaves_nothing() -> None:
    agent = PlainAgent()
    agent.answers = {
        messages.GetSupportedProtocol: Error(7001, "not supported"),
        messages.Get: Error(7003, "internal"),
    }
    assert outcome(onboarding.introduce(Agent(AGENT), CONTROLLER), agent).fields == {}


def test_a_row_of_another_controller_is_not_ours() -> None:
    agent = PlainAgent()
    agent.row["EndpointID"] = "self::another"
    told = outcome(onboarding.introduce(Agent(AGENT), CONTROLLER), agent).fields
    assert "controller" not in told


def test_texts_of_an_identity_are_bounded() -> None:
    agent = PlainAgent()
    agent.info["ModelName"] = "x" * 10_000
    told = outcome(onboarding.introduce(Agent(AGENT), CONTROLLER), agent).fields
    assert told["model"] == "x" * onboarding.TEXT_LENGTH


# --- what it supports --------------------------------------------------------------------


def model(agent: PlainAgent, *tops: SupportedObject, **below: Any) -> None:
    """Have ``agent`` answer for the objects at the top, and for those below each."""

    def answer(request: Any) -> Any:
        path = request.paths[0]
        if request.first_level_only:
            found: Any = SupportedPath(path, tops, "tr-181")
        else:
            found = below[path.rstrip(".").rpartition(".")[2]]
        if isinstance(found, Error):
            return found
        return messages.GetSupportedDMResp((found,))

    agent._answer = answer


def test_a_model_is_learned_slice_by_slice() -> None:
    agent = PlainAgent()
    model(
        agent,
        SupportedObject("Device."),
        SupportedObject("Device.WiFi."),
        SupportedObject("Device.Time"),
        WiFi=SupportedPath("Device.WiFi.", (SupportedObject("Device.WiFi."),
                                            SupportedObject("Device.WiFi.SSID.{i}."))),
        Time=SupportedPath("Device.Time.", (SupportedObject("Device.Time"),)),
    )  # fmt: skip
    uri, found = outcome(onboarding.acquaint(), agent)
    assert uri == "tr-181"
    assert [each.path.rstrip(".") for each in found] == [
        "Device", "Device.WiFi", "Device.WiFi.SSID.{i}", "Device.Time",
    ]  # fmt: skip
    assert unpack(pack(found)) == tuple(found)


def test_a_slice_that_is_refused_is_left_out() -> None:
    agent = PlainAgent()
    good = SupportedPath("Device.B.", (SupportedObject("Device.B."),))
    tops = SupportedObject("Device.A."), SupportedObject("Device.B.")
    model(agent, *tops, A=Error(7006, "no"), B=good)
    _, found = outcome(onboarding.acquaint(), agent)
    assert [each.path for each in found] == ["Device.B."]


def test_a_model_without_end_is_cut_off() -> None:
    agent = PlainAgent()
    many = tuple(SupportedObject(f"Device.A.X{number}.") for number in range(MAX_OBJECTS + 10))
    tops = SupportedObject("Device.A."), SupportedObject("Device.B.")
    model(agent, *tops, A=SupportedPath("Device.A.", many), B=Error(7003, "never asked"))
    outcome(onboarding.acquaint(), agent)
    assert len(agent.asked) == 2, "no further slice once it is large"


# --- setting it up -----------------------------------------------------------------------


def test_what_is_missing_is_made_and_all_of_it_lasts() -> None:
    agent = PlainAgent()
    assert settled(agent, Wanted(CONTROLLER, periodic=300)) == Settled(is_done=True)
    assert ids_on(agent) == set(WANTED.subscriptions)
    for told in agent.subscriptions.values():
        assert (told["Enable"], told["Persistent"], told["NotifRetry"]) == ("true",) * 3
    assert agent.row["PeriodicNotifInterval"] == "300"
    assert agent.row["OnBoardingComplete"] == "true"


def test_what_is_there_is_left_alone() -> None:
    agent = PlainAgent()
    settled(agent)
    before = dict(agent.subscriptions)
    settled(agent)
    assert agent.subscriptions == before
    assert agent.kinds() == ["Get", "Set"], "it looks, and completes on-boarding"


def test_one_that_is_missing_is_added_alone() -> None:
    agent = PlainAgent()
    settled(agent)
    agent.subscriptions = {
        path: told for path, told in agent.subscriptions.items() if told["ID"] != "acs-boot"
    }
    settled(agent)
    (add,) = [each for each in agent.asked if isinstance(each, messages.Add)]
    assert len(add.objects) == 1
    assert "acs-boot" in ids_on(agent)


def test_one_with_another_reference_is_made_anew() -> None:
    agent = PlainAgent()
    agent.subscriptions = {f"{SUBSCRIPTIONS}70.": {
        "ID": "acs-boot", "Recipient": ROW.rstrip("."), "Enable": "true",
        "NotifType": "Event", "ReferenceList": "Device.Other!",
    }}  # fmt: skip
    settled(agent)
    assert f"{SUBSCRIPTIONS}70." not in agent.subscriptions
    (boot,) = [told for told in agent.subscriptions.values() if told["ID"] == "acs-boot"]
    assert boot["ReferenceList"] == "Device.Boot!"


def test_one_that_is_switched_off_is_switched_on() -> None:
    agent = PlainAgent()
    settled(agent)
    next(iter(agent.subscriptions.values()))["Enable"] = "0"
    settled(agent)
    assert all(told["Enable"] == "true" for told in agent.subscriptions.values())


def test_what_is_watched_no_more_is_removed() -> None:
    agent = PlainAgent()
    settled(agent)
    settled(agent, Wanted(CONTROLLER, watched=("Device.DeviceInfo.SoftwareVersion",)))
    watched = {name for name in ids_on(agent) if name.startswith(WATCH)}
    assert watched == {f"{WATCH}-DeviceInfo.SoftwareVersion"}


def test_those_of_others_are_left_alone() -> None:
    agent = PlainAgent()
    foreign = {
        f"{SUBSCRIPTIONS}1.": {
            "ID": "acs-boot", "Recipient": "Device.LocalAgent.Controller.2", "Enable": "false",
            "NotifType": "Event", "ReferenceList": "Device.Else!",
        },
        f"{SUBSCRIPTIONS}2.": {
            "ID": f"{WATCH}-old", "Recipient": "Device.LocalAgent.Controller.2", "Enable": "true",
            "NotifType": "ValueChange", "ReferenceList": "Device.X.",
        },
    }  # fmt: skip
    agent.subscriptions = {path: dict(told) for path, told in foreign.items()}
    settled(agent)
    assert {path: agent.subscriptions[path] for path in foreign} == foreign


def test_one_that_somebody_made_for_us_will_do() -> None:
    agent = PlainAgent()
    agent.subscriptions = {f"{SUBSCRIPTIONS}1.": {
        "ID": "default-boot", "Recipient": ROW.rstrip("."), "Enable": "1",
        "NotifType": "Event", "ReferenceList": "Device.Boot!",
    }}  # fmt: skip
    settled(agent)
    assert "acs-boot" not in ids_on(agent) and "default-boot" in ids_on(agent)


def test_what_an_agent_does_not_take_is_remarked_one_by_one() -> None:
    agent = PlainAgent()
    plain: Any = agent._answer

    def answer(request: Any) -> Any:
        told = plain(request)
        if not isinstance(told, messages.AddResp):
            return told
        first, *others = told.results
        failed = messages.CreatedObject(first.path, Failure(7005, "no room"))
        return messages.AddResp((failed, *others))

    agent._answer = answer
    found = settled(agent)
    assert found.is_done
    assert found.remarks == ["no subscription acs-boot to Device.Boot!: 7005 no room"]


def test_an_agent_that_shows_no_subscriptions_is_not_set_up() -> None:
    agent = PlainAgent()
    agent.answers[messages.Get] = Error(7006, "permission denied")
    found = settled(agent)
    assert not found.is_done
    assert found.remarks == ["its subscriptions cannot be read: 7006 permission denied"]
    assert agent.kinds() == ["Get"]


def test_an_agent_without_a_row_for_us_is_set_up_as_far_as_it_goes() -> None:
    agent = PlainAgent()
    found = settled(agent, controller="")
    assert found.remarks == [f"its Controller table shows no row of {CONTROLLER}"]
    assert "OnBoardingComplete" not in agent.row
    assert ids_on(agent) == set(WANTED.subscriptions)


def test_a_row_that_cannot_be_written_is_remarked() -> None:
    agent = PlainAgent()
    agent.answers[messages.Set] = Error(7006, "permission denied")
    found = settled(agent)
    assert found.remarks == ["its Controller row cannot be written: 7006 permission denied"]


def test_a_parameter_of_it_that_is_refused_is_remarked() -> None:
    agent = PlainAgent()
    refused = messages.ParamError("OnBoardingComplete", 7006, "permission denied")
    row = messages.UpdatedInstance(ROW, {}, (refused,))
    agent.answers[messages.Set] = messages.SetResp(
        (messages.UpdatedObject(ROW, messages.Updated((row,))),)
    )
    found = settled(agent)
    assert found.remarks == [f"{ROW}OnBoardingComplete cannot be written: 7006 permission denied"]


def test_what_is_wanted_changes_the_digest() -> None:
    others = (
        Wanted("self::other"),
        Wanted(CONTROLLER, periodic=60),
        Wanted(CONTROLLER, watched=(f"{INFO}SoftwareVersion",)),
    )
    assert len({each.digest for each in (WANTED, *others)}) == 4
    assert Wanted(CONTROLLER).digest == WANTED.digest
