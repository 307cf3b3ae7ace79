# ruff: noqa: N802, N803, N815 - the names of twisted and autobahn
"""One agent's WebSocket session: autobahn's protocol, held within bounds.

autobahn does the handshake and the frames. Its timers, its logging and its gathering of messages
are not used: one timer looks after all sessions, a record is gathered within a bound whatever its
fragments are, and what is logged is what an operator can use.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import IntEnum
from http import HTTPStatus
from math import inf
from typing import TYPE_CHECKING, Any, ClassVar

import txaio
from autobahn.twisted.websocket import WebSocketServerProtocol
from autobahn.websocket.types import ConnectionDeny, ConnectionRequest
from OpenSSL import SSL
from twisted.internet.interfaces import IPushProducer, ISSLTransport
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from acs.http.gate import Entry
from acs.usp.endpoint import of_certificate
from acs.usp.mtp import Mtp, Origin, Route
from acs.usp.websocket.admission import REALM, SUBPROTOCOL, Admitted, Denied, Proof, Upgrade

if TYPE_CHECKING:
    from acs.usp.websocket.edge import WebSocketEdge

_END_OF_HEADER = b"\r\n\r\n"
_CREDENTIALS = {
    Proof.NONE: "none",
    Proof.BOOTSTRAP: "bootstrap",
    Proof.CERTIFICATE: "certificate",
}
_DONE_WITH = (
    "_wskey",
    "http_headers",
    "http_request_data",
    "http_request_params",
    "http_request_uri",
    "http_response_data",
    "http_status_line",
    "send_queue",
    "utf8validator",
    "websocket_extensions",
    "websocket_protocols",
)
_NOBODY = Admitted("", Proof.NONE, {})


class CloseCode(IntEnum):
    """Why a session is closed (RFC 6455, 7.4.1)."""

    NORMAL = 1000
    GOING_AWAY = 1001
    UNSUPPORTED_DATA = 1003
    POLICY_VIOLATION = 1008
    TOO_BIG = 1009
    INTERNAL_ERROR = 1011


@implementer(IPushProducer)
class AgentSession(WebSocketServerProtocol):
    """The server's side of one connection. Twisted and autobahn call it, and the edge."""

    # autobahn copies its options from the factory to each connection; here all have the same.
    CONFIG_ATTRS: ClassVar[list[str]] = []  # type: ignore[misc]
    # Agents send an Origin as browsers do (libwebsockets); here it opens and closes nothing.
    allowedOriginsPatterns = (re.compile(""),)
    applyMask = True
    autoFragmentSize = 0  # a record is one frame (R-WS.14a)
    autoPingInterval = 0
    autoPingRestartOnAnyTraffic = False
    autoPingTimeout = 0
    closeHandshakeTimeout = 0
    echoCloseCodeReason = False
    failByDrop = False
    logFrames = False
    logOctets = False
    maskServerFrames = False
    maxConnections = 0
    maxFramePayloadSize = 0
    maxMessagePayloadSize = 0
    openHandshakeTimeout = 0
    requireMaskedClientFrames = True
    serveFlashSocketPolicy = False
    trackTimings = False
    trustXForwardedFor = 0
    utf8validateIncoming = False  # text is refused whatever it is
    versions = (13,)
    webStatus = False
    log = txaio.make_logger(level="none")  # type: ignore[attr-defined]
    state = WebSocketServerProtocol.STATE_CONNECTING

    transport: Any  # ITransport, IConsumer and IPushProducer in one: no interface says so

    def __init__(self, edge: WebSocketEdge) -> None:
        super().__init__()
        self._edge = edge
        self._entry = Entry.SERVED
        self._admitted = _NOBODY
        self._denied: Denied | None = None
        self._record: bytearray | None = None
        self._record_due = inf
        self._fragments = 0
        self._pinged = False
        self._choked = False
        self._unsent = 0
        self._ended = ""
        self._settled = False
        self.address = ""
        """Network address of the agent."""
        self.present = False
        """The controller was told of it."""
        self.deadline = inf

    # What the edge asks, and tells.

    @property
    def endpoint(self) -> str:
        """Endpoint id of the agent, proven or claimed; empty before the handshake."""
        return self._admitted.endpoint

    @property
    def proof(self) -> Proof:
        """What vouches for `endpoint`."""
        return self._admitted.proof

    @property
    def origin(self) -> Origin:
        """Where its records come from."""
        endpoint, proof = self.endpoint, self.proof
        return Origin(
            Mtp.WEBSOCKET,
            Route(Mtp.WEBSOCKET, endpoint),
            vouched="" if proof is Proof.NONE else endpoint,
            credential=_CREDENTIALS[proof],
            peer=self.address,
        )

    def carry(self, octets: bytes) -> bool:
        """Send one record; False: the session is closing, or too much waits to be sent."""
        if self.state != self.STATE_OPEN:
            return False
        if self._choked:
            if self._unsent + len(octets) > self._edge.options.unsent_bytes:
                return False
            self._unsent += len(octets)
        self.sendMessage(octets, isBinary=True)  # type: ignore[no-untyped-call]
        return True

    def end(self, code: CloseCode, why: str) -> None:
        """Close the session; one that was never opened is cut."""
        if self.state == self.STATE_OPEN:
            self._ended = f"closed by us {code}: {why}"
            self.sendCloseFrame(int(code), why.encode()[:120])
            self._settle()
        elif self.state == self.STATE_CONNECTING:
            self.transport.abortConnection()

    # Called by the transport.

    def connectionMade(self) -> None:
        """A peer has connected; under TLS before its handshake."""
        edge = self._edge
        self.peer = self.address = getattr(self.transport.getPeer(), "host", "")
        self._arm(edge.options.handshake_seconds)
        self._entry = edge.entered(self)
        if self._entry is Entry.CUT:
            self.transport.abortConnection()
        else:
            self._connectionMade()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The connection is gone."""
        if reason.check(SSL.Error):
            self._edge.refused(self, Denied(400, "TLS handshake failed"))
        if self._entry is not Entry.CUT:
            self._connectionLost(reason)  # type: ignore[arg-type]
        self._edge.left(self, self._ended or "connection lost")

    def dataReceived(self, data: bytes) -> None:
        """Octets from the peer."""
        try:
            self._take(data)
        except Exception as error:
            self._failed(error)

    def pauseProducing(self) -> None:
        """The peer does not take what is written: read nothing more of it for now."""
        self._choked = True
        self.transport.pauseProducing()

    def resumeProducing(self) -> None:
        """The peer reads again."""
        self._choked = False
        self._unsent = 0
        self.transport.resumeProducing()

    def stopProducing(self) -> None:
        """The transport is going; connectionLost follows."""

    # The handshake.

    @staticmethod
    def perMessageCompressionAccept(offers: object) -> None:
        """Take up no compression: it would cost each session hundreds of KiB."""

    def onConnect(self, request: ConnectionRequest) -> tuple[str, dict[str, str]]:
        """Decide on a handshake that keeps RFC 6455."""
        upgrade = Upgrade(
            target=self.http_request_uri,
            protocols=tuple(request.protocols),
            headers=request.headers,
            secure=ISSLTransport.providedBy(self.transport),
            certified=self._certified(),
        )
        match self._edge.admit(upgrade, full=self._entry is Entry.REFUSED):
            case Admitted() as admitted:
                self._admitted = admitted
                return SUBPROTOCOL, dict(admitted.headers)
            case Denied() as denied:
                self._denied = denied
                raise ConnectionDeny(denied.status, denied.reason)  # type: ignore[no-untyped-call]

    def _certified(self) -> tuple[str, ...]:
        if not ISSLTransport.providedBy(self.transport):
            return ()
        certificate = self.transport.getHandle().get_peer_certificate(as_cryptography=True)
        try:
            return of_certificate(certificate) if certificate is not None else ()
        except ValueError:  # of its extensions, which OpenSSL had no reason to look into
            return ()

    def succeedHandshake(self, res: tuple[str, dict[str, str]]) -> None:
        """Answer a handshake that was admitted, and go on with what came after it."""
        try:
            super().succeedHandshake(res)
        except Exception as error:  # else it would be lost in autobahn's Deferred
            self._failed(error)

    def failHandshake(
        self, reason: str, code: int = 400, responseHeaders: Iterable[tuple[str, str]] | None = None
    ) -> None:
        """Answer a refusal; also what autobahn finds wrong with a handshake comes here."""
        self._edge.refused(self, self._denied or Denied(code, "bad WebSocket handshake"))
        body = f"{reason}\n".encode()
        fields = [
            *(responseHeaders or ()),
            ("Content-Type", "text/plain; charset=utf-8"),
            ("Content-Length", str(len(body))),
            ("Connection", "close"),
        ]
        if code == HTTPStatus.UNAUTHORIZED:
            fields.append(("WWW-Authenticate", f'Basic realm="{REALM}"'))
        lines = [f"{name}: {value}" for name, value in fields]
        head = [f"HTTP/1.1 {code} {HTTPStatus(code).phrase}", *lines, "", ""]
        self.transport.write("\r\n".join(head).encode() + body)
        self.dropConnection()

    def _onOpen(self) -> None:  # autobahn's reads the certificate again
        for name in _DONE_WITH:
            self.__dict__.pop(name, None)
        self._transport_details = None  # type: ignore[assignment]
        self.transport.registerProducer(self, True)
        self._arm(self._edge.options.ping_seconds)
        self._edge.opened(self)

    # Frames.

    def onMessageBegin(self, isBinary: bool) -> None:
        """The first frame of a message has begun."""
        if self.state != self.STATE_OPEN:
            return
        if not isBinary:
            self.end(CloseCode.UNSUPPORTED_DATA, "text frame")  # R-WS.16
            return
        self._record = bytearray()
        self._fragments = 0
        self._record_due = self._edge.clock.seconds() + self._edge.options.record_seconds

    def onMessageFrameBegin(self, length: int) -> None:
        """A frame has begun; ``length`` is what it says of itself."""
        if self._record is None:
            return
        options = self._edge.options
        self._fragments += 1
        if len(self._record) + length > options.record_bytes:
            self.end(CloseCode.TOO_BIG, f"record of more than {options.record_bytes} octets")
        elif self._fragments > options.fragments:
            self.end(CloseCode.POLICY_VIOLATION, f"more than {options.fragments} fragments")

    def onMessageFrameData(self, payload: bytes) -> None:
        """Octets of a frame."""
        if self._record is not None:
            self._record += payload

    def onMessageFrameEnd(self) -> None:
        """A frame is whole."""

    def onMessageEnd(self) -> None:
        """A message is whole."""
        record, self._record, self._record_due = self._record, None, inf
        if record is not None and self.state == self.STATE_OPEN:
            self._edge.received(self, bytes(record))

    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:
        """The connection is gone; `connectionLost` says so."""

    def sendData(
        self,
        data: bytes,
        sync: bool = False,
        chopsize: int | None = None,
    ) -> None:
        """Write a frame, or the answer to the handshake, at once."""
        self.transport.write(data)

    def _take(self, data: bytes) -> None:
        options = self._edge.options
        if self.state == self.STATE_CONNECTING:
            limit = options.header_bytes
            beyond = len(self.data) + len(data) > limit
            if beyond and _END_OF_HEADER not in (self.data + data)[:limit]:
                self.failHandshake("header too large", 431)
        elif self.state == self.STATE_OPEN:
            # Whatever comes is a sign of life.
            self._pinged = False
            self._arm(options.ping_seconds)
        if self.state != self.STATE_CLOSED:
            self._dataReceived(data)
        if self.state == self.STATE_OPEN:
            self.deadline = min(self.deadline, self._record_due)
        else:
            self._settle()

    def _settle(self) -> None:
        """See to what autobahn, or the peer, has closed."""
        if self.state == self.STATE_CONNECTING or self._settled:
            return
        self._settled = True
        self._record, self._record_due = None, inf
        self._arm(self._edge.options.closing_seconds)
        if not self._ended:
            code = self.localCloseCode if self.closedByMe else self.remoteCloseCode
            self._ended = f"closed{' by us' if self.closedByMe else ''} {code or 1005}"
        self._edge.ended(self, self._ended)

    def _failed(self, error: Exception) -> None:
        self._edge.watcher.bug("websocket", error)
        self.transport.abortConnection()

    # Deadlines.

    def _arm(self, seconds: float) -> None:
        self.deadline = self._edge.clock.seconds() + seconds

    def expired(self) -> None:
        """What was awaited of the peer has not come in time."""
        options = self._edge.options
        if self.state == self.STATE_OPEN:
            if self._edge.clock.seconds() >= self._record_due:
                self.end(CloseCode.POLICY_VIOLATION, "record not whole in time")
            elif not self._pinged:
                self._pinged = True
                self.sendPing()
                self._arm(options.pong_seconds)
            else:
                silence = options.ping_seconds + options.pong_seconds
                self._ended = f"no pong: silent for {silence:g} s"
                self.transport.abortConnection()
            return
        if self.state == self.STATE_CONNECTING:
            self._edge.refused(self, Denied(408, "no handshake in time"))
        self.deadline = inf
        self.transport.abortConnection()
