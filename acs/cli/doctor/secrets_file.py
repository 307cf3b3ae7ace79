"""The files that hold secrets: who can read them, and whether they are there."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from acs.cli.database import file_of
from acs.cli.settings import every_setting
from acs.settings import Settings
from acs.settings.load import GENERATED_FILE
from erp_bridge.schema import Finding, Level


def check(settings: Settings) -> Iterator[Finding]:
    """Look at the generated secrets and at settings files that hold secrets."""
    generated = settings.data_dir / GENERATED_FILE
    if generated.exists():
        yield from _private(generated, "holds the encryption key")
    elif not settings.secrets.keys:
        yield from _no_key(settings, generated)
    for path in sorted(_files_with_secrets(settings)):
        yield from _private(path, "holds secrets of the settings")


def _no_key(settings: Settings, generated: Path) -> Iterator[Finding]:
    database = file_of(settings)
    if database is not None and database.exists():
        yield Finding(
            Level.ERROR,
            f"{generated} is gone, but {database} is there: its secrets cannot be read",
            "Put the file back from your copy, before a server starts and makes a new one",
        )
    else:
        yield Finding(Level.OK, f"{generated} will be made at the first start")


def _files_with_secrets(settings: Settings) -> set[Path]:
    sources = [
        each.source for each in every_setting(settings) if each.secret and each.source != "default"
    ]
    return {
        Path(source.removeprefix("file ").rpartition(":")[0])
        for source in sources
        if source.startswith("file ")
    }


def _private(path: Path, why: str) -> Iterator[Finding]:
    try:
        status = path.stat()
    except OSError as error:
        yield Finding(
            Level.ERROR, f"{path} cannot be looked at: {error.strerror}", "Mend its rights"
        )
        return
    mode = stat.S_IMODE(status.st_mode)
    if mode & 0o007:
        yield Finding(
            Level.ERROR,
            f"{path} {why}, and everybody on this machine may read it ({mode:04o})",
            f"chmod 600 {path}",
        )
    elif mode & 0o070:
        yield Finding(
            Level.WARNING,
            f"{path} {why}, and its group may read it ({mode:04o})",
            f"chmod 600 {path}, if the group is not the server's own",
        )
    elif status.st_uid not in (os.geteuid(), 0) and os.geteuid() != 0:
        yield Finding(
            Level.WARNING,
            f"{path} belongs to another user",
            "Run acs as the user that the server runs as",
        )
    else:
        yield Finding(Level.OK, f"{path} can be read by its owner only")
