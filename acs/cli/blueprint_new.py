"""`acs blueprint new`: a first blueprint, drafted from a device's own tree."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import click

from acs.cli import render
from acs.cli.database import opened
from acs.cli.failures import Amiss, Failure
from acs.cli.lookup import DeviceName, find_device
from acs.cli.main import Context, pass_context
from acs.devices.ledger import facts_of
from acs.devices.record import Device
from acs.model import Value
from acs.profiles import Facts, Library
from acs.profiles.draft import draft, facts_of_dump
from acs.profiles.dump import Dump, DumpError, read_dump
from acs.store import snapshots, trees

MAX_OCTETS = 64 * 1024 * 1024


@click.command()
@click.option("--from-device", "device", type=DeviceName(), help="Take what this device told us.")
@click.option(
    "--tree",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Take a file: CSV (parameter,value,type,writable; GenieACS's export) or JSON.",
)
@click.option("--name", help="Name of the blueprint. Default: from manufacturer and model.")
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write it to a new file.",
)
@pass_context
def new(
    context: Context, device: str | None, tree: Path | None, name: str | None, output: Path | None
) -> None:
    """Draft a blueprint from one device's tree.

    It extends the nearest blueprint there is and says only what differs. Guesses are marked in
    [doubts]; comments say what a person has to look at. Read it, correct it, then try it with
    `acs blueprint test`.

    \b
    Examples:
      acs device tree 22275A7000001 --refresh --wait 10m     read all of it first
      acs blueprint new --from-device 22275A7000001 -o acme.toml
      acs blueprint new --tree export.csv --name acme
    """
    if (device is None) is (tree is None):
        raise click.UsageError("name one source: --from-device DEVICE, or --tree FILE")
    library = Library.load(context.given.provisioning.blueprint_dir or None)
    if tree is not None:
        dump = load_dump(tree)
        facts = facts_of_dump(dump)
    else:
        assert device is not None
        dump, facts = _of_device(context, device)
    named = name or _name(facts)
    if library.get(named):
        raise Amiss(f"there is a blueprint {named!r} already; choose another name with --name")
    try:
        text = draft(dump, facts, library, named)
    except ValueError as error:
        raise Amiss(str(error)) from None
    if output is None:
        click.echo(text, nl=False)
        return
    try:
        with output.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise click.UsageError(f"{output} is there already; name a new file") from None
    except OSError as error:
        raise Failure(f"{output}: {error.strerror or error}") from None
    render.say(f"{output}: drafted. Next: acs blueprint check {output}")


def load_dump(path: Path) -> Dump:
    """Read a dump, or end the command with what is wrong with it."""
    try:
        if path.stat().st_size > MAX_OCTETS:
            raise Failure(f"{path}: larger than {MAX_OCTETS} octets")
        return read_dump(path.read_text(encoding="utf-8"))
    except (DumpError, UnicodeDecodeError) as error:
        raise Failure(f"{path}: {error}") from None
    except OSError as error:
        raise Failure(f"{path}: {error.strerror or error}") from None


def _of_device(context: Context, name: str) -> tuple[Dump, Facts]:
    with opened(context) as database:
        device = find_device(database, name)
        with database.read() as conn:
            kept = trees.latest_thd(conn, device.id)
            values = kept[1] if kept else None
            if values is None:
                snapshot = snapshots.load_thd(conn, [device.id]).get(device.id)
                values = snapshot.values if snapshot else {}
    if not values:
        raise Amiss(
            f"nothing was read of {device.key} yet; "
            f"read its tree: acs device tree {device.key} --refresh"
        )
    return Dump(values), _facts(device, values)


def _facts(device: Device, values: Mapping[str, Value]) -> Facts:
    known, told = facts_of(device), facts_of_dump(Dump(values))
    return Facts(
        **{
            name: getattr(known, name) or getattr(told, name)
            for name in ("manufacturer", "oui", "product_class", "model", "hardware", "software")
        },
        root=known.root or told.root,
    )


def _name(facts: Facts) -> str:
    words = filter(None, (facts.manufacturer, facts.model or facts.hardware.partition(" ")[0]))
    return re.sub(r"[^a-z0-9]+", "-", " ".join(words).casefold()).strip("-") or "new"
