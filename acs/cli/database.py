"""Opening the database for a command."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from sqlalchemy.engine import make_url

from acs.cli.failures import Failure
from acs.cli.main import Context
from acs.settings import Settings
from acs.store import Database, Vault, decode_key


@contextmanager
def opened(context: Context) -> Iterator[Database]:
    """Open the database as a server does, its schema brought up to date."""
    from acs.server import open_database

    say_mode(context.settings)
    database = open_database(context.settings)
    try:
        yield database
    finally:
        database.dispose()


def say_mode(settings: Settings) -> None:
    """Remind whoever looks at a terminal that not all that is shown here leaves this server."""
    from acs.server.parts import safety_of

    if notice := safety_of(settings).notice:
        click.echo(f"safety: {notice}", err=True)


@contextmanager
def as_it_is(settings: Settings) -> Iterator[Database]:
    """Open a database that is there, and change nothing in it, not even its schema.

    Raises `Failure` when there is none yet.
    """
    path = file_of(settings)
    if path is not None and not path.exists():
        raise Failure(f"database: {path} does not exist yet; `acs serve` makes it")
    say_mode(settings)
    with connected(settings) as database:
        yield database


@contextmanager
def connected(settings: Settings) -> Iterator[Database]:
    """Open the database with its schema as it is."""
    keys = {name: decode_key(key.reveal()) for name, key in settings.secrets.keys.items()}
    if not keys:
        raise Failure(
            "database: the key its secrets are encrypted with is missing; put "
            f"{settings.data_dir / 'secrets.toml'} back, or name the key in secrets.keys"
        )
    current = settings.secrets.current or next(iter(keys))
    url = settings.database_url.reveal()
    database = Database(url, Vault(keys, current), realm=settings.auth.realm)
    try:
        yield database
    finally:
        database.dispose()


def file_of(settings: Settings) -> Path | None:
    """Return the file of an SQLite database; None for one on a server."""
    url = make_url(settings.database_url.reveal())
    return Path(url.database) if url.get_backend_name() == "sqlite" and url.database else None
