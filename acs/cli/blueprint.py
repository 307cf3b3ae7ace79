"""`acs blueprint`: how device families are recognised and written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from acs.cli import render
from acs.cli.blueprint_firmware import firmware
from acs.cli.blueprint_new import new
from acs.cli.blueprint_show import VERIFIED, keys, patterns, show, summary
from acs.cli.blueprint_test import try_blueprint
from acs.cli.database import opened
from acs.cli.failures import DIFFERENT, leave
from acs.cli.lookup import device_argument, find_device
from acs.cli.main import Context, pass_context
from acs.devices.ledger import facts_of
from acs.profiles import Blueprint, Facts, Library, check_file

_PATTERNS = ("manufacturer", "oui", "product_class", "model", "hardware", "software")


@click.group()
def blueprint() -> None:
    """Look at blueprints and check your own.

    A blueprint is a TOML file that says how to recognise a family of devices, and how the family
    writes each setting. Your own lie in provisioning.blueprint_dir.

    \b
    Examples:
      acs blueprint list
      acs blueprint show tplink-a
      acs blueprint new --from-device 22275A7000001 -o acme.toml
      acs blueprint check acme.toml
      acs blueprint test acme.toml --tree export.csv
      acs blueprint match 22275A7000001
    """


@blueprint.command("list")
@render.json_option
@pass_context
def list_blueprints(context: Context, as_json: bool) -> None:
    """List blueprints, and mistakes in files that were therefore left out.

    \b
    Examples:
      acs blueprint list
      acs blueprint list --json
    """
    library = _library(context)
    known = [found for name in library.names() if (found := library.get(name))]
    if as_json:
        render.emit(
            {
                "blueprints": [summary(each) for each in known],
                "issues": [_issue(each) for each in library.issues],
            }
        )
    else:
        render.print_table(
            ("Name", "Title", "Fits", "Wi-Fi", "Voice", "Verified"),
            (
                (
                    each.name,
                    each.title,
                    patterns(each),
                    "yes" if each.wifi else "no",
                    "yes" if each.voice else "no",
                    VERIFIED[each.verify],
                )
                for each in known
            ),
        )
        for issue in library.issues:
            render.say(f"Left out: {issue}")
    leave(DIFFERENT if library.issues else 0)


@blueprint.command()
@click.argument(
    "files",
    nargs=-1,
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE...",
)
@render.json_option
def check(files: tuple[Path, ...], as_json: bool) -> None:
    """Check blueprint files: each mistake with its line. Ends with 1 when there is one.

    \b
    Examples:
      acs blueprint check /etc/gigafibre-acs/blueprints/*.toml
    """
    issues = {str(path): check_file(path) for path in files}
    if as_json:
        render.emit(
            {
                "files": {
                    path: [{"line": each.line, "message": each.message} for each in found]
                    for path, found in issues.items()
                }
            }
        )
    else:
        for path, found in issues.items():
            for each in found:
                render.say(f"{path}:{each.line}: {each.message}")
            if not found:
                render.say(f"{path}: good")
    leave(DIFFERENT if any(issues.values()) else 0)


@blueprint.command()
@device_argument
@render.json_option
@pass_context
def match(context: Context, device: str, as_json: bool) -> None:
    """Say which blueprint DEVICE gets, and why. Ends with 1 when none fits.

    Of those that fit, the one that names most facts of the device wins, then most letters of them.

    \b
    Example:
      acs blueprint match 22275A7000001
    """
    with opened(context) as database:
        found = find_device(database, device)
    library, facts = _library(context), facts_of(found)
    chosen = library.choose(facts)
    fitting = [
        each
        for name in library.names()
        if (each := library.get(name)) and Library({name: each}, ()).choose(facts)
    ]
    told = {"root": facts.root, **{name: _fact(facts, name) for name in _PATTERNS}}
    if as_json:
        render.emit(
            {
                "device": found.key,
                "blueprint": chosen.name if chosen else None,
                "facts": told,
                "fitting": [summary(each) for each in fitting],
            }
        )
    else:
        render.say(f"{found.key}: {chosen.name if chosen else 'no blueprint fits'}")
        render.print_table(
            ("Fact", "This device", *(each.name for each in fitting)),
            (
                (name, value, *(_pattern(each, name) for each in fitting))
                for name, value in told.items()
            ),
        )
        if chosen is None:
            render.say("Write one that extends tr181 or tr098: acs blueprint show tr181")
    leave(0 if chosen else DIFFERENT)


def _library(context: Context) -> Library:
    return Library.load(context.given.provisioning.blueprint_dir or None)


def _fact(facts: Facts, name: str) -> str:
    return facts.likely_model if name == "model" else str(getattr(facts, name))


def _pattern(blueprint: Blueprint, name: str) -> str:
    if blueprint.match is None:
        return ""
    return (
        blueprint.match.root
        if name == "root"
        else " or ".join(blueprint.match.patterns.get(name, ()))
    )


def _issue(issue: Any) -> dict[str, Any]:
    return {"file": issue.file, "line": issue.line, "message": issue.message}


for _command in (show, keys, new, try_blueprint, firmware):
    blueprint.add_command(_command)
