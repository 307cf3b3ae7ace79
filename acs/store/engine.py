"""The database: SQLite in WAL mode, or PostgreSQL through psycopg 3.

Functions whose names end in ``_thd`` take a `Connection` and run in a database thread.  They find
the vault and the realm on the connection (`vault_of`, `realm_of`), so that nobody hands secrets
through every call.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from random import uniform
from typing import Any, Concatenate, ParamSpec, TypeVar, final

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError

from acs.store.errors import BadDatabaseUrl, StoreHindered, StoreUnavailable
from acs.store.vault import Vault

P = ParamSpec("P")
T = TypeVar("T")

TRIES = 5
_FIRST_PAUSE = 0.05

# Serialisation failure, deadlock, lock not available; server starting, stopping or out of
# connections (PostgreSQL, appendix A).
_PASSING = frozenset({"40001", "40P01", "55P03", "57P01", "57P02", "57P03", "53300"})
_SQLITE_PASSING = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})

# Nothing is wrong with the work, and another try at once would not help: disk full, disk broken,
# out of memory, read only (a standby).
_HINDERED = frozenset({"53000", "53100", "53200", "53400", "58030", "25006"})
_SQLITE_HINDERED = frozenset(
    {
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_NOMEM,
    }
)

# Waiting for another process's transaction must end before the callers give up on us.
_SQLITE_PRAGMAS = (
    "PRAGMA busy_timeout=5000",
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA foreign_keys=ON",
    "PRAGMA cache_size=-16384",
    "PRAGMA mmap_size=67108864",
    "PRAGMA temp_store=MEMORY",
    "PRAGMA journal_size_limit=67108864",
)
# Room that history leaves can be given back to the disk. It has to be said before all else is
# written, and waits for whoever writes: to a file that is no longer new it is not said.
_NEW_SQLITE_PRAGMA = "PRAGMA auto_vacuum=INCREMENTAL"
# Our statements are short: compiling them (jit) costs more than it saves.
_POSTGRESQL_OPTIONS = (
    "-c statement_timeout=30s -c lock_timeout=10s -c idle_in_transaction_session_timeout=60s "
    "-c jit=off"
)

Observe = Callable[[str, float], None]
"""Told the name of a transaction and how many seconds it took, tries included."""


def _ignore(_name: str, _seconds: float) -> None:
    pass


@final
class Database:
    """One database with its vault.

    ``url``: ``sqlite:////path/acs.db`` or ``postgresql://user:password@host/name``.
    ``realm``: the Digest realm that HA1 digests are made for; devices' own passwords are void
    when it changes. ``observe``: see `Observe`. Raises `BadDatabaseUrl`.
    """

    def __init__(
        self,
        url: str,
        vault: Vault,
        *,
        realm: str,
        observe: Observe = _ignore,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.vault = vault
        self.trouble = ""
        """Why the last transaction of `run` found no usable database; empty after a good one."""
        self.hindrance = ""
        """Why nothing can be written; empty once a commit was written again."""
        self._observe = observe
        self._sleep = sleep
        self._url = _parse(url)
        options = {"acs_vault": vault, "acs_realm": realm}
        if self._url.get_backend_name() == "sqlite":
            self._engine = _sqlite(self._url, options)
        else:
            self._engine = _postgresql(self._url, options)
        self._reader = self._engine.execution_options(acs_read=True)

    @property
    def dialect(self) -> str:
        """``sqlite`` or ``postgresql``."""
        return self._engine.dialect.name

    @property
    def safe_url(self) -> str:
        """The URL without its password, for logs and messages."""
        return without_password(self._url)

    def __repr__(self) -> str:
        return f"Database({self.safe_url!r})"

    def begin(self) -> AbstractContextManager[Connection]:
        """Open a transaction that may write; committed at the end, rolled back on an error."""
        return self._engine.begin()

    def read(self) -> AbstractContextManager[Connection]:
        """Open a transaction that only reads; on SQLite it waits for no writer."""
        return self._reader.begin()

    def run(
        self,
        name: str,
        fn_thd: Callable[Concatenate[Connection, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Run ``fn_thd(connection, …)`` in a transaction of its own and return its result.

        It is run again, up to `TRIES` times with growing pauses, when the database was locked,
        chose it as a deadlock's victim, or was lost; then `StoreUnavailable` is raised. A
        connection lost during the commit itself leaves open whether the work was kept: it is then
        done again, so ``fn_thd`` may run twice. A database that is there but cannot write (disk
        full, read only) is `StoreHindered` at once. Other errors pass through.
        """
        started = time.monotonic()
        try:
            for tried in range(1, TRIES + 1):
                try:
                    with self._engine.begin() as conn:
                        result = fn_thd(conn, *args, **kwargs)
                except DBAPIError as error:
                    hindered = _is_hindered(error)
                    if not (hindered or is_passing(error)):
                        raise
                    if hindered or tried == TRIES:
                        self.trouble = f"{self.safe_url}: {_first_line(error.orig)}"
                        tries = f"no luck in {TRIES} tries on "
                        if hindered:
                            self.hindrance = self.trouble
                            raise StoreHindered(f"{name}: {self.trouble}") from error
                        raise StoreUnavailable(f"{name}: {tries}{self.trouble}") from error
                else:
                    self.trouble = ""
                    return result
                self._sleep(uniform(0.5, 1.0) * _FIRST_PAUSE * 2.0**tried)  # noqa: S311
            raise AssertionError("unreachable")
        finally:
            self._observe(name, time.monotonic() - started)

    def dispose(self) -> None:
        """Close all connections."""
        self._engine.dispose()


def without_password(url: URL) -> str:
    """Write a URL without its password, which may stand in its query too."""
    hidden = {name: "***" for name in url.query if "password" in name.lower()}
    text = url.update_query_dict(hidden).render_as_string(hide_password=True)
    return text.replace("%2A%2A%2A", "***")


def vault_of(conn: Connection) -> Vault:
    """The vault of the database this connection belongs to."""
    vault: Vault = conn.get_execution_options()["acs_vault"]
    return vault


def realm_of(conn: Connection) -> str:
    """The Digest realm of the database this connection belongs to."""
    realm: str = conn.get_execution_options()["acs_realm"]
    return realm


def is_passing(error: DBAPIError) -> bool:
    """Tell whether the same work may well succeed when tried again."""
    if error.connection_invalidated:
        return True
    cause = error.orig
    if isinstance(cause, sqlite3.OperationalError):
        return getattr(cause, "sqlite_errorcode", 0) & 0xFF in _SQLITE_PASSING
    state = getattr(cause, "sqlstate", "")
    # No state at all: the server was not reached.
    return isinstance(error, OperationalError) if state is None else state in _PASSING


def _is_hindered(error: DBAPIError) -> bool:
    """Tell whether the database is there but cannot do any such work for now."""
    cause = error.orig
    if isinstance(cause, sqlite3.OperationalError):
        return getattr(cause, "sqlite_errorcode", 0) & 0xFF in _SQLITE_HINDERED
    return getattr(cause, "sqlstate", "") in _HINDERED


def _first_line(cause: object) -> str:
    # What PostgreSQL says in further lines may quote values.
    return str(cause).partition("\n")[0]


def _parse(text: str) -> URL:
    try:
        url = make_url(text)
        backend = url.get_backend_name()
    except (ArgumentError, ValueError):
        # The text is not shown: it may hold a password.
        raise BadDatabaseUrl(
            "the database URL cannot be read; write sqlite:////path/acs.db "
            "or postgresql://user:password@host/name"
        ) from None
    if backend == "postgresql":
        return url.set(drivername="postgresql+psycopg")
    if backend != "sqlite":
        raise BadDatabaseUrl(f"{backend} is not supported; use sqlite or postgresql")
    if not url.database or url.database == ":memory:":
        raise BadDatabaseUrl("SQLite needs a file: write sqlite:////path/acs.db")
    return url


def _sqlite(url: URL, options: dict[str, Any]) -> Engine:
    path = Path(url.database or "")
    for parent in reversed(path.absolute().parents):
        parent.mkdir(mode=0o700, exist_ok=True)
    # SQLite gives its -wal and -shm files the mode of the database file.
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    engine = create_engine(
        url,
        hide_parameters=True,
        execution_options=options,
        connect_args={"check_same_thread": False},
    )

    @event.listens_for(engine, "connect")
    def _connected(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None  # the driver must not begin transactions by itself
        first, *others = _SQLITE_PRAGMAS
        connection.execute(first)
        if connection.execute("PRAGMA page_count").fetchone() == (0,):
            connection.execute(_NEW_SQLITE_PRAGMA)
        for pragma in others:
            connection.execute(pragma)

    @event.listens_for(engine, "begin")
    def _begin(conn: Connection) -> None:
        # A reader that turns writer cannot wait for its turn, so writers begin as such.
        read = conn.get_execution_options().get("acs_read", False)
        conn.exec_driver_sql("BEGIN" if read else "BEGIN IMMEDIATE")

    return engine


def _postgresql(url: URL, options: dict[str, Any]) -> Engine:
    return create_engine(
        url,
        hide_parameters=True,
        execution_options=options,
        pool_pre_ping=True,
        pool_size=4,
        max_overflow=4,
        pool_timeout=10,
        connect_args={
            "application_name": "gigafibre-acs",
            "connect_timeout": 10,
            "options": _POSTGRESQL_OPTIONS,
        },
    )
