"""What is done with an agent while it is on the line: a flow around `acs.devices.visit.Visit`.

Who is it, and may it be that?  What does its kind support?  Then the visit, the same as over
CWMP.  Then whatever is missing on the agent to keep in touch with us.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from twisted.internet.defer import Deferred

from acs.devices.agents import Agent, Presence, StoredNotify
from acs.devices.effects import AddTimeline, SettleNotifies
from acs.devices.house import House
from acs.devices.record import TimelineEntry
from acs.devices.visit import Visit
from acs.model import Contact, DataModel, Event, EventKind, Notice, Value
from acs.store.errors import StoreError
from acs.usp import announcement, onboarding
from acs.usp.conversation import Conversation, Flow
from acs.usp.identity import PROOFS, may_fall_back, objection
from acs.usp.keeping import Bounds, Claims, Keeping
from acs.usp.known import Known
from acs.usp.models import Models
from acs.usp.onboarding import Wanted
from acs.usp.peer import Peer
from acs.usp.supported import SupportedModel
from acs.usp.watcher import UspWatcher

INTRODUCED_BY = frozenset((EventKind.BOOT, EventKind.BOOTSTRAP, EventKind.ON_BOARD_REQUEST))
"""Reasons to ask an agent anew who it is: its software may be another one."""
FORGOTTEN = Event(EventKind.ON_BOARD_REQUEST, text="has no subscription of ours any more")
"""What an agent should have said, and what is done about it is the same."""

See = Callable[[Peer, Mapping[str, object]], None]
"""Keeps new values for fields of an agent's row."""


@dataclass(slots=True, eq=False)
class Visiting:
    """One visit as its flow sees it."""

    peer: Peer
    events: tuple[Event, ...]
    known: Known
    notifies: tuple[StoredNotify, ...] = ()
    addresses: Mapping[str, Value] = field(default_factory=dict)
    shown: SupportedModel | None = None
    """The supported model as this agent showed it, if it was asked."""
    contact: Contact | None = None
    conversation: Conversation | None = None

    def note(self, notice: Notice) -> Flow:
        """Keep what the agent reports; called once the visit accepts what was announced."""
        assert self.peer.visit is not None
        return self.peer.visit.notice(notice)


class Attendant:
    """Attends to agents; one flow for each that is on the line."""

    def __init__(
        self,
        house: House,
        keeping: Keeping,
        watcher: UspWatcher,
        wanted: Wanted,
        bounds: Bounds,
        *,
        now: Callable[[], float],
        claims: Claims | None = None,
    ) -> None:
        """Take the parts. ``claims``: where several servers share the agents."""
        self.see: See = lambda _peer, _changes: None
        """The controller's way to keep what is new of an agent; it hands it in."""
        self.floor: dict[str, Peer] = {}
        """Who is visited, by the key of its device."""
        self._house = house
        self._keeping = keeping
        self._watcher = watcher
        self._wanted = wanted
        self._bounds = bounds
        self._now = now
        self._claims = claims
        self._models = Models(keeping, now)

    async def attend(self, visiting: Visiting) -> None:
        """Everything that is done with an agent while it is on the line."""
        peer = visiting.peer
        if self._claims is not None:
            is_ours = await self._claims.take(peer.endpoint)
            if not is_ours:
                return  # Another server visits it; whose turn comes later finds it done.
        agent = await self._loaded(peer)
        visiting.notifies = peer.told = tuple(peer.waiting)
        events = (*visiting.events, *_events(visiting.notifies))
        if not self._is_let_in(visiting, agent, events):
            return
        if await _forgot_us(agent, events):
            visiting.events += (FORGOTTEN,)
            events += (FORGOTTEN,)
        if _must_introduce(agent, events) or peer.presence is not Presence.ONLINE:
            before = agent.device_id_told
            told = await onboarding.introduce(agent, self._wanted.endpoint)
            if "serial_number" not in told.fields and agent.device_id_told is None:
                told.fields |= _told_by_request(visiting.notifies)
            self.see(peer, told.fields)
            if agent.device_id and before != agent.device_id_told:
                self.see(peer, {"device_id": 0})
            visiting.addresses = told.addresses
        peer.version = visiting.known.version = agent.version or "1.0"
        visiting.known.controller = agent.controller
        if agent.device_id_told is None:
            self._watcher.remark(peer.endpoint, "it does not show which device it is")
            return
        visiting.contact = contact = announcement.contact_of(
            agent,
            visiting.notifies,
            at=self._house.now(),
            session=peer.session,
            address=peer.address,
            credential=peer.credential,
            more=visiting.events,
            told=visiting.addresses,
        )
        if not agent.device_id and await self._is_another(peer, contact):
            return
        if self.floor.setdefault(contact.device.key, peer) is not peer:
            self._watcher.remark(peer.endpoint, f"{contact.device.key} is visited as another agent")
            return
        try:
            await self._acquaint(visiting, agent)
            await self._visit(visiting, contact)
            await self._believe(visiting, agent)
        finally:
            if visiting.shown is not None:
                self._models.done(agent)
        await self._settle(visiting, agent)

    async def _visit(self, visiting: Visiting, contact: Contact) -> None:
        assert visiting.conversation is not None
        visiting.conversation.announce(
            [notice for each in visiting.notifies if (notice := announcement.notice_of(each))]
        )
        visiting.peer.visit = visit = Visit(contact, self._house)
        await visit.run(DataModel())

    def _is_let_in(self, visiting: Visiting, agent: Agent, events: tuple[Event, ...]) -> bool:
        """Weigh how the agent proved itself against how it did before; keep what counts."""
        peer, before = visiting.peer, agent.credential
        peer.credential = peer.credential or before
        rebootstrap = self._bounds.rebootstrap
        if not may_fall_back(before, peer.credential, events, rebootstrap=rebootstrap):
            self._watcher.remark(peer.endpoint, f"came with less than before: {peer.credential}")
            # What somebody told in its name is not acted on when it comes itself.
            self.acted_on(peer, visiting.notifies)
            return False
        if peer.credential != before:
            self.see(peer, {"credential": peer.credential})
            if before in PROOFS and peer.credential not in PROOFS and agent.device_id:
                text = "came back with the shared secret after it was reset"
                entry = (agent.device_id, self._now(), "credentials", text, peer.session)
                self._keeping.post((AddTimeline(TimelineEntry(*entry)),))
        return True

    async def _is_another(self, peer: Peer, contact: Contact) -> bool:
        """Tell whether the device this agent says it is, was proven to be another's."""
        holders = await self._keeping.device_holders(contact.device)
        other = objection(peer.endpoint, contact, holders, rebootstrap=self._bounds.rebootstrap)
        if not other:
            return False
        key = contact.device.key
        self._watcher.remark(peer.endpoint, f"refused as {key}, which is {other}")
        if not peer.failures:
            text = f"refused {peer.endpoint}: it says it is this unit, which is {other}"
            fix = "if both are the same unit, `acs device forget` it"
            entries = {
                holder.device_id: TimelineEntry(
                    holder.device_id, self._now(), "credentials", f"{text}; {fix}", peer.session
                )
                for holder in holders
            }
            self._keeping.post(tuple(map(AddTimeline, entries.values())))
        return True

    def load(self, peer: Peer) -> Deferred[Agent]:
        """Load the agent's row, with what waits for a visit."""
        return Deferred.fromCoroutine(self._loaded(peer))

    async def _loaded(self, peer: Peer) -> Agent:
        if peer.agent is not None:
            return peer.agent
        found = await self._keeping.agent(peer.endpoint)
        if peer.agent is None:
            peer.agent = found.agent or Agent(peer.endpoint)
            if found.agent is None:
                self.see(peer, {"first_seen": self._now()})
            waiting = {each.msg_id for each in peer.waiting}
            peer.waiting[:0] = [each for each in found.waiting if each.msg_id not in waiting]
        return peer.agent

    async def _acquaint(self, visiting: Visiting, agent: Agent) -> None:
        """Have the supported model of its kind, asking for it where nobody did."""
        if not agent.model or visiting.contact is None:
            return
        introduced = visiting.contact.has(*INTRODUCED_BY)
        # Who names no software may run another one after each start.
        if agent.software or not introduced:
            visiting.known.supported = await self._models.known(agent)
        is_new = not agent.device_id or introduced
        if visiting.known.supported is None and is_new:
            visiting.shown = visiting.known.supported = await self._models.ask(agent)

    async def _believe(self, visiting: Visiting, agent: Agent) -> None:
        """Take what it showed for the model of its kind, now that we know whose it is."""
        peer = visiting.peer
        device = peer.visit.device if peer.visit is not None else None
        if device is None or not agent.model:
            return
        if not (device.equipment or peer.credential in PROOFS):
            return
        if visiting.known.supported is None:
            # Another of its kind may have been believed meanwhile.
            visiting.known.supported = await self._models.known(agent)
        if visiting.known.supported is None:
            visiting.shown = visiting.known.supported = await self._models.ask(agent)
        if visiting.shown is not None:
            self._models.believe(agent, visiting.shown)

    async def _settle(self, visiting: Visiting, agent: Agent) -> None:
        """Set the agent up for us where that was not done, or may be gone."""
        peer = visiting.peer
        device = peer.visit.device if peer.visit is not None else None
        if device is not None and agent.device_id != device.id:
            self.see(peer, {"device_id": device.id})
        reset = visiting.contact is not None and visiting.contact.has(*INTRODUCED_BY)
        if agent.settled == self._wanted.digest and not reset:
            return
        if peer.visit is not None and peer.visit.withheld:
            return  # Subscriptions are rows on the agent; it is set up once it may be.
        settled = await onboarding.settle(agent, self._wanted)
        if settled.is_done:
            self.see(peer, {"settled": self._wanted.digest})
        if device is not None and settled.remarks:
            at = self._now()
            self._keeping.post(
                tuple(
                    AddTimeline(TimelineEntry(device.id, at, "USP", remark, peer.session))
                    for remark in settled.remarks
                )
            )

    def acted_on(self, peer: Peer, told: tuple[StoredNotify, ...]) -> None:
        """What the visit was told is acted on: it waits no longer. What came meanwhile does."""
        gone = [each for each in peer.waiting if each in told]
        peer.waiting = [each for each in peer.waiting if each not in told]
        if gone:
            try:
                ids = tuple(each.msg_id for each in gone)
                self._keeping.post((SettleNotifies(peer.endpoint, ids),))
            except StoreError as error:
                self._watcher.bug("the store", error)


def _events(notifies: tuple[StoredNotify, ...]) -> tuple[Event, ...]:
    return tuple(event for each in notifies for event in announcement.events_of(each))


async def _forgot_us(agent: Agent, events: tuple[Event, ...]) -> bool:
    """One that was reset by hand connects and says no more: nobody is subscribed to its Boot!."""
    connected = any(event.kind is EventKind.CONNECTED for event in events)
    if not connected or _must_introduce(agent, events):
        return False
    return not await onboarding.is_set_up()


def _must_introduce(agent: Agent, events: tuple[Event, ...]) -> bool:
    return (
        agent.device_id_told is None
        or not agent.settled
        or any(event.kind in INTRODUCED_BY for event in events)
    )


def _told_by_request(notifies: tuple[StoredNotify, ...]) -> dict[str, str]:
    for each in reversed(notifies):
        if each.kind == "OnBoardRequest":
            return onboarding.identity_of_request(each.detail)
    return {}
