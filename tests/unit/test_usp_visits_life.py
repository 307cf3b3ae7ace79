"""Whatever happens to agents, store and links, in any order: visits keep their promises.

Nobody is asked two things at once, no visit stands for ever, nothing raises; and once all is well
again every Notify that was kept has been confirmed and acted on.
"""

from __future__ import annotations

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from usp_plain_agent import PlainAgent
from usp_world import World

from acs.devices.agents import Presence
from acs.model import Contact, DeviceId
from acs.usp import codec, messages, records
from acs.usp.keeping import Bounds
from acs.usp.messages import Error, Event, OnBoardRequest, OperationComplete, ValueChange
from acs.usp.mtp import Mtp
from acs.usp.records import Disconnect, NoSession
from acs.usp.visits import RETRY_MOST

SERIALS = ("22275A7000001", "22275A7000002", "22275A7000003")
NEWS = [
    Event("Device.", "Boot!", {"Cause": "LocalReboot"}),
    Event("Device.", "Boot!", {"Cause": "RemoteFactoryReset"}),
    Event("Device.LocalAgent.", "Periodic!"),
    Event("Device.LocalAgent.", "TransferComplete!", {"CommandKey": "k", "FaultCode": "0"}),
    OperationComplete("Device.", "SelfTest()", "job-1"),
    ValueChange("Device.WiFi.SSID.1.SSID", "x"),
    messages.ObjectCreation("Device.Hosts.Host.1."),
    OnBoardRequest("1C61B4", "Device2", "22275A7000001", ("1.3",)),
]
who = st.sampled_from(range(len(SERIALS)))


class Watchful(PlainAgent):
    """Sees to it that it is asked one thing at a time in one visit."""

    def __init__(self, endpoint: str, **options: Any) -> None:
        super().__init__(endpoint, **options)
        self.open: set[str] = set()
        self.told: dict[str, messages.Notification] = {}

    def received(self, octets: bytes, topic: str, now: float) -> None:
        content = records.decode(octets).content
        assert isinstance(content, NoSession)
        message = codec.decode(content.payload)
        before = len(self._out)
        super().received(octets, topic, now)
        if isinstance(message.body, messages.NotifyResp | Error):
            self.told.pop(message.id, None)
            return
        session = message.id.partition(".")[0]
        assert session not in self.open, "two requests at once"
        if len(self._out) == before:
            self.open.add(session)

    def repeats(self) -> None:
        """Tell again what was not confirmed."""
        for id, content in list(self.told.items()):
            self.tells(content, id)


class Life(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.busy: set[str] = set()
        self.world = World(
            bounds=Bounds(visits=2, notifies_per_minute=40), is_busy=lambda key: key in self.busy
        )
        self.agents = [
            self.world.join(Watchful(f"ops::1C61B4-Device2-{serial}", serial=serial))
            for serial in SERIALS
        ]

    @rule(number=who, content=st.sampled_from(NEWS))
    def something_happens(self, number: int, content: messages.Notification) -> None:
        agent = self.agents[number]
        agent.told[agent.tells(content)] = content
        self.world.carry()

    @rule(number=who)
    def a_notify_comes_again(self, number: int) -> None:
        self.agents[number].repeats()
        self.world.carry()

    @rule(seconds=st.sampled_from([0.25, 1, 3, 35, 200]))
    def time_passes(self, seconds: float) -> None:
        self.world.wait(seconds, step=min(seconds, 1))

    @rule(number=who, silent=st.booleans())
    def it_falls_silent_or_speaks_again(self, number: int, silent: bool) -> None:
        self.agents[number].silent = silent

    @rule(number=who)
    def it_connects(self, number: int) -> None:
        self.agents[number].connects()
        self.world.carry()

    @rule(number=who)
    def it_disconnects(self, number: int) -> None:
        self.agents[number].says(Disconnect(7105, "going"))
        self.world.carry()

    @rule(number=who, here=st.booleans())
    def the_broker_sees_it(self, number: int, here: bool) -> None:
        controller, endpoint = self.world.controller, self.agents[number].endpoint
        if here:
            controller.present(endpoint, Mtp.MQTT, "broker: connected")
        else:
            controller.absent(endpoint, Mtp.MQTT, "broker: closed")

    @rule(up=st.booleans())
    def the_link_comes_and_goes(self, up: bool) -> None:
        self.world.refuses = not up
        if up:
            self.world.controller.link_up(Mtp.MQTT)
        else:
            self.world.controller.link_down(Mtp.MQTT, "the broker is away")

    @rule(broken=st.booleans(), slow=st.booleans())
    def the_store_comes_and_goes(self, broken: bool, slow: bool) -> None:
        self.world.keeping.broken, self.world.keeping.slow = broken, slow

    @rule()
    def the_store_catches_up(self) -> None:
        self.world.keeping.catch_up()
        self.world.carry()

    @rule(number=who)
    def there_is_work(self, number: int) -> None:
        self.world.controller.wake(self.agents[number].endpoint, "a job")

    @rule(number=who)
    def it_answers_what_nobody_asked(self, number: int) -> None:
        self.agents[number].says(
            NoSession(codec.encode(messages.Message("nobody-asked", messages.GetResp(()))))
        )
        self.world.carry()

    @rule(number=who)
    def it_begins_a_session_over_cwmp(self, number: int) -> None:
        device = DeviceId("1C61B4", "Device2", SERIALS[number])
        self.busy ^= {device.key}
        if device.key in self.busy:
            contact = Contact(device, "TP-Link", "cwmp", "Device.", (), {}, 0.0, credential="own")
            self.world.visits.give_way(contact)

    @rule(number=who, code=st.sampled_from([7002, 7006]))
    def it_refuses(self, number: int, code: int) -> None:
        refused = Error(code, "no")
        answers = self.agents[number].answers
        kinds = (messages.Get, messages.Add, messages.GetSupportedDM)
        self.agents[number].answers = {} if answers else dict.fromkeys(kinds, refused)

    @invariant()
    def all_is_in_order(self) -> None:
        self.world.check()
        assert self.world.visits.open <= 2
        for peer in self.world.controller.peers.values():
            if peer.conversation is not None and peer.conversation.open_id:
                assert -1 <= peer.deadline - self.world.seconds <= 30

    def teardown(self) -> None:
        """All is well again: nothing is left undone."""
        world = self.world
        world.keeping.broken = world.keeping.slow = False
        self.busy.clear()
        world.keeping.catch_up()
        if world.refuses:
            self.the_link_comes_and_goes(up=True)
        world.wait(61, step=1)
        for agent in self.agents:
            agent.silent, agent.answers = False, {}
            peer = world.controller.peers.get(agent.endpoint)
            if peer is None or peer.route is None or peer.presence is Presence.OFFLINE:
                agent.connects()
            agent.repeats()
        world.wait(200, step=1)
        assert [agent.told for agent in self.agents] == [{}, {}, {}], "all is confirmed"
        world.wait(2 * RETRY_MOST, step=60)
        world.wait(5, step=1)
        world.check()
        assert world.visits.open == 0
        for peer in world.controller.peers.values():
            assert peer.waiting == [] and peer.asked == []
        # What the store did not hear of, it tells the next server.
        anew = World(keeping=world.keeping)
        for agent in self.agents:
            agent.open.clear()
            anew.join(agent).connects()
        anew.wait(60, step=1)
        for (endpoint, id), kept in world.keeping.notifies.items():
            assert not kept.waiting, (endpoint, id, kept.kind)


Life.TestCase.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
test_visits_keep_their_promises = Life.TestCase
