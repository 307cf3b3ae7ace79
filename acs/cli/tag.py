"""`acs tag` and `acs device tag`: short words on devices that queries and rules go by."""

from __future__ import annotations

import time
from typing import Any

import click

from acs.cli import render
from acs.cli.confirming import confirm
from acs.cli.database import opened
from acs.cli.failures import DIFFERENT, Amiss, leave
from acs.cli.job_request import asked_by
from acs.cli.lazy import Lazy, LazyGroup
from acs.cli.lookup import device_argument, find_device
from acs.cli.main import Context, pass_context
from acs.cli.queries import query_option, read_query
from acs.devices.effects import AddTimeline, Effect, SaveTags
from acs.devices.record import TimelineEntry
from acs.devices.rules.file import tagging
from acs.devices.rules.rule import Tagging
from acs.store import selection, tags
from acs.store.apply import apply_thd

# A tag to take begins with a dash, which must not be read as an option, not even as -h.
_DASHES: dict[str, Any] = {"ignore_unknown_options": True, "help_option_names": ["--help"]}
_CHUNK = 500

COMMANDS = {
    "list": Lazy("acs.cli.tag:list_tags", "List tags, with how many devices have each."),
    "apply": Lazy("acs.cli.tag:apply", "Give and take tags of all devices that fit a query."),
}


@click.group(cls=LazyGroup, lazy=COMMANDS)
def tag() -> None:
    """Tags: short words on devices that queries, groups and rules go by.

    \b
    Examples:
      acs device tag 22275A7000001 +beta -old
      acs tag list
      acs device list --query "tag=beta"
    """


@click.command("list")
@render.json_option
@pass_context
def list_tags(context: Context, as_json: bool) -> None:
    """List tags, with how many devices have each.

    \b
    Example:
      acs tag list
    """
    with opened(context) as database, database.read() as conn:
        counts = tags.counts_thd(conn)
    if as_json:
        render.emit({"tags": [{"tag": name, "devices": count} for name, count in counts.items()]})
    else:
        empty = "No device has a tag: acs device tag DEVICE +TAG gives it one."
        render.print_table(("Tag", "Devices"), counts.items(), empty)


@click.command(context_settings=_DASHES)
@click.argument("words", nargs=-1, required=True, metavar="[+]TAG|-TAG...")
@query_option(required=True, help="Which devices.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--dry-run", is_flag=True, help="Only say how many devices are meant.")
@render.json_option
@pass_context
def apply(
    context: Context, words: tuple[str, ...], query: str, yes: bool, dry_run: bool, as_json: bool
) -> None:
    """Give and take tags of all devices that fit a query.

    \b
    Examples:
      acs tag apply +beta --query "model=XX230v* equipment.status=active"
      acs tag apply --query "tag=beta" --yes -- -beta
    """
    wanted = _tagging(words)
    with opened(context) as database:
        with database.read() as conn:
            found = selection.list_thd(conn, read_query(conn, query), time.time(), limit=None)
        if found and not (dry_run or yes):
            confirm(f"{str(wanted).capitalize()} on {len(found)} devices?")
        ids = [device.id for device in found] if not dry_run else []
        for start in range(0, len(ids), _CHUNK):
            effects = [SaveTags(i, wanted.add, wanted.remove) for i in ids[start : start + _CHUNK]]
            database.run("tags", apply_thd, effects)
    if as_json:
        render.emit({"devices": len(found), "applied": bool(ids)})
        leave(0 if found else DIFFERENT)
    elif not found:
        raise Amiss("no device fits the query")
    else:
        count = "1 device" if len(found) == 1 else f"{len(found)} devices"
        # Some may have been so before.
        render.say(f"{'Would do' if dry_run else 'Done'}: {wanted} on {count}.")


@click.command("tag", context_settings=_DASHES)
@device_argument
@click.argument("words", nargs=-1, metavar="[[+]TAG|-TAG]...")
@render.json_option
@pass_context
def tag_device(context: Context, device: str, words: tuple[str, ...], as_json: bool) -> None:
    """Give DEVICE tags and take them; without any, show those it has.

    \b
    Examples:
      acs device tag 22275A7000001 +beta -old
      acs device tag 22275A7000001
    """
    wanted = _tagging(words)
    with opened(context) as database:
        found = find_device(database, device)
        with database.read() as conn:
            before = tags.of_thd(conn, [found.id]).get(found.id, frozenset())
        after = before - wanted.remove | wanted.add
        if after != before:
            entry = TimelineEntry(found.id, time.time(), "tag", f"{wanted} by {asked_by()}")
            effects: list[Effect] = [
                SaveTags(found.id, wanted.add, wanted.remove),
                AddTimeline(entry),
            ]
            database.run("tags", apply_thd, effects)
    if as_json:
        render.emit({"device": found.key, "tags": sorted(after)})
    else:
        render.say(" ".join(sorted(after)) or f"{found.key} has no tag.")


def _tagging(words: tuple[str, ...]) -> Tagging:
    try:
        return tagging(words)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
