"""What all connections of one listener share: the handler, the bounds, the hooks, the counts."""

from __future__ import annotations

import random
import time
import traceback
from collections.abc import Callable, Mapping
from email.utils import formatdate

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Factory
from twisted.logger import Logger

from acs.http.bounds import Bounds
from acs.http.clock import Clock
from acs.http.deadlines import Deadlines
from acs.http.gate import Gate
from acs.http.message import Connection, Refusal, Reply, Request
from acs.http.protocol import HttpProtocol

Handler = Callable[[Request], Reply | Deferred[Reply]]
"""Answers one request. What it raises is reported and answered 500."""

Admission = Callable[[Connection, Mapping[str, str]], float | None]
"""Overload: given the connection and the header fields of a request whose body is not read yet,
None to go on, or seconds for `503` with `Retry-After`. The caller spreads the seconds at random
and lets requests of running sessions through."""

_log = Logger()


def _log_error(error: BaseException) -> None:
    _log.error("HTTP edge: {trace}", trace="".join(traceback.format_exception(error)))


class HttpFactory(Factory):
    """Builds the protocols of one listener.

    `reactor` gives time and delayed calls. `count` is called with a name for each thing worth
    counting: `requests`, `refused_<status>`, `connections_cut`, `connections_idle`,
    `answers_unwanted`. `on_error` gets what a handler or a hook raised. `random` gives numbers in
    [0, 1) and `wall_clock` seconds since 1970, for the Date header.
    """

    noisy = False

    def __init__(
        self,
        handler: Handler,
        *,
        reactor: Clock,
        bounds: Bounds | None = None,
        admission: Admission | None = None,
        count: Callable[[str], None] = lambda name: None,
        on_error: Callable[[BaseException], None] = _log_error,
        random: Callable[[], float] = random.random,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self.handler = handler
        self.reactor = reactor
        self.bounds = bounds or Bounds()
        self.admission = admission
        self.count = count
        self.on_error = on_error
        self.gate = Gate(self.bounds)
        self.deadlines = Deadlines(reactor, on_error)
        self._random = random
        self._wall_clock = wall_clock
        self._date_second = -1
        self._date = ""

    def buildProtocol(self, addr: IAddress) -> HttpProtocol:  # type: ignore[override]  # noqa: N802
        """One protocol a connection; whether it is served is decided when it is made."""
        return HttpProtocol(self)

    def busy(self, reason: str) -> Refusal:
        """A 503 whose Retry-After is spread at random, so that not all come back at once."""
        return Refusal(503, reason, retry_after=self.bounds.retry_seconds * (1 + self._random()))

    def admit(self, connection: Connection, headers: Mapping[str, str]) -> None:
        """Raise Refusal 503 if `admission` says so; a hook that fails lets the request in."""
        if self.admission is None:
            return
        try:
            seconds = self.admission(connection, headers)
        except Exception as error:
            self.on_error(error)
            return
        if seconds is not None:
            raise Refusal(503, "busy, come back later", retry_after=seconds)

    def date(self) -> str:
        """The Date header's value, made once a second."""
        second = int(self._wall_clock())
        if second != self._date_second:
            self._date_second = second
            self._date = formatdate(second, usegmt=True)
        return self._date
