"""The controls of the simulator, none of which a real site has.

Each answers with the state, but for those that say otherwise:

* ``GET /__sim__/state``; ``GET /__sim__/statistics`` (the counts alone),
  ``DELETE /__sim__/statistics``;
* ``POST /__sim__/pause`` and ``POST /__sim__/resume``: no answers in between, requests wait;
* ``POST /__sim__/faults`` with a `Fault` as JSON, ``DELETE /__sim__/faults``;
* ``GET /__sim__/webhooks``: what waits and what became of the last ones;
  ``POST /__sim__/webhooks`` with a `Hooks`; ``POST /__sim__/webhooks/faults`` with a
  `WebhookFault`, ``DELETE /__sim__/webhooks/faults``; these answer with the same;
* ``POST /__sim__/set`` with an `Act`: a person at the desk saves, creates or deletes;
* ``POST /__sim__/sql`` with a `Statement`: a row is changed behind Frappe's back;
* ``POST /__sim__/clock`` with a `ClockChange`;
* ``POST /__sim__/reset``: the documents, faults and statistics of the start.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal, TypeVar
from zoneinfo import ZoneInfoNotFoundError

import msgspec

from simulators.erpnext.errors import Refusal
from simulators.erpnext.faults import Fault
from simulators.erpnext.http import Request, Response, json_response
from simulators.erpnext.queueing import QueueUnavailable, WebhookFault
from simulators.erpnext.statistics import Statistics

if TYPE_CHECKING:
    from simulators.erpnext.simulator import Simulator

CONTROL = "/__sim__"
DESK_USER = "bureau@fibre.test"


class Hooks(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The state of the queue: ``redis`` down, ``worker`` stopped, ``limit`` of jobs, ``flush``."""

    redis: Literal["up", "down"] | None = None
    worker: Literal["running", "stopped"] | None = None
    limit: int | None = None
    flush: bool = False


class Act(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What ``user`` does at the desk with a document; everything fires that a save fires."""

    doctype: str
    name: str = ""
    fields: dict[str, Any] = {}
    action: Literal["save", "create", "delete"] = "save"
    user: str = DESK_USER


class Statement(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """SQL: no rules, no webhook, and ``modified`` only if ``touch`` says so."""

    doctype: str
    name: str
    fields: dict[str, Any]
    touch: bool = False


class ClockChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The site's new zone, and by how many seconds its clock is ahead (negative: behind)."""

    zone: str | None = None
    shift: float | None = None


_T = TypeVar("_T")


def control(simulator: Simulator, request: Request) -> Response:
    """Carry out one control and return its answer; 400 for one that makes no sense."""
    try:
        return json_response(200, _run(simulator, request))
    except (msgspec.DecodeError, ZoneInfoNotFoundError, ValueError) as error:
        return json_response(400, {"error": str(error)})
    except Refusal as refusal:
        return json_response(400, {"error": refusal.said})
    except LookupError as error:
        return json_response(404, {"error": error.args[0]})


def _run(simulator: Simulator, request: Request) -> Any:
    action = request.path.removeprefix(CONTROL).strip("/")
    queue, site = simulator.queue, simulator.site
    match request.method, action:
        case "GET", "" | "state":
            pass
        case "GET", "statistics":
            return simulator.statistics.shown()
        case "DELETE", "statistics":
            simulator.statistics = Statistics()
        case "POST", "pause":
            simulator.paused = True
        case "POST", "resume":
            simulator.paused = False
        case "POST", "faults":
            simulator.order(_read(request, Fault))
        case "DELETE", "faults":
            simulator.faults.clear()
        case "GET", "webhooks":
            return queue.shown()
        case "POST", "webhooks":
            return _set_hooks(simulator, _read(request, Hooks))
        case "POST", "webhooks/faults":
            queue.order(_read(request, WebhookFault))
            return queue.shown()
        case "DELETE", "webhooks/faults":
            queue.clear_faults()
            return queue.shown()
        case "POST", "set":
            return _act(simulator, _read(request, Act))
        case "POST", "sql":
            statement = _read(request, Statement)
            site.overwrite(
                statement.doctype, statement.name, statement.fields, touch=statement.touch
            )
        case "POST", "clock":
            change = _read(request, ClockChange)
            if change.zone is not None:
                site.set_zone(change.zone)
            if change.shift is not None:
                site.shift = timedelta(seconds=change.shift)
        case "POST", "reset":
            simulator.reset()
        case _:
            raise LookupError(f"no control {request.method} {action!r}")
    return _state(simulator)


def _read(request: Request, kind: type[_T]) -> _T:
    return msgspec.json.decode(request.body, type=kind)


def _set_hooks(simulator: Simulator, wanted: Hooks) -> dict[str, Any]:
    queue = simulator.queue
    queue.set(
        down=None if wanted.redis is None else wanted.redis == "down",
        stopped=None if wanted.worker is None else wanted.worker == "stopped",
        limit=wanted.limit,
    )
    if wanted.flush:
        queue.flush()
    return queue.shown()


def _act(simulator: Simulator, act: Act) -> dict[str, Any]:
    try:
        return simulator.site.act(act.user, act.action, act.doctype, act.name, act.fields)
    except QueueUnavailable:
        return {"saved": True, "webhooks": "lost"}


def _state(simulator: Simulator) -> dict[str, Any]:
    documents = simulator.site.documents
    counts = {name: len(documents.db.table(name)) for name in documents.doctypes}
    return {
        "paused": simulator.paused,
        "time": simulator.site.now(),
        "time_zone": simulator.site.time_zone,
        "faults": simulator.faults.shown(simulator.now()),
        "documents": counts,
        "statistics": simulator.statistics.shown(),
    }
