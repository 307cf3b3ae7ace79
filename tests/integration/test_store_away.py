"""A running server whose PostgreSQL goes away and comes back: refusals, health, log, recovery."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
from acs_fixtures import StartAcs
from raw_cpe import RawCpe
from running_acs import RunningAcs, wait_for

pytestmark = pytest.mark.skipif(
    os.environ.get("ACS_TEST_WITHOUT_POSTGRESQL") == "1", reason="needs PostgreSQL"
)
DATABASE = "goes_away"


@pytest.fixture(scope="module")
def served(start_acs: StartAcs, postgresql_server: str) -> RunningAcs:
    with psycopg.connect(f"{postgresql_server}/postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {DATABASE}")
    return start_acs(DATABASE_URL=f"{postgresql_server}/{DATABASE}?password=hunter2")


@contextmanager
def away(server: str) -> Iterator[None]:
    """Nobody is let in, and whoever is in is thrown out."""
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {DATABASE} WITH ALLOW_CONNECTIONS false")
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (DATABASE,)
        )
        try:
            yield
        finally:
            connection.execute(f"ALTER DATABASE {DATABASE} WITH ALLOW_CONNECTIONS true")


def test_a_database_that_goes_away_is_told_and_its_return_noticed_without_a_hand(
    served: RunningAcs, postgresql_server: str
) -> None:
    new, known = RawCpe(served.port(), "SNAWAY1"), RawCpe(served.port(), "SNAWAY2")
    known.account = ("A4B1C2-Gateway-SNAWAY2", "a password of its own")
    assert served.health()["status"] == "ok"
    with away(postgresql_server):
        for cpe in (new, known):
            refused = cpe.open("0 BOOTSTRAP")
            assert refused.status == 503
            assert int(refused.header("retry-after")) >= 1
            cpe.close()
        assert served.health()["status"] == "down"
    # Where the tries took long, new sessions are held back until none has to wait any more.
    wait_for("admission", lambda: served.metric("acs_admission_holds_back") == 0)
    assert new.session("0 BOOTSTRAP"), "it is served again"
    assert known.open("2 PERIODIC").status == 401, "its account is looked up again"
    wait_for("its health", lambda: served.health()["status"] == "ok")
    for cpe in (new, known):
        cpe.close()
    assert "Traceback" not in served.log + served.stderr
    assert "hunter2" not in served.log + served.stderr + str(served.health())


@contextmanager
def read_only(server: str) -> Iterator[None]:
    """As a standby is: it can be read, and not written."""
    _let_write(server, False)
    try:
        yield
    finally:
        _let_write(server, True)


def _let_write(server: str, yes: bool) -> None:
    setting = "off" if yes else "on"
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(
            f"ALTER DATABASE {DATABASE} SET default_transaction_read_only = {setting}"
        )
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (DATABASE,)
        )


def test_while_it_cannot_be_written_those_are_served_who_have_nothing_to_keep(
    served: RunningAcs, postgresql_server: str
) -> None:
    new, known = RawCpe(served.port(), "SNREAD1"), RawCpe(served.port(), "SNREAD2")
    known.session("0 BOOTSTRAP")
    known.session("2 PERIODIC")
    before = served.device("SNREAD2").last_seen
    with read_only(postgresql_server):
        known.session("2 PERIODIC")
        refused = new.open("0 BOOTSTRAP")
        assert refused.status == 503
        assert int(refused.header("retry-after")) >= 1
        new.close()
        report = served.health()
        assert report["status"] == "degraded", "devices are served"
        assert "read-only" in report["parts"]["store"]["detail"]
    new.session("0 BOOTSTRAP")
    wait_for("what was learned meanwhile", lambda: served.device("SNREAD2").last_seen > before)
    wait_for("its health", lambda: served.health()["status"] == "ok")
    for cpe in (new, known):
        cpe.close()
    assert "Traceback" not in served.log + served.stderr
