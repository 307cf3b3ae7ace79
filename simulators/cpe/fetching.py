"""Files over Twisted: runs the errands of many units in one reactor."""

from __future__ import annotations

from typing import Any

from twisted.internet import defer
from twisted.internet.error import ConnectError, ConnectionClosed, DNSLookupError
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.web.client import (
    Agent,
    BrowserLikePolicyForHTTPS,
    RequestTransmissionFailed,
    ResponseDone,
    ResponseFailed,
)
from twisted.web.http import PotentialDataLoss
from twisted.web.http_headers import Headers
from twisted.web.iweb import IBodyProducer
from zope.interface import implementer

from .errand import Errand, Next, Request

_LOST = (ResponseFailed, RequestTransmissionFailed, ConnectionClosed, OSError)


class Fetcher:
    """Runs errands.

    ``timeout`` bounds each connect, each wait for an answer and each pause in a body, in
    seconds.  ``trust`` is a Twisted trust root for https, None the system's.
    """

    def __init__(self, reactor: Any, timeout: float, trust: Any = None) -> None:
        self._reactor = reactor
        self._timeout = timeout
        self._agent = Agent(
            reactor, BrowserLikePolicyForHTTPS(trustRoot=trust), connectTimeout=timeout
        )

    async def run(self, errand: Errand) -> None:
        """Carry a file; never fails: `Errand.fault` says what went wrong."""
        step = Next.AGAIN
        while step is Next.AGAIN:
            step = await self._attempt(errand)

    async def _attempt(self, errand: Errand) -> Next:
        try:
            response = await self._send(errand.request())
        except (ConnectError, DNSLookupError, defer.TimeoutError) as lost:
            return errand.unreachable(str(lost) or type(lost).__name__)
        except _LOST as lost:
            return errand.broken(str(lost) or type(lost).__name__)
        headers = {
            name.decode("latin-1").lower(): [value.decode("latin-1") for value in values]
            for name, values in response.headers.getAllRawHeaders()
        }
        if response.length is not None and isinstance(response.length, int):
            # Agent keeps Content-Length to itself.
            headers["content-length"] = [str(response.length)]
        step = errand.answered(response.code, headers)
        body = _Body(errand, self._reactor, self._timeout)
        response.deliverBody(body)
        if step is not Next.BODY:
            body.whole.addErrback(lambda _: None)
            body.stop()
            return step
        try:
            await body.whole
        except (ResponseFailed, defer.TimeoutError) as lost:
            return errand.broken(str(lost) or "the connection broke")
        return errand.ended()

    def _send(self, request: Request) -> defer.Deferred[Any]:
        headers = Headers({name: [value] for name, value in request.headers.items()})
        body: Any = _Whole(request.body) if request.method != "GET" else None
        answer: defer.Deferred[Any] = self._agent.request(
            request.method.encode(), request.url.encode(), headers, body
        )
        return answer.addTimeout(self._timeout, self._reactor)


@implementer(IBodyProducer)
class _Whole:
    """A body that is in memory, sent at once."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self.length = len(body)

    def startProducing(self, consumer: Any) -> defer.Deferred[None]:  # noqa: N802
        """Send it."""
        consumer.write(self._body)
        return defer.succeed(None)

    def pauseProducing(self) -> None:  # noqa: N802
        """It is on its way already."""

    def resumeProducing(self) -> None:  # noqa: N802
        """It is on its way already."""

    def stopProducing(self) -> None:  # noqa: N802
        """It is on its way already."""


class _Body(Protocol):
    """Hands a body over piece by piece; ``whole`` fires at its end."""

    def __init__(self, errand: Errand, reactor: Any, timeout: float) -> None:
        self._errand: Errand | None = errand
        self._pause = timeout
        self._limit = reactor.callLater(timeout, self.stop)
        self.whole: defer.Deferred[None] = defer.Deferred(lambda _: self.stop())

    def dataReceived(self, data: bytes) -> None:  # noqa: N802 - Twisted's name
        """Take a piece."""
        if self._errand is None:
            return
        self._limit.reset(self._pause)
        if not self._errand.received(data):
            self.stop()

    def stop(self) -> None:
        """Break off; what comes after is not taken."""
        self._errand = None
        self._end(Failure(defer.TimeoutError("broken off")))
        transport: Any = self.transport
        if transport is not None:
            transport.stopProducing()

    def connectionLost(self, reason: Failure = connectionDone) -> None:  # noqa: N802
        """End, well or not."""
        self._end(None if reason.check(ResponseDone, PotentialDataLoss) else reason)

    def _end(self, failure: Failure | None) -> None:
        if self._limit.active():
            self._limit.cancel()
        if self.whole.called:
            return
        if failure is None:
            self.whole.callback(None)
        else:
            self.whole.errback(failure)
