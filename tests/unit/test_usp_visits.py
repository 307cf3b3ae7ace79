"""Visits of agents: when they begin, what ends them, and what becomes of what was reported."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from house_in_memory import MemoryHouse
from usp_plain_agent import INFO, ROW, PlainAgent
from usp_world import AGENT, CONTROLLER, World

from acs.devices.agents import Presence
from acs.devices.house import Policy
from acs.devices.record import Device, Job, JobKind, JobState
from acs.model import Contact, DeviceId, Event, EventKind
from acs.usp import messages
from acs.usp.keeping import Bounds
from acs.usp.messages import Error, OnBoardRequest, OperationComplete
from acs.usp.mtp import Mtp, Route
from acs.usp.onboarding import Wanted
from acs.usp.visits import LOST_SECONDS, RETRY_MOST, RETRY_SECONDS

BOOT = messages.Event("Device.", "Boot!", {"Cause": "LocalReboot"})
INTRODUCTION = OnBoardRequest("1C61B4", "Device2", "22275A7000001", ("1.0", "1.3"))
DONE = OperationComplete("Device.", "SelfTest()", "job-9")
SSID = "Device.WiFi.SSID.1.SSID"
REQUEST_SECONDS = Bounds().request_seconds


def agents(number: int) -> list[PlainAgent]:
    ids = (f"22275A7{each:06}" for each in range(1, number + 1))
    return [PlainAgent(f"ops::1C61B4-Device2-{serial}", serial=serial) for serial in ids]


def visited(world: World, **options: Any) -> PlainAgent:
    """Join an agent, have it boot, and wait until its first visit is over."""
    agent: PlainAgent = world.join(PlainAgent(**options))
    agent.tells(BOOT)
    world.wait(3)
    assert len(world.watcher.visits) == 1
    agent.asked.clear()
    world.take()
    world.check()
    return agent


def contacts(world: World) -> list[Contact]:
    return [each for each in world.watcher.contacts if each is not None]


def waiting(world: World) -> list[str]:
    return [each.msg_id for each in world.keeping.notifies.values() if each.waiting]


# --- the first visit ---------------------------------------------------------------------


def test_a_new_agent_is_asked_who_it_is_and_set_up() -> None:
    world = World(wanted=Wanted(CONTROLLER, periodic=600))
    agent = world.join(PlainAgent())
    agent.tells(INTRODUCTION)
    world.wait(3)
    assert agent.kinds()[:2] == ["GetSupportedProtocol", "Get"]
    assert agent.confirmed() == ["001-1"]
    row = world.row
    assert (row.version, row.versions) == ("1.3", "1.0,1.1,1.2,1.3")
    assert (row.oui, row.serial_number, row.software) == ("1C61B4", "22275A7000001", "1.0.0")
    assert row.controller == ROW
    assert row.settled == Wanted(CONTROLLER, periodic=600).digest
    assert row.device_id == 1
    assert agent.row["OnBoardingComplete"] == "true"
    assert agent.row["PeriodicNotifInterval"] == "600"
    references = {told["ReferenceList"] for told in agent.subscriptions.values()}
    assert {"Device.Boot!", "Device.LocalAgent.Periodic!", "Device."} <= references
    assert waiting(world) == []
    world.check()


def test_a_later_visit_sets_up_nothing_again() -> None:
    world = World()
    agent = visited(world)
    agent.tells(messages.Event("Device.LocalAgent.", "Periodic!"))
    world.wait(2)
    assert len(world.watcher.visits) == 2
    assert not {"Add", "Set", "GetSupportedDM", "GetSupportedProtocol"} & set(agent.kinds())


def test_an_agent_that_restarted_is_asked_anew_and_gets_what_it_lost() -> None:
    world = World()
    agent = visited(world)
    agent.subscriptions.clear()
    agent.info["SoftwareVersion"] = "2.0.0"
    agent.tells(BOOT)
    world.wait(3)
    assert world.row.software == "2.0.0"
    assert len(agent.subscriptions) == len(Wanted(CONTROLLER).subscriptions)


def test_records_carry_the_version_both_speak() -> None:
    world = World()
    agent = world.join(PlainAgent(versions=("1.0", "1.1")))
    agent.tells(BOOT)
    world.wait(3)
    versions = [said.record.version for said in world.take()]
    assert versions[0] == "1.0" and versions[-1] == "1.1"
    assert world.row.version == "1.1"


def test_an_agent_before_1_2_is_visited_without_a_connect_record() -> None:
    world = World()
    agent = world.join(PlainAgent(versions=("1.0",)))
    agent.tells(messages.ObjectCreation("Device.Hosts.Host.1."))
    world.wait(3)
    (contact,) = contacts(world)
    assert contact.has(EventKind.CONNECTED)
    assert world.row.presence is Presence.ONLINE


def test_an_agent_the_broker_saw_come_is_asked_where_it_can_be_reached() -> None:
    world = World()
    visited(world)
    world.controller.absent(AGENT, Mtp.MQTT, "broker: closed")
    world.controller.present(AGENT, Mtp.MQTT, "broker: connected")
    world.wait(10)
    assert contacts(world)[-1].has(EventKind.CONNECTED)


# --- agents that show little --------------------------------------------------------------


def test_an_agent_that_shows_nothing_is_known_by_its_introduction() -> None:
    world = World()
    agent = world.join(PlainAgent(untrusted=True))
    agent.tells(INTRODUCTION)
    world.wait(3)
    assert (world.row.oui, world.row.serial_number) == ("1C61B4", "22275A7000001")
    (contact,) = contacts(world)
    assert contact.device == DeviceId("1C61B4", "Device2", "22275A7000001")
    world.check()


def test_an_agent_that_tells_no_identity_is_asked_ever_more_seldom() -> None:
    world = World()
    agent = world.join(PlainAgent(untrusted=True))
    agent.tells(BOOT)
    world.wait(RETRY_SECONDS * 7, step=1)
    assert world.watcher.remarks[0] == "it does not show which device it is"
    assert [result for _, result in world.watcher.visits] == ["unknown device"] * 3
    assert waiting(world) == ["001-1"], "it is not forgotten"
    agent.untrusted = False
    world.wait(RETRY_SECONDS * 9, step=1)
    assert waiting(world) == []
    assert contacts(world)[0].has(EventKind.BOOT)
    world.check()


def test_what_the_agent_shows_counts_more_than_its_introduction() -> None:
    world = World()
    agent = world.join(PlainAgent())
    agent.tells(OnBoardRequest("00D09E", "Other", "999", ("1.3",)))
    world.wait(3)
    assert (world.row.oui, world.row.serial_number) == ("1C61B4", "22275A7000001")


def test_a_device_that_is_refused_is_asked_ever_more_seldom() -> None:
    house = MemoryHouse(Policy(rebootstrap=False))
    house.device = Device(
        1, "k", "1C61B4", "Device2", "22275A7000001", root="Device.", own_credentials=True
    )
    world = World(house=house)
    agent = world.join(PlainAgent(credential="bootstrap"))
    agent.tells(INTRODUCTION)
    world.wait(RETRY_SECONDS * 7, step=1)
    assert [result for _, result in world.watcher.visits] == ["refused"] * 3
    assert waiting(world) == ["001-1"]
    assert agent.subscriptions == {}, "nothing is set up on it"


# --- what is reported ---------------------------------------------------------------------


@pytest.mark.parametrize("moment", range(8))
def test_a_notify_that_comes_during_a_visit_is_acted_on_once(moment: int) -> None:
    """Whatever the visit is at: after its request number ``moment``."""
    world = World()
    agent = PlainAgent()
    said: list[str] = []
    plain: Any = agent._answer

    def answer(request: messages.Body) -> Any:
        if len(agent.asked) == moment + 1 and not said:
            said.append(agent.tells(DONE))
        return plain(request)

    agent._answer = answer
    world.join(agent)
    agent.tells(BOOT)
    world.wait(10)
    ends = [c for c in contacts(world) if c.has(EventKind.OPERATION_COMPLETE)]
    assert len(ends) == 1
    assert waiting(world) == []
    world.check()


def test_what_waits_in_the_store_is_acted_on_after_a_restart() -> None:
    world = World()
    agent = visited(world)
    agent.silent = True
    agent.tells(DONE)
    world.wait(1)
    assert waiting(world) == ["001-2"]
    anew = World(keeping=world.keeping, house=world.house)
    agent.silent = False
    anew.join(agent)
    agent.connects()
    anew.wait(3)
    (contact,) = contacts(anew)
    assert contact.has(EventKind.OPERATION_COMPLETE)
    assert waiting(anew) == []


def test_what_comes_during_the_loading_of_the_row_is_not_told_twice() -> None:
    world = World()
    agent = world.join(PlainAgent())
    agent.tells(DONE, id="a")
    agent.tells(DONE, id="b")
    world.wait(5)
    told = [e for c in contacts(world) for e in c.events if e.key == "job-9"]
    assert len(told) == 1, "two words of one thing are one reason"
    assert waiting(world) == []


def test_what_is_not_accepted_is_told_again_in_the_next_visit() -> None:
    world = World()
    agent = visited(world)
    agent.silent = True
    agent.tells(BOOT)
    world.wait(REQUEST_SECONDS + 2, step=1)
    agent.silent = False
    world.wait(RETRY_SECONDS + 5, step=1)
    assert contacts(world)[-1].has(EventKind.BOOT)
    assert waiting(world) == []


def test_a_reason_without_a_notify_is_not_lost_with_the_visit() -> None:
    world = World()
    agent = visited(world)
    agent.answers[messages.Get] = Error(7002, "not now")
    agent.silent = True
    world.row.settled = ""
    world.controller.peers[AGENT].agent.settled = ""
    agent.tells(messages.Event("Device.LocalAgent.", "Periodic!"))
    world.wait(REQUEST_SECONDS + 2, step=1)
    assert world.watcher.visits[-1] == (AGENT, "lost")
    agent.silent = False
    agent.answers.clear()
    world.wait(RETRY_SECONDS + 5, step=1)
    assert contacts(world)[-1].has(EventKind.PERIODIC)


def test_a_boot_during_a_visit_ends_it_and_the_next_one_knows() -> None:
    world = World()
    agent = visited(world)
    agent.silent = True
    agent.tells(BOOT)
    world.wait(1)
    assert world.visits.open == 1
    agent.silent = False
    agent.tells(BOOT)
    world.wait(LOST_SECONDS + 1)
    assert [result for _, result in world.watcher.visits][1:] == ["lost", "quarantined"]
    assert waiting(world) == []
    world.check()


def test_a_store_that_fails_in_a_visit_loses_nothing() -> None:
    world = World()
    agent = world.join(PlainAgent())
    agent.tells(BOOT)
    world.carry()
    world.keeping.broken = True
    world.wait(2)
    assert [result for _, result in world.watcher.visits] == ["error"]
    world.keeping.broken = False
    world.wait(RETRY_SECONDS + 2)
    assert waiting(world) == []
    assert contacts(world)[-1].has(EventKind.BOOT)
    world.check()


# --- agents that do not answer ------------------------------------------------------------


def test_an_agent_that_does_not_answer_is_asked_ever_more_seldom() -> None:
    world = World()
    agent = world.join(PlainAgent())
    agent.silent = True
    agent.tells(BOOT)
    begun: list[float] = []
    while world.seconds < 20_000:
        before = len(agent.asked)
        world.wait(5, step=5)
        begun += [world.seconds] * (len(agent.asked) > before)
    pauses = [after - before for before, after in pairwise(begun)]
    assert pauses == sorted(pauses)
    assert pauses[0] <= REQUEST_SECONDS + RETRY_SECONDS + 10
    assert RETRY_MOST <= pauses[-1] <= RETRY_MOST + REQUEST_SECONDS + 10
    assert world.row.presence is Presence.UNKNOWN
    assert world.row.evidence == "no answer within 30 s"
    world.check()


def test_an_agent_that_answers_the_first_request_only_is_asked_ever_more_seldom() -> None:
    world = World()
    agent = world.join(PlainAgent())
    agent.tells(BOOT)
    plain = agent.received

    def first_only(octets: bytes, topic: str, now: float) -> None:
        plain(octets, topic, now)
        if agent.asked and not isinstance(agent.asked[-1], messages.GetSupportedProtocol):
            agent._out.clear()
            agent.asked.append(agent.asked[-1])

    agent.received = first_only
    world.wait(1800, step=5)
    assert 4 <= len(world.watcher.visits) <= 8


def test_an_agent_that_is_back_is_answered_at_once_whatever_it_did_before() -> None:
    world = World()
    agent = world.join(PlainAgent())
    agent.silent = True
    agent.tells(BOOT)
    world.wait(2000, step=5)
    agent.silent = False
    agent.tells(BOOT)
    world.wait(2)
    assert world.watcher.visits[-1] == (AGENT, "quarantined")


def test_an_agent_that_is_away_is_not_asked() -> None:
    world = World()
    agent = visited(world)
    agent.silent = True
    agent.tells(DONE)
    world.wait(1)
    world.controller.absent(AGENT, Mtp.MQTT, "broker: closed")
    assert world.visits.open == 0
    agent.asked.clear()
    world.wait(200, step=1)
    assert agent.asked == []
    assert not world.controller.wake(AGENT, "a job")
    agent.silent = False
    agent.connects()
    world.wait(3)
    assert waiting(world) == []


def test_without_a_way_to_the_agent_nothing_is_awaited() -> None:
    world = World()
    world.refuses = True
    agent = world.join(PlainAgent())
    agent.tells(BOOT)
    world.wait(1)
    assert world.visits.open == 0
    assert world.watcher.visits == [(AGENT, "lost")]
    world.refuses = False
    world.wait(RETRY_SECONDS)
    assert waiting(world) == []


def test_answers_that_are_late_or_somebody_elses_are_not_taken() -> None:
    world = World()
    first, second = agents(2)
    for agent in (first, second):
        agent.silent = True
        world.join(agent)
        agent.tells(BOOT)
    world.wait(1)
    ids = {said.record.to_id: said.message.id for said in world.take()}
    answer = messages.GetSupportedProtocolResp(("1.0",))
    world.hears(answer, sender=first.endpoint, id=ids[second.endpoint])
    assert world.watcher.drops == [("answers nothing", first.endpoint)]
    world.hears(answer, sender=first.endpoint, id=ids[first.endpoint])
    world.hears(answer, sender=first.endpoint, id=ids[first.endpoint])
    assert world.watcher.drops[1:] == [("answers nothing", first.endpoint)]


# --- many agents --------------------------------------------------------------------------


def test_so_many_visits_at_once_and_each_in_its_turn() -> None:
    world = World(bounds=Bounds(visits=3))
    fleet = agents(10)
    for agent in fleet:
        agent.silent = True
        world.join(agent)
        agent.tells(BOOT)
    world.wait(2)
    assert world.visits.open == 3
    # Those that wait have more to say meanwhile.
    for agent in fleet:
        agent.tells(DONE)
    world.wait(2)
    for agent in fleet:
        agent.silent = False
    world.wait(150, step=1)
    assert world.visits.open == 0
    assert waiting(world) == []
    assert all(told.settled for told in world.keeping.agents.values())
    world.check()


def test_who_has_more_to_say_while_it_waits_for_its_turn_is_visited_once() -> None:
    world = World(bounds=Bounds(visits=2))
    fleet = agents(3)
    for agent in fleet:
        agent.silent = True
        world.join(agent)
        agent.tells(BOOT)
        world.wait(1)
    fleet[2].tells(DONE)
    world.wait(1)
    for agent in fleet[:2]:
        agent.silent = False
        agent.connects()  # Their visits are cut short, and make room.
    world.wait(1)
    world.check()
    assert world.visits.open == 1


def test_who_left_while_it_waited_for_its_turn_is_not_asked() -> None:
    world = World(bounds=Bounds(visits=1))
    first, second = agents(2)
    first.silent = True
    for agent in (first, second):
        world.join(agent)
        agent.tells(BOOT)
        world.wait(1)
    world.controller.absent(second.endpoint, Mtp.MQTT, "broker: closed")
    first.silent = False
    world.wait(120, step=1)
    assert second.asked == []
    assert world.keeping.agents[second.endpoint].presence is Presence.OFFLINE


def test_the_supported_model_is_asked_for_once_of_a_kind() -> None:
    world = World()
    fleet = [world.join(agent) for agent in agents(50)]
    for agent in fleet:
        agent.tells(BOOT)
    world.wait(5)
    asked = [a for a in fleet if any(isinstance(r, messages.GetSupportedDM) for r in a.asked)]
    assert len(asked) == 1
    assert len(world.keeping.models) == 1
    later = World(keeping=world.keeping)
    (agent,) = agents(1)
    later.join(agent).tells(BOOT)
    later.wait(3)
    assert "GetSupportedDM" not in agent.kinds(), "it is in the store"


def test_an_agent_that_does_not_show_its_model_does_not_speak_for_its_kind() -> None:
    world = World()
    shy, open_ = agents(2)
    shy.answers[messages.GetSupportedDM] = Error(7006, "permission denied")
    world.join(shy).tells(BOOT)
    world.wait(3)
    assert world.keeping.models == {}
    world.join(open_).tells(BOOT)
    world.wait(3)
    assert len(world.keeping.models) == 1


def test_who_names_no_software_is_asked_for_its_model_at_each_start() -> None:
    """The stock OB-USP-AGENT is such a one."""
    world = World()
    agent = world.join(PlainAgent())
    agent.info["SoftwareVersion"] = ""
    agent.connects()
    world.wait(3)
    assert len(world.keeping.models) == 1
    agent.asked.clear()
    agent.tells(messages.Event("Device.LocalAgent.", "Periodic!"))
    world.wait(2)
    assert "GetSupportedDM" not in agent.kinds()
    agent.tells(BOOT)
    world.wait(3)
    assert "GetSupportedDM" in agent.kinds()
    world.check()


def test_a_model_that_was_half_learned_is_asked_for_again() -> None:
    world = World()
    gone, other = agents(2)
    world.join(gone)
    plain = gone.received

    def vanish(octets: bytes, topic: str, now: float) -> None:
        plain(octets, topic, now)
        if gone.asked and isinstance(gone.asked[-1], messages.GetSupportedDM):
            gone._out.clear()

    gone.received = vanish
    gone.tells(BOOT)
    world.wait(1)
    assert world.visits.open == 1
    world.controller.absent(gone.endpoint, Mtp.MQTT, "broker: closed")
    world.join(other).tells(BOOT)
    world.wait(3)
    assert len(world.keeping.models) == 1


# --- work, and the other protocol ---------------------------------------------------------


def test_a_job_is_done_at_once_on_an_agent_that_is_there() -> None:
    world = World()
    visited(world)
    world.house.jobs = [Job(7, 1, JobKind.READ, {"paths": [f"{INFO}SerialNumber"]})]
    assert world.controller.wake(AGENT, "a job")
    world.wait(1)
    (job,) = world.house.jobs
    assert job.state is JobState.DONE
    assert job.result["values"] == {f"{INFO}SerialNumber": "22275A7000001"}
    assert contacts(world)[-1].events == (Event(EventKind.ASKED, text="a job"),)


@pytest.mark.parametrize(
    ("kind", "payload"),
    [
        (JobKind.SET, {"changes": [{"path": SSID, "value": "\udcff"}]}),
        (JobKind.READ, {"paths": ["Device.\ud800"]}),
        (JobKind.MESSAGE, {"request": {"get": {"param_paths": ["\udcff"]}}}),
    ],
)
def test_what_cannot_be_written_fails_its_job_alone(kind: JobKind, payload: Any) -> None:
    world = World()
    visited(world)
    good = Job(8, 1, JobKind.READ, {"paths": [f"{INFO}SerialNumber"]})
    world.house.jobs = [Job(7, 1, kind, payload), good]
    world.controller.wake(AGENT, "jobs")
    world.wait(1)
    assert [job.state for job in world.house.jobs] == [JobState.FAILED, JobState.DONE]
    assert "7004" in str(world.house.jobs[0].result)
    world.check()


def test_work_that_comes_during_a_visit_is_done_right_after() -> None:
    world = World()
    agent = visited(world)
    agent.silent = True
    agent.tells(BOOT)
    world.wait(1)
    world.controller.wake(AGENT, "a job")
    agent.silent = False
    world.wait(REQUEST_SECONDS + RETRY_SECONDS + 5, step=1)
    assert any(each.has(EventKind.ASKED) for each in contacts(world))


def test_an_agent_we_never_heard_is_woken_where_it_was_last_reached() -> None:
    world = World()
    agent = visited(world)
    anew = World(keeping=world.keeping, house=world.house)
    anew.join(agent)
    place = Route(Mtp.MQTT, "usp/v1/agent/last-seen")
    assert anew.controller.wake(AGENT, "a job", place)
    anew.house.jobs = [Job(7, 1, JobKind.READ, {"paths": [f"{INFO}SerialNumber"]})]
    anew.wait(1)
    assert anew.take()[0].route == place
    assert anew.house.jobs[0].state is JobState.DONE


def test_an_agent_whose_presence_is_not_known_is_really_asked() -> None:
    world = World()
    agent = visited(world)
    world.controller.link_down(Mtp.MQTT, "the broker is away")
    world.controller.link_up(Mtp.MQTT)
    world.wait(3)
    assert agent.kinds()[0] == "Get"
    seen = [presence for _, presence, _ in world.watcher.presences]
    assert seen == [Presence.ONLINE, Presence.ONLINE], "twice: it was not known in between"


def test_a_device_with_a_cwmp_session_is_visited_when_that_is_over() -> None:
    busy = {"1C61B4-Device2-22275A7000001"}
    world = World(is_busy=lambda key: key in busy)
    agent = visited(world)  # Its first visit finds out which device it is.
    agent.tells(BOOT)
    world.wait(10)
    assert agent.asked == []
    busy.clear()
    world.wait(3)
    assert contacts(world)[-1].has(EventKind.BOOT)


def cwmp_contact(**changes: Any) -> Contact:
    told: dict[str, Any] = {
        "device": DeviceId("1C61B4", "Device2", "22275A7000001"),
        "manufacturer": "TP-Link",
        "protocol": "cwmp",
        "root": "Device.",
        "events": (Event(EventKind.PERIODIC),),
        "values": {},
        "at": 0.0,
        "credential": "own",
        "session": "s",
    }
    return Contact(**(told | changes))


def test_a_visit_gives_way_to_a_session_over_cwmp() -> None:
    world = World()
    agent = visited(world)
    world.house.jobs = [Job(7, 1, JobKind.READ, {"paths": [SSID]})]
    agent.silent = True
    world.controller.wake(AGENT, "a job")
    world.wait(1)
    assert world.visits.open == 1
    world.visits.give_way(cwmp_contact(device=DeviceId("1C61B4", "Device2", "another")))
    assert world.visits.open == 1
    world.visits.give_way(cwmp_contact())
    assert world.visits.open == 0
    assert world.watcher.visits[-1] == (AGENT, "lost")


def test_a_server_that_stops_ends_visits_and_begins_none() -> None:
    world = World()
    agent = world.join(PlainAgent())
    agent.silent = True
    agent.tells(BOOT)
    world.wait(1)
    world.visits.stop()
    assert world.visits.open == 0
    world.wait(100, step=1)
    assert world.visits.open == 0
    assert waiting(world) == ["001-1"]


def test_what_an_agent_says_while_it_cannot_be_set_up_is_on_its_timeline() -> None:
    world = World()
    agent = world.join(PlainAgent())
    agent.answers[messages.Add] = Error(7005, "resources exceeded")
    agent.tells(BOOT)
    world.wait(3)
    assert world.keeping.timeline == ["subscriptions are refused: 7005 resources exceeded"]
