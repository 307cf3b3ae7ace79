"""Claims of agents by one of several servers, on SQLite and PostgreSQL."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from acs.store import Database
from acs.store.usp_claims import claim_thd, release_thd

ONT = "os::00259E-S1"


def claim(database: Database, holder: str, now: float) -> bool:
    return database.run("claim", claim_thd, ONT, holder, now, now + 120)


def test_one_server_has_an_agent_until_it_gives_it_up(database: Database) -> None:
    assert claim(database, "one", 1000.0)
    assert not claim(database, "two", 1001.0)
    assert claim(database, "one", 1002.0), "and may renew its claim"
    database.run("release", release_thd, ONT, "two")
    assert not claim(database, "two", 1003.0), "nobody gives up what another one has"
    database.run("release", release_thd, ONT, "one")
    assert claim(database, "two", 1004.0)


def test_a_claim_of_a_server_that_died_lapses(database: Database) -> None:
    assert claim(database, "one", 1000.0)
    assert not claim(database, "two", 1119.0)
    assert claim(database, "two", 1121.0)
    assert not claim(database, "one", 1122.0)


def test_of_many_that_ask_at_once_one_is_told_yes(database: Database) -> None:
    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(claim, database, f"server {n}", 1000.0) for n in range(8)]
        assert sum(each.result() for each in asked) == 1
