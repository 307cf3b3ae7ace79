"""`acs blueprint firmware`: the rules that say which firmware a model should have."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from acs.cli import render
from acs.cli.database import opened
from acs.cli.failures import DIFFERENT, Amiss, leave
from acs.cli.lookup import DeviceName, find_device
from acs.cli.main import Context, pass_context
from acs.devices.ledger import facts_of
from acs.profiles import Facts
from acs.profiles.firmware import FirmwareRule, firmware_due, load_rules, rule_for


@click.command()
@click.argument("device", type=DeviceName(), required=False)
@click.option(
    "--rules",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Look at this file. Default: provisioning.firmware_rules.",
)
@render.json_option
@pass_context
def firmware(context: Context, device: str | None, rules: Path | None, as_json: bool) -> None:
    """Show the firmware rules and their mistakes, or what they want of DEVICE.

    Ends with 1 when a rule has a mistake, or DEVICE is behind. Nothing is sent to a device.

    \b
    Examples:
      acs blueprint firmware --rules firmware.toml
      acs blueprint firmware 22275A7000001
    """
    path = rules or context.given.provisioning.firmware_rules
    if not path:
        raise Amiss("there are no rules; set provisioning.firmware_rules, or name a file: --rules")
    known, issues = load_rules(path)
    wish = None
    told: dict[str, Any] = {
        "rules": [_document(rule) for rule in known],
        "issues": [{"line": each.line, "message": each.message} for each in issues],
    }
    if device is not None:
        with opened(context) as database:
            found = find_device(database, device)
        facts = facts_of(found)
        wish = firmware_due(facts, known)
        rule = rule_for(facts, known)
        told |= {
            "device": found.key,
            "software": found.software,
            "rule": _document(rule) if rule else None,
            "due": wish.file if wish else None,
        }
        reason = wish.reason if wish else "in order" if rule else "no rule fits it"
        lines = [f"{found.key}: {reason}"]
        lines += [f"{found.key}: to be given {wish.file}"] if wish else []
    else:
        lines = []
    if as_json:
        render.emit(told)
    else:
        if device is None:
            render.print_table(
                ("Model", "Hardware", "Version", "File", "Hours"),
                (
                    (
                        " or ".join(rule.patterns["model"]),
                        " or ".join(rule.patterns["hardware"]),
                        rule.version,
                        rule.file,
                        _hours(rule),
                    )
                    for rule in known
                ),
                "No rule.",
            )
        for line in (*lines, *(f"{path}:{each.line}: {each.message}" for each in issues)):
            render.say(line)
    leave(DIFFERENT if issues or wish else 0)


def firmware_word(facts: Facts, path: str) -> str:
    """Say in a word how a device's firmware stands to the rules of the file at ``path``."""
    if not path:
        return ""
    known, issues = load_rules(path)
    rule, wish = rule_for(facts, known), firmware_due(facts, known)
    if wish:
        return f"behind: {wish.version} is wanted, from file {wish.file}"
    if issues and rule is None:
        return "unknown: the rules have mistakes, see `acs blueprint firmware`"
    return "as the rules want it" if rule else ""


def _hours(rule: FirmwareRule) -> str:
    return f"{rule.window.start:%H:%M} to {rule.window.end:%H:%M}" if rule.window else "any"


def _document(rule: FirmwareRule) -> dict[str, Any]:
    return {
        **{name: list(patterns) for name, patterns in rule.patterns.items()},
        "version": rule.version,
        "file": rule.file,
        "hours": _hours(rule),
        "downgrade": rule.downgrade,
    }
