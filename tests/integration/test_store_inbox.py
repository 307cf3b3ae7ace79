"""The inbox of webhooks: each once, the newest for all of its document, bounded."""

from __future__ import annotations

from dataclasses import replace

import pytest

from acs.store import Database
from acs.store.errors import Overloaded
from acs.store.inbox import (
    Arrival,
    InboxState,
    Settled,
    add_thd,
    counts_thd,
    prune_thd,
    recent_thd,
    settle_thd,
    waiting_thd,
)

FIRST = Arrival("erpnext", "k1", "Service Equipment", "EQ-1", "2026-11-22 04:53:40.123456")
SECOND = replace(FIRST, key="k2", modified="2026-11-22 04:53:41.000000")
OTHER = replace(FIRST, key="k3", name="EQ-2")


def test_a_webhook_delivered_again_is_the_same_row(database: Database) -> None:
    with database.begin() as conn:
        assert add_thd(conn, [FIRST, FIRST, OTHER], 1000.0) == [True, False, True]
    with database.begin() as conn:
        assert add_thd(conn, [FIRST], 1001.0) == [False]
        rows = waiting_thd(conn, 1001.0, 10)
    assert [(row.key, row.doctype, row.name, row.modified) for row in rows] == [
        ("k1", "Service Equipment", "EQ-1", "2026-11-22 04:53:40.123456"),
        ("k3", "Service Equipment", "EQ-2", "2026-11-22 04:53:40.123456"),
    ]
    assert rows[0].received_at == 1000.0


def test_the_same_key_of_another_source_is_another_row(database: Database) -> None:
    with database.begin() as conn:
        assert add_thd(conn, [FIRST, replace(FIRST, source="hub")], 1000.0) == [True, True]


def test_the_newest_row_of_a_document_stands_for_all(database: Database) -> None:
    with database.begin() as conn:
        add_thd(conn, [FIRST, OTHER, SECOND], 1000.0)
        assert [row.key for row in waiting_thd(conn, 1000.0, 10)] == ["k3", "k2"]
        assert counts_thd(conn) == {InboxState.WAITING: 2, InboxState.MERGED: 1}


def test_what_arrives_while_a_document_is_read_is_not_settled_with_it(database: Database) -> None:
    with database.begin() as conn:
        add_thd(conn, [FIRST], 1000.0)
        (under_way,) = waiting_thd(conn, 1000.0, 10)
        add_thd(conn, [SECOND], 1001.0)
        settle_thd(conn, [Settled(under_way.id, InboxState.DONE)], 1002.0)
        assert [row.key for row in waiting_thd(conn, 1002.0, 10)] == ["k2"]
        states = {row.key: row.state for row in recent_thd(conn)}
    assert states == {"k1": InboxState.MERGED, "k2": InboxState.WAITING}


def test_a_row_waits_for_its_next_try_and_ends_with_its_error(database: Database) -> None:
    with database.begin() as conn:
        add_thd(conn, [FIRST], 1000.0)
        (row,) = waiting_thd(conn, 1000.0, 10)
        settle_thd(conn, [Settled(row.id, InboxState.WAITING, "site is away", 1060.0)], 1001.0)
        assert waiting_thd(conn, 1059.0, 10) == []
        (again,) = waiting_thd(conn, 1060.0, 10)
        assert (again.attempts, again.error, again.ended_at) == (1, "site is away", 0.0)
        settle_thd(conn, [Settled(row.id, InboxState.FAILED, "no such document")], 1061.0)
        (ended,) = recent_thd(conn, states=[InboxState.FAILED])
    assert (ended.attempts, ended.error, ended.ended_at) == (2, "no such document", 1061.0)


def test_a_full_inbox_takes_none_of_a_batch(database: Database) -> None:
    with database.begin() as conn:
        add_thd(conn, [FIRST, OTHER], 1000.0, limit=2)
        with pytest.raises(Overloaded, match="2 webhooks wait"):
            add_thd(conn, [SECOND], 1001.0, limit=2)
        assert counts_thd(conn) == {InboxState.WAITING: 2}


def test_rows_are_forgotten_some_time_after_they_ended(database: Database) -> None:
    with database.begin() as conn:
        add_thd(conn, [FIRST, OTHER], 1000.0)
        row = waiting_thd(conn, 1000.0, 1)[0]
        settle_thd(conn, [Settled(row.id, InboxState.DONE)], 1500.0)
        assert prune_thd(conn, 1500.0, 10) == 0
        assert prune_thd(conn, 1501.0, 10) == 1
        assert [row.key for row in recent_thd(conn)] == ["k3"]
        assert add_thd(conn, [FIRST], 2000.0) == [True]
