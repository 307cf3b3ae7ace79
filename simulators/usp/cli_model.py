"""`usp-sim models` and `usp-sim model`: what can be simulated."""

from __future__ import annotations

import json
from typing import Any

import click

from simulators.cpe.flags import json_option
from simulators.cpe.modelfile import ModelFileError, load_model, model_names

from .model import UspModel, usp_model


@click.command()
def models() -> None:
    """List the models that can be simulated: those of cpe-sim that are below Device."""
    for name in model_names():
        if load_model(name).top == "Device.":
            click.echo(name)


@click.command()
@click.argument("name")
@json_option("One JSON object.")
def model(name: str, as_json: bool) -> None:
    """Show what the model NAME, or a file ./my.toml, has as an agent.

    \b
    usp-sim model tplink-a-xx230v
    usp-sim model ./my.toml --json
    """
    try:
        shown = _shown(usp_model(name))
    except (ModelFileError, ValueError) as error:
        raise click.ClickException(str(error)) from None
    if as_json:
        click.echo(json.dumps(shown, ensure_ascii=False))
        return
    click.echo(f"{shown['manufacturer']} {shown['product_class']}")
    click.echo(f"{shown['objects']} objects, {shown['parameters']} parameters in the data model")
    for kind in ("commands", "events", "unique_keys"):
        click.echo(f"\n{kind.replace('_', ' ').capitalize()}:")
        for line in shown[kind]:
            click.echo(f"  {line}")


def _shown(found: UspModel) -> dict[str, Any]:
    root = found.base.root
    return {
        "name": found.name,
        "manufacturer": found.base.manufacturer,
        "product_class": found.base.product_class,
        "objects": sum(1 for _ in root.all_objects()) - 1,
        "parameters": sum(1 for _ in root.all_parameters()),
        "commands": sorted(
            f"{path}{each.name}" for path, has in found.commands.items() for each in has
        ),
        "events": sorted(
            f"{path}{each.name}" for path, has in found.events.items() for each in has
        ),
        "unique_keys": sorted(
            f"{path} {', '.join(key)}" for path, keys in found.unique_keys.items() for key in keys
        ),
    }
