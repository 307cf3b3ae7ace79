"""Tokens: made and taken back on the command line, kept as digests, good for what they say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cli_on_disk import House
from sqlalchemy import select
from twisted.internet.defer import Deferred, succeed

from acs.api.access import Access
from acs.api.problems import Problem
from acs.api.routes import Call, Caller, Route
from acs.api.scopes import Scope
from acs.store import tokens
from acs.store.lookups import Lookup
from acs.store.tables import api_tokens
from acs.store.tokens import Token

NOW = 1_790_000_000.0


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path / "data")


def test_a_token_is_shown_once_and_kept_as_a_digest(house: House) -> None:
    made = house.json("token", "create", "n8n", "--scope", "reprovision", "--days", "2")
    text = made["token"]
    assert text.startswith("acs_")
    assert len(text) > 40
    database = house.open()
    with database.begin() as conn:
        row = conn.execute(select(api_tokens)).one()
        assert text not in str(row)
        (found,) = tokens.find_thd(conn, [text, "acs_other"]).values()
    database.dispose()
    assert (found.name, found.scopes) == ("n8n", frozenset({"reprovision"}))
    assert found.is_good(found.created_at + 2 * 86_400 - 1)
    assert not found.is_good(found.created_at + 2 * 86_400)
    (listed,) = house.json("token", "list")["tokens"]
    assert listed["good"] is True
    assert text not in json.dumps(listed)


def test_a_name_is_used_once_until_it_is_taken_back(house: House) -> None:
    assert house.run("token", "create", "hub", "--scope", "*").exit_code == 0
    again = house.run("token", "create", "hub", "--scope", "*")
    assert again.exit_code == 1
    assert "acs token revoke hub" in again.output
    assert house.run("token", "revoke", "hub").exit_code == 0
    assert house.run("token", "revoke", "hub").exit_code == 1
    assert house.run("token", "create", "hub", "--scope", "*").exit_code == 0


def test_a_scope_that_is_none_is_refused(house: House) -> None:
    assert house.run("token", "create", "hub", "--scope", "everything").exit_code == 2
    assert house.run("token", "create", "a b", "--scope", "*").exit_code == 2


# --- who shows one -----------------------------------------------------------------------


class OneToken:
    """A store that knows one token, and counts how often its use is noted."""

    def __init__(self, token: Token) -> None:
        self.token = token
        self.noted = 0

    def load(self, _lookup: Lookup[str, Token], text: str) -> Deferred[Token | None]:
        return succeed(self.token if text == "acs_right" else None)

    def run(self, _name: str, _fn: object, *_args: object) -> Deferred[None]:
        self.noted += 1
        return succeed(None)


async def _nothing(_call: Call) -> None: ...


READ = Route("GET", "/", _nothing, "", scope=Scope.DEVICES_READ)
TOKEN = Token(1, "hub", frozenset({"devices:read"}), NOW, NOW + 60, 0.0, "")


def asked(store: OneToken, authorization: str, route: Route = READ, now: float = NOW) -> Caller:
    access = Access(store, lambda: now)  # type: ignore[arg-type]
    seeking = access.caller(route, authorization)
    try:
        while True:
            # All it awaits has come already.
            seeking.send(None)
    except StopIteration as over:
        caller: Caller = over.value
        return caller


def test_who_shows_a_good_token_is_known_by_its_name() -> None:
    store = OneToken(TOKEN)
    assert asked(store, "bearer acs_right").name == "hub"
    assert store.noted == 1


@pytest.mark.parametrize(
    ("authorization", "now", "challenge"),
    [
        ("", NOW, 'Bearer realm="acs"'),
        ("Basic YWNzX3JpZ2h0", NOW, 'Bearer realm="acs"'),
        ("Bearer right", NOW, 'Bearer realm="acs"'),
        ("Bearer acs_" + "x" * 300, NOW, 'Bearer realm="acs"'),
        ("Bearer acs_wrong", NOW, 'Bearer realm="acs", error="invalid_token"'),
        ("Bearer acs_right", NOW + 60, 'Bearer realm="acs", error="invalid_token"'),
    ],
)
def test_who_shows_no_good_token_is_challenged(
    authorization: str, now: float, challenge: str
) -> None:
    with pytest.raises(Problem) as refused:
        asked(OneToken(TOKEN), authorization, now=now)
    assert refused.value.status == 401
    assert refused.value.headers == (("WWW-Authenticate", challenge),)


def test_a_scope_that_is_lacking_is_named() -> None:
    write = Route("POST", "/", _nothing, "", scope=Scope.DEVICES_WRITE)
    with pytest.raises(Problem, match="lacks the scope devices:write") as refused:
        asked(OneToken(TOKEN), "Bearer acs_right", write)
    assert refused.value.status == 403
    every = Token(1, "all", frozenset({"*"}), NOW, 0.0, 0.0, "")
    assert asked(OneToken(every), "Bearer acs_right", write).name == "all"
