"""A CPE on Twisted: runs the sessions of many units in one reactor."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

from twisted.internet import defer
from twisted.internet.ssl import PrivateCertificate, trustRootFromCertificates
from twisted.internet.task import deferLater

from .delivery import pieces, plain
from .device import PERIODIC, Ont
from .errand import Errand
from .exchange import Carry, Exchange, Send, Stop
from .fetching import Fetcher
from .files import begin, expire, finish
from .line import Line, LineError, connect
from .pem import read_certificate, read_own
from .render import Event
from .report import Lost, SessionReport
from .software import Change, carry_out
from .transfers import Transfer
from .wire import Response, Target, WireError


class Sessions:
    """Runs sessions over Twisted.

    ``keep`` False opens a new connection for every request.  ``timeout`` bounds each
    connect and each answer, in seconds.  ``cnonce`` gives Digest's client nonces.
    ``ca_file`` trusts a certificate authority (PEM) for https; ``certificate`` and ``key``
    are files of the unit's own (PEM), a key that is not given stands in the certificate's.
    No TLS session is resumed.  Raises `pem.PemError` for files that hold no such thing.
    """

    def __init__(
        self,
        reactor: Any,
        *,
        cnonce: Callable[[], str],
        keep: bool = True,
        timeout: float = 30.0,
        ca_file: str | None = None,
        certificate: str | None = None,
        key: str | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._reactor = reactor
        self._cnonce = cnonce
        self._keep = keep
        self._timeout = timeout
        self._clock = clock
        self._trust = trustRootFromCertificates([read_certificate(ca_file)]) if ca_file else None
        self._own: PrivateCertificate | None = None
        if certificate:
            self._own = read_own(certificate, key)
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
        report, seconds = exchange.report, self._reactor.seconds
        began = seconds()
        line: Line | None = None
        try:
            step: Send | Carry | Stop = exchange.start()
            while not isinstance(step, Stop):
                if isinstance(step, Carry):
                    await self.transfer(ont, step.transfer)
                    step = exchange.carried()
                    continue
                try:
                    if line is None or step.fresh or line.closed:
                        if line is not None:
                            line.close()
                        line = await self._connect(step.target, source)
                        report.connections += 1
                    if step.after:
                        await deferLater(self._reactor, step.after)
                    asked = seconds()
                    response = await self._ask(line, ont, step.data, report.requests)
                except LineError as gone:
                    step = exchange.lost(str(gone), gone.lost)
                except WireError as wrong:
                    step = exchange.lost(str(wrong), Lost.RULES)
                else:
                    step = exchange.received(response)
                    if report.informed and report.inform_seconds is None:
                        report.inform_seconds = seconds() - asked
            report.seconds = seconds() - began
            if step.linger and line is not None:
                await line.wait_closed()
        except defer.CancelledError:
            exchange.lost("stopped", Lost.STOPPED)
            raise
        finally:
            if line is not None:
                line.close()
        return report

    def _connect(self, target: Target, source: str | None) -> defer.Deferred[Line]:
        return connect(
            self._reactor,
            target,
            timeout=self._timeout,
            source=source,
            trust=self._trust,
            own=self._own,
        )

    def _ask(self, line: Line, ont: Ont, data: bytes, number: int) -> defer.Deferred[Response]:
        wrong = ont.misbehaviour
        if plain(wrong):
            return line.ask(data)
        return line.ask_slowly(pieces(wrong, data, number))


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
