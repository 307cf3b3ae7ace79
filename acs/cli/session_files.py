"""Finding recordings by what a person calls them."""

from __future__ import annotations

from pathlib import Path

from acs.cli.failures import Amiss
from acs.cli.main import Context
from acs.cwmp.recording import Recording, UnreadableRecording
from acs.server.recorder import RECORDINGS, recordings


def directory_of(context: Context) -> Path:
    """Where recordings are kept under these settings."""
    return context.settings.data_dir / RECORDINGS


def load(path: Path) -> Recording:
    """Read a recording. Raises `Amiss` for a file that is none."""
    try:
        return Recording.load(path.read_bytes())
    except UnreadableRecording as error:
        raise Amiss(f"{path} is no recording that can be read: {error}") from error


def find(context: Context, name: str) -> Path:
    """Find a recording: a file, a name in the directory, or the latest that holds the text.

    Raises `Amiss` when there is none.
    """
    given = Path(name)
    if given.is_file():
        return given
    directory = directory_of(context)
    inside = directory / given.name
    if inside.is_file():
        return inside
    found = next((path for path in recordings(directory) if name in path.name), None)
    if found is None:
        raise Amiss(f"no recording is called {name!r}; see `acs session recordings`")
    return found
