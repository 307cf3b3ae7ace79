"""Sends one event over HTTP, within bounds: no redirects, no proxy, TLS verified."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any

from OpenSSL.SSL import Error as TlsFailure
from service_identity import VerificationError
from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.endpoints import HostnameEndpoint, wrapClientTLS
from twisted.internet.error import ConnectError, ConnectionAborted, DNSLookupError
from twisted.internet.error import TimeoutError as ConnectTimeoutError
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.protocol import Protocol
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from twisted.python.failure import Failure
from twisted.web.client import URI, Agent, BrowserLikePolicyForHTTPS, HTTPConnectionPool
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgentEndpointFactory, IBodyProducer
from zope.interface import implementer

from acs.events.choosing import is_private
from acs.events.retrying import Answer

MOST_OF_BODY = 2000
"""Octets of an answer's body that are read."""
MOST_OF_ANSWER = 64 * 1024
"""Octets that are taken at all: heads without an end would keep our one thread busy."""
BODY_SECONDS = 2.0
"""Seconds that are waited for it."""
SHOWN = 200
"""Characters of it that are kept for people."""
_AGENT = "Gigafibre-ACS"


class OutsideError(Exception):
    """The name in a plain HTTP URL stands for an address outside."""


class Sender:
    """Posts events; ``timeout`` are the seconds for all of one, from the name to the answer.

    ``tls``: an ``IPolicyForHTTPS``; None: as browsers do, by the system's authorities.
    """

    def __init__(self, reactor: Any, timeout: float, tls: Any = None) -> None:
        self._reactor = reactor
        self._timeout = timeout
        self._tls = tls or BrowserLikePolicyForHTTPS()
        # A kept connection that the receiver closes just then would look like a failure.
        self._pool = HTTPConnectionPool(reactor, persistent=False)

    async def post(
        self, url: str, headers: Mapping[str, str], body: bytes, *, allow_http: bool = False
    ) -> Answer:
        """Send a JSON body; what goes wrong is an answer too.

        Plain HTTP goes to private addresses only, whatever a name stands for by now, unless
        ``allow_http``.
        """
        way = _Way(self._reactor, self._timeout, self._tls, allow_http=allow_http)
        exchange = Deferred.fromCoroutine(self._exchange(way, url, headers, body))
        late = Answer(error=f"no answer within {self._timeout:g} s")
        exchange.addTimeout(self._timeout, self._reactor, lambda _result, _timeout: late)
        try:
            return await exchange
        except CancelledError:
            raise
        except Exception as error:
            return Answer(error=_why(error))
        finally:
            way.end()

    async def _exchange(
        self, way: _Way, url: str, headers: Mapping[str, str], body: bytes
    ) -> Answer:
        agent = Agent.usingEndpointFactory(self._reactor, way, self._pool)
        sent = Headers({name: [value] for name, value in headers.items()})
        sent.addRawHeader("user-agent", _AGENT)
        sent.addRawHeader("content-type", "application/json")
        response: Any = await agent.request(b"POST", url.encode(), sent, _Body(body))
        beginning = _Beginning()
        response.deliverBody(beginning)
        # The status alone says whether the event was taken.
        beginning.read.addTimeout(BODY_SECONDS, self._reactor, lambda _result, _timeout: "")
        text = await beginning.read
        return Answer(response.code, "", _asked(response.headers), text)


@implementer(IAgentEndpointFactory)
class _Way:
    """The way to the receiver of one event, and its end."""

    def __init__(self, reactor: Any, timeout: float, tls: Any, *, allow_http: bool) -> None:
        self._reactor = reactor
        self._timeout = timeout
        self._tls = tls
        self._allow_http = allow_http
        self._transport: Any = None

    def endpointForURI(self, uri: URI) -> _Endpoint:  # noqa: N802 - Twisted's name
        """Where the agent connects to."""
        where: Any = HostnameEndpoint(self._reactor, uri.host, uri.port, timeout=self._timeout)
        if uri.scheme == b"https":
            creator = self._tls.creatorForNetloc(uri.host, uri.port)
            return _Endpoint(wrapClientTLS(creator, where), self._connected)
        return _Endpoint(where, self._connected if self._allow_http else self._connected_inside)

    def end(self) -> None:
        """Leave no connection behind, whatever the receiver does."""
        if self._transport is not None:
            self._transport.abortConnection()

    def _connected(self, protocol: Any) -> Any:
        self._transport = protocol.transport
        return protocol

    def _connected_inside(self, protocol: Any) -> Any:
        # The address that was reached, not one that was looked up: nothing is in between.
        self._connected(protocol)
        address = self._transport.getPeer().host
        if not is_private(address):
            raise OutsideError(address)
        return protocol


@implementer(IStreamClientEndpoint)
class _Endpoint:
    """An endpoint that lets somebody look at each connection before it is used."""

    def __init__(self, endpoint: Any, connected: Any) -> None:
        self._endpoint = endpoint
        self._look = connected

    def connect(self, factory: Any) -> Deferred[Any]:
        """Connect; nothing is written before the look."""
        bounding: Any = _Bounding
        made: Deferred[Any] = self._endpoint.connect(bounding(factory))
        return made.addCallback(lambda bounded: self._look(bounded.wrappedProtocol))


class _Bounded(ProtocolWrapper):
    """Hands on what comes up to `MOST_OF_ANSWER`, and then cuts the connection."""

    transport: Any
    wrappedProtocol: Any  # noqa: N815 - Twisted's name
    _left = MOST_OF_ANSWER

    def dataReceived(self, data: bytes) -> None:  # noqa: N802
        """Take some more, until it is too much."""
        self._left -= len(data)
        if self._left < 0:
            self.transport.abortConnection()
        else:
            self.wrappedProtocol.dataReceived(data)


class _Bounding(WrappingFactory):
    protocol = _Bounded
    noisy = False


@implementer(IBodyProducer)
class _Body:
    """A short body, written at once."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self.length = len(body)

    def startProducing(self, consumer: Any) -> Deferred[None]:  # noqa: N802
        """Write it."""
        consumer.write(self._body)
        return succeed(None)

    def pauseProducing(self) -> None:  # noqa: N802
        """There is nothing left to pause."""

    def resumeProducing(self) -> None:  # noqa: N802
        """There is nothing left to resume."""

    def stopProducing(self) -> None:  # noqa: N802
        """There is nothing left to stop."""


class _Beginning(Protocol):
    """Reads the beginning of a body, as text that is safe to show."""

    def __init__(self) -> None:
        self._data = b""
        self.read: Deferred[str] = Deferred()

    def dataReceived(self, data: bytes) -> None:  # noqa: N802
        """Take some more, until it is enough."""
        self._data += data[: MOST_OF_BODY - len(self._data)]
        if len(self._data) >= MOST_OF_BODY:
            self._done()

    def connectionLost(self, reason: Failure | None = None) -> None:  # noqa: N802
        """Take what came."""
        self._done()

    def _done(self) -> None:
        if not self.read.called:
            text = " ".join(self._data.decode(errors="replace").split())
            shown = "".join(sign for sign in text if sign.isprintable())
            self.read.callback(shown[:SHOWN])


def _asked(headers: Headers) -> float:
    """Seconds of Retry-After (RFC 9110, 10.2.3); 0: none that can be read."""
    values = headers.getRawHeaders("retry-after") or [""]
    text = values[0].strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        when = parsedate_to_datetime(text)
    except ValueError:
        return 0.0
    return max(when.replace(tzinfo=when.tzinfo or UTC).timestamp() - time.time(), 0.0)


def _why(error: Exception) -> str:
    """Say in a few words why there was no answer."""
    reasons = getattr(error, "reasons", None)
    if reasons:
        # The agent wraps what happened to its connection.
        return _why(reasons[-1].value)
    match error:
        case OutsideError():
            return (
                f"the name stands for {error}, which is not in a private network; "
                "use https://, or subscribe with --allow-http"
            )
        case ConnectionAborted():
            return f"it answered with more than {MOST_OF_ANSWER // 1024} KiB"
        case DNSLookupError():
            return "the host's name cannot be resolved"
        case ConnectTimeoutError():
            return "the connection was not made in time"
        case ConnectError():
            return str(error).rstrip(".")
        case VerificationError():
            return "TLS: the certificate is not that of this host"
        case TlsFailure():
            details = "; ".join(str(each[-1]) for each in (error.args or ([],))[0] if each)
            return f"TLS: {details or 'the connection was broken off'}"
        case _:
            return f"{type(error).__name__}: {str(error)[:SHOWN]}"
