"""The controller: records of agents in, records to agents out, with a visit where one is due.

It owns what the machines must not: routes, clocks, time-outs, and the waiting for the house.
What an MTP brings goes one of four ways: an answer to the conversation that waits for it, a
Notify into the store and then back as NotifyResp, a Connect or Disconnect record into the
agent's presence, or away, counted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from acs.devices.agents import Presence
from acs.model import Event, EventKind
from acs.usp import codec, messages, records
from acs.usp.codec import MalformedMessage
from acs.usp.endpoint import is_valid
from acs.usp.errors import Code
from acs.usp.identity import PROOFS
from acs.usp.inbox import Inbox
from acs.usp.integrity import IntegrityError
from acs.usp.keeping import Bounds, Keeping
from acs.usp.messages import Error, Message, Notify
from acs.usp.mtp import Mtp, Origin, Route, Verdict
from acs.usp.peer import Peer
from acs.usp.records import Connect, Disconnect, MalformedRecord, NoSession, Record, Segment
from acs.usp.roster import Roster
from acs.usp.session_context import SessionContext
from acs.usp.speaking import Speaker, Way
from acs.usp.visits import Visits
from acs.usp.watcher import UspWatcher

AGENT_REQUESTS = (Notify, messages.Register, messages.Deregister)
ID_LENGTH = 512
"""Characters an endpoint id or a message id may have; they are keys of what is kept."""
CONTEXT_SECONDS = 5.0
"""Least seconds between two session contexts that we begin because one failed."""
CONNECT_DELAY = 0.5
"""Seconds after a Connect record until a visit: Boot! comes right behind it after a restart."""
QUESTIONED = 8
"""Records of one agent that wait until its row is loaded."""
PRESENT_DELAY = 5.0
"""Seconds after the transport saw an agent come: those before 1.2 send no Connect record."""


class Controller:
    """Serves USP agents; implements `acs.usp.mtp.Receiver`."""

    def __init__(
        self,
        keeping: Keeping,
        visits: Visits,
        speaker: Speaker,
        watcher: UspWatcher,
        bounds: Bounds,
        *,
        clock: Callable[[], float],
        now: Callable[[], float],
        verify: Callable[[Record], object] | None = None,
    ) -> None:
        """Take the parts.

        ``clock``: seconds that only go on; ``now``: seconds since the epoch. ``verify`` looks at
        the signature of a record (raises `IntegrityError`); None: nobody does.
        """
        self.endpoint = speaker.endpoint
        self._roster = Roster(keeping, watcher, bounds, clock=clock, now=now)
        self._inbox = Inbox(keeping, visits, speaker, watcher, bounds, now)
        self._speaker = speaker
        self._keeping = keeping
        self._visits = visits
        self._watcher = watcher
        self._bounds = bounds
        self._clock = clock
        self._verify = verify
        visits.attach(speaker.ask, speaker.repeat, self._roster.see)

    @property
    def peers(self) -> Mapping[str, Peer]:
        """The agents in memory, by endpoint id."""
        return self._roster.peers

    # --- records -------------------------------------------------------------------------

    def record(self, octets: bytes, origin: Origin) -> Verdict:
        """Take the octets of one record."""
        if len(octets) > self._bounds.max_record:
            return self._drop("larger than a record may be", "", origin)
        try:
            record = records.decode(octets)
        except MalformedRecord as error:
            return self._malformed(error, origin)
        sender = record.from_id
        if record.to_id != self.endpoint:
            return self._drop("to somebody else", sender, origin)
        if sender not in self.peers and not self._may_be_agent(sender):
            return self._drop("from no agent", sender[:ID_LENGTH], origin)
        if origin.vouched and origin.vouched != sender:
            return self._drop("in the name of another agent", sender, origin)
        if record.sender_cert and self._verify is not None:
            # A signature does not cover the payload (R-E2E.32): it vouches for nobody by itself.
            try:
                self._verify(record)
            except IntegrityError as error:
                return self._drop(f"its signature: {error}", sender, origin)
        if self._bounds.require_identity and not origin.vouched:
            return self._drop("from whom nobody vouches for", sender, origin)
        peer = self._roster.peer(sender)
        if peer is None:
            return self._drop("too many agents", sender, origin)
        if not self._may_say(peer, len(octets)):
            return self._drop("more than an agent may say in a minute", sender, origin)
        if origin.credential == "bootstrap" and not self._bounds.rebootstrap:
            return self._questioned(peer, record, origin)
        return self._taken(peer, record, origin)

    def _questioned(self, peer: Peer, record: Record, origin: Origin) -> Verdict:
        """The shared secret is good for agents that never showed anything better."""
        if peer.agent is None:
            # Nobody's word is kept before it is known whose it may be.
            peer.questioned += 1
            if peer.questioned > QUESTIONED:
                return self._drop("before it was known whose it is", peer.endpoint, origin)
            loaded = self._visits.load(peer)
            loaded.addCallback(lambda _: self._questioned(peer, record, origin))
            loaded.addErrback(lambda failure: self._watcher.bug("the store", failure.value))
            return Verdict.TAKEN
        if peer.agent.credential in PROOFS:
            return self._drop("with the shared secret, after better ones", peer.endpoint, origin)
        return self._taken(peer, record, origin)

    def _taken(self, peer: Peer, record: Record, origin: Origin) -> Verdict:
        if origin.reply is not None:
            peer.route = origin.reply
        peer.credential = origin.credential
        if origin.mtp is Mtp.WEBSOCKET:
            peer.address = origin.peer  # Over MQTT it is that of a topic.
        match record.content:
            case NoSession(payload):
                self._heard(peer, origin)
                self._payload(peer, payload, Way(origin.reply, in_context=False), origin)
            case Connect(_mtp, _version, topic):
                self._watcher.record("connect")
                if origin.reply is None and origin.mtp is Mtp.MQTT and _is_own(topic, peer):
                    peer.route = Route(Mtp.MQTT, topic)
                peer.starts_anew()
                self._forget_context(peer)
                self._roster.seen(peer, origin, Presence.ONLINE, "Connect record")
                self._visits.lost(peer, "it connected anew")
                self.call(peer, Event(EventKind.CONNECTED, text="Connect record"), CONNECT_DELAY)
            case Disconnect(code, reason):
                self._watcher.record("disconnect")
                peer.context = None
                self._watcher.remark(peer.endpoint, f"Disconnect record: {code} {reason[:200]}")
                self._visits.lost(peer, f"Disconnect record {code}")
            case Segment() as segment:
                self._heard(peer, origin)
                self._segment(peer, segment, record.tls, origin)
        return Verdict.TAKEN

    def _malformed(self, error: MalformedRecord, origin: Origin) -> Verdict:
        """R-MTP.5: who asked for something is told; anything else is dropped."""
        self._watcher.dropped("no record", error.from_id, origin)
        peer = self.peers.get(error.from_id) if error.from_id == origin.vouched else None
        if peer is None or error.to_id != self.endpoint or origin.reply is None:
            return Verdict.UNDECODABLE
        try:
            message = codec.decode(error.payload)
        except MalformedMessage:
            return Verdict.UNDECODABLE
        if not isinstance(message.body, AGENT_REQUESTS):
            return Verdict.UNDECODABLE
        way = Way(origin.reply, in_context=False)
        self._speaker.say(peer, Message(message.id, Error(error.code, error.text)), way)
        return Verdict.IGNORED

    def _segment(self, peer: Peer, segment: Segment, tls: bool, origin: Origin) -> None:
        """Take a record of a session context, which the agent begins where it wants one."""
        context = peer.context = peer.context or SessionContext()
        received = context.receive(segment, tls)
        way = Way(origin.reply, in_context=True)
        for each in received.send:
            self._speaker.carry(peer, each, way.route)
        for payload in received.payloads:
            self._payload(peer, payload, way, origin)
        failure = received.failure
        if failure is None:
            return
        self._drop(f"session context: {failure.text}", peer.endpoint, origin)
        # What was asked in it is not answered any more.
        self._visits.lost(peer, "its session context has ended")
        if failure.code == Code.SESSION_CONTEXT_TERMINATED and self._may_restart(peer):
            self._speaker.restart(peer, context, way.route)
        else:
            peer.context = None
            self._speaker.carry(peer, Disconnect(failure.code, failure.text), way.route)

    def _forget_context(self, peer: Peer) -> None:
        """The next request begins a context anew: nobody knows what the agent still has of it."""
        if peer.context is not None:
            peer.context.end()

    def _may_restart(self, peer: Peer) -> bool:
        """Two that restart each other's context would never come to an end."""
        now = self._clock()
        if now - peer.restarted < CONTEXT_SECONDS:
            return False
        peer.restarted = now
        return True

    def _payload(self, peer: Peer, payload: bytes, way: Way, origin: Origin) -> None:
        try:
            message = codec.decode(payload)
        except MalformedMessage as error:
            self._watcher.dropped("no message", peer.endpoint, origin)
            if error.is_request and 0 < len(error.id) <= ID_LENGTH and way.route is not None:
                self._speaker.say(peer, Message(error.id, Error(error.code, error.text)), way)
            return
        if len(message.id) > ID_LENGTH:
            self._drop("its message id is too long", peer.endpoint, origin)
            return
        body = message.body
        self._watcher.record(type(body).__name__)
        match body:
            case Notify():
                self._inbox.take(peer, message.id, body, way, origin)
            case messages.Register():
                self._speaker.say(peer, Message(message.id, _no_register(body)), way)
            case messages.Deregister():
                self._speaker.say(peer, Message(message.id, _no_deregister(body)), way)
            case (
                messages.Get()
                | messages.Set()
                | messages.Add()
                | messages.Delete()
                | messages.Operate()
                | messages.GetInstances()
                | messages.GetSupportedDM()
                | messages.GetSupportedProtocol()
            ):
                refusal = Error(Code.REQUEST_DENIED, "a controller is not asked for this")
                self._speaker.say(peer, Message(message.id, refusal), way)
            case _:
                if isinstance(body, Error):
                    self._watcher.error(body.code)
                if not self._visits.answered(peer, message.id, body):
                    self._watcher.dropped("answers nothing", peer.endpoint, origin)

    def _may_say(self, peer: Peer, octets: int) -> bool:
        """A long message takes seconds to read, in which nobody else is served."""
        now = self._clock()
        if now - peer.rate >= 60.0:
            peer.rate, peer.notifies, peer.octets = now, 0, 0
        peer.octets += octets
        return peer.octets <= self._bounds.octets_per_minute

    def _may_be_agent(self, endpoint: str) -> bool:
        return len(endpoint) <= ID_LENGTH and is_valid(endpoint) and endpoint != self.endpoint

    def _drop(self, reason: str, endpoint: str, origin: Origin) -> Verdict:
        self._watcher.dropped(reason, endpoint, origin)
        return Verdict.IGNORED

    # --- presence ------------------------------------------------------------------------

    def present(self, endpoint: str, mtp: Mtp, evidence: str, address: str = "") -> None:
        """The transport itself saw that the agent came."""
        if endpoint in self.peers:
            self._arrived(endpoint, mtp, evidence, address)
        elif self._may_be_agent(endpoint):
            # Whoever merely connects under some id is no agent yet: he has said nothing.
            known = self._keeping.agent(endpoint)
            known.addCallback(
                lambda found: (
                    self._arrived(endpoint, mtp, evidence, address)
                    if found.agent is not None or endpoint in self.peers
                    else None
                )
            )
            known.addErrback(lambda failure: self._watcher.bug("the store", failure.value))

    def _arrived(self, endpoint: str, mtp: Mtp, evidence: str, address: str) -> None:
        peer = self._roster.peer(endpoint)
        if peer is not None:
            peer.address = address or peer.address
            self._roster.seen(peer, Origin(mtp, None), Presence.ONLINE, evidence)
            self.call(peer, Event(EventKind.CONNECTED, text=evidence), PRESENT_DELAY)

    def absent(self, endpoint: str, mtp: Mtp, evidence: str) -> None:
        """The transport itself saw that the agent went."""
        peer = self.peers.get(endpoint)
        if peer is None:
            return
        if peer.route is not None and peer.route.mtp is not mtp:
            return  # It is with us over another transport by now.
        self._roster.seen(peer, Origin(mtp, None), Presence.OFFLINE, evidence)
        self._visits.lost(peer, evidence)
        self._forget_context(peer)
        peer.due = float("inf")

    def link_down(self, mtp: Mtp, why: str) -> None:
        """Nobody can be reached over this transport."""
        for peer in self.peers.values():
            if peer.route is not None and peer.route.mtp is mtp:
                self._visits.lost(peer, why)
                if peer.presence is Presence.ONLINE:
                    peer.presence = Presence.UNKNOWN
                    self._roster.save(peer, presence=Presence.UNKNOWN, evidence=why)

    def link_up(self, mtp: Mtp) -> None:
        """Agents that were with us before are asked whether they still are, a few at a time."""
        for peer in self.peers.values():
            if peer.route is not None and peer.route.mtp is mtp:
                self.call(peer, Event(EventKind.CONNECTED, text="our link is back"), CONNECT_DELAY)

    def _heard(self, peer: Peer, origin: Origin) -> None:
        if peer.presence is not Presence.ONLINE:
            # Agents before 1.2 have no Connect record: the first one of any kind is proof.
            self._roster.seen(peer, origin, Presence.ONLINE, "a record of it")
            if peer.due == float("inf") and peer.conversation is None:
                event = Event(EventKind.CONNECTED, text="a record of it")
                self.call(peer, event, CONNECT_DELAY)
            return
        self._roster.heard(peer)

    # --- what is to be done ----------------------------------------------------------------

    def call(self, peer: Peer, event: Event, delay: float = 0.0) -> None:
        """Have a visit with ``peer`` for the reason ``event``, in ``delay`` seconds or later."""
        peer.ask(event)
        self._visits.soon(peer, delay)

    def wake(self, endpoint: str, why: str, route: Route | None = None) -> bool:
        """Have a visit because we want something of an agent; False: it is known to be away."""
        peer = self._roster.peer(endpoint)
        if peer is None or peer.presence is Presence.OFFLINE:
            return False
        if peer.route is None:
            peer.route = route
        self.call(peer, Event(EventKind.ASKED, text=why))
        return True


def _is_own(topic: str, peer: Peer) -> bool:
    """Tell whether a topic that a record names, which no edge looked at, may be written to."""
    can_be_written = topic.isprintable() and not (topic.startswith("$") or set(topic) & set("+#"))
    is_others = any(each != peer.endpoint and is_valid(each) for each in topic.split("/"))
    return bool(topic) and can_be_written and not is_others


def _no_register(body: messages.Register) -> messages.RegisterResp | Error:
    """A controller on the network hosts no paths (R-REG.0, R-REG.1)."""
    why = "this controller takes no registrations"
    if not body.allow_partial:
        return Error(Code.REGISTER_FAILURE, why)
    failure = messages.Failure(Code.REGISTER_FAILURE, why)
    return messages.RegisterResp(
        tuple(messages.RegisteredPath(path, failure) for path in body.paths)
    )


def _no_deregister(body: messages.Deregister) -> messages.DeregisterResp:
    """R-DEREG.2: there is always a response, never an Error."""
    failure = messages.Failure(Code.DEREGISTER_FAILURE, "it is not registered")
    return messages.DeregisterResp(
        tuple(messages.RegisteredPath(path, failure) for path in body.paths)
    )
