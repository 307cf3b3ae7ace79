"""A CPE on Twisted: runs the sessions of many units in one reactor."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import Any

from OpenSSL import SSL
from twisted.internet import defer, error
from twisted.internet.endpoints import HostnameEndpoint, connectProtocol, wrapClientTLS
from twisted.internet.protocol import Protocol, connectionDone
from twisted.internet.ssl import Certificate, optionsForClientTLS, trustRootFromCertificates
from twisted.python.failure import Failure

from .device import PERIODIC, Ont
from .errand import Errand
from .exchange import Carry, Exchange, Send, Stop
from .fetching import Fetcher
from .files import begin, expire, finish
from .render import Event
from .report import SessionReport
from .software import Change, carry_out
from .transfers import Transfer
from .wire import Response, ResponseReader, Target, WireError


class Sessions:
    """Runs sessions over Twisted.

    ``keep`` False opens a new connection for every request.  ``timeout`` bounds each
    connect and each answer, in seconds.  ``cnonce`` gives Digest's client nonces.
    ``ca_file`` trusts a certificate authority (PEM) for https.
    """

    def __init__(
        self,
        reactor: Any,
        *,
        cnonce: Callable[[], str],
        keep: bool = True,
        timeout: float = 30.0,
        ca_file: str | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._reactor = reactor
        self._cnonce = cnonce
        self._keep = keep
        self._timeout = timeout
        self._clock = clock
        self._trust = None
        if ca_file:
            root = Certificate.loadPEM(Path(ca_file).read_bytes())
            self._trust = trustRootFromCertificates([root])
        self._fetcher = Fetcher(reactor, timeout, self._trust)

    async def fetch(self, errand: Errand) -> None:
        """Carry one file; never fails: the errand says what went wrong."""
        await self._fetcher.run(errand)

    async def transfer(self, ont: Ont, transfer: Transfer) -> None:
        """Carry the file of a transfer and let the unit use it."""
        errand = begin(ont, transfer, self._clock(), self._cnonce)
        await self.fetch(errand)
        finish(ont, transfer, errand, self._clock())

    async def change(self, ont: Ont, change: Change) -> None:
        """Carry a ChangeDUState out."""
        for errand in carry_out(ont, change, self._cnonce, self._clock):
            await self.fetch(errand)

    def expire(self, ont: Ont, transfer: Transfer) -> None:
        """End a scheduled download whose last window is over."""
        expire(ont, transfer, self._clock())

    def run(
        self, ont: Ont, events: Sequence[Event], source: str | None = None
    ) -> defer.Deferred[SessionReport]:
        """Run one session of ``ont``; fires with its report, never fails for the ACS.

        ``source`` is the address it calls from; without one the system chooses.
        """
        return defer.Deferred.fromCoroutine(self._run(ont, events, source))

    async def _run(self, ont: Ont, events: Sequence[Event], source: str | None) -> SessionReport:
        exchange = Exchange(ont, events, now=self._clock(), cnonce=self._cnonce, keep=self._keep)
        step: Send | Carry | Stop = exchange.start()
        line: _Line | None = None
        try:
            while not isinstance(step, Stop):
                if isinstance(step, Carry):
                    await self.transfer(ont, step.transfer)
                    step = exchange.carried()
                    continue
                try:
                    if line is None or step.fresh or line.closed:
                        if line is not None:
                            line.close()
                        line = await self._connect(step.target)
                        exchange.report.connections += 1
                    response = await line.ask(step.data, self._timeout)
                except (WireError, error.ConnectError, error.ConnectionClosed, OSError) as lost:
                    step = exchange.lost(str(lost) or type(lost).__name__)
                except defer.CancelledError:
                    exchange.lost("stopped")
                    raise
                else:
                    step = exchange.received(response)
            if step.linger and line is not None:
                await line.wait_closed(self._timeout)
        finally:
            if line is not None:
                line.close()
        return exchange.report

    async def _connect(self, target: Target) -> _Line:
        endpoint: Any = HostnameEndpoint(
            self._reactor, target.host, target.port, timeout=self._timeout
        )
        if target.tls:
            endpoint = wrapClientTLS(optionsForClientTLS(target.host, self._trust), endpoint)
        line: _Line = await connectProtocol(endpoint, _Line(self._reactor))
        return line


def run_session(
    reactor: Any,
    ont: Ont,
    acs_url: str,
    events: Sequence[Event] | None = None,
    *,
    keep: bool = True,
    timeout: float = 30.0,
    seed: int = 1,
) -> defer.Deferred[SessionReport]:
    """Run one session of ``ont`` with the ACS at ``acs_url``; fires with its report.

    Without ``events`` the unit says what it has to report, or ``2 PERIODIC``.  What waits
    for the end of the session is left to the caller (`Ont.settle`).
    """
    random = Random(seed)
    ont.acs_url = acs_url
    sessions = Sessions(
        reactor, cnonce=lambda: f"{random.getrandbits(64):016x}", keep=keep, timeout=timeout
    )
    return sessions.run(ont, events or ont.next_events() or (PERIODIC,))


class _Line(Protocol):
    """One connection: a question, its answer, the next question."""

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self._reader = ResponseReader()
        self._answer: defer.Deferred[Response] | None = None
        self._gone: defer.Deferred[None] | None = None
        self.closed = False

    def ask(self, data: bytes, timeout: float) -> defer.Deferred[Response]:
        """Send a request; fires with its answer or fails with `WireError`."""
        self._reader = ResponseReader()
        answer: defer.Deferred[Response] = defer.Deferred()
        self._answer = answer
        self._transport.write(data)
        return answer.addTimeout(timeout, self._reactor, _timed_out)

    def wait_closed(self, timeout: float) -> defer.Deferred[None]:
        """Fire when the other side closed the connection, or after ``timeout``."""
        gone: defer.Deferred[None] = defer.Deferred()
        self._gone = gone
        if self.closed:
            gone.callback(None)
        return gone.addTimeout(timeout, self._reactor, lambda *_: None)

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
        text = "the ACS closed the connection before its answer was whole"
        if isinstance(reason.value, SSL.Error):
            text = f"TLS: {_tls_cause(reason.value)}"
        self._fire(Failure(WireError(text)))
        if self._gone is not None and not self._gone.called:
            self._gone.callback(None)

    def _fire(self, result: Response | Failure) -> None:
        answer, self._answer = self._answer, None
        if answer is not None and not answer.called:
            answer.callback(result)


def _tls_cause(error: SSL.Error) -> str:
    # OpenSSL's queue: (library, function, what went wrong) of each level.
    queue = error.args[0] if error.args else ()
    return "; ".join(entry[-1] for entry in queue if entry[-1]) or "the connection broke"


def _timed_out(result: Any, _: float) -> Any:
    if isinstance(result, Failure):
        raise WireError("the ACS did not answer in time")
    return result
