"""The status site: ``/health`` for probes, ``/metrics`` for Prometheus, ``/`` for people."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import msgspec
from twisted.web.resource import Resource
from twisted.web.server import Request, Site

from acs.api.metrics import CONTENT_TYPE, Metrics
from acs.log import get_logger

log = get_logger(__name__)

IDLE_SECONDS = 30


class State(StrEnum):
    """How a part, or the whole, is."""

    OK = "ok"
    DEGRADED = "degraded"
    """Devices are served, something behind them is not as it should be."""
    DOWN = "down"
    """Devices are not served."""


@dataclass(frozen=True, slots=True)
class Part:
    """How one part is, and why, in words without secrets."""

    state: State
    detail: str = ""


class Health:
    """Asks each part how it is."""

    def __init__(self) -> None:
        self._checks: dict[str, Callable[[], Part]] = {}

    def watch(self, name: str, check: Callable[[], Part]) -> None:
        """Add a part; ``check`` answers at once, from what it already knows."""
        self._checks[name] = check

    def report(self) -> tuple[State, dict[str, Part]]:
        """The worst state of all, and each part; a check that raises is a part that is down."""
        parts = {name: _ask(name, check) for name, check in self._checks.items()}
        states = {part.state for part in parts.values()}
        worst = next((each for each in (State.DOWN, State.DEGRADED) if each in states), State.OK)
        return worst, parts


def _ask(name: str, check: Callable[[], Part]) -> Part:
    try:
        return check()
    except Exception:
        log.exception("health check failed", part=name)
        return Part(State.DOWN, "its check failed; see the log")


def status_site(health: Health, metrics: Metrics) -> Site:
    """Build the site; it asks for no password and is meant for a private address.

    ``/health`` answers 200 while devices are served (``ok`` or ``degraded``), else 503.
    """
    return Site(_Pages(health, metrics), timeout=IDLE_SECONDS, parsePOSTFormSubmission=False)


_TEXT = "text/plain; charset=utf-8"
_WELCOME = b"Gigafibre ACS\n\n/health   how each part is\n/metrics  figures for Prometheus\n"


class _Pages(Resource):
    """Every page of the site; they can only be read."""

    isLeaf = True  # noqa: N815 - Twisted's name

    def __init__(self, health: Health, metrics: Metrics) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._health = health
        self._metrics = metrics

    def render_GET(self, request: Request) -> bytes:  # noqa: N802 - Twisted's name
        """Answer one request; Twisted answers HEAD with it too."""
        status, content_type, body = self._page(request.path)
        request.setResponseCode(status)
        request.setHeader("content-type", content_type)
        request.setHeader("cache-control", "no-store")
        return body

    def _page(self, path: bytes) -> tuple[int, str, bytes]:
        match path:
            case b"/":
                return 200, _TEXT, _WELCOME
            case b"/health":
                state, parts = self._health.report()
                body = msgspec.json.encode({"status": state, "parts": parts}) + b"\n"
                return 503 if state is State.DOWN else 200, "application/json", body
            case b"/metrics":
                return 200, CONTENT_TYPE, self._metrics.render()
            case _:
                return 404, _TEXT, b"There is no such page; see /\n"
