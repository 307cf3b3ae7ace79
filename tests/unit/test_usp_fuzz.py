"""Whatever comes to the controller's entrance, it stands, keeps little, and answers nobody else."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from usp_messages import REQUESTS, RESPONSES, notifications
from usp_plain_agent import PlainAgent
from usp_world import AGENT, CONTROLLER, World

from acs.usp import announcement, codec, messages, records
from acs.usp.keeping import Bounds
from acs.usp.messages import Event, Message, Notify, OperationComplete
from acs.usp.mtp import Mtp, Route, Verdict
from acs.usp.peer import WAITING
from acs.usp.records import Connect, Disconnect, NoSession, Record, Segment

ROUTE = Route(Mtp.MQTT, f"usp/v1/agent/{AGENT}")
BOOT = Event("Device.", "Boot!", {"Cause": "LocalReboot"})
ODD = [
    "",
    ".",
    "Device.[.",
    'Device.WiFi.SSID.[SSID=="',
    "Device.WiFi.AccessPoint.1.SSIDReference+.SSID",
    "Device..WiFi.",
    "Device.\x00.",
    "Device.\ufeff\u202e\U0001f4a9.",
    "Device.{i}.",
    "Device.WiFi.SSID.99999999999999999999.",
    "D" * 100_000,
    "." * 10_000,
]
odd = st.sampled_from(ODD) | st.text(max_size=40)


def stands(world: World) -> None:
    """What holds whatever came."""
    world.check()
    assert {said.route for said in world.take()} <= {ROUTE}
    assert set(world.controller.peers) <= {AGENT}
    for peer in world.controller.peers.values():
        assert len(peer.waiting) <= WAITING


def wrapped(payload: bytes) -> bytes:
    return records.encode(Record("1.3", CONTROLLER, AGENT, NoSession(payload)))


@given(octets=st.binary(max_size=300))
@settings(max_examples=150, deadline=None)
def test_any_octets(octets: bytes) -> None:
    world = World()
    assert world.hears(octets) in Verdict
    world.wait(1)
    stands(world)


@given(payload=st.binary(min_size=1, max_size=300))
@settings(max_examples=150, deadline=None)
def test_any_payload(payload: bytes) -> None:
    world = World()
    assert world.hears(wrapped(payload)) is Verdict.TAKEN
    world.wait(1)
    stands(world)


bodies = st.one_of(*REQUESTS.values(), *RESPONSES.values())


@given(body=bodies, at=st.floats(0, 1), value=st.integers(0, 255), cut=st.booleans())
@settings(max_examples=200, deadline=None)
def test_damaged_messages(body: messages.Body, at: float, value: int, cut: bool) -> None:
    world = World()
    octets = bytearray(wrapped(codec.encode(Message("n1", body))))
    place = int(at * (len(octets) - 1))
    if cut:
        del octets[place:]
    else:
        octets[place] = value
    assert world.hears(bytes(octets)) in Verdict
    world.wait(1)
    world.check()
    assert {said.route for said in world.take()} <= {ROUTE}


@given(contents=st.lists(notifications, max_size=8))
@settings(max_examples=100, deadline=None)
def test_any_notifies_in_a_row(contents: list[messages.Notification]) -> None:
    world = World()
    for number, content in enumerate(contents):
        world.hears(Notify("s", True, content), id=f"n{number}")
    world.wait(2)
    stands(world)


sequence = st.integers(0, 5) | st.sampled_from([2**63, 2**64 - 1])
segments = st.builds(
    Segment,
    st.integers(2, 4),
    sequence.filter(bool),
    sequence.filter(bool),
    sequence,
    st.sampled_from(records.Sar),
    st.sampled_from(records.Sar),
    st.lists(st.binary(max_size=20), max_size=2).map(tuple),
)
contents = st.one_of(
    segments,
    st.builds(Disconnect, st.integers(0, 2**32 - 1), odd),
    st.builds(Connect, st.just("mqtt"), st.just("5"), odd.filter(bool)),
    st.just(NoSession(codec.encode(Message("n1", Notify("b", True, BOOT))))),
)


@given(came=st.lists(st.tuples(contents, st.booleans()), max_size=12))
@settings(max_examples=100, deadline=None)
def test_any_records_in_a_row(came: list[tuple[records.Content, bool]]) -> None:
    world = World()
    for content, tls in came:
        tls = tls and isinstance(content, Segment)
        world.hears(records.encode(Record("1.3", CONTROLLER, AGENT, content, tls=tls)))
        world.wait(1)
    stands(world)
    assert len(world.watcher.remarks) <= len(came) * 2
    assert all(len(text) < 400 for text in world.watcher.remarks)


@pytest.mark.parametrize("text", ODD, ids=lambda text: ascii(text[:24]))
def test_odd_texts_in_every_field_of_a_notify(text: str) -> None:
    world = World()
    agent = world.join(PlainAgent())
    for content in (
        Event(text, text, {text: text}),
        Event("Device.", "Boot!", {"Cause": text, "ParameterMap": text, "CommandKey": text}),
        Event("Device.LocalAgent.", "TransferComplete!", {"FaultCode": text, "CommandKey": text}),
        Event("Device.SoftwareModules.", "DUStateChange!", {"Fault.FaultCode": text}),
        messages.ValueChange(text, text),
        messages.ObjectCreation(text, {text: text}),
        messages.ObjectDeletion(text),
        OperationComplete(text, text, text, {text: text}),
        OperationComplete("Device.", "Download()", text, failure=messages.Failure(7000, text)),
        messages.OnBoardRequest(text, text, text, (text,)),
    ):
        agent.tells(content)
        world.wait(1)
    world.wait(30)
    world.check()
    assert len(agent.confirmed()) == 10
    kept = world.keeping.notifies.values()
    assert all(len(each.path) <= announcement.TEXT_LENGTH for each in kept)
    assert [each for each in kept if each.waiting] == []


@pytest.mark.parametrize("text", ODD, ids=lambda text: ascii(text[:24]))
def test_odd_texts_in_every_field_of_an_answer(text: str) -> None:
    world = World()
    agent = world.join(PlainAgent())
    resolved = (messages.ResolvedPath(text, {text: text}),)
    model = messages.SupportedObject(
        text,
        messages.ObjectAccess.ADD_DELETE,
        True,
        (messages.SupportedParam(text),),
        (messages.SupportedCommand(text, (text,), (text,)),),
        (messages.SupportedEvent(text, (text,)),),
        ((text,),),
    )
    agent.answers = {
        messages.GetSupportedProtocol: messages.GetSupportedProtocolResp((text,)),
        messages.GetSupportedDM: messages.GetSupportedDMResp(
            (messages.SupportedPath(text, (model,), text),)
        ),
        messages.Add: messages.AddResp(
            (messages.CreatedObject(text, messages.Created(text, {text: text})),)
        ),
        messages.Set: messages.SetResp(
            (messages.UpdatedObject(text, messages.Failure(7004, text)),)
        ),
    }
    plain = agent._answer

    def beside(request: messages.Body) -> messages.Body:
        answer = plain(request)
        if not isinstance(answer, messages.GetResp):
            return answer
        return messages.GetResp((*answer.results, messages.RequestedPath(text, resolved)))

    agent._answer = beside
    agent.tells(BOOT)
    world.wait(60)
    world.check()
    assert AGENT in {endpoint for endpoint, _ in world.watcher.visits}


def test_an_event_with_ten_thousand_arguments_is_kept_in_part_and_confirmed() -> None:
    world = World()
    many = {f"Argument.{number}": "x" * 100 for number in range(10_000)}
    for number in range(5):
        world.hears(Notify("b", True, Event("Device.", "Boot!", many)), id=f"n{number}")
    assert len(world.bodies()) == 5
    for kept in world.keeping.notifies.values():
        assert len(kept.detail) <= announcement.MAX_DETAILS
        assert sum(map(len, kept.detail.values())) <= announcement.DETAIL_LENGTH


def test_an_answer_with_very_many_objects_is_taken_in_part() -> None:
    world = World()
    agent = world.join(PlainAgent())
    rows = tuple(messages.ResolvedPath(f"Device.X.{n}.", {"a": "b"}) for n in range(10_000))
    objects = tuple(messages.SupportedObject(f"Device.X{n}.") for n in range(12_000))
    agent.answers[messages.GetSupportedDM] = messages.GetSupportedDMResp(
        (messages.SupportedPath("Device.", objects),)
    )
    plain = agent._answer
    agent._answer = lambda request: (
        messages.GetResp(tuple(messages.RequestedPath(path, rows) for path in request.paths))
        if isinstance(request, messages.Get) and len(request.paths) == 1
        else plain(request)
    )
    agent.tells(BOOT)
    world.wait(5)
    world.check()
    asked = [each for each in agent.asked if isinstance(each, messages.GetSupportedDM)]
    assert len(asked) <= 202
    assert all(sys.getsizeof(blob) < 1_000_000 for blob in world.keeping.models.values())


def test_notifies_without_end_are_bounded_in_memory() -> None:
    world = World(bounds=Bounds(notifies_per_minute=300))
    world.visits.stop()
    for number in range(1000):
        world.hears(Notify("b", True, BOOT), id=f"n{number}")
    peer = world.controller.peers[AGENT]
    assert len(peer.waiting) <= WAITING
    assert len(world.keeping.notifies) == 300
    assert len(world.bodies()) == 300


def test_ids_are_bounded() -> None:
    world = World(bounds=Bounds(require_identity=False))
    long = "x" * 100_000
    boot = Notify("b", True, BOOT)
    world.hears(boot, id=long)
    world.hears(messages.Get(("Device.",)), id=long)
    world.hears(boot, sender=f"pen:{'1' * 100_000}:x", vouched="")
    assert world.sent == [] and world.keeping.notifies == {}
    assert set(world.controller.peers) == {AGENT}
    assert all(len(endpoint) < 1000 for _, endpoint in world.watcher.drops)


def test_agents_without_end_are_bounded_in_memory() -> None:
    world = World(bounds=Bounds(peers=50))
    for number in range(500):
        world.hears(Notify("b", True, BOOT), sender=f"proto::agent-{number}")
    assert len(world.controller.peers) == 50


@pytest.mark.parametrize("content", [NoSession(b"\xff"), Disconnect(7000, "x")])
def test_a_reply_route_that_the_edge_refused_is_never_written_to(content: records.Content) -> None:
    world = World()
    octets = records.encode(Record("1.3", CONTROLLER, AGENT, content))
    world.hears(octets, reply=None, problem="its reply topic is another endpoint's")
    world.hears(Notify("b", True, BOOT), reply=None, problem="its reply topic is another's")
    world.hears(messages.Get(("Device.",)), reply=None, problem="its reply topic is another's")
    world.wait(5)
    assert world.sent == []
    world.check()
