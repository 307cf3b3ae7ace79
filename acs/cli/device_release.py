"""`acs device release`: take over a device that somebody else had set up."""

from __future__ import annotations

import time
from dataclasses import replace

import click
from sqlalchemy import Connection

from acs.cli import render
from acs.cli.confirming import confirm
from acs.cli.database import opened
from acs.cli.failures import Amiss
from acs.cli.lookup import find_device, optional_device_argument
from acs.cli.main import Context, pass_context
from acs.cli.queries import read_query
from acs.devices.query import Like, Query
from acs.devices.query_text import plain_pattern
from acs.devices.record import Custody, Device, Standing, TimelineEntry
from acs.store import devices, selection, timeline, wakes

_MOST = 100_000


@click.command()
@optional_device_argument
@click.option("--all", "all_of_them", is_flag=True, help="Every device that is held; no DEVICE.")
@click.option("--query", default="", help="With --all: only those that fit.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@render.json_option
@pass_context
def release(
    context: Context,
    device: str | None,
    all_of_them: bool,
    query: str,
    yes: bool,
    as_json: bool,
) -> None:
    """Let DEVICE be provisioned though it shows settings of somebody else.

    A device that another server, or a hand, had set up otherwise than ERPNext wants is planned for
    and left as it is (standing `planned`). Look at `acs plan DEVICE` first. It is called at once
    where it can be, else provisioned at its next contact.

    \b
    Examples:
      acs device list --standing planned
      acs plan 22275A7000001
      acs device release 22275A7000001
      acs device release --all --query "model=XX230v*"
    """
    if bool(device) is all_of_them:
        raise click.UsageError("name a DEVICE, or give --all")
    with opened(context) as database:
        if device:
            found = [find_device(database, device)]
            if found[0].custody is not Custody.FOREIGN:
                raise Amiss(f"{found[0].key} is not held: nothing of somebody else was seen on it")
        else:
            with database.read() as conn:
                found = _held(conn, read_query(conn, query))
            if not found:
                raise Amiss("no device is held")
        if not yes:
            names = render.plain(found[0].key) if len(found) == 1 else f"{len(found)} devices"
            confirm(f"Provision {names} over what somebody else had set up?")
        database.run("release", _release_thd, found, time.time())
    if as_json:
        render.emit({"released": [each.key for each in found]})
        return
    for each in found:
        click.echo(f"{render.plain(each.key)} is released.")


def _held(conn: Connection, query: Query) -> list[Device]:
    standing = Like("standing", (plain_pattern(Standing.PLANNED.value),))
    narrowed = replace(query, conditions=(*query.conditions, standing))
    planned = selection.list_thd(conn, narrowed, time.time(), after=0, limit=_MOST)
    return [device for device in planned if device.custody is Custody.FOREIGN]


def _release_thd(conn: Connection, found: list[Device], now: float) -> None:
    devices.save_thd(conn, {device.id: {"custody": Custody.OURS} for device in found})
    told = "released: it is provisioned over what somebody else had set up"
    timeline.add_thd(conn, [TimelineEntry(device.id, now, "released", told) for device in found])
    wakes.ask_thd(conn, [device.id for device in found], "released", now)
