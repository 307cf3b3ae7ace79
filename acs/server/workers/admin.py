"""Health and metrics of all workers, at the address where a single server has its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request, Site

from acs.api import Part, State
from acs.api.metrics import CONTENT_TYPE
from acs.api.status import IDLE_SECONDS
from acs.log import get_logger

log = get_logger("acs.workers")

Parts = Mapping[str, tuple[str, str]]
"""State and detail of each part, as a worker tells them."""

_TEXT = "text/plain; charset=utf-8"
_WELCOME = b"Gigafibre ACS\n\n/health   how each part is\n/metrics  figures for Prometheus\n"
_ORDER = (State.OK, State.DEGRADED, State.DOWN)


def health_of(told: Mapping[str, Parts | None], wanted: int) -> tuple[State, dict[str, Part]]:
    """The health of all, of what each worker told; None: it did not answer.

    What is down in some workers only is degraded: the others serve devices.
    """
    answers = [parts for parts in told.values() if parts is not None]
    parts = {"workers": _workers(told, wanted)}
    for name in dict.fromkeys(name for each in answers for name in each):
        states = [State(each[name][0]) for each in answers if name in each]
        worst = max(states, key=_ORDER.index)
        shown = (
            State.DEGRADED
            if worst is State.DOWN and min(states, key=_ORDER.index) is not State.DOWN
            else worst
        )
        detail = next(each[name][1] for each in answers if name in each and each[name][0] == worst)
        parts[name] = Part(shown, detail)
    return max((part.state for part in parts.values()), key=_ORDER.index), parts


def _workers(told: Mapping[str, Parts | None], wanted: int) -> Part:
    mute = [name for name, parts in told.items() if parts is None]
    serving = len(told) - len(mute)
    if not serving:
        return Part(State.DOWN, f"none of {wanted} workers serves; see the log")
    silent = f"; {', '.join(mute)} does not answer" if mute else ""
    if serving < wanted:
        return Part(State.DEGRADED, f"{serving} of {wanted} workers serve{silent}; see the log")
    return Part(State.OK, f"{serving} workers serve{silent}")


class Pages(Resource):
    """Every page of the site; they can only be read."""

    isLeaf = True  # noqa: N815 - Twisted's name

    def __init__(
        self,
        health: Callable[[], Deferred[tuple[State, dict[str, Part]]]],
        metrics: Callable[[], Deferred[bytes]],
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._health = health
        self._metrics = metrics

    def render_GET(self, request: Request) -> bytes | int:  # noqa: N802 - Twisted's name
        """Answer one request, once the workers have."""
        request.setHeader("cache-control", "no-store")
        match request.path:
            case b"/":
                return _say(request, 200, _TEXT, _WELCOME)
            case b"/health":
                answer: Deferred[None] = self._health().addCallback(_show_health, request)
            case b"/metrics":
                answer = self._metrics().addCallback(_show_metrics, request)
            case _:
                return _say(request, 404, _TEXT, b"There is no such page; see /\n")
        gone = request.notifyFinish()
        gone.addErrback(lambda _: answer.cancel())
        answer.addErrback(_failed, request)
        return NOT_DONE_YET


def site(pages: Pages) -> Site:
    """The site of these pages; it asks for no password and is meant for a private address."""
    return Site(pages, timeout=IDLE_SECONDS, parsePOSTFormSubmission=False)


def _say(request: Request, status: int, content_type: str, body: bytes) -> bytes:
    request.setResponseCode(status)
    request.setHeader("content-type", content_type)
    return body


def _finish(request: Request, status: int, content_type: str, body: bytes) -> None:
    request.setHeader("content-length", str(len(body)))
    request.write(_say(request, status, content_type, body))
    request.finish()


def _show_health(found: tuple[State, dict[str, Part]], request: Request) -> None:
    state, parts = found
    body = msgspec.json.encode({"status": state, "parts": parts}) + b"\n"
    _finish(request, 503 if state is State.DOWN else 200, "application/json", body)


def _show_metrics(body: bytes, request: Request) -> None:
    _finish(request, 200, CONTENT_TYPE, body)


def _failed(failure: Failure, request: Request) -> None:
    if request.finished or request._disconnected:
        return
    log.error("internal error", where="admin", exc_info=failure.value)
    _finish(request, 500, _TEXT, b"see the log\n")
