"""`acs db`: looking after the database."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from sqlalchemy import func, select, text

from acs.cli import render
from acs.cli.database import as_it_is, connected, file_of, opened
from acs.cli.failures import DIFFERENT, Amiss, Failure, leave
from acs.cli.main import Context, pass_context
from acs.store import Database, current, pending, prepare, upgrade
from acs.store.retention import Pruned, prune_thd
from acs.store.sealing import rotate
from acs.store.tables import metadata

_PRUNED_AT_ONCE = 5000
_PAGES_AT_ONCE = 256


@click.group()
def db() -> None:
    """Look after the database.

    \b
    Examples:
      acs db status
      acs db backup /backup/acs.db
    """


@db.command()
@render.json_option
@pass_context
def status(context: Context, as_json: bool) -> None:
    """Show where the database is, its schema, its size and what is in it. Nothing is changed.

    Ends with 1 when its schema is not that of this release.

    \b
    Examples:
      acs db status
      acs db status --json | jq .pending
    """
    with as_it_is(context.given) as database:
        found = inspect(database, file_of(context.given))
    if as_json:
        render.emit(found)
    else:
        lacking = ", ".join(found["pending"])
        render.print_facts(
            (
                ("Database", found["url"]),
                ("Kind", found["kind"]),
                ("Schema", found["schema"] or "none"),
                ("Lacking", f"{lacking}: acs db upgrade" if lacking else "nothing"),
                ("Size", octets(found["octets"])),
                ("Journal", found["journal"]),
                ("Not yet merged", octets(found["wal_octets"])),
                ("Key", found["key"]),
            )
        )
        if found["rows"]:
            render.heading("Rows")
            render.print_table(("Table", "Rows"), found["rows"].items())
    leave(DIFFERENT if found["pending"] else 0)


@db.command("upgrade")
@pass_context
def upgrade_schema(context: Context) -> None:
    """Bring the schema up to date; `acs serve` does the same when it starts.

    All in one transaction: after an error it is as it was. Make a copy first.

    \b
    Example:
      acs db backup /backup/before.db && acs db upgrade
    """
    with connected(context.settings) as database, render.progress("Upgrading the schema …"):
        done = upgrade(database)
        prepare(database)
    click.echo(f"Applied: {', '.join(done)}." if done else "The schema is up to date.")


@db.command("rotate-keys")
@pass_context
def rotate_keys(context: Context) -> None:
    """Encrypt all secrets anew with the current key (secrets.current); a server may run beside.

    \b
    Example:
      openssl rand -base64 32        then name it in secrets.keys and secrets.current,
      acs db rotate-keys             restart the server, and run this
    """
    with opened(context) as database, render.progress("Looking …") as told:
        changed = rotate(database, lambda column, seen: told(f"{column}: {seen} rows"))
    held = context.settings.secrets
    others = sorted(set(held.keys) - {database.vault.current})
    click.echo(f"{changed} values were encrypted anew with the key {database.vault.current!r}.")
    if others:
        click.echo(
            f"Nothing in this database needs {', '.join(others)} any more; "
            "copies made before still do."
        )


@db.command()
@click.option(
    "--keep-days",
    type=click.IntRange(1),
    help="Days an entry is kept. Default: timeline.keep_days, for Notifies usp.notify_days.",
)
@click.option(
    "--max-per-device",
    type=click.IntRange(1),
    help="Most entries of one device. Default: timeline.max_per_device.",
)
@render.json_option
@pass_context
def prune(
    context: Context, keep_days: int | None, max_per_device: int | None, as_json: bool
) -> None:
    """Delete old history now; the running server does it by itself every ten minutes.

    The latest proof of a device and open jobs stay, however old.

    \b
    Examples:
      acs db prune
      acs db prune --keep-days 30
    """
    kept = context.settings.timeline
    days, most = keep_days or kept.keep_days, max_per_device or kept.max_per_device
    notify_days = keep_days or context.settings.usp.notify_days
    with opened(context) as database, render.progress("Deleting old history …") as told:
        gone = _pruned(database, days, most, notify_days, told)
    if as_json:
        render.emit(
            {
                "timeline": gone.timeline,
                "proofs": gone.proofs,
                "jobs": gone.jobs,
                "faults": gone.faults,
                "notifies": gone.notifies,
            }
        )
    else:
        click.echo(
            f"Deleted: {gone.timeline} timeline entries, {gone.proofs} proofs, {gone.jobs} jobs, "
            f"{gone.faults} faults of jobs, {gone.notifies} Notifies."
        )


def _pruned(
    database: Database,
    days: float,
    most: int,
    notify_days: float,
    told: Callable[[str], None],
) -> Pruned:
    total = Pruned(0, 0, 0, 0, True)
    now = time.time()
    while total.more:
        gone = database.run(
            "prune", prune_thd, now, days, most, _PRUNED_AT_ONCE, notify_days=notify_days
        )
        total = total.and_then(gone)
        told(f"Deleted {total.rows} entries …")
    return total


@db.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--force", is_flag=True, help="Replace FILE if it is there.")
@pass_context
def backup(context: Context, file: Path, force: bool) -> None:
    """Copy the database to FILE while the server runs (SQLite; for PostgreSQL use pg_dump).

    The copy is whole or not there at all. Its secrets are encrypted: keep secrets.toml as well,
    but elsewhere.

    \b
    Example:
      acs db backup /backup/acs-$(date +%F).db
    """
    source = file_of(context.given)
    if source is None:
        raise Failure("database: it is on PostgreSQL; use pg_dump --format=custom")
    if not source.exists():
        raise Failure(f"database: {source} does not exist yet; there is nothing to copy")
    if file.exists() and not force:
        raise Amiss(f"{file} is there already; name another file, or use --force")
    if not file.parent.is_dir():
        raise Failure(f"{file.parent} is no directory; make it first")
    with render.progress("Copying …") as told:
        _copy(source, file, told)
    click.echo(f"{file}: {octets(file.stat().st_size)}. It is of no use without secrets.toml.")


def _copy(source: Path, target: Path, told: Callable[[str], None]) -> None:
    aside = target.with_name(f".{target.name}.{os.getpid()}.new")
    os.close(os.open(aside, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    try:
        reading = sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True)
        writing = sqlite3.connect(aside)
        try:
            reading.backup(
                writing,
                pages=_PAGES_AT_ONCE,
                progress=lambda _status, left, total: told(
                    f"Copying: {100 - 100 * left // max(total, 1)} %"
                ),
            )
            # One file: whoever takes the copy away must not forget a second one.
            writing.execute("PRAGMA journal_mode=DELETE")
        finally:
            writing.close()
            reading.close()
        with aside.open("rb") as written:
            os.fsync(written.fileno())
        aside.replace(target)
    except sqlite3.Error as error:
        raise Failure(f"database: {source} cannot be copied: {error}") from None
    finally:
        aside.unlink(missing_ok=True)


def inspect(database: Database, path: Path | None) -> dict[str, Any]:
    """Look at a database without changing it; what it lacks is in ``pending``."""
    lacking = pending(database)
    found: dict[str, Any] = {
        "url": database.safe_url,
        "kind": database.dialect,
        "schema": current(database),
        "pending": list(lacking),
        "journal": None,
        "octets": None,
        "wal_octets": None,
        "key": database.vault.current,
        "rows": {},
    }
    with database.read() as conn:
        if path is not None:
            found["journal"] = conn.scalar(text("PRAGMA journal_mode"))
            found["octets"] = path.stat().st_size
            wal = path.with_name(f"{path.name}-wal")
            found["wal_octets"] = wal.stat().st_size if wal.exists() else 0
        else:
            found["octets"] = conn.scalar(text("SELECT pg_database_size(current_database())"))
        if not lacking:
            found["rows"] = {
                table.name: conn.scalar(select(func.count()).select_from(table))
                for table in metadata.sorted_tables
            }
    return found


def octets(number: int | None) -> str:
    """Write a size for people."""
    if number is None:
        return ""
    size, unit = float(number), "octets"
    for larger in ("KB", "MB", "GB", "TB"):
        if size < 1000:
            break
        size, unit = size / 1000, larger
    return f"{size:.1f} {unit}" if unit != "octets" else f"{number} {unit}"
