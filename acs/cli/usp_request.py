"""USP requests as they are written on the command line, in the JSON form of a `message` job.

The form is that of the schema: one member (``get``, ``operate``, …) that holds its fields.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import click

from acs.cli.assignments import split
from acs.usp.codec import request_from_json

Request = dict[str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Extra:
    """What options add to a request; None and false: not given."""

    max_depth: int | None = None
    first_level: bool = False
    allow_partial: bool = False
    key: str | None = None


@dataclass(frozen=True, slots=True)
class _Operation:
    """How one operation is written, and which options it takes."""

    usage: str
    make: Callable[[Sequence[str], Extra], Request]
    options: frozenset[str] = frozenset()


def request(operation: str, arguments: Sequence[str], extra: Extra) -> Request:
    """Make the request that ``operation`` stands for. Raises `click.UsageError`."""
    known = OPERATIONS.get(operation)
    if known is None:
        raise click.UsageError(f"no request is called {operation!r}: {', '.join(OPERATIONS)}")
    given = {
        "--max-depth": extra.max_depth is not None,
        "--first-level": extra.first_level,
        "--allow-partial": extra.allow_partial,
        "--command-key": extra.key is not None,
    }
    if odd := [name for name, is_given in given.items() if is_given and name not in known.options]:
        raise click.UsageError(f"{odd[0]} does not go with {operation}")
    if not arguments:
        raise click.UsageError(f"write it as: {operation} {known.usage}")
    return checked(known.make(arguments, extra))


def parsed(text: str) -> Request:
    """Read a request in JSON form. Raises `click.UsageError`, which repeats no value."""
    try:
        form = json.loads(text)
    except ValueError as error:
        where = f"line {error.lineno}" if isinstance(error, json.JSONDecodeError) else "it"
        raise click.UsageError(f"this is no JSON: {where} cannot be read") from None
    if not isinstance(form, dict):
        raise click.UsageError('a request is an object, such as {"get": {"param_paths": […]}}')
    return checked(form)


def checked(form: Request) -> Request:
    """Return a request that agrees with the schema. Raises `click.UsageError`."""
    try:
        request_from_json(form)
    except ValueError as why:
        raise click.UsageError(str(why)) from None
    return form


def _get(paths: Sequence[str], extra: Extra) -> Request:
    depth = {} if extra.max_depth is None else {"max_depth": extra.max_depth}
    return {"get": {"param_paths": list(paths), **depth}}


def _set(assignments: Sequence[str], extra: Extra) -> Request:
    objects: dict[str, list[dict[str, object]]] = {}
    for path, value in map(split, assignments):
        place, dot, name = path.rpartition(".")
        if not dot or not name:
            raise click.UsageError(f"{path} is no parameter: write Device.…Name=VALUE")
        objects.setdefault(place + dot, []).append(_setting(name, value))
    updates = [{"obj_path": place, "param_settings": some} for place, some in objects.items()]
    return {"set": {"allow_partial": extra.allow_partial, "update_objs": updates}}


def _add(arguments: Sequence[str], extra: Extra) -> Request:
    table, *values = arguments
    settings = [_setting(*split(value)) for value in values]
    row = {"obj_path": table, "param_settings": settings}
    return {"add": {"allow_partial": extra.allow_partial, "create_objs": [row]}}


def _setting(name: str, value: str) -> dict[str, object]:
    return {"param": name, "value": value, "required": True}


def _delete(paths: Sequence[str], extra: Extra) -> Request:
    return {"delete": {"allow_partial": extra.allow_partial, "obj_paths": list(paths)}}


def _operate(arguments: Sequence[str], extra: Extra) -> Request:
    command, *values = arguments
    if not command.endswith("()"):
        raise click.UsageError(f"{command} is no command: its name ends with ()")
    fields = {"command": command, "send_resp": True, "input_args": dict(map(split, values))}
    key = {} if extra.key is None else {"command_key": extra.key}
    return {"operate": {**fields, **key}}


def _instances(paths: Sequence[str], extra: Extra) -> Request:
    return {"get_instances": {"obj_paths": list(paths), "first_level_only": extra.first_level}}


def _supported(paths: Sequence[str], extra: Extra) -> Request:
    fields: Mapping[str, object] = {
        "obj_paths": list(paths),
        "first_level_only": extra.first_level,
        "return_commands": True,
        "return_events": True,
        "return_params": True,
    }
    return {"get_supported_dm": dict(fields)}


OPERATIONS: Mapping[str, _Operation] = {
    "get": _Operation("PATH…", _get, frozenset({"--max-depth"})),
    "set": _Operation("PATH=VALUE…", _set, frozenset({"--allow-partial"})),
    "add": _Operation("TABLE [NAME=VALUE]…", _add, frozenset({"--allow-partial"})),
    "delete": _Operation("PATH…", _delete, frozenset({"--allow-partial"})),
    "operate": _Operation("'COMMAND()' [ARGUMENT=VALUE]…", _operate, frozenset({"--command-key"})),
    "instances": _Operation("PATH…", _instances, frozenset({"--first-level"})),
    "supported": _Operation("PATH…", _supported, frozenset({"--first-level"})),
}
