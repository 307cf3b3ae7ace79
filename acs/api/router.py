"""From a request to the route and the call it makes, and from what a handler returns to an answer.

No I/O: `acs.api.site` asks for tokens and limits in between.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import unquote

import msgspec

from acs.api.problems import CONTENT_TYPE as PROBLEM_TYPE
from acs.api.problems import Problem
from acs.api.routes import Answer, Call, Route
from acs.api.validation import body_of, query_of
from acs.api.words import Language, Words
from acs.http import Reply

JSON_TYPE = "application/json"
PARAMETER_LENGTH = 200
"""Most characters of a parameter of a path."""
_NAME = re.compile(r"\\\{(\w+)\\\}")
"""A parameter, in a template that is escaped for an expression."""


@dataclass(frozen=True, slots=True)
class Found:
    """A route, and the parameters of the path that led to it."""

    route: Route
    path: Mapping[str, str]


class Router:
    """Finds routes. Raises ValueError for two of the same method and path."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self.routes = tuple(routes)
        paths: dict[str, dict[str, Route]] = {}
        for route in self.routes:
            methods = paths.setdefault(route.path, {})
            if route.method in methods:
                raise ValueError(f"two routes for {route.method} {route.path}")
            methods[route.method] = route
        # Plain paths come before those with parameters that would fit as well.
        ordered = sorted(paths, key=_parameters)
        self._paths = [(_pattern(path), paths[path]) for path in ordered]

    def find(self, method: str, path: str) -> Found:
        """Find the route of a path as it stands in a URL. Raises `Problem` 404, 405."""
        for pattern, methods in self._paths:
            if (fits := pattern.fullmatch(path)) is None:
                continue
            route = methods.get("GET" if method == "HEAD" else method)
            if route is None and method == "OPTIONS":
                route = _options(methods)
            if route is None:
                raise _no_method(method, methods)
            return Found(route, {name: _decoded(text) for name, text in fits.groupdict().items()})
        raise _nowhere()


def _options(methods: Iterable[str]) -> Route:
    """Make the route that says which methods there are."""
    answer = Answer(None, headers=(("Allow", _allowed(methods)),))

    async def say(_call: Call) -> Answer:
        return answer

    return Route("OPTIONS", "", say, "Say which methods there are", status=204)


def _allowed(methods: Iterable[str]) -> str:
    """The value of the field Allow."""
    every = {*methods, "OPTIONS"}
    return ", ".join(sorted(every | {"HEAD"} if "GET" in every else every))


def _pattern(template: str) -> re.Pattern[str]:
    return re.compile(_NAME.sub(r"(?P<\1>[^/]+)", re.escape(template)))


def _parameters(template: str) -> list[bool]:
    """Which parts are parameters; plain parts sort first."""
    return [part.startswith("{") for part in template.split("/")]


def _decoded(text: str) -> str:
    try:
        plain = unquote(text, errors="strict")
    except UnicodeDecodeError:
        plain = ""
    if not plain.strip() or len(plain) > PARAMETER_LENGTH or not plain.isprintable():
        raise _nowhere()
    return plain


def _nowhere() -> Problem:
    return Problem(404, Words("This address leads nowhere.", "Cette adresse ne mène nulle part."))


def _no_method(method: str, methods: Iterable[str]) -> Problem:
    allow = _allowed(methods)
    words = Words(f"Possible here: {allow}.", f"Possible ici : {allow}.")
    return Problem(405, words, headers=[("Allow", allow)])


def decoded(route: Route, call: Call, query: str) -> Call:
    """Add the query and the body as the values that the route wants.

    Raises `Problem` 400, 415 and 422.
    """
    wanted: dict[str, Any] = {}
    if route.query is not None:
        wanted["query"] = query_of(query, route.query)
    if route.body is not None:
        if not route.any_type:
            _require_json(call.headers.get("content-type", ""))
        wanted["body"] = body_of(call.raw, route.body)
    return replace(call, **wanted) if wanted else call


def _require_json(content_type: str) -> None:
    kind, _, parameters = content_type.partition(";")
    charset = parameters.lower().replace('"', "").replace(" ", "")
    if kind.strip().lower() != JSON_TYPE or charset not in ("", "charset=utf-8"):
        words = Words(
            f"Send {JSON_TYPE} in UTF-8, and say so in Content-Type.",
            f"Envoyez {JSON_TYPE} en UTF-8, et dites-le dans Content-Type.",
        )
        raise Problem(415, words, headers=[("Accept", JSON_TYPE)])


def require_size(route: Route, octets: bytes) -> None:
    """Raise `Problem` 413 for a body that is larger than the route takes."""
    if len(octets) > route.body_bytes:
        most = route.body_bytes
        raise Problem(413, Words(f"At most {most} octets.", f"Au plus {most} octets."))


def reply(route: Route, value: object) -> Reply:
    """Make the answer of what the handler returned."""
    answer = value if isinstance(value, Answer) else Answer(value)
    status = answer.status or route.status
    if answer.value is None:
        return Reply(status, b"", answer.headers)
    body = answer.value if isinstance(answer.value, bytes) else msgspec.json.encode(answer.value)
    return Reply(status, body + b"\n", (("Content-Type", JSON_TYPE), *answer.headers))


def problem_reply(problem: Problem, language: Language, request_id: str) -> Reply:
    """Make the answer of a problem."""
    body = msgspec.json.encode(problem.document(language, request_id)) + b"\n"
    said = (("Content-Type", PROBLEM_TYPE), ("Content-Language", language.value))
    return Reply(problem.status, body, (*said, *problem.headers))
