"""The `usp-sim` command."""

from __future__ import annotations

import click

from .cli_fleet import faults, fleet
from .cli_model import model, models
from .cli_run import run


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Simulated ONTs that speak USP (TR-369) with a controller.

    They connect over MQTT 5, MQTT 3.1.1 or WebSocket, have the same data models as those of
    cpe-sim, and answer as strictly as real agents do.
    """


main.add_command(faults)
main.add_command(fleet)
main.add_command(model)
main.add_command(models)
main.add_command(run)
