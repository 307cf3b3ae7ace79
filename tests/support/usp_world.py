"""The USP controller in a world of its own: a clock that is set, a store and edges in memory.

    world = World()
    agent = world.join(PlainAgent())
    agent.tells(Event("Device.", "Boot!"))
    world.wait(5)

Whoever joined is heard and answered as time passes; what was sent to all is in `World.sent`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any, Protocol

from house_in_memory import MemoryHouse
from twisted.internet.defer import Deferred, fail, succeed

from acs.devices.agents import Agent, Holder, KnownAgent, Presence, StoredNotify
from acs.devices.effects import (
    AddTimeline,
    Effect,
    SaveAgent,
    SaveNotify,
    SaveSupportedModel,
    SettleNotifies,
)
from acs.model import Contact, DeviceId
from acs.store.errors import StoreError, StoreUnavailable
from acs.usp import codec, records
from acs.usp.attending import Attendant
from acs.usp.controller import Controller
from acs.usp.keeping import Bounds, Claims
from acs.usp.messages import Body, Message
from acs.usp.mtp import Mtp, Origin, Route, Verdict
from acs.usp.onboarding import Wanted
from acs.usp.records import Content, NoSession, Record
from acs.usp.speaking import Speaker
from acs.usp.visits import Visits

CONTROLLER = "self::gigafibre-acs"
AGENT = "ops::1C61B4-Device2-22275A7000001"
START = 1_700_000_000.0
STEP = 0.25
"""Seconds between two looks at what is due."""


class MemoryKeeping:
    """A `Keeping` that answers at once, unless it is told to wait or to fail."""

    def __init__(self) -> None:
        self.agents: dict[str, Agent] = {}
        self.notifies: dict[tuple[str, str], StoredNotify] = {}
        self.models: dict[str, bytes] = {}
        self.timeline: list[str] = []
        self.broken = False
        """Nothing is kept, and whoever asks for it is told so."""
        self.slow = False
        """Commits wait for `catch_up`."""
        self.commits = 0
        self._waiting: list[tuple[Deferred[None], Sequence[Effect]]] = []

    def agent(self, endpoint: str) -> Deferred[KnownAgent]:
        if self.broken:
            return fail(StoreUnavailable("out of reach"))
        kept = self.agents.get(endpoint)
        waiting = [n for (whose, _), n in self.notifies.items() if whose == endpoint and n.waiting]
        return succeed(KnownAgent(replace(kept) if kept else None, tuple(waiting)))

    def device_holders(self, device: DeviceId) -> Deferred[tuple[Holder, ...]]:
        return succeed(
            tuple(
                Holder(each.device_id, each.endpoint)
                for each in self.agents.values()
                if each.device_id
                and each.credential in ("own", "certificate")
                and (each.oui, each.serial_number) == (device.oui, device.serial_number)
            )
        )

    def supported(self, model_key: str) -> Deferred[bytes | None]:
        return succeed(self.models.get(model_key))

    def commit(self, effects: Sequence[Effect]) -> Deferred[None]:
        self.commits += 1
        if self.broken:
            return fail(StoreUnavailable("out of reach"))
        if self.slow:
            durable: Deferred[None] = Deferred()
            self._waiting.append((durable, effects))
            return durable
        self._keep(effects)
        return succeed(None)

    def catch_up(self) -> None:
        """Make durable what waits."""
        waiting, self._waiting = self._waiting, []
        for durable, effects in waiting:
            self._keep(effects)
            durable.callback(None)

    def post(self, effects: Sequence[Effect]) -> None:
        if self.broken:
            raise StoreUnavailable("out of reach")
        self._keep(effects)

    def _keep(self, effects: Sequence[Effect]) -> None:
        for effect in effects:
            match effect:
                case SaveAgent(endpoint, changes):
                    row = self.agents.setdefault(endpoint, Agent(endpoint))
                    for name, value in changes.items():
                        assert hasattr(row, name), name
                        setattr(row, name, value)
                case SaveNotify(notify):
                    self.notifies.setdefault((notify.endpoint, notify.msg_id), notify)
                case SettleNotifies(endpoint, ids):
                    for each in ids:
                        kept = self.notifies[endpoint, each]
                        self.notifies[endpoint, each] = replace(kept, waiting=False)
                case SaveSupportedModel(model_key, _, _, blob):
                    self.models[model_key] = blob
                case AddTimeline(entry):
                    self.timeline.append(entry.text)
                case _:
                    pass


@dataclass
class NotingUspWatcher:
    """A `UspWatcher`: what it was told."""

    heard: Counter[str] = field(default_factory=Counter)
    said: Counter[str] = field(default_factory=Counter)
    drops: list[tuple[str, str]] = field(default_factory=list)
    errors: list[int] = field(default_factory=list)
    notifies: list[tuple[str, bool]] = field(default_factory=list)
    presences: list[tuple[str, Presence, str]] = field(default_factory=list)
    visits: list[tuple[str, str]] = field(default_factory=list)
    """Endpoint and result of each that is over."""
    contacts: list[Contact | None] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    bugs: list[tuple[str, BaseException | None]] = field(default_factory=list)

    def record(self, kind: str) -> None:
        self.heard[kind] += 1

    def sent(self, kind: str) -> None:
        self.said[kind] += 1

    def dropped(self, reason: str, endpoint: str, origin: Origin) -> None:
        self.drops.append((reason, endpoint))

    def error(self, code: int) -> None:
        self.errors.append(code)

    def notify(self, kind: str, *, again: bool) -> None:
        self.notifies.append((kind, again))

    def present(self, endpoint: str, presence: Presence, evidence: str) -> None:
        self.presences.append((endpoint, presence, evidence))

    def visit_over(
        self, endpoint: str, contact: Contact | None, result: str, requests: int, seconds: float
    ) -> None:
        self.visits.append((endpoint, result))
        self.contacts.append(contact)

    def remark(self, endpoint: str, text: str) -> None:
        self.remarks.append(text)

    def bug(self, where: str, error: BaseException | None) -> None:
        # The root tells apart what the store says of itself.
        if not isinstance(error, StoreError):
            self.bugs.append((where, error))


@dataclass(frozen=True, slots=True)
class Said:
    """One record the controller sent."""

    route: Route
    record: Record

    @property
    def message(self) -> Message:
        """The message in it; there has to be one."""
        match self.record.content:
            case NoSession(payload):
                return codec.decode(payload)
        raise AssertionError(f"no whole message: {self.record}")


class Joined(Protocol):
    """An agent of the world."""

    endpoint: str
    origin: Origin

    def received(self, octets: bytes, topic: str, now: float) -> None:
        """Take a record of the controller's."""

    def tick(self, now: float) -> None:
        """Do what is due."""

    def take(self) -> list[bytes]:
        """Give the records it sends now."""


class World:
    """Everything around one controller, which is `World.controller`."""

    def __init__(
        self,
        *,
        house: MemoryHouse | None = None,
        bounds: Bounds | None = None,
        wanted: Wanted | None = None,
        keeping: MemoryKeeping | None = None,
        is_busy: Callable[[str], bool] = lambda _key: False,
        verify: Callable[[Record], object] | None = None,
        claims: Claims | None = None,
    ) -> None:
        self.seconds = 0.0
        self.house = house or MemoryHouse()
        self.keeping = keeping or MemoryKeeping()
        self.watcher = NotingUspWatcher()
        self.sent: list[Said] = []
        self.refuses = False
        """There is no way to anybody."""
        self._joined: dict[str, Joined] = {}
        self._under_way: list[Said] = []
        tokens, numbers = count(1), count(1000)
        bounds = bounds or Bounds()
        attendant = Attendant(
            self.house,
            self.keeping,
            self.watcher,
            wanted or Wanted(CONTROLLER),
            bounds,
            now=lambda: self.now,
            claims=claims,
        )
        self.visits = Visits(
            attendant,
            self.watcher,
            bounds,
            clock=lambda: self.seconds,
            token=lambda: f"visit{next(tokens):05}",
            settle=self.house.policy.settle,
            is_busy=is_busy,
            claims=claims,
        )
        speaker = Speaker(CONTROLLER, self.watcher, bounds, lambda: next(numbers))
        self.controller = Controller(
            self.keeping,
            self.visits,
            speaker,
            self.watcher,
            bounds,
            clock=lambda: self.seconds,
            now=lambda: self.now,
            verify=verify,
        )
        speaker.senders = {Mtp.MQTT: self, Mtp.WEBSOCKET: self}
        self.house.time = self.now

    @property
    def now(self) -> float:
        """Epoch seconds."""
        return START + self.seconds

    # A `Sender`

    def send(self, route: Route, octets: bytes) -> bool:
        if self.refuses:
            return False
        said = Said(route, records.decode(octets))
        self.sent.append(said)
        self._under_way.append(said)
        return True

    def drop(self, route: Route, why: str) -> None:
        raise AssertionError("no session is to be dropped")

    # --- what happens

    def join(self, agent: Any) -> Any:
        """Let an agent take part; it is heard and answered from now on."""
        self._joined[agent.endpoint] = agent
        self.carry()
        return agent

    def leave(self, agent: Joined) -> None:
        """It is not heard any more, and hears nothing; nobody tells the controller."""
        del self._joined[agent.endpoint]

    def wait(self, seconds: float, step: float = STEP) -> None:
        """Let time pass."""
        end = self.seconds + seconds
        while self.seconds < end:
            self.seconds = min(end, self.seconds + step)
            self.house.time = self.now
            for agent in list(self._joined.values()):
                agent.tick(self.now)
            self.carry()
            self.visits.tick()
            self.visits.sweep()
            self.carry()

    def carry(self) -> None:
        """Carry records to and fro until nobody says anything."""
        for _ in range(5000):
            for agent in list(self._joined.values()):
                for octets in agent.take():
                    self.controller.record(octets, agent.origin)
            under_way, self._under_way = self._under_way, []
            for said in under_way:
                if (hearer := self._joined.get(said.record.to_id)) is not None:
                    octets = records.encode(said.record)
                    hearer.received(octets, said.route.address, self.now)
            if not under_way:
                return
        raise AssertionError("they talk without end")

    # --- what tests say and look at

    def hears(
        self,
        content: Body | Content | bytes,
        sender: str = AGENT,
        id: str = "n1",
        *,
        to: str = CONTROLLER,
        **origin: Any,
    ) -> Verdict:
        """Have the controller hear a message, a record's content, or any octets."""
        if isinstance(content, bytes):
            octets = content
        else:
            if not isinstance(content, Content):
                content = NoSession(codec.encode(Message(id, content)))
            octets = records.encode(Record("1.3", to, sender, content))
        return self.controller.record(octets, origin_of(sender, **origin))

    def take(self) -> list[Said]:
        """Return what was sent, and forget it."""
        sent, self.sent = self.sent, []
        return sent

    def bodies(self) -> list[Body]:
        """Return the bodies of the messages that were sent, and forget them."""
        return [said.message.body for said in self.take()]

    @property
    def row(self) -> Agent:
        """The stored row of the usual agent."""
        return self.keeping.agents[AGENT]

    def check(self) -> None:
        """What holds at any time: no bug was told, and no visit is without its agent."""
        assert self.watcher.bugs == []
        talking = [p for p in self.controller.peers.values() if p.conversation is not None]
        assert self.visits.open == len(talking)


def origin_of(sender: str, **changes: Any) -> Origin:
    """Where a record of ``sender`` comes from over MQTT, with an account of its own."""
    route = Route(Mtp.MQTT, f"usp/v1/agent/{sender}")
    told: Mapping[str, Any] = {
        "mtp": Mtp.MQTT,
        "reply": route,
        "vouched": sender,
        "credential": "own",
    }
    return Origin(**{**told, **changes})
