"""The table of routes as an OpenAPI 3.1 document."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from acs.api.problems import CONTENT_TYPE as PROBLEM_TYPE
from acs.api.problems import TITLES, ProblemDocument
from acs.api.router import JSON_TYPE
from acs.api.routes import Answer, Call, Route
from acs.api.scopes import Scope

PATH = "/api/openapi.json"
_REFERENCE = "#/components/schemas/{name}"
_PARAMETER = re.compile(r"\{(\w+)\}")

Document = dict[str, Any]


def described(routes: Iterable[Route], version: str) -> tuple[Route, ...]:
    """Return ``routes`` and one more, which serves the document of them all."""
    every = list(routes)

    async def show(_call: Call) -> Answer:
        return Answer(body)

    every.append(Route("GET", PATH, show, "This document"))
    body = msgspec.json.encode(document(every, version))
    return tuple(every)


def document(routes: Iterable[Route], version: str) -> Document:
    """Make the document (OpenAPI 3.1.0)."""
    every = tuple(routes)
    types = [kind for route in every for kind in (route.body, route.answer) if kind is not None]
    _, schemas = msgspec.json.schema_components(
        [*dict.fromkeys(types), ProblemDocument], ref_template=_REFERENCE
    )
    paths: dict[str, Document] = {}
    for route in every:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Gigafibre ACS", "version": version},
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "Made by `acs token create`. Scopes: "
                    + ", ".join(f"`{scope.value}`" for scope in Scope),
                }
            },
        },
    }


def _operation(route: Route) -> Document:
    made: Document = {
        "summary": route.summary,
        "operationId": f"{route.method.lower()}{_camel(route.path)}",
        "responses": dict(_responses(route)),
    }
    if parameters := list(_parameters(route)):
        made["parameters"] = parameters
    if route.body is not None:
        made["requestBody"] = {"required": True, "content": _content(JSON_TYPE, route.body)}
    if route.scope is not None:
        made["security"] = [{"token": [route.scope.value]}]
    return made


def _parameters(route: Route) -> Iterator[Document]:
    for name in _PARAMETER.findall(route.path):
        yield {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
    if route.query is not None:
        (reference,), schemas = msgspec.json.schema_components(
            [route.query], ref_template=_REFERENCE
        )
        schema = schemas[reference["$ref"].rpartition("/")[2]]
        for name, each in schema["properties"].items():
            required = name in schema.get("required", ())
            yield {"name": name, "in": "query", "required": required, "schema": each}
    for name, text in route.headers.items():
        yield {"name": name, "in": "header", "description": text, "schema": {"type": "string"}}


def _responses(route: Route) -> Iterator[tuple[str, Document]]:
    good: Document = {"description": "Done"}
    if route.answer is not None:
        good["content"] = _content(JSON_TYPE, route.answer)
    yield str(route.status), good
    for status in _problems(route):
        content = _content(PROBLEM_TYPE, ProblemDocument)
        yield str(status), {"description": TITLES[status].english, "content": content}


def _problems(route: Route) -> list[int]:
    found = {429, 503, *route.problems}
    if route.scope is not None:
        found |= {401, 403}
    if route.check is not None:
        found.add(401)
    if route.query is not None:
        found |= {400, 422}
    if route.body is not None:
        found |= {400, 413, 422} | (set() if route.any_type else {415})
    if "{" in route.path:
        found.add(404)
    return sorted(found)


def _content(media: str, kind: type) -> Document:
    return {media: {"schema": {"$ref": _REFERENCE.format(name=kind.__name__)}}}


def _camel(path: str) -> str:
    return "".join(word.capitalize() for word in re.findall(r"\w+", path))
