"""Records out: a message to an agent, by the transport and in the kind of record it uses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from acs.usp import codec, records
from acs.usp.keeping import Bounds
from acs.usp.messages import Message
from acs.usp.mtp import Mtp, Route, Sender
from acs.usp.peer import Peer
from acs.usp.records import Content, NoSession, Record, Segment
from acs.usp.session_context import ContextOver, SessionContext
from acs.usp.watcher import UspWatcher


@dataclass(frozen=True, slots=True)
class Way:
    """How an answer goes back: the route its request named, and the same kind of record."""

    route: Route | None
    in_context: bool


class Speaker:
    """Says what the controller has to say."""

    def __init__(
        self, endpoint: str, watcher: UspWatcher, bounds: Bounds, number: Callable[[], int]
    ) -> None:
        """``endpoint``: our own id. ``number`` draws ids of session contexts, greater than 1."""
        self.endpoint = endpoint
        self.senders: dict[Mtp, Sender] = {}
        """The edges, by what they speak; the root adds them."""
        self._watcher = watcher
        self._bounds = bounds
        self._number = number

    def ask(self, peer: Peer, message: Message) -> bool:
        """Send a request to where the agent was last reached; False: there is no way to it."""
        return self.say(peer, message, Way(peer.route, in_context=peer.context is not None))

    def say(self, peer: Peer, message: Message, way: Way) -> bool:
        """Send a message, an answer by the way its request came (R-MSG.0a)."""
        payload = codec.encode(message)
        self._watcher.sent(type(message.body).__name__)
        if not way.in_context or peer.context is None:
            return self.carry(peer, NoSession(payload), way.route)
        try:
            segments = self._segments(peer, peer.context, payload)
        except ContextOver as error:
            self._watcher.remark(peer.endpoint, f"session context: {error}")
            return False
        return all(self.carry(peer, each, way.route) for each in segments)

    def repeat(self, peer: Peer) -> bool:
        """Send again what a session context has not acknowledged; False: there is no such thing."""
        if peer.context is None or not peer.context.session_id:
            return False
        try:
            segments = peer.context.repeat()
        except ContextOver:
            peer.context.end()
            return False
        return bool(segments) and all(self.carry(peer, each, peer.route) for each in segments)

    def restart(self, peer: Peer, context: SessionContext, route: Route | None) -> None:
        """Begin a session context anew, and say so (R-E2E.21)."""
        for each in context.restart(self._number()):
            self.carry(peer, each, route)

    def carry(self, peer: Peer, content: Content, route: Route | None) -> bool:
        """Send one record; without a ``route`` to where the agent was last reached."""
        route = route or peer.route
        sender = self.senders.get(route.mtp) if route is not None else None
        if route is None or sender is None:
            return False
        record = Record(peer.version, peer.endpoint, self.endpoint, content)
        return sender.send(route, records.encode(record))

    def _segments(self, peer: Peer, context: SessionContext, payload: bytes) -> tuple[Segment, ...]:
        most = self._bounds.segment
        room = records.payload_room(most, peer.version, peer.endpoint, self.endpoint)
        if context.session_id:
            try:
                return context.send(payload, room)
            except ContextOver:
                pass
        context.start(self._number())
        return context.send(payload, room)
