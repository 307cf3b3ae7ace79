"""The simulator on a socket (twisted.web)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Protocol

from twisted.python.failure import Failure
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Site
from twisted.web.server import Request as WebRequest

from simulators.erpnext.http import Request, Response
from simulators.erpnext.simulator import Answer, Cut, Hold, Outcome, Silence, Simulator

HOLD_LIMIT: Final = 600.0
"""Seconds after which a request that got no answer is cut off."""


class Timer(Protocol):
    """A call that is due later."""

    def active(self) -> bool:
        """Return whether it is still to come."""

    def cancel(self) -> None:
        """Call it off."""


class Clock(Protocol):
    """The reactor, as far as it is needed here."""

    def callLater(self, delay: float, call: Callable[..., Any], *arguments: Any) -> Timer:  # noqa: N802
        """Call after ``delay`` seconds."""


def web_site(simulator: Simulator, clock: Clock) -> Site:
    """Return the factory to listen with; ``clock`` schedules late answers."""
    site = Site(_Root(simulator, clock), parsePOSTFormSubmission=False)
    site.displayTracebacks = False
    return site


class _Root(Resource):
    isLeaf = True  # noqa: N815 - twisted's name

    def __init__(self, simulator: Simulator, clock: Clock) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._simulator = simulator
        self._clock = clock
        self._held: dict[_Exchange, None] = {}

    def render(self, request: WebRequest) -> int:
        exchange = _Exchange(request, self._clock, self._date)
        self._perform(exchange)
        if not self._simulator.paused:
            self._release()
        return NOT_DONE_YET

    def _date(self) -> str:
        return self._simulator.site.date()

    def _perform(self, exchange: _Exchange) -> None:
        outcome = self._simulator.receive(exchange.asked)
        if isinstance(outcome, Hold):
            self._held[exchange] = None
        exchange.conclude(outcome)

    def _release(self) -> None:
        held, self._held = self._held, {}
        for exchange in held:
            if exchange.open:
                self._perform(exchange)


class _Exchange:
    """One request on the wire until its answer is sent or its client is gone."""

    def __init__(self, request: WebRequest, clock: Clock, date: Callable[[], str]) -> None:
        self._request = request
        self._clock = clock
        self._date = date
        self._timer: Timer | None = None
        self.open = True
        self.asked = _read(request)
        request.notifyFinish().addBoth(self._finished)

    def conclude(self, outcome: Outcome) -> None:
        """Do what the simulator decided."""
        match outcome:
            case Answer(response, delay):
                self._at(delay, self._send, response)
            case Cut():
                self._cut()
            case Silence() | Hold():
                self._at(HOLD_LIMIT, self._cut)

    def _at(self, delay: float, call: Callable[..., None], *arguments: Response) -> None:
        self._cancel()
        if delay:
            self._timer = self._clock.callLater(delay, call, *arguments)
        else:
            call(*arguments)

    def _send(self, response: Response) -> None:
        self._request.setResponseCode(response.status)
        for name, value in response.headers:
            self._request.responseHeaders.addRawHeader(name.encode(), value.encode())
        self._request.setHeader(b"content-length", str(len(response.body)).encode())
        self._request.setHeader(b"date", self._date().encode())
        if self._request.method != b"HEAD":
            self._request.write(response.body)
        self._request.finish()

    def _cut(self) -> None:
        self._request.loseConnection()

    def _finished(self, result: Failure | None) -> None:
        self.open = False
        self._cancel()

    def _cancel(self) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None


def _read(request: WebRequest) -> Request:
    headers = {
        name.decode("latin-1").lower(): values[-1].decode("latin-1")
        for name, values in request.requestHeaders.getAllRawHeaders()
    }
    return Request(
        method=request.method.decode("latin-1"),
        target=request.uri.decode("latin-1"),
        headers=headers,
        body=request.content.read() if request.content else b"",
    )
