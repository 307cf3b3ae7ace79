"""The WebSocket edge: agents connect, and what they send goes to the controller (TR-369, MTPs)."""

from __future__ import annotations

from typing import Any

from autobahn.twisted.websocket import WebSocketServerFactory
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress

from acs.http.bounds import Bounds
from acs.http.clock import Clock
from acs.http.deadlines import Deadlines
from acs.http.gate import Entry, Gate
from acs.usp.mtp import Mtp, Receiver, Route, Verdict
from acs.usp.websocket.admission import Admitted, Denied, Proof, Upgrade, judge
from acs.usp.websocket.options import Watcher, WebSocketOptions
from acs.usp.websocket.session import AgentSession, CloseCode


class WebSocketEdge:
    """Sessions of agents by endpoint id: a `Sender`, and the source of a `Receiver`.

    An agent has one session (R-WS.4 to .6). A newer one takes its place, unless it proves less
    than the one that is open: who merely claims an id ends nobody's session.
    """

    def __init__(
        self, options: WebSocketOptions, receiver: Receiver, reactor: Clock, watcher: Watcher
    ) -> None:
        self.options = options
        self.clock = reactor
        self.watcher = watcher
        self._receiver = receiver
        self._sessions: dict[str, AgentSession] = {}
        self._connections: set[AgentSession] = set()
        self._deadlines = Deadlines(reactor, lambda error: watcher.bug("websocket", error))
        self._gate = Gate(
            Bounds(
                max_connections=options.connections,
                max_connections_per_address=options.connections_per_address,
            )
        )
        self._stopped: Deferred[None] | None = None
        self._factory = _Factory(self)

    # What the root and the controller ask.

    def factory(self) -> _Factory:
        """The factory to listen with, plain or behind TLS, on as many ports as are wanted."""
        return self._factory

    @property
    def sessions(self) -> int:
        """How many agents are connected."""
        return len(self._sessions)

    @property
    def connections(self) -> int:
        """How many connections are open, those without a session included."""
        return len(self._connections)

    def send(self, route: Route, octets: bytes) -> bool:
        """Carry one record to the agent ``route.address``; False: there is no way to it now."""
        session = self._session(route)
        return session is not None and session.carry(octets)

    def drop(self, route: Route, why: str) -> None:
        """Close the session of an agent. ``why`` is for the agent, too."""
        if (session := self._session(route)) is not None:
            session.end(CloseCode.NORMAL, why)

    def stop(self) -> Deferred[None]:
        """Let nobody in, and close every session with 1001; fires when all are gone.

        The ports are the root's to close, before.
        """
        if self._stopped is None:
            self._stopped = Deferred()
            self._receiver.link_down(Mtp.WEBSOCKET, "the server stops")
            for session in list(self._connections):
                session.end(CloseCode.GOING_AWAY, "the server stops")
            self._fire_when_empty()
        return self._stopped

    def _session(self, route: Route) -> AgentSession | None:
        return self._sessions.get(route.address) if route.mtp is Mtp.WEBSOCKET else None

    # What the sessions tell.

    def entered(self, session: AgentSession) -> Entry:
        """A connection was made; what becomes of it."""
        self._connections.add(session)
        self._deadlines.watch(session)
        entry = self._gate.enter(session.address)
        if entry is Entry.CUT:
            self.watcher.rejected("too many connections", session.address)
        return entry

    def left(self, session: AgentSession, why: str) -> None:
        """A connection is gone."""
        self._deadlines.forget(session)
        self._connections.discard(session)
        self._gate.leave(session.address)
        self.ended(session, why)
        self._fire_when_empty()

    def admit(self, upgrade: Upgrade, *, full: bool) -> Admitted | Denied:
        """Decide on a handshake; ``full``: there are as many connections as there may be."""
        if self._stopped is not None:
            return Denied(503, "the server stops")
        if full:
            return Denied(503, "too many connections")
        try:
            found = judge(upgrade, self.options.terms)
        except Exception as error:
            self.watcher.bug("websocket", error)
            return Denied(500, "internal error")
        if isinstance(found, Admitted):
            holder = self._sessions.get(found.endpoint)
            if holder is not None and holder.proof > found.proof:
                return Denied(409, "the endpoint has a session that proved more", failed=True)
        return found

    def refused(self, session: AgentSession, denied: Denied) -> None:
        """A handshake was refused."""
        tell = self.watcher.auth_failed if denied.failed else self.watcher.rejected
        tell(denied.reason, session.address)

    def opened(self, session: AgentSession) -> None:
        """A session is open."""
        older = self._sessions.get(session.endpoint)
        self._sessions[session.endpoint] = session
        if older is not None:
            older.end(CloseCode.NORMAL, "a newer session of this endpoint")
        if session.proof is not Proof.NONE:
            self._present(session)

    def received(self, session: AgentSession, octets: bytes) -> None:
        """A record came whole."""
        try:
            verdict = self._receiver.record(octets, session.origin)
        except Exception as error:
            self.watcher.bug("websocket record", error)
            session.end(CloseCode.INTERNAL_ERROR, "internal error")
            return
        match verdict:
            case Verdict.TAKEN:
                # Who proved nothing is there once the controller took something of it.
                self._present(session)
            case Verdict.UNDECODABLE:
                session.end(CloseCode.UNSUPPORTED_DATA, "no USP record")  # R-WS.16
            case Verdict.IGNORED:
                pass

    def ended(self, session: AgentSession, why: str) -> None:
        """A session is no more, though its connection may linger; told as often as one likes."""
        if self._sessions.get(session.endpoint) is not session:
            return
        del self._sessions[session.endpoint]
        if session.present and self._stopped is None:
            self._receiver.absent(session.endpoint, Mtp.WEBSOCKET, why)

    def listening(self) -> None:
        """A port is open: agents can come."""
        self._receiver.link_up(Mtp.WEBSOCKET)

    def _present(self, session: AgentSession) -> None:
        if session.present or self._sessions.get(session.endpoint) is not session:
            return
        session.present = True
        self._receiver.present(session.endpoint, Mtp.WEBSOCKET, "WebSocket session")

    def _fire_when_empty(self) -> None:
        if self._stopped is not None and not self._stopped.called and not self._connections:
            self._stopped.callback(None)


class _Factory(WebSocketServerFactory):
    """Builds the protocols of all ports."""

    noisy = False

    def __init__(self, edge: WebSocketEdge) -> None:
        super().__init__(server="", reactor=edge.clock)  # type: ignore[no-untyped-call]
        self._edge = edge

    def startFactory(self) -> None:  # noqa: N802
        """The first port listens."""
        self._edge.listening()

    def buildProtocol(self, addr: IAddress | None) -> Any:  # noqa: N802
        """One protocol a connection; whether it is served is decided when it is made."""
        session = AgentSession(self._edge)
        session.factory = self
        return session
