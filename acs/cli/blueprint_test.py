"""`acs blueprint test`: a blueprint tried on a dump of a device, before it meets one."""

from __future__ import annotations

import json
import time
import tomllib
from pathlib import Path
from typing import Any

import click

from acs.cli import render
from acs.cli.blueprint_new import load_dump
from acs.cli.failures import DIFFERENT, leave
from acs.cli.health_print import document, print_health
from acs.profiles import Blueprint, Facts, Intent, intent_from_mapping, read_file
from acs.profiles.draft import facts_of_dump
from acs.profiles.library import fit
from acs.profiles.trial import Trial, try_on

_File = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command("test")
@click.argument("file", type=_File)
@click.option("--tree", type=_File, required=True, help="CSV or JSON of a device's parameters.")
@click.option("--intent", type=_File, help="TOML or JSON of a wish. Default: one is made up.")
@render.json_option
def try_blueprint(file: Path, tree: Path, intent: Path | None, as_json: bool) -> None:
    """Try the blueprint FILE on a dump: nothing is asked of a device, nothing is sent.

    Shows which rows are taken for which network and telephone line, what would be written for
    a wish, and how the device is. Ends with 1 when FILE has a mistake, does not fit the device,
    finds nothing on it, or a wish cannot be met.

    \b
    Examples:
      acs blueprint test acme.toml --tree export.csv
      acs blueprint test acme.toml --tree tree.json --intent wish.toml
    """
    blueprint, issues = read_file(file)
    if blueprint is None:
        if as_json:
            render.emit(
                {"issues": [{"line": each.line, "message": each.message} for each in issues]}
            )
        for each in issues if not as_json else ():
            render.say(f"{file}:{each.line}: {each.message}")
        leave(DIFFERENT)
    dump = load_dump(tree)
    wanted = _intent(intent) if intent else None
    misfit = _misfit(blueprint, facts_of_dump(dump))
    trial = try_on(blueprint, dump, wanted, tree.stat().st_mtime)
    if as_json:
        render.emit(_document(blueprint, trial, misfit))
    else:
        _print(blueprint, trial, misfit, len(dump.values))
    nothing = not trial.networks and not trial.lines
    leave(DIFFERENT if misfit or nothing or trial.plan.problems else 0)


def _intent(path: Path) -> Intent:
    try:
        text = path.read_text(encoding="utf-8")
        data = json.loads(text) if text.lstrip().startswith("{") else tomllib.loads(text)
        return intent_from_mapping(data)
    except (OSError, ValueError) as error:
        raise click.UsageError(f"--intent {path}: {error}") from None


def _misfit(blueprint: Blueprint, facts: Facts) -> str:
    if blueprint.match is None:
        return ""
    if fit(blueprint.match, facts) is not None:
        return ""
    told = f"{facts.root} {facts.manufacturer} {facts.likely_model} {facts.hardware}".strip()
    return f"[match] does not fit this device, which is: {told}"


def _document(blueprint: Blueprint, trial: Trial, misfit: str) -> dict[str, Any]:
    return {
        "blueprint": blueprint.name,
        "misfit": misfit or None,
        "networks": [each._asdict() for each in trial.networks],
        "lines": list(trial.lines),
        "without_place": [each._asdict() for each in trial.uncovered],
        "plan": trial.plan.as_mapping(),
        "health": document(trial.health) if trial.health else None,
    }


def _print(blueprint: Blueprint, trial: Trial, misfit: str, count: int) -> None:
    render.say(f"{blueprint.name} on {count} parameters")
    if misfit:
        render.say(f"Problem: {misfit}")
    render.heading("Rows")
    rows = [(f"wifi {each.band} {each.role}", each.row) for each in trial.networks]
    rows += [(f"voice line {number}", row) for number, row in enumerate(trial.lines, 1)]
    render.print_table(("What", "Row"), rows, "No network and no telephone line is recognised.")
    render.heading("Plan")
    for line in trial.plan.render():
        render.say(line)
    render.say(
        f"{trial.plan.size} changes, {len(trial.plan.kept)} as wanted, "
        f"{len(trial.plan.problems)} problems."
    )
    if trial.uncovered:
        render.heading("No place on this device")
        render.print_table(
            ("Setting", "Looked for"),
            ((each.key, ", ".join(each.places)) for each in trial.uncovered),
        )
    if trial.health:
        print_health(trial.health, time.time())
