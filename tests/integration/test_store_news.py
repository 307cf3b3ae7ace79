"""News is consumed once by each consumer, whatever happens in between; both databases."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Connection

from acs.devices.news import News, NewsKind
from acs.store import Database
from acs.store.news import KeptNews, add_thd, consume_thd, cursor_thd, last_thd, prune_thd, read_thd
from acs.store.notes import leave_note_thd, read_note_thd


def news(number: int, at: float = 1000.0) -> News:
    detail = {"serial_number": f"S{number}"}
    return News(NewsKind.ONLINE, at, number, f"os::A-S{number}", "EQP-1", "It booted.", detail)


def derived(conn: Connection) -> list[str]:
    return (read_note_thd(conn, "derived") or b"").decode().split()


def derive(conn: Connection, some: Sequence[KeptNews]) -> None:
    words = [*derived(conn), *(each.subject for each in some)]
    leave_note_thd(conn, "derived", " ".join(words).encode())


def test_each_piece_of_news_is_derived_from_once_and_in_order(database: Database) -> None:
    database.run("news", add_thd, [news(n) for n in range(5)])
    counts = [database.run("take", consume_thd, "one", 3, derive) for _ in range(3)]
    assert counts == [3, 2, 0]
    with database.read() as conn:
        assert derived(conn) == [f"os::A-S{n}" for n in range(5)]
        assert cursor_thd(conn, "one") == last_thd(conn)
        assert cursor_thd(conn, "another") == 0, "consumers read at their own pace"
        (first,) = read_thd(conn, 0, 1)
    assert (first.kind, first.at, first.equipment) == ("device.online", 1000.0, "EQP-1")
    assert first.detail == {"serial_number": "S0"}


def test_who_is_killed_while_deriving_has_derived_nothing(database: Database) -> None:
    def killed(conn: Connection, some: Sequence[KeptNews]) -> None:
        derive(conn, some)
        raise KeyboardInterrupt

    database.run("news", add_thd, [news(1)])
    with pytest.raises(KeyboardInterrupt):
        database.run("take", consume_thd, "one", 10, killed)
    with database.read() as conn:
        assert derived(conn) == []
    assert database.run("take", consume_thd, "one", 10, derive) == 1


def test_two_that_consume_under_one_name_wait_for_each_other(database: Database) -> None:
    database.run("news", add_thd, [news(n) for n in range(12)])
    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(database.run, "take", consume_thd, "one", 3, derive) for _ in range(6)]
        assert sum(each.result() for each in asked) == 12
    with database.read() as conn:
        assert derived(conn) == [f"os::A-S{n}" for n in range(12)]


def test_old_news_is_forgotten_a_piece_at_a_time(database: Database) -> None:
    database.run("news", add_thd, [news(1, 10.0), news(2, 20.0), news(3, 5000.0)])
    with database.read() as conn:
        ids = [each.id for each in read_thd(conn, 0, 10)]
    assert database.run("prune", prune_thd, 1000.0, 1) == ids[:1]
    assert database.run("prune", prune_thd, 1000.0, 10) == ids[1:2]
    assert database.run("prune", prune_thd, 1000.0, 10) == []
    with database.read() as conn:
        assert [each.subject for each in read_thd(conn, 0, 10)] == ["os::A-S3"]
