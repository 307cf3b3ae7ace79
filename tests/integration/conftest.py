"""Databases for tests: SQLite files, and a PostgreSQL cluster of the run's own.

Nothing is installed or configured on the machine: the cluster lives in a temporary directory,
listens on a free loopback port, and ends with the test run, however that ends.  Every test gets
a fresh database, copied from a migrated template.
"""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from acs_fixtures import (  # noqa: F401 - fixtures of the running program
    acs,
    certificates,
    erpnext,
    home,
    live_acs,
    make_home,
    new_cpe,
    start_acs,
)

from acs.store import Database, Vault, prepare, upgrade
from simulators import postgresql
from simulators.postgresql import as_postgres

REALM = "gigafibre-acs"
_NUMBERS = itertools.count(1)


def new_vault() -> Vault:
    return Vault({"first": bytes(range(32))}, "first")


@pytest.fixture
def vault() -> Vault:
    return new_vault()


def _migrate(url: str) -> None:
    database = Database(url, new_vault(), realm=REALM)
    upgrade(database)
    prepare(database)
    database.dispose()


# --- PostgreSQL ---------------------------------------------------------------------------


def _is_root() -> bool:
    return os.geteuid() == 0


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


_FAST = (
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
    "autovacuum=off",
    "wal_level=minimal",
    "max_wal_senders=0",
    "max_connections=40",
    "shared_buffers=32MB",
    "max_wal_size=256MB",
    "listen_addresses=127.0.0.1",
    "log_min_messages=log",
    "log_checkpoints=off",
)


_MEMORY = Path("/dev/shm")
_ROOM = 2 << 30


def _quick_place() -> str | None:
    """A directory in memory, where there is plenty of room: a fresh database is 500 files."""
    try:
        quick = os.access(_MEMORY, os.W_OK) and shutil.disk_usage(_MEMORY).free >= _ROOM
    except OSError:
        quick = False
    return str(_MEMORY) if quick else None


def _await_ready(server: subprocess.Popen[bytes]) -> None:
    assert server.stderr is not None
    said = []
    for line in server.stderr:
        said.append(line.decode(errors="replace"))
        if b"ready to accept connections" in line:
            return
    pytest.fail("PostgreSQL did not start:\n" + "".join(said))


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    """URL of a PostgreSQL server without a database name; one per test process."""
    try:
        programs = postgresql.programs()
    except LookupError as error:
        pytest.fail(
            f"{error}: `apt-get install postgresql`, "
            "or leave its tests out with ACS_TEST_WITHOUT_POSTGRESQL=1"
        )
    with tempfile.TemporaryDirectory(prefix="acs-postgresql-", dir=_quick_place()) as name:
        if _is_root():
            shutil.chown(name, "postgres", "postgres")
        initdb = (str(programs / "initdb"), "-D", f"{name}/data", "-U", "acs", "-E", "UTF8")
        plain = ("--locale=C", "-A", "trust", "--no-sync", "--no-instructions")
        made = subprocess.run(
            as_postgres(*initdb, *plain), cwd=name, capture_output=True, text=True, check=False
        )
        assert made.returncode == 0, made.stderr
        port = _free_port()
        options = [f"-c{setting}" for setting in (*_FAST, f"unix_socket_directories={name}")]
        start = (str(programs / "postgres"), "-D", f"{name}/data", "-p", str(port), *options)
        server = subprocess.Popen(as_postgres(*start), cwd=name, stderr=subprocess.PIPE)
        try:
            _await_ready(server)
            yield f"postgresql://acs@127.0.0.1:{port}"
        finally:
            server.send_signal(signal.SIGQUIT)  # at once: nobody will read what it might write
            server.wait(10)
            assert server.stderr is not None
            server.stderr.close()


@pytest.fixture(scope="session")
def _postgresql_template(postgresql_server: str) -> str:
    with psycopg.connect(f"{postgresql_server}/postgres", autocommit=True) as connection:
        connection.execute("CREATE DATABASE migrated")
    _migrate(f"{postgresql_server}/migrated")
    return postgresql_server


def _postgresql_database(server: str, template: str) -> Iterator[str]:
    name = f"test_{next(_NUMBERS)}"
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        # Where there is a choice, to copy files takes half as long as to log each page.
        choice = connection.info.server_version >= 150_000
        how = "STRATEGY file_copy" if choice else ""
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template} {how}")
    yield f"{server}/{name}"
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


# --- both -----------------------------------------------------------------------------------

_BACKENDS = (
    ["sqlite"] if os.environ.get("ACS_TEST_WITHOUT_POSTGRESQL") == "1" else ["sqlite", "postgresql"]
)


@pytest.fixture(scope="session")
def _sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "acs.db"
    _migrate(f"sqlite:///{path}")
    return path


@pytest.fixture(params=_BACKENDS)
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """URL of a database without any table, once per kind of database."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/acs.db"
    else:
        server = request.getfixturevalue("postgresql_server")
        yield from _postgresql_database(server, "template1")


@pytest.fixture(params=_BACKENDS)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """URL of a fresh, migrated database, once per kind of database."""
    if request.param == "sqlite":
        copy = tmp_path / "acs.db"
        shutil.copy(request.getfixturevalue("_sqlite_template"), copy)
        yield f"sqlite:///{copy}"
    else:
        yield from _postgresql_database(request.getfixturevalue("_postgresql_template"), "migrated")


@pytest.fixture
def sqlite_url(_sqlite_template: Path, tmp_path: Path) -> str:
    """URL of a fresh, migrated SQLite database."""
    return f"sqlite:///{shutil.copy(_sqlite_template, tmp_path / 'acs.db')}"


@pytest.fixture
def database(database_url: str, vault: Vault) -> Iterator[Database]:
    """A fresh, migrated database, once per kind of database."""
    opened = Database(database_url, vault, realm=REALM)
    prepare(opened)
    yield opened
    opened.dispose()
