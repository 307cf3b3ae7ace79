"""`acs rule`: what rules there are, whether they are sound, and what one would do now."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import click
from sqlalchemy import Connection

from acs.cli import render
from acs.cli.ages import age, iso, span
from acs.cli.database import opened
from acs.cli.failures import DIFFERENT, Amiss, Failure, leave
from acs.cli.lazy import Lazy, LazyGroup
from acs.cli.lookup import device_argument, find_device
from acs.cli.main import Context, pass_context
from acs.devices.record import Device
from acs.devices.rules.decide import Visitor, hindrance, left_to_do, matches
from acs.devices.rules.firmware import DueImage, due_image
from acs.devices.rules.folder import Loaded, load
from acs.devices.rules.rule import TRIGGERS, FirmwareDue, Once, Rule
from acs.files.fit import misfit
from acs.profiles.firmware import FirmwareRule
from acs.store import Database, equipment, files, groups, jobs, tags

COMMANDS = {
    "list": Lazy("acs.cli.rule:list_rules", "List rules, and when each acted last."),
    "check": Lazy("acs.cli.rule:check", "Look for mistakes in a file or folder of rules."),
    "test": Lazy("acs.cli.rule:test", "Say whether a rule would act on a device, and why not."),
}


@click.group(cls=LazyGroup, lazy=COMMANDS)
def rule() -> None:
    """Rules: what is done on devices by itself, by event, condition and time.

    They stand in the TOML files of the directory that the setting rules.folder names.

    \b
    Examples:
      acs rule check /etc/gigafibre-acs/rules
      acs rule list
      acs rule test "after an upgrade" 22275A7000001
    """


@click.command("list")
@render.json_option
@pass_context
def list_rules(context: Context, as_json: bool) -> None:
    """List rules, and on how many devices each acted, and when last.

    Ends with 1 when a rule was left out for a mistake.

    \b
    Example:
      acs rule list
    """
    with opened(context) as database:
        loaded = _load(database, _folder(context))
        with database.read() as conn:
            runs = tags.latest_runs_thd(conn)
    now = time.time()
    # Once per version, a rule is kept under a name per version.
    acted = {
        each.name: [run for key, run in runs.items() if each.is_run(key)] for each in loaded.rules
    }
    last = {name: max((at for _, at in some), default=0.0) for name, some in acted.items()}
    counts = {name: sum(count for count, _ in some) for name, some in acted.items()}
    if as_json:
        render.emit(
            {
                "rules": [
                    {**_document(each), "acts": counts[each.name], "last": iso(last[each.name])}
                    for each in loaded.rules
                ],
                "left_out": [str(issue) for issue in loaded.issues],
            }
        )
    else:
        rows = (
            (
                each.name,
                _trigger(each),
                each.when.text or "all devices",
                ", ".join(map(str, each.do)),
                f"{counts[each.name]}, {age(last[each.name], now)}" if counts[each.name] else "",
                each.place,
            )
            for each in loaded.rules
        )
        empty = "No rule: see docs/rules.md, and set rules.folder."
        render.print_table(("Rule", "When", "Devices", "Does", "Acted", "Place"), rows, empty)
        for issue in loaded.issues:
            render.say(f"Left out: {issue}")
    leave(DIFFERENT if loaded.issues else 0)


@click.command()
@click.argument("place", type=click.Path(exists=True, path_type=Path), metavar="FILE|FOLDER")
@render.json_option
@pass_context
def check(context: Context, place: Path, as_json: bool) -> None:
    """Look for mistakes in a file or a folder of rules, before the server reads it.

    \b
    Examples:
      acs rule check rules/firmware.toml
      acs rule check rules --json
    """
    with opened(context) as database:
        loaded = _load(database, place)
    if as_json:
        render.emit(
            {
                "rules": [_document(each) for each in loaded.rules],
                "issues": [
                    {"file": issue.file, "line": issue.line, "message": issue.message}
                    for issue in loaded.issues
                ],
            }
        )
    else:
        for issue in loaded.issues:
            render.say(str(issue))
        render.say(f"{len(loaded.rules)} sound, {len(loaded.issues)} mistakes.")
    leave(DIFFERENT if loaded.issues else 0)


@click.command()
@click.argument("name", metavar="RULE")
@device_argument
@click.option(
    "--on",
    "happened",
    multiple=True,
    type=click.Choice(TRIGGERS),
    help="What happens; else what the rule waits for.",
)
@click.option(
    "--file",
    type=click.Path(exists=True, path_type=Path),
    help="Take the rule from this file or folder instead of rules.folder.",
)
@render.json_option
@pass_context
def test(
    context: Context,
    name: str,
    device: str,
    happened: tuple[str, ...],
    file: Path | None,
    as_json: bool,
) -> None:
    """Say whether RULE would act if DEVICE called now, and if not, why. Nothing is done.

    Ends with 1 when it would not.

    \b
    Examples:
      acs rule test "after an upgrade" 22275A7000001
      acs rule test "after an upgrade" 22275A7000001 --on boot --file rules/new.toml
    """
    with opened(context) as database:
        found = find_device(database, device)
        loaded = _load(database, file or _folder(context))
        chosen = next((each for each in loaded.rules if each.name == name), None)
        if chosen is None:
            raise Amiss(f"there is no sound rule {name!r}; see acs rule list")
        on = frozenset(happened) or chosen.on
        reasons, does = _reasons(context, database, chosen, found, on)
    if as_json:
        told = {"rule": name, "device": found.key, "acts": not reasons, "why": reasons}
        render.emit({**told, "does": does})
    elif reasons:
        render.say(f"{name} would not act on {found.key}:")
        for reason in reasons:
            render.say(f"  {reason}")
    else:
        render.say(f"{name} would act on {found.key}: {', '.join(does)}")
    leave(DIFFERENT if reasons else 0)


def _reasons(
    context: Context, database: Database, rule: Rule, device: Device, happened: frozenset[str]
) -> tuple[list[str], list[str]]:
    """Say what speaks against ``rule``, and what it would do."""
    from acs.server.rules import local_minute

    now = time.time()
    minute = local_minute(now)
    image = due_image(device, _firmware_rules(context), minute)
    with database.read() as conn:
        own = tags.of_thd(conn, [device.id]).get(device.id, frozenset())
        ran = tags.runs_thd(conn, [device.id]).get(device.id, {})
        recent = jobs.list_thd(conn, device.id)
        row = equipment.wish_thd(conn, [device.equipment]).get(device.equipment)
        unfit = _misfit(conn, rule, device, image)
    waiting = tuple(job for job in recent if job.state in jobs.OPEN)
    visitor = Visitor(device, happened, own, ran, waiting, image)
    reasons = []
    if against := hindrance(rule, visitor, now, minute):
        reasons.append(against)
    if not matches(rule, visitor, row.equipment if row else None, now):
        reasons.append(f"the device does not fit: {rule.when.text}")
    if unfit:
        reasons.append(f"its download would fail: {unfit}")
    does = [str(deed) for deed in left_to_do(rule, visitor) or rule.do]
    return reasons, does


def _misfit(conn: Connection, rule: Rule, device: Device, image: DueImage | str) -> str:
    sends = any(isinstance(action, FirmwareDue) for action in rule.do)
    if not sends or isinstance(image, str):
        return ""
    file = files.get_thd(conn, image.wish.file)
    return misfit(file, device) if file else f"the catalogue has no file {image.wish.file!r}"


def _firmware_rules(context: Context) -> tuple[FirmwareRule, ...]:
    from acs.server.firmware import sound_rules

    path = context.settings.provisioning.firmware_rules
    return sound_rules(path)[0] if path else ()


def _folder(context: Context) -> Path:
    folder = context.settings.rules.folder
    if not folder:
        raise Failure("rules: the setting rules.folder names no directory; see docs/rules.md")
    return Path(folder)


def _load(database: Database, place: Path) -> Loaded:
    with database.read() as conn:
        return load(place, groups.queries_thd(conn))


def _trigger(rule: Rule) -> str:
    parts = [", ".join(sorted(rule.on)) or f"every {span(rule.pause)}"]
    if rule.window:
        parts.append(f"at {rule.window}")
    if rule.once is not Once.NEVER:
        parts = [*([", ".join(sorted(rule.on))] if rule.on else []), *parts[1:], str(rule.once)]
    return ", ".join(parts)


def _document(rule: Rule) -> dict[str, Any]:
    return {
        "name": rule.name,
        "on": sorted(rule.on),
        "when": rule.when.text,
        "every_seconds": rule.pause,
        "at": str(rule.window) if rule.window else None,
        "spread_seconds": rule.spread,
        "once": rule.once.value,
        "do": [str(action) for action in rule.do],
        "place": rule.place,
    }
