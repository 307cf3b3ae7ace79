"""`cpe-sim model`: models of one's own."""

from __future__ import annotations

import os
from pathlib import Path

import click

from .dump import DumpError, read_dump
from .modelcheck import check
from .modelfile import ModelFileError, build_model, model_names
from .modelling import modelled
from .modeltext import model_text


@click.group()
def model() -> None:
    """Make models of devices."""


@model.command("from-dump")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    help="Model file to write, such as my.toml.",
)
@click.option(
    "--like",
    type=click.Choice(model_names()),
    help="Known model of the same family: from it come dialect, limits, which tables grow and "
    "what applies later. Default: the one with most parameters in common.",
)
@click.option("--force", is_flag=True, help="Write over a file that is there.")
def from_dump(file: Path, output: Path, like: str | None, force: bool) -> None:
    """Make a model of FILE, an export of a device's parameter tree.

    FILE is what `acs device tree DEVICE --export tree.csv` or `--json` wrote, or the CSV of
    GenieACS. Secrets are not in it: the model has none. Serial number, MAC addresses and WAN
    address become those of each unit that is run.

    \b
    cpe-sim model from-dump tree.csv -o my.toml
    cpe-sim run --acs http://127.0.0.1:7547/ --model ./my.toml --serial 22275A7000001
    """
    if output.suffix != ".toml":
        raise click.UsageError("the name of a model file ends in .toml")
    try:
        made = modelled(read_dump(file.read_text(encoding="utf-8")), like)
        check(build_model(output.stem, made.document))
    except UnicodeDecodeError:
        raise click.ClickException(f"{file}: it is not UTF-8") from None
    except (DumpError, ModelFileError) as error:
        raise click.ClickException(f"{file}: {error}") from None
    who = made.identity
    heading = f"Made of the tree of one device ({file.name})."
    if made.like:
        heading += f"\nWhat a tree does not tell is that of {made.like}."
    # The names and addresses of a customer are in it.
    how = os.O_TRUNC if force else os.O_EXCL
    try:
        number = os.open(output, os.O_WRONLY | os.O_CREAT | how, 0o600)
    except FileExistsError:
        raise click.UsageError(f"{output} is there already; --force writes over it") from None
    except OSError as error:
        raise click.ClickException(f"{output}: {error.strerror}") from None
    with os.fdopen(number, "w", encoding="utf-8") as written:
        written.write(model_text(made.document, heading))
    manners = f"manners of {made.like}" if made.like else "like no known model: by the book"
    click.echo(f"{output}: {manners}")
    path = output if output.is_absolute() else f"./{output}"
    click.echo(f"cpe-sim run --acs URL --model {path} --serial {who.serial} --mac {who.mac}")
