"""URLs, errors and retries of the database."""

from __future__ import annotations

import itertools
import sqlite3
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import IntegrityError, OperationalError

from acs.store.engine import TRIES, Database, is_passing, realm_of, vault_of
from acs.store.errors import BadDatabaseUrl, StoreUnavailable
from acs.store.vault import Vault

VAULT = Vault({"a": bytes(32)}, "a")


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("sqlite://", "needs a file"),
        ("sqlite:///:memory:", "needs a file"),
        ("mysql://u:hunter2@h/d", "mysql is not supported"),
        ("hunter2", "cannot be read"),
        ("postgresql://u:hunter2@h:port/d", "cannot be read"),
    ],
)
def test_urls_that_cannot_be_used_are_refused_without_showing_them(url: str, message: str) -> None:
    with pytest.raises(BadDatabaseUrl, match=message) as caught:
        Database(url, VAULT, realm="r")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("scheme", ["postgresql", "postgresql+psycopg"])
def test_the_password_of_a_url_is_not_shown(scheme: str) -> None:
    database = Database(f"{scheme}://acs:hunter2@db.example/acs", VAULT, realm="r")
    assert database.safe_url == "postgresql+psycopg://acs:***@db.example/acs"
    assert "hunter2" not in repr(database)
    assert database.dialect == "postgresql"


def test_a_password_in_the_query_of_a_url_is_not_shown() -> None:
    url = "postgresql://acs@db.example/acs?password=hunter2&sslpassword=hunter3&sslmode=require"
    shown = Database(url, VAULT, realm="r").safe_url
    assert "hunter" not in shown
    assert "sslmode=require" in shown


def test_values_do_not_show_in_errors(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/a.db", VAULT, realm="r")
    with database.begin() as conn, pytest.raises(OperationalError) as caught:
        conn.execute(text("INSERT INTO nowhere VALUES (:value)"), {"value": "hunter2"})
    assert "hunter2" not in str(caught.value)


def test_a_connection_knows_vault_and_realm(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/a.db", VAULT, realm="the realm")
    for opened in (database.begin, database.read):
        with opened() as conn:
            assert (vault_of(conn), realm_of(conn)) == (VAULT, "the realm")


def test_a_locked_database_is_tried_again_then_named_unavailable(tmp_path: Path) -> None:
    pauses: list[float] = []
    timed: list[str] = []
    url = f"sqlite:///{tmp_path}/a.db"
    database = Database(
        url,
        VAULT,
        realm="r",
        sleep=pauses.append,
        observe=lambda name, seconds: timed.append(name),
    )

    def fail_thd(conn: Connection) -> None:
        raise _locked()

    with pytest.raises(StoreUnavailable, match=f"save: no luck in {TRIES} tries"):
        database.run("save", fail_thd)
    assert len(pauses) == TRIES - 1
    assert all(earlier < later for earlier, later in itertools.pairwise(pauses))
    assert timed == ["save"]


def test_work_that_failed_in_passing_is_kept_once_it_succeeds(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/a.db", VAULT, realm="r", sleep=lambda _: None)
    with database.begin() as conn:
        conn.execute(text("CREATE TABLE t (x)"))
    failures = [_locked(), _locked()]

    def insert_thd(conn: Connection, value: int) -> str:
        conn.execute(text("INSERT INTO t VALUES (:x)"), {"x": value})
        if failures:
            raise failures.pop()
        return "kept"

    assert database.run("insert", insert_thd, 5) == "kept"
    with database.read() as conn:
        assert conn.execute(text("SELECT x FROM t")).all() == [(5,)]


@pytest.mark.parametrize(
    "cause",
    [
        psycopg.errors.DiskFull("no space left\nhunter2"),
        psycopg.errors.ReadOnlySqlTransaction("cannot execute UPDATE"),
        pytest.param(sqlite3.SQLITE_FULL, id="SQLITE_FULL"),
        pytest.param(sqlite3.SQLITE_IOERR_WRITE, id="SQLITE_IOERR_WRITE"),
        pytest.param(sqlite3.SQLITE_READONLY, id="SQLITE_READONLY"),
    ],
)
def test_a_hindered_database_is_unavailable_at_once_until_work_succeeds(
    tmp_path: Path, cause: Exception | int
) -> None:
    database = Database(f"sqlite:///{tmp_path}/a.db", VAULT, realm="r", sleep=lambda _: None)
    tried: list[None] = []

    def fail_thd(conn: Connection) -> None:
        tried.append(None)
        raise OperationalError("", {}, _sqlite(cause) if isinstance(cause, int) else cause)

    with pytest.raises(StoreUnavailable) as caught:
        database.run("save", fail_thd)
    assert len(tried) == 1
    assert "hunter2" not in str(caught.value)
    assert database.trouble in str(caught.value)
    database.run("look", lambda conn: None)
    assert database.trouble == ""


def _locked() -> OperationalError:
    cause = sqlite3.OperationalError("database is locked")
    cause.sqlite_errorcode = sqlite3.SQLITE_BUSY
    return OperationalError("", {}, cause)


def _sqlite(code: int) -> sqlite3.OperationalError:
    cause = sqlite3.OperationalError("x")
    cause.sqlite_errorcode = code
    return cause


@pytest.mark.parametrize(
    ("cause", "passing"),
    [
        (psycopg.errors.SerializationFailure(), True),
        (psycopg.errors.DeadlockDetected(), True),
        (psycopg.errors.AdminShutdown(), True),
        (psycopg.errors.CannotConnectNow(), True),
        (psycopg.errors.TooManyConnections(), True),
        (psycopg.OperationalError("connection refused"), True),
        (psycopg.errors.UniqueViolation(), False),
        (psycopg.errors.DiskFull(), False),
        (_sqlite(sqlite3.SQLITE_BUSY_SNAPSHOT), True),
        (_sqlite(sqlite3.SQLITE_FULL), False),
        (sqlite3.IntegrityError("x"), False),
    ],
)
def test_what_is_tried_again(cause: Exception, passing: bool) -> None:
    kind = IntegrityError if isinstance(cause, sqlite3.IntegrityError) else OperationalError
    assert is_passing(kind("", {}, cause)) is passing


def test_a_database_file_of_ones_own_keeps_the_mode_it_has(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    path.touch(mode=0o640)
    path.chmod(0o640)  # whatever the umask
    Database(f"sqlite:///{path}", VAULT, realm="r").dispose()
    assert path.stat().st_mode & 0o777 == 0o640


def test_a_new_connection_reads_while_another_process_writes(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/a.db"
    writer = Database(url, VAULT, realm="r")
    with writer.begin() as conn:
        conn.execute(text("CREATE TABLE t (x)"))
    with writer.begin() as conn:
        conn.execute(text("INSERT INTO t VALUES (1)"))
        with Database(url, VAULT, realm="r").read() as other:
            assert other.execute(text("SELECT x FROM t")).all() == []
            given_back = other.execute(text("PRAGMA auto_vacuum")).scalar()
    assert given_back == 2, "a new file gives room back to the disk"
