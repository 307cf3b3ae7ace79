"""The database: reachable, of this release, opened by the key, sound."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import text

from acs.cli.database import as_it_is, file_of
from acs.cli.db import inspect, octets
from acs.settings import Settings
from acs.store import Database, VaultError, prepare
from erp_bridge.schema import Finding, Level

_CHECKED_UP_TO = 500_000_000
"""Octets; a larger file takes too long to read whole."""


def check(settings: Settings) -> Iterator[Finding]:
    """Look at the database without changing its schema."""
    path = file_of(settings)
    if path is not None and not path.exists():
        yield Finding(Level.OK, f"{path} will be made at the first start")
        return
    with as_it_is(settings) as database:
        found = inspect(database, path)
        size = octets(found["octets"])
        yield Finding(Level.OK, f"{database.safe_url} can be reached, {size}")
        if found["pending"]:
            yield Finding(
                Level.WARNING,
                f"Its schema lacks {', '.join(found['pending'])}",
                "acs db backup FILE, then acs db upgrade; acs serve does it when it starts",
            )
            return
        yield Finding(Level.OK, f"Its schema is that of this release ({found['schema']})")
        yield from _key(database)
        if path is not None:
            yield from _file(database, path, found["journal"], found["wal_octets"])


def _key(database: Database) -> Iterator[Finding]:
    try:
        prepare(database)
    except VaultError as error:
        yield Finding(Level.ERROR, str(error), "Put the right secrets.toml back")
    else:
        yield Finding(Level.OK, "The key opens its secrets")


def _file(database: Database, path: Path, journal: str, wal: int) -> Iterator[Finding]:
    if journal != "wal":
        yield Finding(
            Level.WARNING,
            f"Its journal is {journal!r}, not WAL: readers and the writer block each other",
            "Keep it on a local file system; WAL does not work on network ones",
        )
    if wal > 256_000_000:
        yield Finding(
            Level.WARNING,
            f"{octets(wal)} wait to be merged into the file",
            "Something reads for very long, such as a copying program; use acs db backup",
        )
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o007:
        yield Finding(
            Level.WARNING,
            f"{path} may be read by everybody on this machine ({mode:04o})",
            f"chmod 600 {path}",
        )
    if path.stat().st_size > _CHECKED_UP_TO:
        yield Finding(Level.OK, "It is too large to be read whole here: not checked for damage")
        return
    with database.read() as conn:
        verdict = conn.scalar(text("PRAGMA quick_check(1)"))
    if verdict == "ok":
        yield Finding(Level.OK, "Its file is sound")
    else:
        yield Finding(
            Level.ERROR,
            f"Its file is damaged: {verdict}",
            "Stop the server, keep the file, and go back to the last copy; look at the disk",
        )
