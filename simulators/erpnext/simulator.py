"""The site with its faults, its webhooks, its statistics and its controls; still without I/O."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from simulators.erpnext.controls import CONTROL, control
from simulators.erpnext.database import Change
from simulators.erpnext.errors import Refusal
from simulators.erpnext.faults import (
    LOCK_WAIT_SECONDS,
    Fault,
    FaultBoard,
    FaultKind,
    rate_headers,
    refusal_of,
)
from simulators.erpnext.http import (
    GATEWAY_TIMEOUT,
    SERVER_ERROR,
    Request,
    Response,
    json_response,
)
from simulators.erpnext.queueing import WebhookQueue
from simulators.erpnext.site import Site, refused
from simulators.erpnext.statistics import Statistics, classify
from simulators.erpnext.webhooks import BodyForm, Delivery, WebhookError, deliveries
from simulators.erpnext.worker import LOST, TRIES

SLOW_SECONDS = 2.0


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
    which faults run out.  Webhooks go into ``queue``, from which somebody may take and send
    them, in the ``form`` of a version of Frappe.  ``scale`` shortens the waits of the site.
    """

    def __init__(
        self,
        build: Callable[[], Site],
        now: Callable[[], datetime],
        *,
        queue: WebhookQueue | None = None,
        form: BodyForm = BodyForm.V15,
        scale: float = 1.0,
    ) -> None:
        self._build = build
        self._form = form
        self._scale = scale
        self.now = now
        self.faults = FaultBoard()
        self.queue = queue or WebhookQueue(time.monotonic)
        self.reset()

    def reset(self) -> None:
        """Go back to the documents of the start, without faults and counts."""
        self.faults.clear()
        self.queue.reset()
        self.statistics = Statistics()
        self.paused = False
        self.site = self._build()
        self.site.committed = self.tell

    def order(self, fault: Fault) -> None:
        """Put a fault in force."""
        self.faults.add(fault, self.now())

    def tell(self, changes: tuple[Change, ...]) -> None:
        """Queue the webhooks of a commit.  Raises `QueueUnavailable` when they are lost."""
        due = deliveries(self.site.documents.db, changes, self._not_rendered, self._form)
        if due:
            self.queue.put(due)

    def receive(self, request: Request) -> Outcome:
        """Return what becomes of a request."""
        if request.path == CONTROL or request.path.startswith(f"{CONTROL}/"):
            return Answer(control(self, request))
        if self.paused:
            return Hold()
        self.statistics.count_request(request)
        outcome = self._serve(request)
        if isinstance(outcome, Answer):
            self.statistics.count_answer(outcome.response)
        return outcome

    def _serve(self, request: Request) -> Outcome:
        fault = self.faults.strike(request, self.now())
        if fault is None:
            return Answer(self.site.handle(request))
        match refusal_of(fault, request):
            case Response() as page:
                return Answer(page)
            case Refusal() as refusal:
                version = 2 if request.path.startswith("/api/v2/") else 1
                answer = refused(refusal, version, headers=rate_headers(fault))
                return Answer(answer, self._lock_wait(fault))
        if fault.kind is FaultKind.QUEUE_DOWN:
            return Answer(self._without_queue(request))
        response = self.site.handle(request)
        match fault.kind:
            case FaultKind.TIMEOUT:
                return Silence()
            case FaultKind.DROP:
                return Cut()
            case FaultKind.SLOW:
                return Answer(response, SLOW_SECONDS if fault.delay is None else fault.delay)
            case FaultKind.EMPTY:
                return Answer(emptied(request, response))
            case FaultKind.GATEWAY_TIMEOUT:
                return Answer(GATEWAY_TIMEOUT)
            case _:
                return Answer(SERVER_ERROR)

    def _lock_wait(self, fault: Fault) -> float:
        if fault.kind is not FaultKind.LOCK_WAIT:
            return 0.0
        return LOCK_WAIT_SECONDS * self._scale if fault.delay is None else fault.delay

    def _without_queue(self, request: Request) -> Response:
        was = self.queue.down
        self.queue.set(down=True)
        response = self.site.handle(request)
        self.queue.set(down=was)
        return response

    def _not_rendered(self, webhook: str, error: WebhookError) -> None:
        self.queue.note_unrendered(webhook, str(error))
        self.site.log_webhook(webhook=webhook, error=str(error))

    def sent(self, delivery: Delivery, fate: str) -> None:
        """Log what became of a webhook that a worker took."""
        self.queue.remember(delivery, fate)
        self.site.log_webhook(
            webhook=delivery.webhook,
            reference_doctype=delivery.doctype,
            reference_document=delivery.name,
            url=delivery.url,
            data=delivery.body.decode(),
            error="" if fate != LOST else f"lost after {TRIES} tries",
        )
