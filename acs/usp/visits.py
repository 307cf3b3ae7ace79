"""Visits of agents: one at a time with each, a bounded number at once, each with its time-out.

What is done in a visit is a flow (`acs.usp.attending`), driven by a `Conversation`; this is its
edge, and says when.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from heapq import heappop, heappush
from itertools import count
from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from acs.devices.agents import Agent, Presence
from acs.devices.record import Standing
from acs.devices.visit import Visit
from acs.model import Contact, Event, EventKind
from acs.store.errors import StoreError
from acs.usp.attending import Attendant, Visiting
from acs.usp.conversation import Conversation, Hold, Over, Send, Step
from acs.usp.errors import Code
from acs.usp.keeping import Bounds, Claims
from acs.usp.known import Known
from acs.usp.messages import Body, Error, Message, Operate, OperateResp, Response
from acs.usp.peer import Peer
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


class Visits:
    """Begins, drives and ends visits."""

    def __init__(
        self,
        attendant: Attendant,
        watcher: UspWatcher,
        bounds: Bounds,
        *,
        clock: Callable[[], float],
        token: Callable[[], str],
        settle: float = 60.0,
        is_busy: Callable[[str], bool] = lambda _key: False,
        claims: Claims | None = None,
    ) -> None:
        """Take the parts.

        ``token`` makes ids that cannot be guessed. ``settle``: seconds until a device is looked
        at again on which something is under way. ``is_busy`` tells of a device, by its key,
        that it has a session over another protocol right now. ``claims``: where several servers
        share the agents.
        """
        self.open = 0
        """Visits under way."""
        self._attendant = attendant
        self._watcher = watcher
        self._bounds = bounds
        self._clock = clock
        self._token = token
        self._settle = settle
        self._is_busy = is_busy
        self._claims = claims
        self._send: Callable[[Peer, Message], bool] = lambda _peer, _message: False
        self._repeat: Callable[[Peer], bool] = lambda _peer: False
        self._due: list[tuple[float, int, Peer]] = []
        self._ready: deque[Peer] = deque()
        self._open: set[Peer] = set()
        self._order = count()

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
        self._attendant.see = see

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
            self._attendant.see(peer, {"presence": Presence.UNKNOWN, "evidence": evidence})
            self._watcher.present(peer.endpoint, Presence.UNKNOWN, evidence)
            self._stop(peer, evidence)
            self._again(peer)

    def _again(self, peer: Peer) -> None:
        """An agent that did not answer is asked again, ever more seldom."""
        peer.failures += 1
        pause = min(RETRY_SECONDS * 2.0 ** min(peer.failures - 1, 20), RETRY_MOST)
        if peer.presence is not Presence.OFFLINE:
            self.soon(peer, pause)

    def load(self, peer: Peer) -> Deferred[Agent]:
        """Load the agent's row, with what waits for a visit."""
        return self._attendant.load(peer)

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
        visiting = Visiting(peer, peer.reasons, known)
        ids = count(1)
        conversation = Conversation(
            self._attendant.attend(visiting),
            known,
            new_id=lambda: f"{peer.session}.{next(ids)}",
            on_notice=visiting.note,
        )
        visiting.conversation = peer.conversation = conversation
        self.open += 1
        self._open.add(peer)
        self._step(peer, conversation, conversation.begin())

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
        peer = self._attendant.floor.get(contact.device.key)
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
        if device is not None and self._attendant.floor.get(device.key) is peer:
            del self._attendant.floor[device.key]
        fault = conversation.fault
        result = why or (visit.result if visit is not None else "unknown device")
        if fault is not None:
            self._watcher.bug(f"visit {peer.session} of {peer.endpoint}", fault)
            result = "error"
        told, peer.told = peer.told, ()
        if (
            fault is not None
            and told
            and peer.failures >= TRIES
            and not isinstance(fault, StoreError)
        ):
            # That the store was away or full says nothing of what was reported.
            ids = ", ".join(each.msg_id for each in told)
            self._watcher.remark(peer.endpoint, f"what it reported is given up: {ids}"[:200])
            self._attendant.acted_on(peer, told)
        elif visit is not None and conversation.accepted:
            self._attendant.acted_on(peer, told)
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
            self.soon(peer, self._settle + 1.0)


def _is_to_be_continued(visit: Visit) -> bool:
    """Tell whether something is under way on the device, or is to be verified."""
    device = visit.device
    verifying = device is not None and device.standing is Standing.VERIFYING
    return verifying or visit.expects_reports


def _is_answered(request: Body) -> bool:
    """Tell whether an answer is to come; one that comes all the same is ignored (R-OPR.4)."""
    return not isinstance(request, Operate) or request.send_resp
