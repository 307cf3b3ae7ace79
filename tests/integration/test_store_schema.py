"""The schema: migrations agree with the tables, run once, and refuse what they do not know."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text

from acs.store import (
    Database,
    SchemaOutdated,
    SchemaTooNew,
    Vault,
    current,
    pending,
    prepare,
    schema,
    upgrade,
)
from acs.store.tables import metadata

REALM = "gigafibre-acs"


def test_migrations_make_exactly_the_tables(database: Database) -> None:
    with database.begin() as conn:
        context = MigrationContext.configure(conn, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
        assert set(inspect(conn).get_table_names()) == {*metadata.tables, "alembic_version"}


def test_upgrade_brings_an_empty_database_to_the_newest_revision(
    empty_database_url: str, vault: Vault
) -> None:
    database = Database(empty_database_url, vault, realm=REALM)
    assert current(database) is None
    lacking = pending(database)
    with pytest.raises(SchemaOutdated, match="acs db upgrade"):
        prepare(database)
    assert upgrade(database) == lacking
    assert current(database) == lacking[-1]
    assert upgrade(database) == ()
    prepare(database)
    database.dispose()


def test_processes_that_upgrade_at_once_take_turns(empty_database_url: str) -> None:
    def go(_: int) -> tuple[str, ...]:
        database = Database(empty_database_url, Vault({"k": bytes(32)}, "k"), realm=REALM)
        try:
            return upgrade(database)
        finally:
            database.dispose()

    with ThreadPoolExecutor(4) as pool:
        applied = list(pool.map(go, range(4)))
    assert sorted(map(len, applied))[:3] == [0, 0, 0]
    assert max(map(len, applied)) >= 1


def test_a_schema_of_a_later_release_is_refused(database: Database) -> None:
    with database.begin() as conn:
        conn.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    for refuse in (prepare, upgrade, pending):
        with pytest.raises(SchemaTooNew, match=r"9999.*newer"):
            refuse(database)


def test_a_failed_migration_leaves_nothing_behind(empty_database_url: str, vault: Vault) -> None:
    database = Database(empty_database_url, vault, realm=REALM)
    with database.begin() as conn:
        conn.execute(text("CREATE TABLE timeline (x INTEGER)"))  # in the way of the migration's own
    with pytest.raises(Exception, match="timeline"):
        upgrade(database)
    with database.begin() as conn:
        assert inspect(conn).get_table_names() == ["timeline"]
    database.dispose()


def test_sqlite_files_are_for_their_owner_only(tmp_path: Path, vault: Vault) -> None:
    path = tmp_path / "data" / "acs" / "acs.db"
    before = os.umask(0)
    try:
        database = Database(f"sqlite:///{path}", vault, realm=REALM)
        upgrade(database)
        with database.begin() as conn:
            pragmas = [
                conn.exec_driver_sql(f"PRAGMA {name}").scalar()
                for name in ("journal_mode", "synchronous", "foreign_keys")
            ]
    finally:
        os.umask(before)
    assert pragmas == ["wal", 2, 1]
    modes = {entry.name: stat.S_IMODE(entry.stat().st_mode) for entry in path.parent.iterdir()}
    assert modes["acs.db"] == 0o600
    assert set(modes.values()) == {0o600}
    for directory in (path.parent, path.parent.parent):
        assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    database.dispose()


def test_the_revisions_are_those_that_alembic_would_apply() -> None:
    folder = Path(schema.__file__).parent / "migrations"
    scripts = ScriptDirectory(str(folder))
    told = [script.revision for script in scripts.walk_revisions()]
    assert list(schema.revisions()) == told[::-1]


def test_a_start_on_a_schema_that_fits_does_not_load_alembic() -> None:
    program = (
        "import sys; from acs.store import schema, engine; import acs.server.server;"
        "print([name for name in ('alembic', 'psycopg') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == "[]", done.stderr
