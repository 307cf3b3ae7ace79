"""Failures on demand: how the site misbehaves, for which requests, for how long."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import msgspec

from simulators.erpnext.errors import FRAPPE, Refusal, thrown
from simulators.erpnext.filters import not_permitted
from simulators.erpnext.http import (
    BAD_GATEWAY,
    LOGIN_PAGE,
    SERVER_ERROR,
    Request,
    Response,
    not_found,
)


class FaultKind(StrEnum):
    """A way to fail.

    Refused before anything is done:
    """

    UNAUTHORIZED = "401"
    FORBIDDEN = "403"
    NO_SITE = "404html"
    """A page, as for a wrong site name."""
    REFUSED = "417"
    """With the class `Fault.exc_type`."""
    RATE_LIMITED = "429"
    DEADLOCK = "500json"
    LOCK_WAIT = "lockwait"
    """The row is held by another: QueryTimeoutError after `LOCK_WAIT_SECONDS`."""
    DATABASE_DOWN = "dbdown"
    """JSON on a read, a page on a write."""
    BAD_GATEWAY = "502"
    """A page of the proxy in front."""
    MAINTENANCE = "503"
    READ_ONLY = "readonly"
    """Maintenance that lets reads through."""
    LOGIN_PAGE = "login"
    """200 with an HTML page, as from a single sign-on in front."""
    FIELD_REFUSED = "field"
    """A list that asks for `Fault.field`, or filters by it, is refused (DataError)."""

    # Carried out and committed, yet:
    SAVED_HTML_ERROR = "500html"
    """answered 500 with a page;"""
    QUEUE_DOWN = "queue"
    """the same where a webhook was due, and it is lost: the queue takes nothing;"""
    GATEWAY_TIMEOUT = "504"
    """answered by the proxy in front;"""
    TIMEOUT = "timeout"
    """no answer ever comes;"""
    DROP = "drop"
    """the connection closes without an answer;"""
    SLOW = "slow"
    """the answer comes ``delay`` seconds late;"""
    EMPTY = "empty"
    """lists are answered without a row, as to a user whose rights were cut down."""


LOCK_WAIT_SECONDS = 50.0
"""MariaDB's default."""


class Fault(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One ordered failure.

    ``count`` requests are hit, for ``seconds`` from the order on; without either it
    lasts until it is cleared.  ``match`` must occur in ``METHOD /path`` (decoded, without
    the query).  ``delay`` (seconds) is for `FaultKind.SLOW` and `FaultKind.LOCK_WAIT`,
    where None means 2 and `LOCK_WAIT_SECONDS` in the time of the site; ``retry_after``
    (seconds) for `FaultKind.RATE_LIMITED`, ``exc_type`` (a class of frappe.exceptions) for
    `FaultKind.REFUSED`, ``field`` for `FaultKind.FIELD_REFUSED`.
    """

    kind: FaultKind
    count: int | None = None
    seconds: float | None = None
    match: str = ""
    delay: float | None = None
    retry_after: int = 39
    exc_type: str = "ValidationError"
    field: str = ""

    def hits(self, request: Request) -> bool:
        """Return whether this is a request to fail."""
        if self.match not in f"{request.method} {request.path}":
            return False
        match self.kind:
            case FaultKind.READ_ONLY | FaultKind.LOCK_WAIT:
                return _writes(request)
            case FaultKind.FIELD_REFUSED:
                asked = request.target.encode() + request.body
                return bool(self.field) and self.field.encode() in asked and not _writes(request)
            case _:
                return True


def _writes(request: Request) -> bool:
    """Return whether a request is no mere question; lists are asked for by POST, too."""
    questions = ("/frappe.client.get", "/acs_equipment_secrets")
    return request.method not in ("GET", "HEAD") and not any(q in request.path for q in questions)


@dataclass(frozen=True, slots=True)
class _Ordered:
    fault: Fault
    left: int | None
    until: datetime | None


class FaultBoard:
    """The faults in force; the oldest that matches a request hits it."""

    def __init__(self) -> None:
        self._ordered: list[_Ordered] = []

    def add(self, fault: Fault, now: datetime) -> None:
        """Put a fault in force."""
        until = None if fault.seconds is None else now + timedelta(seconds=fault.seconds)
        self._ordered.append(_Ordered(fault, fault.count, until))

    def clear(self) -> None:
        """Take back all faults."""
        self._ordered.clear()

    def strike(self, request: Request, now: datetime) -> Fault | None:
        """Return the fault that hits this request, and count it."""
        self._expire(now)
        for index, ordered in enumerate(self._ordered):
            if ordered.fault.hits(request):
                if ordered.left is not None:
                    self._ordered[index] = replace(ordered, left=ordered.left - 1)
                return ordered.fault
        return None

    def shown(self, now: datetime) -> list[dict[str, Any]]:
        """Return the faults in force, with what is left of them."""
        self._expire(now)
        return [
            {"kind": ordered.fault.kind, "match": ordered.fault.match, "left": ordered.left}
            for ordered in self._ordered
        ]

    def _expire(self, now: datetime) -> None:
        self._ordered = [
            ordered
            for ordered in self._ordered
            if ordered.left != 0 and (ordered.until is None or now < ordered.until)
        ]


def refusal_of(fault: Fault, request: Request) -> Refusal | Response | None:
    """Return what a fault that strikes before the work answers; None for the others."""
    match fault.kind:
        case FaultKind.UNAUTHORIZED:
            return Refusal(FRAPPE + "AuthenticationError")
        case FaultKind.FORBIDDEN:
            return Refusal(FRAPPE + "PermissionError")
        case FaultKind.NO_SITE:
            return not_found(f"{request.headers.get('host', '')} does not exist")
        case FaultKind.REFUSED:
            return thrown(fault.exc_type, f"Refused on demand: {fault.exc_type}")
        case FaultKind.RATE_LIMITED:
            return Refusal(FRAPPE + "TooManyRequestsError")
        case FaultKind.DEADLOCK:
            cause = "Deadlock found when trying to get lock; try restarting transaction"
            return Refusal("frappe.QueryDeadlockError", f"(1213, '{cause}')")
        case FaultKind.LOCK_WAIT:
            cause = "Lock wait timeout exceeded; try restarting transaction"
            return Refusal("frappe.QueryTimeoutError", f"(1205, '{cause}')")
        case FaultKind.DATABASE_DOWN if _writes(request):
            return SERVER_ERROR
        case FaultKind.DATABASE_DOWN:
            cause = "(2003, \"Can't connect to MySQL server on 'db' ([Errno 111])\")"
            return Refusal("pymysql.err.OperationalError", cause)
        case FaultKind.BAD_GATEWAY:
            return BAD_GATEWAY
        case FaultKind.MAINTENANCE:
            return Refusal(FRAPPE + "SessionStopped", traced=False)
        case FaultKind.READ_ONLY:
            return Refusal(FRAPPE + "InReadOnlyMode", traced=False)
        case FaultKind.LOGIN_PAGE:
            return LOGIN_PAGE
        case FaultKind.FIELD_REFUSED:
            return not_permitted(fault.field)
        case _:
            return None


def rate_headers(fault: Fault) -> tuple[tuple[str, str], ...]:
    """Return the headers that go with a rate limit."""
    if fault.kind is not FaultKind.RATE_LIMITED:
        return ()
    seconds = str(fault.retry_after)
    return (
        ("X-RateLimit-Limit", "500000"),
        ("X-RateLimit-Remaining", "0"),
        ("X-RateLimit-Reset", seconds),
        ("Retry-After", seconds),
    )
