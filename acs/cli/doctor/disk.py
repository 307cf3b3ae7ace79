"""Room and rights where the server writes."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from acs.settings import Settings
from erp_bridge.schema import Finding, Level

LEAST_FREE = 1_000_000_000
LEAST_SHARE = 0.10


def check(settings: Settings) -> Iterator[Finding]:
    """Look at the data directory and at the directory of the log."""
    places = {settings.data_dir: "data"}
    if settings.log_file is not None:
        places.setdefault(settings.log_file.parent, "log")
    for path, what in places.items():
        yield from _room(path, what)


def _room(path: Path, what: str) -> Iterator[Finding]:
    there = next(each for each in (path, *path.absolute().parents) if each.exists())
    if not os.access(there, os.W_OK | os.X_OK):
        yield Finding(
            Level.ERROR,
            f"The {what} directory {path} cannot be written by this user",
            f"Make it writable for the server's user: chown {there}, or set another directory",
        )
        return
    usage = shutil.disk_usage(there)
    share = usage.free / usage.total if usage.total else 0.0
    free = f"{usage.free / 1e9:.1f} GB ({share:.0%}) free for the {what} directory {path}"
    if usage.free < LEAST_FREE or share < LEAST_SHARE:
        yield Finding(
            Level.WARNING,
            f"Only {free}",
            "Make room; lower timeline.keep_days or log.max_bytes; acs db prune",
        )
    else:
        yield Finding(Level.OK, free)
