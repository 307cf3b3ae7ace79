"""The controller at its entrance: whose records are taken, what is answered, and when."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from usp_plain_agent import PlainAgent
from usp_world import AGENT, CONTROLLER, World, origin_of

from acs.devices.agents import Presence
from acs.usp import codec, messages, records
from acs.usp.integrity import IntegrityError
from acs.usp.keeping import Bounds
from acs.usp.messages import Error, Event, Message, Notify, NotifyResp, OnBoardRequest
from acs.usp.mtp import Mtp, Route, Verdict
from acs.usp.pb import usp_msg_pb2 as msg_pb
from acs.usp.pb import usp_record_pb2 as pb
from acs.usp.records import Connect, Disconnect, NoSession, Record

OTHER = "ops::1C61B4-Device2-22275A7000002"
BOOT = Notify("boot", True, Event("Device.", "Boot!", {"Cause": "LocalReboot"}))
HOST = Notify("hosts", True, messages.ObjectCreation("Device.Hosts.Host.3."))


def raw(payload: bytes, **changes: Any) -> bytes:
    record = pb.Record(version="1.3", to_id=CONTROLLER, from_id=AGENT)
    record.no_session_context.payload = payload
    for name, value in changes.items():
        setattr(record, name, value)
    return record.SerializeToString()


def message(**header: Any) -> msg_pb.Msg:
    """A Notify as an agent writes it."""
    wire = msg_pb.Msg.FromString(codec.encode(Message("n1", HOST)))
    for name, value in header.items():
        setattr(wire.header, name, value)
    return wire


# --- who is heard ------------------------------------------------------------------------


def test_a_record_for_somebody_else_is_ignored() -> None:
    world = World()
    assert world.hears(HOST, to="self::another-acs") is Verdict.IGNORED
    assert world.sent == [] and world.controller.peers == {}


@pytest.mark.parametrize("vouched", [OTHER, CONTROLLER])
def test_a_sender_is_who_the_transport_says(vouched: str) -> None:
    world = World()
    assert world.hears(HOST, vouched=vouched) is Verdict.IGNORED
    assert world.watcher.drops == [("in the name of another agent", AGENT)]
    assert world.sent == [] and world.keeping.notifies == {}


def test_whom_nobody_vouches_for_is_heard_only_where_that_is_wanted() -> None:
    world = World()
    assert world.hears(HOST, vouched="") is Verdict.IGNORED
    assert world.keeping.notifies == {}
    lenient = World(bounds=Bounds(require_identity=False))
    assert lenient.hears(HOST, vouched="") is Verdict.TAKEN
    assert lenient.bodies() == [NotifyResp("hosts")]


@pytest.mark.parametrize("sender", [CONTROLLER, "no endpoint", "ops::", "proto::a b"])
def test_nobody_speaks_as_us_or_without_an_endpoint_id(sender: str) -> None:
    world = World()
    assert world.hears(HOST, sender=sender) is Verdict.IGNORED
    assert world.watcher.drops == [("from no agent", sender)]
    assert world.sent == []


def test_a_record_that_is_too_large_is_not_read() -> None:
    world = World(bounds=Bounds(max_record=1000))
    large = replace(HOST, subscription_id="x" * 2000)
    assert world.hears(large) is Verdict.IGNORED
    assert world.watcher.drops == [("larger than a record may be", "")]


def test_there_are_so_many_agents_and_no_more() -> None:
    world = World(bounds=Bounds(peers=1))
    assert world.hears(HOST) is Verdict.TAKEN
    assert world.hears(HOST, sender=OTHER) is Verdict.IGNORED
    assert world.watcher.drops == [("too many agents", OTHER)]
    assert set(world.controller.peers) == {AGENT}


def test_agents_that_are_away_make_room_for_others_and_come_back() -> None:
    world = World(bounds=Bounds(peers=2))
    for each in (AGENT, OTHER):
        world.hears(HOST, sender=each)
    world.controller.absent(OTHER, Mtp.MQTT, "broker: disconnected")
    assert world.hears(HOST, sender="os::00259E-new") is Verdict.TAKEN
    assert set(world.controller.peers) == {AGENT, "os::00259E-new"}
    world.controller.absent(AGENT, Mtp.MQTT, "broker: disconnected")
    assert world.hears(HOST, sender=OTHER, id="n2") is Verdict.IGNORED, "looked for a moment ago"
    world.wait(2)
    assert world.hears(HOST, sender=OTHER, id="n2") is Verdict.TAKEN


def test_who_merely_connects_under_some_id_is_no_agent() -> None:
    world = World()
    world.controller.present("os::00259E-new", Mtp.MQTT, "broker: connected")
    world.wait(10)
    assert world.controller.peers == {}
    assert world.keeping.agents == {}


def test_an_agent_we_knew_is_there_by_the_brokers_word() -> None:
    before = World()
    before.hears(HOST)
    world = World(keeping=before.keeping)
    world.controller.present(AGENT, Mtp.MQTT, "broker: connected", "203.0.113.7")
    assert (world.row.presence, world.row.evidence) == (Presence.ONLINE, "broker: connected")
    assert world.controller.peers[AGENT].address == "203.0.113.7"


def test_a_signature_that_does_not_hold_is_a_reason_to_drop() -> None:
    def refuse(_record: Record) -> None:
        raise IntegrityError("it is not signed by its sender")

    world = World(verify=refuse)
    signed = Record(
        "1.3", CONTROLLER, AGENT, NoSession(codec.encode(Message("n1", HOST))), sender_cert=b"PEM"
    )
    assert world.hears(records.encode(signed)) is Verdict.IGNORED
    assert world.watcher.drops == [("its signature: it is not signed by its sender", AGENT)]
    assert world.hears(HOST) is Verdict.TAKEN, "what is not signed is the transport's care"


# --- what is no record, no message, no request --------------------------------------------


@pytest.mark.parametrize("octets", [b"", b"\xff\xff", b"hello", bytes(100)])
def test_octets_that_are_no_record_are_told_to_the_transport(octets: bytes) -> None:
    world = World()
    assert world.hears(octets) is Verdict.UNDECODABLE
    assert world.sent == []


def bad_record(**changes: Any) -> bytes:
    """A record whose payload_security is not known, with a Notify in it."""
    changes = {"payload": message().SerializeToString()} | changes
    return raw(changes.pop("payload"), payload_security=7, **changes)


def known(world: World) -> World:
    world.hears(HOST, id="before")
    world.take()
    return world


def test_who_asks_with_a_bad_record_is_told() -> None:
    """R-MTP.5: from a known agent, to us, with a request, an id and a way back."""
    world = known(World())
    assert world.hears(bad_record()) is Verdict.IGNORED
    (said,) = world.take()
    assert said.message.id == "n1"
    assert isinstance(said.message.body, Error) and said.message.body.code == 7104
    assert list(world.keeping.notifies) == [(AGENT, "before")]


RESPONSE = codec.encode(Message("n1", messages.GetResp(())))


@pytest.mark.parametrize(
    ("octets", "origin"),
    [
        (bad_record(from_id=OTHER), {}),
        (bad_record(to_id="self::another"), {}),
        (bad_record(payload=RESPONSE), {}),
        (bad_record(payload=b"\xff"), {}),
        (bad_record(), {"reply": None}),
        (bad_record(), {"vouched": OTHER}),
    ],
    ids=["sender", "receiver", "response", "no message", "no way back", "vouched"],
)
def test_otherwise_a_bad_record_is_not_answered(octets: bytes, origin: dict[str, Any]) -> None:
    world = known(World())
    assert world.hears(octets, **origin) is Verdict.UNDECODABLE
    assert world.sent == []


def test_a_stranger_with_a_bad_record_is_not_answered() -> None:
    world = World()
    assert world.hears(bad_record()) is Verdict.UNDECODABLE
    assert world.sent == [] and world.controller.peers == {}


def no_content(wire: msg_pb.Msg) -> None:
    wire.body.request.ClearField("notify")


def no_notification(wire: msg_pb.Msg) -> None:
    wire.body.request.notify.ClearField("obj_creation")


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (no_content, 7001),
        (no_notification, 7004),
        (lambda wire: setattr(wire.header, "msg_type", 99), 7004),
    ],
    ids=["unknown request", "unknown notification", "unknown type"],
)
def test_a_bad_request_is_answered_with_its_id(spoil: Any, code: int) -> None:
    world, wire = World(), message()
    spoil(wire)
    world.hears(raw(wire.SerializeToString()))
    (said,) = world.take()
    assert said.message.id == "n1"
    assert isinstance(said.message.body, Error)
    assert said.message.body.code == code


def test_a_bad_response_is_not_answered() -> None:
    world, wire = World(), msg_pb.Msg()
    wire.header.msg_id = "visit00001.1"
    wire.header.msg_type = msg_pb.Header.GET_RESP
    wire.body.response.SetInParent()
    assert world.hears(raw(wire.SerializeToString())) is Verdict.TAKEN
    assert world.sent == []
    assert world.watcher.drops == [("no message", AGENT)]


@pytest.mark.parametrize(
    "request_",
    [
        messages.Get(("Device.",)),
        messages.Set(()),
        messages.Add(()),
        messages.Delete(()),
        messages.Operate("Device.Reboot()"),
        messages.GetInstances(()),
        messages.GetSupportedDM(()),
        messages.GetSupportedProtocol(()),
    ],
    ids=lambda each: type(each).__name__,
)
def test_a_controller_is_asked_for_nothing(request_: messages.Request) -> None:
    world = World()
    world.hears(request_, id="q1")
    (said,) = world.take()
    assert said.message.id == "q1"
    assert isinstance(said.message.body, Error)
    assert said.message.body.code == 7002


def test_registrations_are_refused_path_by_path_or_whole() -> None:
    world = World()
    world.hears(messages.Register(("Device.A.", "Device.B."), allow_partial=True))
    world.hears(messages.Register(("Device.A.",)))
    world.hears(messages.Deregister(("Device.A.",)))
    partial, whole, back = world.bodies()
    assert isinstance(partial, messages.RegisterResp)
    assert [each.path for each in partial.results] == ["Device.A.", "Device.B."]
    assert all(isinstance(each.outcome, messages.Failure) for each in partial.results)
    assert isinstance(whole, Error) and whole.code == 7028
    assert isinstance(back, messages.DeregisterResp), "never an Error (R-DEREG.2)"


def test_an_answer_to_nothing_is_ignored() -> None:
    world = World()
    world.hears(messages.GetResp(()), id="nobody-asked")
    world.hears(Error(7000, "oh"), id="x")
    assert world.sent == []
    assert [reason for reason, _ in world.watcher.drops] == ["answers nothing"] * 2
    assert world.watcher.errors == [7000]


# --- Notifies ----------------------------------------------------------------------------


def test_a_notify_is_confirmed_once_it_is_durable() -> None:
    world = World()
    world.keeping.slow = True
    world.hears(HOST)
    world.hears(HOST)
    assert world.sent == []
    world.keeping.catch_up()
    (said,) = world.take()
    assert said.message == Message("n1", NotifyResp("hosts"))
    assert world.keeping.commits == 1


def test_a_notify_that_cannot_be_kept_is_not_confirmed_and_kept_when_it_comes_again() -> None:
    world = World()
    world.keeping.broken = True
    world.hears(HOST)
    assert world.sent == []
    world.keeping.broken = False
    world.hears(HOST)
    assert world.bodies() == [NotifyResp("hosts")]
    assert list(world.keeping.notifies) == [(AGENT, "n1")]
    world.check()


def test_a_repeated_notify_is_answered_again_and_kept_once() -> None:
    world = World()
    for _ in range(3):
        world.hears(HOST)
    assert world.bodies() == [NotifyResp("hosts")] * 3
    assert world.keeping.commits == 1
    assert world.watcher.notifies == [
        ("ObjectCreation", False),
        ("ObjectCreation", True),
        ("ObjectCreation", True),
    ]


def test_the_same_id_of_another_agent_is_another_notify() -> None:
    world = World()
    world.hears(HOST)
    world.hears(HOST, sender=OTHER)
    assert set(world.keeping.notifies) == {(AGENT, "n1"), (OTHER, "n1")}


def test_a_notify_that_wants_no_answer_gets_none() -> None:
    world = World()
    world.hears(replace(HOST, send_resp=False))
    assert world.sent == []
    assert list(world.keeping.notifies) == [(AGENT, "n1")]


def test_an_on_board_request_is_always_answered() -> None:
    world = World()
    asks = Notify("", False, OnBoardRequest("1C61B4", "Device2", "22275A7000001", ("1.3",)))
    world.hears(asks)
    assert world.bodies() == [NotifyResp("")]


def test_an_answer_goes_where_its_request_says() -> None:
    world = World()
    first, second = Route(Mtp.MQTT, "one"), Route(Mtp.WEBSOCKET, AGENT)
    world.hears(HOST, id="a", reply=first)
    world.keeping.slow = True
    world.hears(HOST, id="b", reply=first)
    world.hears(HOST, id="c", reply=second, mtp=Mtp.WEBSOCKET)
    world.keeping.catch_up()
    assert [said.route for said in world.take()] == [first, first, second]


def test_an_agent_that_talks_too_much_is_cut_off_for_the_minute() -> None:
    world = World(bounds=Bounds(notifies_per_minute=3))
    for number in range(5):
        world.hears(HOST, id=f"n{number}")
    assert len(world.bodies()) == 3
    assert [reason for reason, _ in world.watcher.drops] == ["too many Notifies"] * 2
    world.hears(HOST, id="n0")
    assert len(world.bodies()) == 1, "what was answered is answered again"
    world.seconds += 60
    world.hears(HOST, id="n4")
    assert world.bodies() == [NotifyResp("hosts")], "it comes again, and is taken"


def test_what_an_agent_may_say_in_a_minute_is_bounded_by_its_octets_too() -> None:
    world = World(bounds=Bounds(octets_per_minute=500))
    for number in range(10):
        world.hears(HOST, id=f"n{number}")
    taken = len(world.bodies())
    assert 0 < taken < 10
    assert {reason for reason, _ in world.watcher.drops} == {
        "more than an agent may say in a minute"
    }
    world.seconds += 60
    world.hears(HOST, id="later")
    assert len(world.bodies()) == 1


def test_periodic_is_answered_and_not_kept() -> None:
    world = World()
    world.hears(Notify("p", True, Event("Device.LocalAgent.", "Periodic!")))
    world.hears(Notify("p", True, Event("Device.LocalAgent.", "Periodic!")))
    assert world.bodies() == [NotifyResp("p")] * 2
    assert world.keeping.notifies == {}


def test_after_a_connect_record_ids_may_begin_again() -> None:
    world = World()
    world.hears(BOOT, id="1")
    world.hears(Connect("mqtt", "5", "usp/v1/agent/x"))
    world.hears(BOOT, id="1")
    assert world.watcher.notifies == [("Event", False), ("Event", False)]


def test_what_waits_and_is_told_again_after_a_connect_record_waits_once() -> None:
    world = World()
    for _ in range(2):
        world.hears(BOOT, id="1")
        world.hears(Connect("mqtt", "5", "usp/v1/agent/x"))
    assert [each.msg_id for each in world.controller.peers[AGENT].waiting] == ["1"]


# --- presence ----------------------------------------------------------------------------


def test_presence_comes_with_its_evidence() -> None:
    world = World()
    world.hears(Connect("mqtt", "5", "usp/v1/agent/x"))
    assert (world.row.presence, world.row.evidence) == (Presence.ONLINE, "Connect record")
    assert (world.row.mtp, world.row.credential) == ("mqtt", "own")
    assert world.row.reply_to == f"usp/v1/agent/{AGENT}"
    world.controller.absent(AGENT, Mtp.MQTT, "broker: keep-alive exceeded")
    assert (world.row.presence, world.row.evidence) == (
        Presence.OFFLINE,
        "broker: keep-alive exceeded",
    )
    world.controller.present(AGENT, Mtp.MQTT, "broker: connected")
    assert [presence for _, presence, _ in world.watcher.presences] == [
        Presence.ONLINE,
        Presence.OFFLINE,
        Presence.ONLINE,
    ]


def test_any_record_of_an_agent_proves_that_it_is_there() -> None:
    world = World()
    world.hears(HOST)
    assert (world.row.presence, world.row.evidence) == (Presence.ONLINE, "a record of it")


def test_an_agent_that_left_one_transport_may_be_there_over_another() -> None:
    world = World()
    world.hears(HOST, reply=Route(Mtp.WEBSOCKET, AGENT), mtp=Mtp.WEBSOCKET)
    world.controller.absent(AGENT, Mtp.MQTT, "broker: closed")
    assert world.watcher.presences[-1][1] is Presence.ONLINE
    world.controller.absent(AGENT, Mtp.WEBSOCKET, "session closed")
    assert world.watcher.presences[-1][1] is Presence.OFFLINE


def test_nothing_is_known_of_an_agent_once_the_link_is_down() -> None:
    world = World()
    world.hears(HOST)
    world.hears(HOST, sender=OTHER, reply=Route(Mtp.WEBSOCKET, OTHER), mtp=Mtp.WEBSOCKET)
    world.controller.link_down(Mtp.MQTT, "the broker is away")
    assert (world.row.presence, world.row.evidence) == (Presence.UNKNOWN, "the broker is away")
    assert world.keeping.agents[OTHER].presence is Presence.ONLINE


def test_who_is_no_agent_is_not_known_by_the_brokers_word() -> None:
    world = World()
    world.controller.present("anybody", Mtp.MQTT, "broker: connected")
    world.controller.absent(AGENT, Mtp.MQTT, "broker: closed")
    assert world.controller.peers == {} and world.keeping.agents == {}


def test_a_disconnect_record_is_told_and_ends_the_visit() -> None:
    world = World()
    agent = world.join(PlainAgent())
    agent.silent = True
    agent.tells(BOOT.content)
    world.wait(1)
    assert world.visits.open == 1
    agent.says(Disconnect(7105, "going"))
    world.carry()
    assert world.visits.open == 0
    assert world.watcher.remarks == ["Disconnect record: 7105 going"]


def test_a_row_is_written_now_and_then_for_having_been_seen() -> None:
    world = World()
    world.hears(HOST, id="1")
    seen = world.row.last_seen
    world.seconds += 30
    world.hears(HOST, id="2")
    assert world.row.last_seen == seen
    world.seconds += 31
    world.hears(HOST, id="3")
    assert world.row.last_seen == world.now


# --- routes ------------------------------------------------------------------------------


def test_a_connect_record_tells_where_the_agent_listens_when_its_transport_does_not() -> None:
    world = World()
    agent = PlainAgent()
    agent.origin = origin_of(AGENT, reply=None)
    world.join(agent)
    agent.connects("some/place/of/its/own")
    world.wait(2)
    assert {said.route for said in world.take()} == {Route(Mtp.MQTT, "some/place/of/its/own")}


@pytest.mark.parametrize(
    "topic", [f"usp/v1/agent/{OTHER}", f"{OTHER}/x", "a/#", "a/+/b", "$SYS/x", "a\x00b"]
)
def test_a_connect_record_cannot_name_what_the_transport_would_refuse(topic: str) -> None:
    world = World()
    agent = PlainAgent()
    agent.origin = origin_of(AGENT, reply=None)
    world.join(agent)
    agent.connects(topic)
    world.wait(2)
    assert world.sent == []


# --- the shared secret -------------------------------------------------------------------


def proven() -> World:
    """A world whose store knows the agent with an account of its own."""
    world = World()
    world.hears(HOST, credential="own")
    return World(keeping=world.keeping, bounds=Bounds(rebootstrap=False))


def test_the_shared_secret_is_worth_less_than_what_was_shown_before() -> None:
    world = proven()
    for id in ("a", "b"):
        world.hears(BOOT, id=id, credential="bootstrap")
    world.wait(2)
    reason = "with the shared secret, after better ones"
    assert world.watcher.drops == [(reason, AGENT)] * 2
    assert world.sent == []
    assert world.row.credential == "own"
    assert set(world.keeping.notifies) == {(AGENT, "n1")}


def test_the_shared_secret_is_good_for_who_never_showed_more() -> None:
    world = World(bounds=Bounds(rebootstrap=False))
    world.hears(HOST, credential="bootstrap")
    assert world.bodies() == [NotifyResp("hosts")]


def test_nothing_is_taken_with_the_shared_secret_while_the_store_is_away() -> None:
    world = proven()
    world.keeping.broken = True
    world.hears(BOOT, credential="bootstrap")
    assert world.sent == []
    world.keeping.broken = False
    world.hears(BOOT, id="n9", credential="bootstrap")
    assert world.sent == []
    assert len(world.watcher.drops) == 1
