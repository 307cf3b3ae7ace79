"""The OpenAPI document of all routes there are: it follows the table, and is whole."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import pytest

from acs.api import devices, openapi, reprovision, webhooks
from acs.api.intake import Intake
from acs.api.routes import Route
from acs.api.webhooks import Sender
from acs.devices.safety import SEND_ALL
from acs.store.queues import Queues


@pytest.fixture(scope="module")
def routes() -> tuple[Route, ...]:
    queues = cast("Queues", None)  # no request is made
    sender = Sender(["Service Equipment"], "x-signature", None)
    return openapi.described(
        (
            *webhooks.routes(sender, Intake(queues, lambda: 0.0)),
            *reprovision.routes(queues, lambda: 0.0, lambda _octets: "", "Service Equipment"),
            *devices.routes(queues, lambda: 0.0, SEND_ALL),
        ),
        "1.2.3",
    )


@pytest.fixture(scope="module")
def document(routes: tuple[Route, ...]) -> openapi.Document:
    return openapi.document(routes, "1.2.3")


def references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        if "$ref" in part:
            yield part["$ref"]
        for each in part.values():
            yield from references(each)
    elif isinstance(part, list):
        for each in part:
            yield from references(each)


def operations(document: openapi.Document) -> list[dict[str, Any]]:
    return [each for path in document["paths"].values() for each in path.values()]


def test_every_route_is_in_it(document: openapi.Document, routes: tuple[Route, ...]) -> None:
    listed = {
        (method.upper(), path) for path, methods in document["paths"].items() for method in methods
    }
    assert listed == {(route.method, route.path) for route in routes}
    assert ("GET", openapi.PATH) in listed
    ids = [operation["operationId"] for operation in operations(document)]
    assert len(set(ids)) == len(ids)


def test_all_it_refers_to_is_there(document: openapi.Document) -> None:
    found = set(references(document["paths"])) | set(references(document["components"]))
    names = {reference.removeprefix("#/components/schemas/") for reference in found}
    assert {"Wanted", "Accepted", "Summary", "ProblemDocument"} <= names
    assert names <= set(document["components"]["schemas"])


def test_every_parameter_of_a_path_is_declared(document: openapi.Document) -> None:
    shown = document["paths"]["/api/devices/{key}"]["get"]
    assert shown["parameters"] == [
        {"name": "key", "in": "path", "required": True, "schema": {"type": "string"}}
    ]
    assert shown["security"] == [{"token": ["devices:read"]}]
    assert {"401", "403", "404", "409"} <= set(shown["responses"])


def test_what_needs_no_token_says_so(document: openapi.Document) -> None:
    assert "security" not in document["paths"]["/hooks/erpnext/{doctype}"]["post"]
    headers = document["paths"]["/hooks/reprovision"]["post"]["parameters"]
    assert [(each["name"], each["in"]) for each in headers] == [("Idempotency-Key", "header")]
