"""A CPE's connection to its ACS on Twisted: a request, its answer, the next request."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_address
from typing import Any

from OpenSSL import SSL
from twisted.internet import defer, error
from twisted.internet.endpoints import HostnameEndpoint, connectProtocol, wrapClientTLS
from twisted.internet.protocol import ClientFactory, Protocol, connectionDone
from twisted.internet.ssl import PrivateCertificate, optionsForClientTLS
from twisted.python.failure import Failure

from .delivery import Piece
from .report import Lost
from .wire import Response, ResponseReader, Target, WireError


class LineError(Exception):
    """The connection could not be made, broke, or stayed without an answer; ``lost`` says which."""

    def __init__(self, lost: Lost, reason: str) -> None:
        self.lost = lost
        super().__init__(reason)


class Line(Protocol):
    """One connection. ``timeout`` bounds each wait for an answer, in seconds."""

    def __init__(self, reactor: Any, timeout: float) -> None:
        self._reactor = reactor
        self._timeout = timeout
        self._timer: Any = None
        self._reader = ResponseReader()
        self._answer: defer.Deferred[Response] | None = None
        self._gone: defer.Deferred[None] | None = None
        self._hanging_up = False
        self.closed = False

    def ask(self, data: bytes) -> defer.Deferred[Response]:
        """Send a request; fires with its answer, fails with `LineError` or `WireError`."""
        self._reader = ResponseReader()
        answer = self._answer = defer.Deferred()
        if self.closed:
            self._fire(Failure(_broken(None)))
            return answer
        self._wind(self._timeout)
        self._transport.write(data)
        return answer

    def ask_slowly(self, pieces: Iterable[Piece]) -> defer.Deferred[Response]:
        """Send a request in pieces, each after its wait, for as long as nothing is answered.

        A piece that ends the connection makes the answer fail.
        """
        answer = self.ask(b"")
        self._send(iter(pieces), answer)
        return answer

    def _send(self, pieces: Any, answer: defer.Deferred[Response]) -> None:
        piece = next(pieces, None)
        if piece is None or answer.called or self.closed:
            return

        def now() -> None:
            if answer.called or self.closed:
                return
            self._wind(self._timeout)
            self._transport.write(piece.octets)
            if piece.hang_up:
                self._hanging_up = True
                self._transport.loseConnection()
            self._send(pieces, answer)

        self._wind(piece.wait + self._timeout)
        self._reactor.callLater(piece.wait, now)

    def wait_closed(self) -> defer.Deferred[None]:
        """Fire when the other side closed the connection, or after the time-out."""
        gone = self._gone = defer.Deferred()
        if self.closed:
            gone.callback(None)
        return gone.addTimeout(self._timeout, self._reactor, lambda *_: None)

    @property
    def _transport(self) -> Any:
        return self.transport

    def close(self) -> None:
        """Close the connection at once."""
        if not self.closed:
            self._transport.abortConnection()

    def dataReceived(self, data: bytes) -> None:  # noqa: N802 - Twisted's name
        """Collect the answer."""
        if self._answer is None:
            return
        try:
            response = self._reader.feed(data)
        except WireError:
            self._fire(Failure())
            return
        if response is not None:
            self._fire(response)

    def connectionLost(self, reason: Failure = connectionDone) -> None:  # noqa: N802
        """Fail what waits for an answer."""
        self.closed = True
        if self._answer is not None:
            own = LineError(Lost.OWN, "hung up in the middle of a request")
            self._fire(Failure(own if self._hanging_up else _broken(reason.value)))
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._gone is not None and not self._gone.called:
            self._gone.callback(None)

    def _wind(self, seconds: float) -> None:
        """Let the answer be too late ``seconds`` from now."""
        if self._timer is None:
            self._timer = self._reactor.callLater(seconds, self._too_late)
        else:
            self._timer.reset(seconds)

    def _too_late(self) -> None:
        self._timer = None
        if self._answer is not None:
            late = LineError(Lost.TIMED_OUT, "the ACS did not answer in time")
            self._fire(Failure(late))

    def _fire(self, result: Response | Failure) -> None:
        answer, self._answer = self._answer, None
        if answer is not None and not answer.called:
            answer.callback(result)


def connect(
    reactor: Any,
    target: Target,
    *,
    timeout: float,
    source: str | None,
    trust: Any,
    own: PrivateCertificate | None = None,
) -> defer.Deferred[Line]:
    """Open a connection from address ``source``; fails with `LineError`.

    An address in digits without TLS takes a short way: it is what crowds are run with.
    """
    made: defer.Deferred[Line]
    bind = None if source is None else (source, 0)
    if not target.tls and _in_digits(target.host):
        factory = _Opening(Line(reactor, timeout))
        connector = reactor.connectTCP(target.host, target.port, factory, timeout, bind)
        factory.connector = connector
        made = factory.made
    else:
        endpoint: Any = HostnameEndpoint(
            reactor, target.host, target.port, timeout=timeout, bindAddress=bind
        )
        if target.tls:
            endpoint = wrapClientTLS(optionsForClientTLS(target.host, trust, own), endpoint)
        made = connectProtocol(endpoint, Line(reactor, timeout))
    return made.addErrback(_not_made)


class _Opening(ClientFactory[Line]):
    """Hands the connection out once it is there."""

    noisy = False

    def __init__(self, line: Line) -> None:
        self._line = line
        self.connector: Any = None
        self.made: defer.Deferred[Line] = defer.Deferred(self._give_up)

    def buildProtocol(self, _: Any) -> Line:  # noqa: N802 - Twisted's name
        """The connection is there once its transport is: that is in the next turn."""
        line = self._line
        line.connectionMade = self._opened  # type: ignore[method-assign]
        return line

    def _opened(self) -> None:
        if not self.made.called:
            self.made.callback(self._line)

    def clientConnectionFailed(self, _: Any, reason: Failure) -> None:  # noqa: N802
        """Say why there is none."""
        if not self.made.called:
            self.made.errback(reason)

    def _give_up(self, _: defer.Deferred[Line]) -> None:
        if self.connector.state == "connecting":
            self.connector.stopConnecting()


def _in_digits(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _not_made(failure: Failure) -> Line:
    failure.trap(error.ConnectError, error.ConnectionClosed, error.DNSLookupError, OSError)
    reason = failure.value
    if isinstance(reason, SSL.Error):
        raise LineError(Lost.RESET, f"TLS: {_tls_cause(reason)}") from None
    late = isinstance(reason, error.TimeoutError)
    lost = Lost.TIMED_OUT if late else Lost.NO_CONNECTION
    raise LineError(lost, str(reason) or type(reason).__name__) from None


def _broken(reason: BaseException | None) -> LineError:
    if isinstance(reason, SSL.Error):
        return LineError(Lost.RESET, f"TLS: {_tls_cause(reason)}")
    text = "the ACS closed the connection before its answer was whole"
    clean = isinstance(reason, error.ConnectionDone)
    return LineError(Lost.CLOSED if clean else Lost.RESET, text)


def _tls_cause(reason: SSL.Error) -> str:
    # OpenSSL's queue: (library, function, what went wrong) of each level.
    queue = reason.args[0] if reason.args else ()
    return "; ".join(entry[-1] for entry in queue if entry[-1]) or "the connection broke"
