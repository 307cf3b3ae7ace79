"""Failures on demand: how the site misbehaves, for which requests, for how long."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import msgspec

from simulators.erpnext.errors import FRAPPE, Refusal
from simulators.erpnext.http import Request


class FaultKind(StrEnum):
    """A way to fail.  The first four are refused before anything is saved."""

    UNAUTHORIZED = "401"
    RATE_LIMITED = "429"
    DEADLOCK = "500json"
    MAINTENANCE = "503"
    SAVED_HTML_ERROR = "500html"
    """The request is carried out and committed, yet answered 500 with a page."""
    TIMEOUT = "timeout"
    """Carried out; no answer ever comes."""
    DROP = "drop"
    """Carried out; the connection closes without an answer."""
    SLOW = "slow"
    """Carried out; the answer comes ``delay`` seconds late."""
    EMPTY = "empty"
    """Lists are answered 200 without a row, as to a user whose rights were cut down."""


class Fault(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One ordered failure.

    ``count`` requests are hit, for ``seconds`` from the order on; without either it
    lasts until it is cleared.  ``match`` must occur in ``METHOD /path`` (decoded, without
    the query).  ``delay`` (seconds) is for `FaultKind.SLOW`, ``retry_after`` (seconds)
    for `FaultKind.RATE_LIMITED`.
    """

    kind: FaultKind
    count: int | None = None
    seconds: float | None = None
    match: str = ""
    delay: float = 2.0
    retry_after: int = 39


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
        line = f"{request.method} {request.path}"
        for index, ordered in enumerate(self._ordered):
            if ordered.fault.match in line:
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


def refusal_of(fault: Fault) -> Refusal | None:
    """Return the refusal of a fault that strikes before the work; None for the others."""
    match fault.kind:
        case FaultKind.UNAUTHORIZED:
            return Refusal(FRAPPE + "AuthenticationError")
        case FaultKind.RATE_LIMITED:
            return Refusal(FRAPPE + "TooManyRequestsError")
        case FaultKind.MAINTENANCE:
            return Refusal(FRAPPE + "SessionStopped", traced=False)
        case FaultKind.DEADLOCK:
            cause = "Deadlock found when trying to get lock; try restarting transaction"
            return Refusal("frappe.QueryDeadlockError", f"(1213, '{cause}')")
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
