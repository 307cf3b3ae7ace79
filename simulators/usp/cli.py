"""The `usp-sim` command."""

from __future__ import annotations

import click

from simulators.cpe.modelfile import load_model, model_names

from .cli_fleet import faults, fleet
from .cli_run import run


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Simulated ONTs that speak USP (TR-369) with a controller.

    They connect over MQTT 5, MQTT 3.1.1 or WebSocket, have the same data models as those of
    cpe-sim, and answer as strictly as real agents do.
    """


@main.command()
def models() -> None:
    """List the models that can be simulated: those of cpe-sim that are below Device."""
    for name in model_names():
        if load_model(name).top == "Device.":
            click.echo(name)


main.add_command(faults)
main.add_command(fleet)
main.add_command(run)
