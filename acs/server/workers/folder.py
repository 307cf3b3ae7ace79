"""The directory in which the workers of one supervisor find each other."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from acs.server.workers.names import LENGTH
from acs.server.workers.neighbours import socket_of

_LONGEST = 104
"""Octets of a local socket's path, with room to spare (unix(7): 108)."""


def make_folder(data_dir: Path, process: int) -> Path:
    """Make the directory of the supervisor with this process id, and clear away those of the dead.

    It lies in the data directory, or where the system has temporary files when that is too deep
    for a socket's path.  Raises `OSError`.
    """
    parent = data_dir / "run"
    parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    for other in parent.iterdir():
        if other.name.isdigit() and (int(other.name) == process or not _lives(int(other.name))):
            shutil.rmtree(other, ignore_errors=True)
    folder = parent / str(process)
    if len(os.fsencode(socket_of(folder, "x" * LENGTH))) > _LONGEST:
        return Path(tempfile.mkdtemp(prefix="acs-run-"))
    folder.mkdir(mode=0o700)
    return folder


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
