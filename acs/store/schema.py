"""Bringing a database's schema to what this release needs, and refusing what it does not know."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from acs.store.engine import Database
from acs.store.errors import SchemaOutdated, SchemaTooNew
from acs.store.sealing import unlock_digests_thd

_ADVISORY_LOCK = 0x41435342  # any number that no other program of this database uses


def current(db: Database) -> str | None:
    """Revision of the database's schema; None while it has none."""
    with db.read() as conn:
        return _current(conn)


def pending(db: Database) -> tuple[str, ...]:
    """Revisions that the database still lacks, in the order they will be applied.

    Raises `SchemaTooNew`.
    """
    return _pending(current(db))


def upgrade(db: Database) -> tuple[str, ...]:
    """Apply what is pending, all in one transaction, and return it.

    Processes that start together take turns: the second finds nothing left to do. Raises
    `SchemaTooNew`; after any error the schema is as it was.
    """
    return db.run("upgrade", _upgrade_thd)


def _upgrade_thd(conn: Connection) -> tuple[str, ...]:
    if conn.dialect.name == "postgresql":
        conn.execute(text("SET LOCAL statement_timeout = 0"))
        conn.execute(text("SET LOCAL lock_timeout = '60s'"))
        conn.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
    lacking = _pending(_current(conn))
    if lacking:
        config = _config()
        config.attributes["connection"] = conn
        command.upgrade(config, "head")
    return lacking


def prepare(db: Database) -> None:
    """Check that the schema fits and unlock the digests: call once before anything else.

    Raises `SchemaOutdated`, `SchemaTooNew`, `acs.store.errors.VaultError`.
    """
    lacking = pending(db)
    if lacking:
        raise SchemaOutdated(
            f"the schema of {db.safe_url} lacks {', '.join(lacking)}: run `acs db upgrade`"
        )
    db.run("unlock digests", unlock_digests_thd)


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config


def _current(conn: Connection) -> str | None:
    return MigrationContext.configure(conn).get_current_revision()


def _pending(now: str | None) -> tuple[str, ...]:
    scripts = ScriptDirectory.from_config(_config())
    known = [script.revision for script in scripts.walk_revisions()][::-1]
    if now is None:
        return tuple(known)
    if now not in known:
        raise SchemaTooNew(
            f"the database's schema {now!r} is newer than {known[-1]!r}, the last this release "
            "knows: start the release that upgraded it, or restore the backup made before"
        )
    return tuple(known[known.index(now) + 1 :])
