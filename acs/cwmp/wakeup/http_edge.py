"""Connection requests over real sockets: the edge around `request.ConnectionRequest`."""

from __future__ import annotations

import secrets
from typing import Any

from twisted.internet import error
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP6ClientEndpoint
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure

from acs.cwmp.wakeup.request import Action, ConnectionRequest, Done, Send
from acs.cwmp.wakeup.target import Target
from acs.devices.waking import Answer, Reply
from acs.model import Secret

_FAREWELL = 1.0
"""Seconds for the last octets to go before a connection is cut."""


class HttpCaller:
    """Asks devices over HTTP to call.

    ``timeout`` is in seconds and covers a whole request, connections and repeats included.
    ``allow_basic`` lets a password be sent in clear to a device that takes nothing else.
    """

    def __init__(self, reactor: Any, timeout: float, *, allow_basic: bool = False) -> None:
        self._reactor = reactor
        self._timeout = timeout
        self._allow_basic = allow_basic

    def call(self, target: Target, username: str, password: Secret | None) -> Deferred[Answer]:
        """Ask the device at ``target``, which the guard has let pass (`target.allowed`).

        ``password`` None: no account is known, so a device that asks for one is not served.
        Never fails; cancelled, the connection is cut and the Deferred is too.
        """
        request = ConnectionRequest(
            target,
            username,
            password,
            secrets.token_hex(8),
            allow_basic=self._allow_basic,
        )
        return _Call(self._reactor, target, request, self._timeout).begin()


class _Call:
    """One request under way, over one connection or several in turn."""

    def __init__(
        self, reactor: Any, target: Target, request: ConnectionRequest, timeout: float
    ) -> None:
        self._reactor = reactor
        self._target = target
        self._request = request
        self._result: Deferred[Answer] = Deferred(self._cancelled)
        self._connecting: Deferred[_Line] | None = None
        self._line: _Line | None = None
        self._over = False
        self._timeout = timeout
        self._limit = reactor.callLater(timeout, self._expired)

    def begin(self) -> Deferred[Answer]:
        self._do(self._request.start())
        return self._result

    def received(self, line: _Line, octets: bytes) -> None:
        if line is self._line and (action := self._request.received(octets)):
            self._do(action)

    def closed(self, line: _Line) -> None:
        if line is self._line:
            self._line = None
            self._do(self._request.closed())

    def _do(self, action: Action) -> None:
        match action:
            case Done(answer):
                self._end()
                self._result.callback(answer)
            case Send(octets, fresh=False) if self._line is not None:
                self._line.send(octets)
            case Send(octets):
                self._hang_up()
                self._connect(octets)

    def _connect(self, octets: bytes) -> None:
        kind = TCP6ClientEndpoint if ":" in self._target.host else TCP4ClientEndpoint
        # What ends a connection that does not come about is the limit of the whole request.
        endpoint: Any = kind(self._reactor, self._target.host, self._target.port, self._timeout)
        connecting: Deferred[_Line] = endpoint.connect(_Lines.forProtocol(lambda: _Line(self)))
        self._connecting = connecting
        connecting.addCallbacks(self._connected, self._failed, callbackArgs=(octets,))

    def _connected(self, line: _Line, octets: bytes) -> None:
        self._connecting = None
        self._line = line
        line.send(octets)

    def _failed(self, failure: Failure) -> None:
        self._connecting = None
        if self._over:
            return
        if failure.check(error.ConnectionRefusedError):
            text = "nobody listens there: the connection was refused"
        elif failure.check(error.TimeoutError, error.TCPTimedOutError):
            text = "nobody answers there"
        elif failure.check(error.NoRouteError):
            text = "no route leads there"
        else:
            text = "no connection came about"
        self._do(Done(Answer(Reply.UNREACHABLE, text)))

    def _expired(self) -> None:
        if self._connecting is not None:
            self._do(Done(Answer(Reply.UNREACHABLE, "nobody answers there")))
        else:
            self._do(self._request.expired())

    def _cancelled(self, _: Deferred[Answer]) -> None:
        self._end()

    def _end(self) -> None:
        self._over = True
        if self._limit.active():
            self._limit.cancel()
        if self._connecting is not None:
            self._connecting.cancel()
        self._hang_up()

    def _hang_up(self) -> None:
        line, self._line = self._line, None
        if line is not None:
            line.hang_up(self._reactor)


class _Line(Protocol):
    """One connection; what comes after it was hung up is for nobody."""

    def __init__(self, call: _Call) -> None:
        self._call = call
        self._cut: Any = None

    @property
    def _transport(self) -> Any:
        return self.transport

    def send(self, octets: bytes) -> None:
        self._transport.write(octets)

    def hang_up(self, reactor: Any) -> None:
        """Close; a peer that does not take the rest is cut off."""
        self._cut = reactor.callLater(_FAREWELL, self._transport.abortConnection)
        self._transport.loseConnection()

    def dataReceived(self, data: bytes) -> None:  # noqa: N802 - Twisted's name
        self._call.received(self, data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:  # noqa: N802
        if self._cut is not None and self._cut.active():
            self._cut.cancel()
        self._call.closed(self)


class _Lines(Factory):
    noisy = False
    """A line in the log for each request is of no use."""
