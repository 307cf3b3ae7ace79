"""The site with its faults, its statistics and its controls; still without I/O.

The controls, none of which a real site has; each answers with the state:

* ``GET /__sim__/state``, ``GET /__sim__/statistics``, ``DELETE /__sim__/statistics``;
* ``POST /__sim__/pause`` and ``POST /__sim__/resume``: no answers in between, requests wait;
* ``POST /__sim__/faults`` with a `Fault` as JSON, ``DELETE /__sim__/faults``;
* ``POST /__sim__/reset``: the documents, faults and statistics of the start.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

import msgspec

from simulators.erpnext.faults import Fault, FaultBoard, FaultKind, rate_headers, refusal_of
from simulators.erpnext.http import SERVER_ERROR, Request, Response, json_response
from simulators.erpnext.site import Site, refused
from simulators.erpnext.statistics import Statistics, classify

CONTROL = "/__sim__"


@dataclass(frozen=True, slots=True)
class Answer:
    """Send the response, ``delay`` seconds from now."""

    response: Response
    delay: float = 0.0


@dataclass(frozen=True, slots=True)
class Silence:
    """Keep the connection open and say nothing."""


@dataclass(frozen=True, slots=True)
class Cut:
    """Close the connection."""


@dataclass(frozen=True, slots=True)
class Hold:
    """The site is paused: ask again when it resumes."""


def emptied(request: Request, response: Response) -> Response:
    """Return the answer to a list without its rows; any other answer as it is."""
    match classify(request)[0]:
        case "list":
            return json_response(response.status, {"data": []})
        case "frappe.client.get_list":
            return json_response(response.status, {"message": []})
        case _:
            return response


Outcome: TypeAlias = Answer | Silence | Cut | Hold


class Simulator:
    """What stands at the address of an ERPNext.

    ``build`` makes a fresh, seeded site; a reset calls it again.  ``now`` is the clock by
    which faults run out.
    """

    def __init__(self, build: Callable[[], Site], now: Callable[[], datetime]) -> None:
        self._build = build
        self._now = now
        self.site = build()
        self.faults = FaultBoard()
        self.statistics = Statistics()
        self.paused = False

    def order(self, fault: Fault) -> None:
        """Put a fault in force."""
        self.faults.add(fault, self._now())

    def receive(self, request: Request) -> Outcome:
        """Return what becomes of a request."""
        if request.path == CONTROL or request.path.startswith(f"{CONTROL}/"):
            return Answer(self._control(request))
        if self.paused:
            return Hold()
        self.statistics.count_request(request)
        outcome = self._serve(request)
        if isinstance(outcome, Answer):
            self.statistics.count_answer(outcome.response)
        return outcome

    def _serve(self, request: Request) -> Outcome:
        fault = self.faults.strike(request, self._now())
        if fault is None:
            return Answer(self.site.handle(request))
        if (refusal := refusal_of(fault)) is not None:
            version = 2 if request.path.startswith("/api/v2/") else 1
            return Answer(refused(refusal, version, headers=rate_headers(fault)))
        response = self.site.handle(request)
        match fault.kind:
            case FaultKind.TIMEOUT:
                return Silence()
            case FaultKind.DROP:
                return Cut()
            case FaultKind.SLOW:
                return Answer(response, fault.delay)
            case FaultKind.EMPTY:
                return Answer(emptied(request, response))
            case _:
                return Answer(SERVER_ERROR)

    def _control(self, request: Request) -> Response:
        action = request.path.removeprefix(CONTROL).strip("/")
        match request.method, action:
            case "GET", "" | "state":
                return json_response(200, self._state())
            case "GET", "statistics":
                return json_response(200, self.statistics.shown())
            case "DELETE", "statistics":
                self.statistics = Statistics()
            case "POST", "pause":
                self.paused = True
            case "POST", "resume":
                self.paused = False
            case "POST", "faults":
                try:
                    self.order(msgspec.json.decode(request.body, type=Fault))
                except msgspec.DecodeError as error:
                    return json_response(400, {"error": str(error)})
            case "DELETE", "faults":
                self.faults.clear()
            case "POST", "reset":
                self.faults.clear()
                self.statistics = Statistics()
                self.paused = False
                self.site = self._build()
            case _:
                return json_response(404, {"error": f"no control {request.method} {action!r}"})
        return json_response(200, self._state())

    def _state(self) -> dict[str, Any]:
        documents = self.site.documents
        counts = {name: len(documents.db.table(name)) for name in documents.doctypes}
        return {
            "paused": self.paused,
            "faults": self.faults.shown(self._now()),
            "documents": counts,
            "statistics": self.statistics.shown(),
        }
