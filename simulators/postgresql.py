"""PostgreSQL's server programs on this machine, for throw-away clusters."""

from __future__ import annotations

import os
import shutil
from pathlib import Path


def programs() -> Path:
    """Return the folder of ``initdb`` and ``postgres``, of the newest release that is installed.

    Raises `LookupError` where there is none.
    """
    found = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"),
        key=lambda path: float(path.parent.parent.name),
    )
    if found:
        return found[-1].parent
    on_path = shutil.which("initdb")
    if on_path:
        return Path(on_path).parent
    raise LookupError("PostgreSQL is not installed")


def as_postgres(*arguments: str) -> list[str]:
    """Return the command as the user PostgreSQL runs as: it refuses to be root.

    Whoever becomes another user has to ask once more to end with us: with SIGQUIT, at once.
    """
    dropped = ["--reuid=postgres", "--regid=postgres", "--clear-groups"]
    lower = dropped if os.geteuid() == 0 else []
    return ["setpriv", "--pdeathsig=QUIT", *lower, *arguments]
