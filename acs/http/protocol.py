"""One connection: turn taking, deadlines, closing.

One request at a time: the next is not looked at before the answer to the one before is handed to
the transport, and what the peer sends meanwhile is held (one network read) while the transport is
paused. The same holds while the peer does not take its answers.

There is one deadline a connection, moved by plain assignment, so that no request touches a timer.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, auto
from math import inf
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import (
    IHandshakeListener,
    IProtocol,
    IPushProducer,
    ISSLTransport,
    ITCPTransport,
)
from twisted.python.failure import Failure
from zope.interface import implementer

from acs.http.gate import Entry
from acs.http.message import Connection, Refusal, Reply, Request
from acs.http.reader import RequestReader
from acs.http.writer import CONTINUE, render

if TYPE_CHECKING:
    from acs.http.factory import HttpFactory

_HELD_BYTES = 256 * 1024
"""More than any transport delivers after it was asked to pause."""

_FAILED = Reply(500, b"internal error\n", (("Content-Type", "text/plain"),), close=True)


class _Phase(Enum):
    IDLE = auto()
    """Between requests; nothing or only blank lines have come."""
    READING = auto()
    """A request has begun and is not whole."""
    ANSWERING = auto()
    """The handler has the turn."""
    CLOSING = auto()
    """The last answer is on its way; what comes in is thrown away."""


@implementer(IProtocol, IHandshakeListener, IPushProducer)
class HttpProtocol:
    """The server side of one connection. Twisted calls it; nothing else does."""

    __slots__ = (
        "__weakref__",
        "_asked",
        "_choked",
        "_held",
        "_phase",
        "_reader",
        "_transport",
        "connection",
        "deadline",
        "factory",
    )

    connection: Connection
    _reader: RequestReader
    _transport: Any  # ITransport, IConsumer and IPushProducer in one: no interface says so

    def __init__(self, factory: HttpFactory) -> None:
        self.factory = factory
        self._phase = _Phase.IDLE
        self._asked: Request | None = None
        self._choked = False
        self._held = b""
        self.deadline = inf

    # Called by the transport.

    def makeConnection(self, transport: Any) -> None:  # noqa: N802
        """A peer has connected; under TLS before its handshake."""
        factory = self.factory
        self._transport = transport
        peer = getattr(transport.getPeer(), "host", "")
        self.connection = Connection(peer, secure=ISSLTransport.providedBy(transport))
        self._reader = RequestReader(factory.bounds, self.connection, self._admit)
        factory.deadlines.watch(self)
        match factory.gate.enter(peer):
            case Entry.SERVED:
                transport.registerProducer(self, True)
                self._arm(factory.bounds.idle_seconds)
            case Entry.REFUSED:
                transport.registerProducer(self, True)
                self._refuse(factory.busy("too many connections"))
            case Entry.CUT:
                factory.count("connections_cut")
                self._phase = _Phase.CLOSING
                transport.abortConnection()

    def handshakeCompleted(self) -> None:  # noqa: N802
        """TLS is up: what OpenSSL has verified of the peer is known."""
        handle = self._transport.getHandle()
        self.connection.certificate = handle.get_peer_certificate(as_cryptography=True)

    def dataReceived(self, data: bytes) -> None:  # noqa: N802
        """Octets from the peer."""
        if self._phase is _Phase.CLOSING:
            return
        if self._busy():
            self._hold(data)
            return
        self._reader.feed(data)
        self._advance()

    def connectionLost(self, reason: Failure) -> None:  # noqa: N802
        """The connection is gone; an answer under way will be dropped."""
        self._phase = _Phase.CLOSING
        self._asked = None
        self._held = b""
        self.factory.deadlines.forget(self)
        self.factory.gate.leave(self.connection.peer)
        self._reader.close()
        del self._reader
        callbacks, self.connection.on_lost = self.connection.on_lost, []
        for callback in callbacks:
            try:
                callback()
            except Exception as error:
                self.factory.on_error(error)

    def pauseProducing(self) -> None:  # noqa: N802
        """The peer does not take what is written: answer nothing more for now."""
        self._choked = True

    def resumeProducing(self) -> None:  # noqa: N802
        """The peer reads again."""
        self._choked = False
        if not self._busy():
            self._advance()

    def stopProducing(self) -> None:  # noqa: N802
        """The transport is going; connectionLost follows."""

    # Requests and answers.

    def _busy(self) -> bool:
        return self._choked or self._phase in (_Phase.ANSWERING, _Phase.CLOSING)

    def _hold(self, data: bytes) -> None:
        if not self._held:
            self._transport.pauseProducing()
        self._held += data
        if len(self._held) > _HELD_BYTES:
            self._close(cut=True)

    def _advance(self) -> None:
        """Answer what is whole, as far as turns allow; then wait for more."""
        reader = self._reader
        while not self._busy():
            item = reader.take()
            if isinstance(item, Request):
                self._ask(item)
            elif item is not None:
                self._refuse(item)
            elif self._held:
                data, self._held = self._held, b""
                self._transport.resumeProducing()
                reader.feed(data)
            else:
                self._await_more()
                return

    def _await_more(self) -> None:
        if self._phase is _Phase.IDLE and not self._reader.idle:
            self._phase = _Phase.READING
            self._arm(self.factory.bounds.request_seconds)
        if self._reader.expects_continue:
            self._reader.expects_continue = False
            self._transport.write(CONTINUE)

    def _admit(self, headers: Mapping[str, str]) -> None:
        self.factory.admit(self.connection, headers)

    def _ask(self, request: Request) -> None:
        factory = self.factory
        factory.count("requests")
        try:
            answer = factory.handler(request)
        except Exception as error:
            factory.on_error(error)
            answer = _FAILED
        if not isinstance(answer, Deferred):
            self._send(request, answer)
            return
        self._phase = _Phase.ANSWERING
        self._asked = request
        self._arm(factory.bounds.answer_seconds)
        answer.addCallbacks(
            self._answered, self._failed, callbackArgs=(request,), errbackArgs=(request,)
        )

    def _answered(self, reply: Reply, request: Request) -> None:
        if self._asked is not request:
            self.factory.count("answers_unwanted")  # the peer left, or was told 503
            return
        self._asked = None
        self._send(request, reply)
        self._advance()

    def _failed(self, failure: Failure, request: Request) -> None:
        assert failure.value is not None
        self.factory.on_error(failure.value)
        self._answered(_FAILED, request)

    def _send(self, request: Request, reply: Reply) -> None:
        factory = self.factory
        head_only = request.method == "HEAD"
        try:
            keep_alive = request.keep_alive and not reply.close
            data = render(reply, keep_alive=keep_alive, date=factory.date(), head_only=head_only)
        except Exception as error:
            factory.on_error(error)
            keep_alive = False
            data = render(_FAILED, keep_alive=False, date=factory.date(), head_only=head_only)
        self._transport.write(data)
        if keep_alive:
            self._phase = _Phase.IDLE
            self._arm(factory.bounds.idle_seconds)
        else:
            self._close()

    def _refuse(self, refusal: Refusal) -> None:
        """Answer and close while the peer may still be sending."""
        factory = self.factory
        factory.count(f"refused_{refusal.status}")
        self._transport.write(render(refusal.reply(), keep_alive=False, date=factory.date()))
        self._close(linger=True)

    def _close(self, *, linger: bool = False, cut: bool = False) -> None:
        """No more requests. `linger`: closing now would reset the connection under octets not yet
        read, and the peer might lose the answer; so close our half and drain the other."""
        self._phase = _Phase.CLOSING
        self._asked = None
        transport = self._transport
        transport.unregisterProducer()
        self._arm(self.factory.bounds.closing_seconds)
        if cut:
            transport.abortConnection()
            return
        if self._held:
            self._held = b""
            transport.resumeProducing()
        if linger and ITCPTransport.providedBy(transport) and not self.connection.secure:
            transport.loseWriteConnection()
        else:
            transport.loseConnection()

    # Deadlines.

    def _arm(self, seconds: float) -> None:
        self.deadline = self.factory.reactor.seconds() + seconds

    def expired(self) -> None:
        """What was awaited of the peer, or of the handler, has not come in time."""
        factory = self.factory
        match self._phase:
            case _Phase.IDLE:
                factory.count("connections_idle")
                self._close()
            case _Phase.READING:
                self._refuse(Refusal(408, "request not complete in time"))
            case _Phase.ANSWERING:
                self._refuse(factory.busy("no answer in time"))
            case _Phase.CLOSING:
                self._transport.abortConnection()
