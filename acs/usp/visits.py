"""Visits of agents: one at a time with each, a bounded number at once, each with its time-out.

A visit is `acs.devices.visit.Visit`, the same as over CWMP, between what USP needs before and
after it (`acs.usp.onboarding`).  Its flow is driven by a `Conversation`; this is its edge.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count
from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from acs.devices.agents import Agent, Presence, StoredNotify
from acs.devices.effects import AddTimeline, SaveSupportedModel, SettleNotifies
from acs.devices.house import House
from acs.devices.record import Standing, TimelineEntry
from acs.devices.visit import Visit
from acs.devices.vocabulary import model_key
from acs.model import Contact, DataModel, Event, EventKind, Notice, Value
from acs.store.errors import StoreError
from acs.usp import announcement, onboarding
from acs.usp.conversation import Conversation, Flow, Hold, Over, Send, Step
from acs.usp.errors import Code
from acs.usp.identity import PROOFS, may_fall_back, objection
from acs.usp.keeping import Bounds, Claims, Keeping
from acs.usp.known import Known
from acs.usp.messages import Body, Error, Message, Operate, OperateResp, Response
from acs.usp.onboarding import Wanted
from acs.usp.peer import Peer
from acs.usp.supported import SupportedModel, pack, unpack
from acs.usp.watcher import UspWatcher

RETRY_SECONDS = 15.0
"""Seconds until an agent that did not answer is asked again; doubled each time."""
RETRY_MOST = 3600.0
LOST_SECONDS = 2.0
"""Seconds after which a visit that was cut short is begun again, unless the agent is away."""
RENEW_SECONDS = 40.0
"""How often a long visit says that the agent is still ours, where several servers share."""
BUSY_SECONDS = 2.0
"""Seconds until a device is tried again that has a session over another protocol."""
UNWRITABLE = Error(Code.INVALID_ARGUMENTS, "a value in it cannot be written as a message")
"""Stands for the answer to what cannot be asked, such as half a character."""
TRIES = 5
"""Visits that may fail by a mistake of ours until what the agent reported is given up."""
MODELS = 256
"""Supported models that are kept in memory."""
INTRODUCED_BY = frozenset((EventKind.BOOT, EventKind.BOOTSTRAP, EventKind.ON_BOARD_REQUEST))
"""Reasons to ask an agent anew who it is: its software may be another one."""
FORGOTTEN = Event(EventKind.ON_BOARD_REQUEST, text="has no subscription of ours any more")
"""What an agent should have said, and what is done about it is the same."""


class Visits:
    """Begins, drives and ends visits."""

    def __init__(
        self,
        house: House,
        keeping: Keeping,
        watcher: UspWatcher,
        wanted: Wanted,
        bounds: Bounds,
        *,
        clock: Callable[[], float],
        now: Callable[[], float],
        token: Callable[[], str],
        is_busy: Callable[[str], bool] = lambda _key: False,
        claims: Claims | None = None,
    ) -> None:
        """Take the parts.

        ``token`` makes ids that cannot be guessed. ``is_busy`` tells of a device, by its key,
        that it has a session over another protocol right now. ``claims``: where several servers
        share the agents.
        """
        self.open = 0
        """Visits under way."""
        self._house = house
        self._keeping = keeping
        self._watcher = watcher
        self._wanted = wanted
        self._bounds = bounds
        self._clock = clock
        self._now = now
        self._token = token
        self._is_busy = is_busy
        self._claims = claims
        self._send: Callable[[Peer, Message], bool] = lambda _peer, _message: False
        self._repeat: Callable[[Peer], bool] = lambda _peer: False
        self._see: Callable[[Peer, Mapping[str, object]], None] = lambda _peer, _changes: None
        self._due: list[tuple[float, int, Peer]] = []
        self._ready: deque[Peer] = deque()
        self._open: set[Peer] = set()
        self._floor: dict[str, Peer] = {}
        """Who is visited, by the key of its device."""
        self._order = count()
        self._models: dict[str, SupportedModel] = {}
        self._learning: set[str] = set()

    def attach(
        self,
        send: Callable[[Peer, Message], bool],
        repeat: Callable[[Peer], bool],
        see: Callable[[Peer, Mapping[str, object]], None],
    ) -> None:
        """Take the controller's ways to send a message, to repeat what a session context has
        not acknowledged, and to keep what is new of an agent."""
        self._send = send
        self._repeat = repeat
        self._see = see

    # --- when ----------------------------------------------------------------------------

    def soon(self, peer: Peer, delay: float) -> None:
        """Begin a visit in ``delay`` seconds, unless one is due before or under way."""
        at = self._clock() + delay
        if at < peer.due:
            peer.due = at
            heappush(self._due, (at, next(self._order), peer))

    def tick(self) -> float | None:
        """Begin what is due and end what is overdue; return seconds until something is due."""
        now = self._clock()
        while self._due and self._due[0][0] <= now:
            at, _, peer = heappop(self._due)
            if peer.due != at:
                continue  # It was called sooner, or is away.
            peer.due = float("inf")
            if peer.conversation is None:
                self._ready.append(peer)
        while self._ready and self.open < self._bounds.visits:
            peer = self._ready.popleft()
            # It may stand there twice, or have left while it stood there.
            if peer.conversation is None and peer.presence is not Presence.OFFLINE:
                self._begin(peer)
        return self._due[0][0] - now if self._due else None

    def sweep(self) -> None:
        """End visits whose agent does not answer; called about once a second."""
        now = self._clock()
        for peer in self._open:
            if self._claims is not None and now - peer.claimed >= RENEW_SECONDS:
                peer.claimed = now
                self._claims.take(peer.endpoint).addErrback(lambda why: why.trap(StoreError))
        for peer in [each for each in self._open if each.deadline <= now]:
            if self._repeat(peer):
                peer.deadline = now + self._bounds.request_seconds
                continue
            evidence = f"no answer within {self._bounds.request_seconds:.0f} s"
            peer.presence = Presence.UNKNOWN
            self._see(peer, {"presence": Presence.UNKNOWN, "evidence": evidence})
            self._watcher.present(peer.endpoint, Presence.UNKNOWN, evidence)
            self._stop(peer, evidence)
            self._again(peer)

    def _again(self, peer: Peer) -> None:
        """An agent that did not answer is asked again, ever more seldom."""
        peer.failures += 1
        pause = min(RETRY_SECONDS * 2.0 ** min(peer.failures - 1, 20), RETRY_MOST)
        if peer.presence is not Presence.OFFLINE:
            self.soon(peer, pause)

    def stop(self) -> None:
        """End all visits, and begin no more: the server stops."""
        self._due.clear()
        self._ready.clear()
        for peer in list(self._open):
            self._stop(peer, "the server stops")

    # --- one visit -------------------------------------------------------------------------

    def _begin(self, peer: Peer) -> None:
        device = peer.agent.device_id_told if peer.agent is not None else None
        if device is not None and self._is_busy(device.key):
            self.soon(peer, BUSY_SECONDS)
            return
        peer.started = peer.claimed = self._clock()
        peer.session = self._token()[:10]
        peer.reasons, peer.asked = tuple(peer.asked), []
        known = Known(version=peer.version)
        visiting = _Visiting(peer, peer.reasons, known)
        ids = count(1)
        conversation = Conversation(
            self._attend(visiting),
            known,
            new_id=lambda: f"{peer.session}.{next(ids)}",
            on_notice=visiting.note,
        )
        visiting.conversation = peer.conversation = conversation
        self.open += 1
        self._open.add(peer)
        self._step(peer, conversation, conversation.begin())

    async def _attend(self, visiting: _Visiting) -> None:
        """Everything that is done with an agent while it is on the line."""
        peer = visiting.peer
        if self._claims is not None:
            is_ours = await self._claims.take(peer.endpoint)
            if not is_ours:
                self._watcher.remark(peer.endpoint, "another server visits it")
                return
        agent = await self._load(peer)
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
            self._see(peer, told.fields)
            if agent.device_id and before != agent.device_id_told:
                self._see(peer, {"device_id": 0})
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
        if self._floor.setdefault(contact.device.key, peer) is not peer:
            self._watcher.remark(peer.endpoint, f"{contact.device.key} is visited as another agent")
            return
        await self._acquaint(visiting, agent)
        assert visiting.conversation is not None
        visiting.conversation.announce(
            [notice for each in visiting.notifies if (notice := announcement.notice_of(each))]
        )
        peer.visit = visit = Visit(contact, self._house)
        await visit.run(DataModel())
        self._believe(visiting, agent)
        await self._settle(visiting, agent)

    def _is_let_in(self, visiting: _Visiting, agent: Agent, events: tuple[Event, ...]) -> bool:
        """Weigh how the agent proved itself against how it did before; keep what counts."""
        peer, before = visiting.peer, agent.credential
        peer.credential = peer.credential or before
        rebootstrap = self._bounds.rebootstrap
        if not may_fall_back(before, peer.credential, events, rebootstrap=rebootstrap):
            self._watcher.remark(peer.endpoint, f"came with less than before: {peer.credential}")
            # What somebody told in its name is not acted on when it comes itself.
            self._acted_on(peer, visiting.notifies)
            return False
        if peer.credential != before:
            self._see(peer, {"credential": peer.credential})
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
        return Deferred.fromCoroutine(self._load(peer))

    async def _load(self, peer: Peer) -> Agent:
        if peer.agent is not None:
            return peer.agent
        found = await self._keeping.agent(peer.endpoint)
        if peer.agent is None:
            peer.agent = found.agent or Agent(peer.endpoint)
            if found.agent is None:
                self._see(peer, {"first_seen": self._now()})
            waiting = {each.msg_id for each in peer.waiting}
            peer.waiting[:0] = [each for each in found.waiting if each.msg_id not in waiting]
        return peer.agent

    async def _acquaint(self, visiting: _Visiting, agent: Agent) -> None:
        """Have the supported model of its kind; the first agent of it is asked."""
        if not agent.model:
            return
        assert visiting.contact is not None
        key = model_key(agent)
        # Who names no software may run another one after each start.
        stale = not agent.software and visiting.contact.has(*INTRODUCED_BY)
        if stale or key not in self._models:
            blob = None if stale else await self._keeping.supported(key)
            if blob is not None:
                self._models[key] = SupportedModel(unpack(blob))
            elif key not in self._learning:
                self._learning.add(key)
                try:
                    uri, objects = await onboarding.acquaint()
                finally:
                    self._learning.discard(key)
                # One that shows us nothing does not speak for its kind.
                if objects:
                    visiting.shown = visiting.known.supported = SupportedModel(objects, uri)
                    return
            while len(self._models) > MODELS:
                del self._models[next(iter(self._models))]
        visiting.known.supported = self._models.get(key)

    def _believe(self, visiting: _Visiting, agent: Agent) -> None:
        """Take what an agent showed for the model of its kind, once we know whose it is.

        Anybody with the shared secret can say that he is of this kind, and what that is like.
        """
        visit, shown = visiting.peer.visit, visiting.shown
        if shown is None or visit is None or visit.device is None:
            return
        if visit.device.equipment or visiting.peer.credential in ("own", "certificate"):
            key = model_key(agent)
            self._models[key] = shown
            blob = pack(shown.objects.values())
            self._keeping.post((SaveSupportedModel(key, self._now(), shown.uri, blob),))

    async def _settle(self, visiting: _Visiting, agent: Agent) -> None:
        """Set the agent up for us where that was not done, or may be gone."""
        peer = visiting.peer
        device = peer.visit.device if peer.visit is not None else None
        if device is not None and agent.device_id != device.id:
            self._see(peer, {"device_id": device.id})
        reset = visiting.contact is not None and visiting.contact.has(*INTRODUCED_BY)
        if agent.settled == self._wanted.digest and not reset:
            return
        settled = await onboarding.settle(agent, self._wanted)
        if settled.is_done:
            self._see(peer, {"settled": self._wanted.digest})
        if device is not None and settled.remarks:
            at = self._now()
            self._keeping.post(
                tuple(
                    AddTimeline(TimelineEntry(device.id, at, "USP", remark, peer.session))
                    for remark in settled.remarks
                )
            )

    # --- steps -----------------------------------------------------------------------------

    def answered(self, peer: Peer, msg_id: str, answer: Response | Error) -> bool:
        """Take an answer; False: it answers nothing that is open (R-MSG.9)."""
        conversation = peer.conversation
        if conversation is None or not msg_id or conversation.open_id != msg_id:
            return False
        peer.deadline = float("inf")
        self._step(peer, conversation, conversation.answered(answer))
        return True

    def lost(self, peer: Peer, reason: str) -> None:
        """End the visit with an agent that went away or started anew, if there is one."""
        if peer.conversation is not None:
            self._stop(peer, reason)
            self.soon(peer, LOST_SECONDS)

    def give_way(self, contact: Contact) -> None:
        """End the visit with a device that begins a session over another protocol, if it may."""
        peer = self._floor.get(contact.device.key)
        if peer is not None and (peer.visit is None or peer.visit.yields_to(contact)):
            self.lost(peer, "it began a session over another protocol")

    def _stop(self, peer: Peer, reason: str) -> None:
        conversation = peer.conversation
        if conversation is not None:
            conversation.lost(reason)
            self._end(peer, conversation, "lost")

    def _step(self, peer: Peer, conversation: Conversation, step: Step) -> None:
        while peer.conversation is conversation:
            match step:
                case Send(message):
                    peer.deadline = self._clock() + self._bounds.request_seconds
                    try:
                        is_sent = self._send(peer, message)
                    except ValueError:
                        # No agent can be told such a thing: whoever wants it is told so.
                        step = conversation.answered(UNWRITABLE)
                        continue
                    if is_sent:
                        if _is_answered(message.body):
                            return
                        step = conversation.answered(OperateResp(()))
                        continue
                    conversation.lost("there is no way to the agent now")
                    self._end(peer, conversation, "lost")
                    self._again(peer)
                case Hold(awaited):
                    self._wait(peer, conversation, awaited)
                    return
                case Over():
                    self._end(peer, conversation, "")

    def _wait(self, peer: Peer, conversation: Conversation, awaited: Any) -> None:
        if not isinstance(awaited, Deferred):
            conversation.lost("internal error")
            conversation.fault = TypeError(f"a flow awaited {awaited!r}")
            self._end(peer, conversation, "error")
            self._again(peer)
            return

        def go_on(result: object) -> None:
            if peer.conversation is not conversation:
                return
            # Inside its own callback the Deferred still holds its result, and the flow that
            # awaits it takes it when it is resumed here; a failure has to be thrown in.
            error = result.value if isinstance(result, Failure) else None
            self._step(peer, conversation, conversation.resume(error))

        awaited.addBoth(go_on)

    def _end(self, peer: Peer, conversation: Conversation, why: str) -> None:
        visit, peer.visit = peer.visit, None
        peer.conversation = None
        peer.deadline = float("inf")
        self.open -= 1
        self._open.discard(peer)
        if self._claims is not None:
            self._claims.release(peer.endpoint)
        device = peer.agent.device_id_told if peer.agent is not None else None
        if device is not None and self._floor.get(device.key) is peer:
            del self._floor[device.key]
        fault = conversation.fault
        result = why or (visit.result if visit is not None else "unknown device")
        if fault is not None:
            self._watcher.bug(f"visit {peer.session} of {peer.endpoint}", fault)
            result = "error"
        told, peer.told = peer.told, ()
        if fault is not None and told and peer.failures >= TRIES and not _is_of_store(fault):
            ids = ", ".join(each.msg_id for each in told)
            self._watcher.remark(peer.endpoint, f"what it reported is given up: {ids}"[:200])
            self._acted_on(peer, told)
        elif visit is not None and conversation.accepted:
            self._acted_on(peer, told)
        else:
            for reason in peer.reasons:
                peer.ask(reason)
        contact = visit.contact if visit is not None else None
        seconds = self._clock() - peer.started
        self._watcher.visit_over(peer.endpoint, contact, result, conversation.requests, seconds)
        if why:
            return
        if fault is not None or not conversation.accepted:
            self._again(peer)
            return
        peer.failures = 0
        if peer.asked or peer.waiting:
            self.soon(peer, 0.0)
        elif visit is not None and _is_to_be_continued(visit):
            # It is connected: nobody has to wait for its next word to see what came of it.
            peer.ask(Event(EventKind.ASKED, text="what came of it"))
            self.soon(peer, self._house.policy.settle + 1.0)

    def _acted_on(self, peer: Peer, told: tuple[StoredNotify, ...]) -> None:
        """What the visit was told is acted on: it waits no longer. What came meanwhile does."""
        gone = [each for each in peer.waiting if each in told]
        peer.waiting = [each for each in peer.waiting if each not in told]
        if gone:
            try:
                ids = tuple(each.msg_id for each in gone)
                self._keeping.post((SettleNotifies(peer.endpoint, ids),))
            except StoreError as error:
                self._watcher.bug("the store", error)


@dataclass(slots=True, eq=False)
class _Visiting:
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


def _is_to_be_continued(visit: Visit) -> bool:
    """Tell whether something is under way on the device, or is to be verified."""
    device = visit.device
    verifying = device is not None and device.standing is Standing.VERIFYING
    return verifying or visit.expects_reports


def _is_of_store(fault: BaseException) -> bool:
    """Tell whether the store was away or full, which says nothing of what was reported."""
    return isinstance(fault, StoreError)


def _is_answered(request: Body) -> bool:
    """Tell whether an answer is to come; one that comes all the same is ignored (R-OPR.4)."""
    return not isinstance(request, Operate) or request.send_resp


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
