"""The interface from request to answer: routing, validation, rights, limits, problems."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

import pytest
from msgspec import Meta, Struct
from twisted.internet.defer import Deferred

from acs.api.limits import RateLimit
from acs.api.problems import Problem
from acs.api.router import Router
from acs.api.routes import NOBODY, Answer, Call, Caller, Route
from acs.api.scopes import Scope
from acs.api.site import Site
from acs.api.validation import body_of
from acs.api.webhooks import Event
from acs.api.words import Language, Words, language_of
from acs.http import Connection, Reply, Request
from acs.store.errors import StoreUnavailable


class Line(Struct, frozen=True, forbid_unknown_fields=True):
    item: str
    count: Annotated[int, Meta(ge=1)] = 1


class Order(Struct, frozen=True, forbid_unknown_fields=True):
    name: Annotated[str, Meta(min_length=1, max_length=10)]
    lines: list[Line] = []


class Page(Struct, frozen=True, forbid_unknown_fields=True):
    limit: Annotated[int, Meta(ge=1, le=100)] = 20


async def echo(call: Call) -> dict[str, Any]:
    return {"path": dict(call.path), "body": call.body, "query": call.query, "by": call.caller.name}


async def fails(_call: Call) -> None:
    raise RuntimeError("the password is 1234")


async def is_away(_call: Call) -> None:
    raise StoreUnavailable("no luck")


async def nothing(_call: Call) -> Answer:
    return Answer(None, 204)


def signed(call: Call) -> None:
    if call.headers.get("x-signature") != "good":
        raise Problem(401, Words("Not signed.", "Non signé."))


ROUTES = (
    Route("GET", "/api/orders", echo, "List", query=Page),
    Route("POST", "/api/orders", echo, "Order", body=Order, status=201),
    Route("GET", "/api/orders/{name}", echo, "Show"),
    Route("GET", "/api/orders/new", nothing, "A form"),
    Route("DELETE", "/api/orders/{name}/lines/{line}", echo, "Remove", scope=Scope.DEVICES_WRITE),
    Route("POST", "/hooks/{doctype}", echo, "Hook", body=Order, check=signed, any_type=True),
    Route("POST", "/api/small", echo, "Small", body=Order, body_bytes=20),
    Route("GET", "/api/defect", fails, "A defect"),
    Route("GET", "/api/away", is_away, "No database"),
)


class Tokens:
    """A token is its scopes."""

    async def caller(self, route: Route, authorization: str) -> Caller:
        if route.scope is None:
            return NOBODY
        if not authorization:
            raise Problem(401, Words("Who?", "Qui ?"))
        return Caller("hub", frozenset(authorization.split()))


@dataclass
class House:
    """A site whose time stands still."""

    per_minute: int = 1000
    now: float = 0.0
    statuses: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.site = Site(
            Router(ROUTES),
            Tokens(),
            RateLimit(self.per_minute),
            seconds=lambda: self.now,
            new_id=lambda: "made-1",
            answered=self.statuses.append,
        )

    def ask(
        self, method: str, target: str, body: object = None, peer: str = "192.0.2.1", **headers: str
    ) -> Reply:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        fields = {"content-type": "application/json"} if body is not None else {}
        fields |= {name.replace("_", "-"): value for name, value in headers.items()}
        octets = b"" if body is None else raw
        request = Request(method, target, fields, octets, Connection(peer), True)
        answers: list[Reply] = []
        asked: Deferred[Reply] = self.site.handle(request)
        asked.addCallback(answers.append)
        (answer,) = answers
        return answer


@pytest.fixture
def house() -> House:
    return House()


def header(reply: Reply, name: str) -> str:
    return dict(reply.headers)[name]


def said(reply: Reply) -> Any:
    return json.loads(reply.body)


# --- routing ------------------------------------------------------------------------------


def test_parameters_of_a_path_are_decoded(house: House) -> None:
    assert said(house.ask("GET", "/api/orders/Bo%C3%AEte%201"))["path"] == {"name": "Boîte 1"}


def test_a_plain_path_comes_before_one_with_a_parameter(house: House) -> None:
    assert house.ask("GET", "/api/orders/new").status == 204


@pytest.mark.parametrize(
    "path", ["/", "/api/orders/", "/api/orders/a/b", "/api/orders/%20", "/api/orders/%FF"]
)
def test_an_address_that_leads_nowhere(house: House, path: str) -> None:
    answer = house.ask("GET", path)
    assert answer.status == 404
    assert header(answer, "Content-Type") == "application/problem+json"


def test_a_method_that_is_not_possible_names_those_that_are(house: House) -> None:
    answer = house.ask("PUT", "/api/orders")
    assert answer.status == 405
    assert header(answer, "Allow") == "GET, HEAD, OPTIONS, POST"


def test_options_says_what_is_possible_and_head_is_a_get(house: House) -> None:
    options = house.ask("OPTIONS", "/api/orders")
    assert (options.status, header(options, "Allow")) == (204, "GET, HEAD, OPTIONS, POST")
    assert house.ask("HEAD", "/api/orders").status == 200


def test_two_routes_of_one_place_are_a_mistake_of_the_table() -> None:
    with pytest.raises(ValueError, match="two routes for GET /api/orders"):
        Router((ROUTES[0], ROUTES[0]))


# --- what is sent ---------------------------------------------------------------------------


def test_a_body_and_a_query_come_as_values(house: House) -> None:
    made = house.ask("POST", "/api/orders", {"name": "A", "lines": [{"item": "x"}]})
    assert made.status == 201
    assert said(made)["body"] == {"name": "A", "lines": [{"item": "x", "count": 1}]}
    assert said(house.ask("GET", "/api/orders?limit=5"))["query"] == {"limit": 5}


@pytest.mark.parametrize(
    ("body", "where", "english", "french"),
    [
        ({}, "name", "missing required field", "Il manque"),
        ({"name": ""}, "name", "length >= 1", "Au moins 1 caractère"),
        ({"name": "x" * 11}, "name", "length <= 10", "Au plus 10 caractères"),
        ({"name": 1}, "name", "got `int`", "et non « int »"),
        ({"name": "A", "color": 1}, "color", "unknown field", "Champ inconnu"),
        ({"name": "A", "lines": [{"item": "x"}, {"item": "y", "count": 0}]}, "lines.1.count",
         ">= 1", "Au moins 1"),
        ({"name": "A", "lines": [{"count": 2}]}, "lines.0.item", "missing", "Il manque"),
        ([], "", "got `array`", "et non « array »"),
    ],
)  # fmt: skip
def test_a_field_that_does_not_fit_is_named_in_both_languages(
    house: House, body: object, where: str, english: str, french: str
) -> None:
    for language, text in (("en", english), ("fr-CA", french)):
        answer = house.ask("POST", "/api/orders", body, accept_language=language)
        assert answer.status == 422
        (error,) = said(answer)["errors"]
        assert error["field"] == where
        assert text in error["detail"]


@pytest.mark.parametrize(
    ("query", "status", "where"),
    [
        ("limit=many", 422, "limit"),
        ("limit=0", 422, "limit"),
        ("limit=1&limit=2", 422, "limit"),
        ("page=2", 422, "page"),
        ("limit=%FF", 400, None),
        ("&".join(f"a{number}=" for number in range(60)), 400, None),
    ],
)
def test_a_query_that_does_not_fit(
    house: House, query: str, status: int, where: str | None
) -> None:
    answer = house.ask("GET", f"/api/orders?{query}")
    assert answer.status == status
    assert [error["field"] for error in said(answer).get("errors", [])] == [where] * bool(where)


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"{", {}, 400),
        (b" ", {}, 400),
        (b'{"name": "\xff"}', {}, 400),
        (b"{}", {"content_type": "text/plain"}, 415),
        (b"{}", {"content_type": ""}, 415),
        (b"{}", {"content_type": "application/json; charset=latin-1"}, 415),
        (b'{"name": "A"}', {"content_type": 'application/JSON; charset="UTF-8"'}, 201),
    ],
)
def test_a_body_that_cannot_be_read(
    house: House, body: bytes, headers: dict[str, str], status: int
) -> None:
    assert house.ask("POST", "/api/orders", body, **headers).status == status


def test_a_body_that_is_too_deep() -> None:
    with pytest.raises(Problem) as refused:
        body_of(b'{"name": "A", "more": ' + b"[" * 50_000, Event)
    assert refused.value.status == 400


def test_a_body_that_is_larger_than_its_route_takes(house: House) -> None:
    answer = house.ask("POST", "/api/small", {"name": "A", "lines": []})
    assert answer.status == 413
    assert "20" in said(answer)["detail"]


# --- who may ---------------------------------------------------------------------------------


def test_who_asks_is_known_to_the_handler(house: House) -> None:
    target = "/api/orders/a/lines/1"
    assert house.ask("DELETE", target).status == 401
    assert said(house.ask("DELETE", target, authorization="devices:write"))["by"] == "hub"


def test_a_proof_is_looked_at_before_the_body(house: House) -> None:
    assert house.ask("POST", "/hooks/x", b"{", x_signature="bad").status == 401
    assert house.ask("POST", "/hooks/x", b"{", x_signature="good").status == 400
    proven = house.ask("POST", "/hooks/x", {"name": "A"}, content_type="", x_signature="good")
    assert proven.status == 200


def test_an_address_that_asks_too_often_is_told_when_to_come_back() -> None:
    house = House(per_minute=3)
    statuses = [house.ask("GET", "/api/orders").status for _ in range(4)]
    assert statuses == [200, 200, 200, 429]
    refused = house.ask("GET", "/nowhere")
    assert (refused.status, header(refused, "Retry-After")) == (429, "20")
    assert house.ask("GET", "/api/orders", peer="192.0.2.2").status == 200
    assert house.ask("POST", "/hooks/x", {"name": "A"}, x_signature="good").status == 200
    house.now += 20
    assert house.ask("GET", "/api/orders").status == 200


def test_who_fails_to_prove_itself_may_try_less_often() -> None:
    house = House(per_minute=25)
    tries = [house.ask("POST", "/hooks/x", {"name": "A"}).status for _ in range(4)]
    assert tries == [401, 401, 401, 429]


# --- answers -----------------------------------------------------------------------------------


def test_a_problem_is_said_in_the_language_of_who_asks(house: House) -> None:
    problem = said(house.ask("GET", "/nowhere", accept_language="fr"))
    assert problem == {
        "type": "urn:gigafibre-acs:404",
        "title": "Il n'y a rien de tel ici",
        "status": 404,
        "detail": "Cette adresse ne mène nulle part.",
        "request_id": "made-1",
    }


def test_a_defect_of_ours_shows_nothing_but_the_id_of_the_request(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = house.ask("GET", "/api/defect", x_request_id="trace.7")
    assert answer.status == 500
    assert b"1234" not in answer.body
    assert said(answer)["request_id"] == header(answer, "X-Request-Id") == "trace.7"
    assert "the password is 1234" in capsys.readouterr().out


def test_a_database_that_is_away_is_said_so(house: House) -> None:
    answer = house.ask("GET", "/api/away")
    assert answer.status == 503
    assert header(answer, "Retry-After") == "5"


@pytest.mark.parametrize("given", ["", "with blank", "x" * 65, "a\r\nb"])
def test_an_id_that_is_none_is_not_repeated(house: House, given: str) -> None:
    assert header(house.ask("GET", "/nowhere", x_request_id=given), "X-Request-Id") == "made-1"


def test_what_was_answered_is_counted_and_nothing_stays_under_way(house: House) -> None:
    house.ask("GET", "/api/orders")
    house.ask("GET", "/nowhere")
    assert house.statuses == [200, 404]
    assert house.site.under_way == 0
    assert house.site.finished().called


@pytest.mark.parametrize(
    ("field", "language"),
    [
        ("", Language.ENGLISH),
        ("fr", Language.FRENCH),
        ("fr-CA, en;q=0.8", Language.FRENCH),
        ("en, fr;q=0.9", Language.ENGLISH),
        ("de, fr;q=0.3, *;q=0.1", Language.FRENCH),
        ("fr;q=0", Language.ENGLISH),
        ("fr;q=x", Language.ENGLISH),
        ("*", Language.ENGLISH),
    ],
)
def test_the_language_that_is_wanted(field: str, language: Language) -> None:
    assert language_of(field) is language


def test_every_status_of_a_route_has_a_title() -> None:
    from acs.api.openapi import document

    paths: dict[str, Any] = document(ROUTES, "1")["paths"]
    statuses: Sequence[str] = paths["/api/orders"]["post"]["responses"]
    assert set(statuses) == {"201", "400", "413", "415", "422", "429", "503"}
