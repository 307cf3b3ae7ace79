"""`acs job`: jobs of all devices."""

from __future__ import annotations

import click

from acs.cli.lazy import Lazy, LazyGroup

COMMANDS = {
    "list": Lazy("acs.cli.job_commands:list_jobs", "List jobs of all devices."),
    "show": Lazy("acs.cli.job_commands:show", "Show a job and what came of it."),
    "cancel": Lazy("acs.cli.job_commands:cancel", "Take a job back."),
}


@click.group(cls=LazyGroup, lazy=COMMANDS)
def job() -> None:
    """Look at what was asked of devices, and take it back.

    `acs device COMMAND` asks for a job; it is done at the device's next contact.

    \b
    Examples:
      acs job list --state queued --state sent
      acs job show 17
      acs job cancel 17
    """
