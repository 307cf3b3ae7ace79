"""Bringing a database's schema to what this release needs, and refusing what it does not know.

Every start and every command looks whether the schema fits; Alembic, which is slow to load, is
loaded only where there is something to apply.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, inspect, text

from acs.store.engine import Database
from acs.store.errors import SchemaOutdated, SchemaTooNew
from acs.store.sealing import unlock_digests_thd

_MIGRATIONS = Path(__file__).parent / "migrations"
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
        from alembic import command
        from alembic.config import Config

        config = Config()
        config.set_main_option("script_location", str(_MIGRATIONS))
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


def revisions() -> tuple[str, ...]:
    """All revisions this release knows, oldest first: their scripts are named so."""
    scripts = sorted((_MIGRATIONS / "versions").glob("[0-9]*_*.py"))
    return tuple(script.name.partition("_")[0] for script in scripts)


def _current(conn: Connection) -> str | None:
    if not inspect(conn).has_table("alembic_version"):
        return None
    now: str | None = conn.scalar(text("SELECT version_num FROM alembic_version"))
    return now


def _pending(now: str | None) -> tuple[str, ...]:
    known = revisions()
    if now is None:
        return known
    if now not in known:
        raise SchemaTooNew(
            f"the database's schema {now!r} is newer than {known[-1]!r}, the last this release "
            "knows: start the release that upgraded it, or restore the backup made before"
        )
    return known[known.index(now) + 1 :]
