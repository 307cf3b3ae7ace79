"""The table that is the interface: routing, validation, rights and the OpenAPI document follow it.

A resource is a module with a function that returns its routes::

    def routes(queues: Queues) -> tuple[Route, ...]:
        async def show(call: Call) -> Shown: ...

        return (
            Route("GET", "/api/things/{key}", show, answer=Shown, scope=Scope.DEVICES_READ,
                  summary="Show a thing"),
        )
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from msgspec import Struct

from acs.api.scopes import Scope
from acs.api.words import Language

BODY_BYTES = 64 * 1024
"""Largest body of a route that says nothing else, octets."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: the name of the token, and what it may be used for."""

    name: str
    scopes: frozenset[str]

    def may(self, scope: Scope) -> bool:
        """Whether it has this right."""
        return scope.value in self.scopes or Scope.ALL.value in self.scopes


NOBODY = Caller("", frozenset())
"""Who shows no token."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request, as a handler sees it."""

    path: Mapping[str, str]
    """Parameters of the path, by the names the template gives them."""
    headers: Mapping[str, str]
    """By names in lower case."""
    raw: bytes = b""
    """The body as it came."""
    query: Any = None
    """A value of `Route.query`."""
    body: Any = None
    """A value of `Route.body`."""
    caller: Caller = NOBODY
    address: str = ""
    """Where the request comes from."""
    request_id: str = ""
    language: Language = Language.ENGLISH


@dataclass(frozen=True, slots=True)
class Answer:
    """What a handler returns that wants another status than its route's, or header fields.

    ``value`` of bytes is JSON already.
    """

    value: object
    status: int = 0
    """0: that of the route."""
    headers: tuple[tuple[str, str], ...] = ()


Handler = Callable[[Call], Awaitable[object]]
"""Answers a call with a value that msgspec can write as JSON, or an `Answer`; raises `Problem`."""
Check = Callable[[Call], None]
"""Looks at a call before anything of it is decoded (its path, headers and octets are there)."""


@dataclass(frozen=True, slots=True)
class Route:
    """One method of one path.

    ``path`` is a template: ``/api/devices/{key}``. ``query`` and ``body`` are what its query and
    body are decoded to, ``answer`` is what it returns, for the document. ``scope``: what a token
    must be good for; None: none is asked for.
    """

    method: str
    path: str
    handler: Handler
    summary: str
    scope: Scope | None = None
    query: type[Struct] | None = None
    body: type[Struct] | None = None
    answer: type[Struct] | None = None
    status: int = 200
    check: Check | None = None
    """How a request proves itself that needs no token. What passes is not counted against the
    limit of its address; a `Problem` of status 401 is."""
    any_type: bool = False
    """The body is JSON whatever Content-Type says."""
    body_bytes: int = BODY_BYTES
    headers: Mapping[str, str] = field(default_factory=dict)
    """Header fields it looks at, with what they are for."""
    problems: tuple[int, ...] = ()
    """Statuses it ends with, beside those that follow from the table."""
