"""`acs group`: queries with a name."""

from __future__ import annotations

import re
import time

import click

from acs.cli import render
from acs.cli.ages import age, iso
from acs.cli.database import opened
from acs.cli.failures import DIFFERENT, Amiss, leave
from acs.cli.job_request import asked_by
from acs.cli.lazy import Lazy, LazyGroup
from acs.cli.main import Context, pass_context
from acs.cli.queries import read_query
from acs.devices.query_text import QueryError, parse
from acs.store import groups, selection

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}\Z")
_SHOWN = 20

COMMANDS = {
    "add": Lazy("acs.cli.group:add", "Give a query a name, or a name another query."),
    "list": Lazy("acs.cli.group:list_groups", "List groups, with how many devices are in each."),
    "show": Lazy("acs.cli.group:show", "Show a group and the first devices in it."),
    "remove": Lazy("acs.cli.group:remove", "Remove a group; its devices stay as they are."),
}


@click.group(cls=LazyGroup, lazy=COMMANDS)
def group() -> None:
    """Groups: queries with a name, for other queries, rules and bulk jobs.

    \b
    Examples:
      acs group add field "model=XX230v* tag!=lab"
      acs device list --query "group=field standing=faulted"
    """


@click.command()
@click.argument("name")
@click.argument("query", nargs=-1, required=True, metavar="QUERY")
@render.json_option
@pass_context
def add(context: Context, name: str, query: tuple[str, ...], as_json: bool) -> None:
    """Give QUERY a NAME. A group that is there gets the new query.

    \b
    Example:
      acs group add field "model=XX230v* tag!=lab equipment.status=active"
    """
    if not _NAME.match(name):
        raise click.UsageError(
            f"{name!r}: a group's name is up to 40 letters, digits, dots, dashes and underscores"
        )
    text = " ".join(query)
    now = time.time()
    with opened(context) as database:
        with database.read() as conn:
            read_query(conn, text)
            known = groups.queries_thd(conn)
            if name in _broken(known | {name: text}):
                raise click.UsageError(f"the group {name!r} would be a part of itself")
            count = selection.count_thd(conn, parse(text, known | {name: text}), now)
        database.run("group", groups.put_thd, groups.Group(name, text, now, asked_by()))
    if as_json:
        render.emit({"name": name, "query": text, "devices": count})
    else:
        render.say(f"{name}: {count} devices now.")


@click.command("list")
@render.json_option
@pass_context
def list_groups(context: Context, as_json: bool) -> None:
    """List groups, with how many devices are in each now.

    Ends with 1 when the query of one cannot be read; `acs group show` says why.

    \b
    Example:
      acs group list
    """
    now = time.time()
    with opened(context) as database, database.read() as conn:
        found = groups.list_thd(conn)
        known = groups.queries_thd(conn)
        broken = _broken(known)
        counts = {
            each.name: None
            if each.name in broken
            else selection.count_thd(conn, parse(each.query, known), now)
            for each in found
        }
    if as_json:
        render.emit({"groups": [_document(each, counts[each.name]) for each in found]})
    else:
        rows = (
            (
                each.name,
                "cannot be read" if counts[each.name] is None else counts[each.name],
                each.query,
                age(each.created_at, now),
                each.created_by,
            )
            for each in found
        )
        empty = "No group: acs group add NAME QUERY makes one."
        render.print_table(("Group", "Devices", "Query", "Made", "By"), rows, empty)
    leave(DIFFERENT if broken else 0)


@click.command()
@click.argument("name")
@render.json_option
@pass_context
def show(context: Context, name: str, as_json: bool) -> None:
    """Show the group NAME and the first devices in it.

    \b
    Example:
      acs group show field
    """
    now = time.time()
    with opened(context) as database, database.read() as conn:
        found = next((each for each in groups.list_thd(conn) if each.name == name), None)
        if found is None:
            raise Amiss(f"there is no group {name!r}; see acs group list")
        query = read_query(conn, found.query)
        count = selection.count_thd(conn, query, now)
        first = selection.list_thd(conn, query, now, limit=_SHOWN)
    if as_json:
        render.emit({**_document(found, count), "first": [device.key for device in first]})
        return
    render.print_facts((("Group", found.name), ("Query", found.query), ("Devices", count)))
    for device in first:
        render.say(f"  {device.key}  {device.standing}")
    if count > len(first):
        render.say(f'  … all: acs device list --query "group={name}"')


@click.command()
@click.argument("name")
@pass_context
def remove(context: Context, name: str) -> None:
    """Remove the group NAME; its devices stay as they are.

    \b
    Example:
      acs group remove field
    """
    with opened(context) as database:
        with database.read() as conn:
            known = groups.queries_thd(conn)
        rest = {other: query for other, query in known.items() if other != name}
        if using := sorted(_broken(rest) - _broken(known)):
            raise Amiss(f"the group {using[0]!r} is made of {name!r}: change that one first")
        if not database.run("group", groups.remove_thd, name):
            raise Amiss(f"there is no group {name!r}; see acs group list")
    render.say(f"{name} removed. Rules that name it are left out until they are changed.")


def _broken(known: dict[str, str]) -> set[str]:
    """Groups whose query cannot be read."""
    broken = set()
    for name in known:
        try:
            parse(f"group={name}", known)
        except QueryError:
            broken.add(name)
    return broken


def _document(found: groups.Group, count: int | None) -> dict[str, object]:
    return {
        "name": found.name,
        "query": found.query,
        "devices": count,
        "created_at": iso(found.created_at),
        "created_by": found.created_by,
    }
