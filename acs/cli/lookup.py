"""The DEVICE of the command line: finding it, completing its name, naming near ones."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

import click
from click.shell_completion import CompletionItem
from sqlalchemy import Connection

from acs.cli.failures import UnknownDevice
from acs.devices.record import Device
from acs.store import Database, devices

F = TypeVar("F", bound=Callable[..., Any])

_COMPLETED = 50
_LOOKED_THROUGH = 500
_SHOWN = 5


class DeviceName(click.ParamType):  # type: ignore[type-arg] # not generic before click 8.2
    """A device: its key, id, serial number, MAC in any spelling, or the name of its equipment."""

    name = "device"

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Complete keys and serial numbers; whatever fails, there is nothing to complete."""
        try:
            found = list(_beginning(ctx.find_root().params.get("config"), incomplete))
        except Exception:
            return []
        return [CompletionItem(text, help=hint) for text, hint in found]


def device_argument(command: F) -> F:
    """Add the argument DEVICE to a command."""
    return click.argument("device", type=DeviceName())(command)


def optional_device_argument(command: F) -> F:
    """Add the argument DEVICE, which may be left out, to a command."""
    return click.argument("device", type=DeviceName(), required=False)(command)


def find_device(database: Database, text: str) -> Device:
    """Find the one device that ``text`` names.

    Raises `UnknownDevice` when there is none, naming near ones, or more than one.
    """
    with database.read() as conn:
        found = devices.resolve_thd(conn, text)
        if len(found) == 1:
            return found[0]
        near = [] if found else _near(conn, text)
    if found:
        keys = [device.key for device in found]
        raise UnknownDevice(
            f"{text!r} fits {len(found)} devices: {_listed(keys)}; name one by its key"
        )
    hint = f"did you mean {_listed(near)}?" if near else "see `acs device list`"
    raise UnknownDevice(f"no device is called {text!r}; {hint}")


def _near(conn: Connection, text: str) -> list[str]:
    """Names that look like ``text``, of a bounded number of devices."""
    wanted = text.strip()
    some = {device.id: device for device in devices.list_thd(conn, limit=_LOOKED_THROUGH)}
    # In a large fleet those that share a piece with it are worth more than the first ones.
    for piece in {wanted[:6], wanted[-6:], wanted[2:8]}:
        if len(piece) >= 4:
            more = devices.list_thd(conn, search=piece, limit=_LOOKED_THROUGH)
            some |= {device.id: device for device in more}
    names = {name.upper(): device.key for device in some.values() for name in _names(device)}
    close = get_close_matches(wanted.upper(), names, n=_SHOWN, cutoff=0.7)
    within = [name for name in names if len(wanted) >= 4 and wanted.upper() in name]
    return list(dict.fromkeys(names[name] for name in (*close, *within)))


def _names(device: Device) -> Iterable[str]:
    return filter(None, (device.key, device.serial_number, device.mac, device.equipment))


def _listed(keys: list[str]) -> str:
    more = f" and {len(keys) - _SHOWN} more" if len(keys) > _SHOWN else ""
    return ", ".join(keys[:_SHOWN]) + more


def _beginning(config: Path | None, incomplete: str) -> Iterable[tuple[str, str]]:
    import os

    from acs.cli.database import as_it_is
    from acs.settings import Settings

    with as_it_is(Settings.load(config, os.environ)) as database, database.read() as conn:
        found = devices.list_thd(conn, search=incomplete, limit=_COMPLETED)
    folded = incomplete.upper()
    for device in found:
        for name in (device.key, device.serial_number):
            if name.upper().startswith(folded):
                yield name, " ".join(filter(None, (device.model, device.standing.value)))
                break
