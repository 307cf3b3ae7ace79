"""Where a run keeps its databases: SQLite files, or a PostgreSQL cluster of its own."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import psycopg
from psycopg import sql

from bench.processes import BenchError, cpu_seconds
from simulators import postgresql
from simulators.postgresql import as_postgres

NAMES = ("sqlite", "postgresql")
_START_SECONDS = 30.0


class Databases(Protocol):
    """Databases of one kind; each belongs to a data directory, by whose name it goes."""

    def url(self, folder: Path) -> str:
        """What the server is told (`database.url`); made when it is not there."""

    def copy(self, old: Path, new: Path) -> None:
        """Make that of ``new`` a copy of that of ``old``, whose files are copied already."""

    def size(self, folder: Path) -> int:
        """Octets it takes on disk, once nothing is written any more."""

    def cpu(self) -> float:
        """CPU-seconds that processes of its own have spent."""


class Sqlite:
    """Files in the data directories."""

    def url(self, folder: Path) -> str:
        """The server's own default, said in full."""
        return f"sqlite:///{folder / 'acs.db'}"

    def copy(self, old: Path, new: Path) -> None:
        """It came with the directory."""

    def size(self, folder: Path) -> int:
        """The file and what lies beside it."""
        return sum(path.stat().st_size for path in folder.glob("acs.db*"))

    def cpu(self) -> float:
        """It is part of the server."""
        return 0.0


class Postgresql:
    """A running cluster; durable, with PostgreSQL's own defaults."""

    def __init__(self, port: int, pid: int) -> None:
        self._port = port
        self._pid = pid
        self._made: set[str] = set()

    def url(self, folder: Path) -> str:
        """A database named after the directory."""
        name = _name(folder)
        if name not in self._made:
            self._do(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
            self._made.add(name)
        return f"postgresql+psycopg://acs@127.0.0.1:{self._port}/{name}"

    def copy(self, old: Path, new: Path) -> None:
        """Make the new one from the old one as its template."""
        names = (sql.Identifier(_name(new)), sql.Identifier(_name(old)))
        self._do(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(*names))
        self._made.add(_name(new))

    def size(self, folder: Path) -> int:
        """Tables and indexes, the log of the cluster not counted."""
        with self._connect() as connection:
            asked = connection.execute("SELECT pg_database_size(%s)", (_name(folder),)).fetchone()
        return int(str(asked[0])) if asked else 0

    def cpu(self) -> float:
        """All processes of the cluster."""
        return cpu_seconds(self._pid)

    def stands(self) -> str:
        """Empty once it answers; else why not."""
        try:
            self._connect().close()
        except psycopg.OperationalError as error:
            return str(error)
        return ""

    def _do(self, statement: sql.Composed) -> None:
        with self._connect() as connection:
            connection.execute(statement)

    def _connect(self) -> psycopg.Connection[tuple[object, ...]]:
        return psycopg.connect(
            host="127.0.0.1", port=self._port, user="acs", dbname="postgres", autocommit=True
        )


@contextmanager
def databases(kind: str, folder: Path) -> Iterator[Databases]:
    """Databases of ``kind``, one of `NAMES`, below ``folder``. Raises `BenchError`."""
    if kind == "sqlite":
        yield Sqlite()
    else:
        with _cluster(folder) as running:
            yield running


@contextmanager
def _cluster(folder: Path) -> Iterator[Postgresql]:
    try:
        programs = postgresql.programs()
    except LookupError as error:
        raise BenchError(f"{error}: run `make setup-test`") from None
    home = folder / "postgresql"
    home.mkdir()
    if os.geteuid() == 0:
        # PostgreSQL does not run as root; its user must be able to come here.
        shutil.chown(home, "postgres", "postgres")
        folder.chmod(0o711)
    initdb = (str(programs / "initdb"), "-D", f"{home}/data", "-U", "acs", "-E", "UTF8")
    plain = ("--locale=C", "-A", "trust", "--no-sync", "--no-instructions")
    made = subprocess.run(as_postgres(*initdb, *plain), cwd=home, capture_output=True, text=True)
    if made.returncode:
        raise BenchError(f"initdb: {made.stderr}")
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = int(probe.getsockname()[1])
    options = (f"-cunix_socket_directories={home}", "-clisten_addresses=127.0.0.1")
    start = (str(programs / "postgres"), "-D", f"{home}/data", "-p", str(port), *options)
    with (folder / "postgresql.err").open("wb") as errors:
        server = subprocess.Popen(as_postgres(*start), cwd=home, stderr=errors)
    try:
        running = Postgresql(port, server.pid)
        _await(running, server)
        yield running
    finally:
        server.send_signal(signal.SIGQUIT)  # at once: nobody will read what it might write
        server.wait(10)


def _await(running: Postgresql, server: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + _START_SECONDS
    while why := running.stands():
        if server.poll() is not None or time.monotonic() > until:
            raise BenchError(f"PostgreSQL did not start: {why}")
        time.sleep(0.05)


def _name(folder: Path) -> str:
    return folder.name.replace(".", "_").replace("-", "_")
