"""`acs session`: recording sessions, reading recordings, and playing them again."""

from __future__ import annotations

import click

from acs.cli.lazy import Lazy, LazyGroup

COMMANDS = {
    "record": Lazy("acs.cli.session_record:record", "Record the sessions of a device for a while."),
    "stop": Lazy("acs.cli.session_record:stop", "Record a device no more."),
    "recordings": Lazy("acs.cli.session_record:list_recordings", "List what is recorded."),
    "show": Lazy("acs.cli.session_replay:show", "Show a recording: who said what."),
    "replay": Lazy("acs.cli.session_replay:replay", "Play recordings through this release."),
}


@click.group(cls=LazyGroup, lazy=COMMANDS)
def session() -> None:
    """Record sessions of devices, and play them again.

    A recording holds what a device and the server said, and what the server knew, without
    secrets. Played again, it shows whether this release would say the same.

    \b
    Examples:
      acs session record 22275A7000001 --for 1h
      acs session recordings
      acs session show 22275A7000001
      acs session replay tests/recordings/*.jsonl
    """
