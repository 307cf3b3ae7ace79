"""Requests that are carried out once, and tokens, on both databases."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import select

from acs.store import Database, tokens
from acs.store.idempotency import KEEP_SECONDS, Kept, Once, OtherRequest, once_thd, prune_thd
from acs.store.tables import idempotency

NOW = 1_790_000_000.0
ONCE = Once("hub /x", "k", "digest")


def refuses() -> Kept:
    raise AssertionError("it was carried out before")


def answers(status: int, body: bytes = b"{}") -> Callable[[], Kept]:
    return lambda: Kept(status, body)


def test_a_request_is_carried_out_once_for_its_key(database: Database) -> None:
    with database.begin() as conn:
        assert once_thd(conn, ONCE, NOW, answers(202, b"first")) == Kept(202, b"first")
    with database.begin() as conn:
        assert once_thd(conn, ONCE, NOW + 9, refuses) == Kept(202, b"first", again=True)
        with pytest.raises(OtherRequest):
            once_thd(conn, Once("hub /x", "k", "another"), NOW, refuses)
        # The key of somebody else is another one.
        of_n8n = Once("n8n /x", "k", "digest")
        assert once_thd(conn, of_n8n, NOW, answers(202, b"second")).body == b"second"


def test_a_key_may_be_used_anew_after_its_time(database: Database) -> None:
    late = NOW + KEEP_SECONDS + 1
    with database.begin() as conn:
        once_thd(conn, ONCE, NOW, answers(202, b"first"))
        once_thd(conn, Once("n8n /x", "k", "digest"), NOW, answers(202))
        other = Once("hub /x", "k", "another")
        assert once_thd(conn, other, late, answers(200, b"later")) == Kept(200, b"later")
        assert prune_thd(conn, late, 10) == 1
        assert [row.scope for row in conn.execute(select(idempotency))] == ["hub /x"]


def test_what_failed_may_be_tried_again_under_its_key(database: Database) -> None:
    def fails() -> Kept:
        raise RuntimeError("half done")

    with database.begin() as conn:
        assert once_thd(conn, ONCE, NOW, answers(404)).status == 404
    with pytest.raises(RuntimeError), database.begin() as conn:
        once_thd(conn, ONCE, NOW, fails)
    with database.begin() as conn:
        assert once_thd(conn, ONCE, NOW, answers(202)) == Kept(202, b"{}")


def test_a_token_is_found_by_what_is_shown(database: Database) -> None:
    with database.begin() as conn:
        text = tokens.create_thd(conn, "hub", ["b", "a"], NOW, expires_at=NOW + 60)
        assert text is not None
        assert tokens.create_thd(conn, "hub", ["a"], NOW) is None
    with database.begin() as conn:
        found = tokens.find_thd(conn, ["acs_other", text])
        assert list(found) == [text]
        tokens.used_thd(conn, found[text].id, NOW + 5)
        (listed,) = tokens.list_thd(conn)
        assert (listed.scopes, listed.last_used_at) == (frozenset({"a", "b"}), NOW + 5)
        assert tokens.revoke_thd(conn, "hub")
        assert tokens.find_thd(conn, [text]) == {}
