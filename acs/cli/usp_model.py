"""`acs usp model`: what the model of an agent supports."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Any

import click

from acs.cli import render
from acs.cli.ages import age, iso
from acs.cli.database import opened
from acs.cli.failures import Amiss
from acs.cli.main import Context, pass_context
from acs.cli.usp_agent import agent_argument, find_agents
from acs.devices.vocabulary import model_key
from acs.store import usp_models
from acs.store.usp_models import KeptModel
from acs.usp.messages import CommandType, ObjectAccess, ParamAccess, ParamType, SupportedObject
from acs.usp.paths import InvalidPath, general
from acs.usp.supported import unpack

_MOST = 50
"""Objects that are shown with all they have; of more, their names only."""


@click.command()
@agent_argument
@click.argument("path", default="")
@click.option(
    "--search", default="", metavar="TEXT", help="Only objects with TEXT in a name, in any case."
)
@render.json_option
@pass_context
def model(context: Context, agent: str, path: str, search: str, as_json: bool) -> None:
    """Show objects of the model of AGENT, below PATH if given, with all they have.

    That is what the first agent of its model and firmware told (GetSupportedDM): parameters with
    their types, commands with their arguments, events. A number or {i} stands for any row.

    \b
    Examples:
      acs usp model 22275A7000001
      acs usp model 22275A7000001 Device.WiFi.SSID.
      acs usp model 22275A7000001 --search ping --json
    """
    with opened(context) as database:
        (found, *_), _ = find_agents(database, agent)
        with database.read() as conn:
            kept = usp_models.get_thd(conn, model_key(found))
    if kept is None:
        raise Amiss(
            f"{found.endpoint}: its model was not asked for yet; that is done once it is reached"
        )
    shown = list(_below(unpack(kept.blob), path, search.lower()))
    if as_json:
        render.emit(
            {
                "agent": found.endpoint,
                "uri": kept.uri or None,
                "asked_at": iso(kept.at),
                "objects": [_document(each) for each in shown],
            }
        )
    else:
        _print(kept, shown)


def _below(objects: Sequence[SupportedObject], path: str, search: str) -> Iterator[SupportedObject]:
    """Objects at and below ``path``; one of a parameter, command or event leads to its object."""
    try:
        place = general(path)
    except InvalidPath as why:
        raise click.UsageError(str(why)) from None
    place = place[: place.rfind(".") + 1]
    for each in objects:
        if each.path.startswith(place) and (not search or search in _words(each)):
            yield each


def _words(each: SupportedObject) -> str:
    params = (param.name for param in each.params)
    commands = (command.name for command in each.commands)
    events = (event.name for event in each.events)
    return " ".join((each.path, *params, *commands, *events)).lower()


def _print(kept: KeptModel, shown: list[SupportedObject]) -> None:
    if not shown:
        render.say("The model has nothing of that name.")
    elif len(shown) > _MOST:
        rows = (
            (each.path, _access(each), len(each.params), len(each.commands), len(each.events))
            for each in shown
        )
        render.print_table(("Object", "Rows", "Parameters", "Commands", "Events"), rows)
        render.say("Name a PATH to see all that is in it.")
    else:
        for each in shown:
            _print_object(each)
    name = kept.uri or "a model that has no name"
    render.say(f"{len(shown)} objects of {name}, asked {age(kept.at, time.time())}.")


def _print_object(each: SupportedObject) -> None:
    keys = " or ".join("+".join(one) for one in each.unique_keys)
    notes = filter(None, (_access(each), f"unique by {keys}" if keys else ""))
    told = ", ".join(notes)
    render.heading(f"{each.path}  {told}".rstrip())
    rows: list[tuple[str, str, str]] = [
        (param.name, _type(param.type), _ACCESS[param.access]) for param in each.params
    ]
    for command in each.commands:
        wants, gives = ", ".join(command.inputs), ", ".join(command.outputs)
        detail = f"({wants})" + (f" → {gives}" if gives else "")
        rows.append((command.name, _COMMANDS[command.type], detail if wants or gives else ""))
    rows += [(event.name, "event", ", ".join(event.arguments)) for event in each.events]
    if rows:
        render.print_table(("Name", "Type", "Access, or arguments"), rows)


_ACCESS = {
    ParamAccess.READ_ONLY: "read",
    ParamAccess.READ_WRITE: "read, write",
    ParamAccess.WRITE_ONLY: "write",
}
_ROWS = {
    ObjectAccess.READ_ONLY: "rows are its own",
    ObjectAccess.ADD_DELETE: "rows: add, delete",
    ObjectAccess.ADD_ONLY: "rows: add",
    ObjectAccess.DELETE_ONLY: "rows: delete",
}
_COMMANDS = {
    CommandType.UNKNOWN: "command",
    CommandType.SYNC: "command, ends at once",
    CommandType.ASYNC: "command, ends later",
}


def _access(each: SupportedObject) -> str:
    return _ROWS[each.access] if each.is_table else ""


def _type(kind: ParamType) -> str:
    """The name of TR-106: ``unsignedInt``."""
    if kind is ParamType.UNKNOWN:
        return ""
    first, *rest = kind.name.lower().split("_")
    return first + "".join(word.title() for word in rest)


def _document(each: SupportedObject) -> dict[str, Any]:
    return {
        "path": each.path,
        "table": each.is_table,
        "rows": each.access.name.lower() if each.is_table else None,
        "unique_keys": [list(one) for one in each.unique_keys],
        "parameters": {
            param.name: {
                "type": _type(param.type) or None,
                "access": param.access.name.lower(),
                "value_change": param.reports.name.lower(),
            }
            for param in each.params
        },
        "commands": {
            command.name: {
                "type": command.type.name.lower(),
                "inputs": list(command.inputs),
                "outputs": list(command.outputs),
            }
            for command in each.commands
        },
        "events": {event.name: list(event.arguments) for event in each.events},
    }
