"""`acs device forget`: delete the record of a device."""

from __future__ import annotations

import click

from acs.cli import render
from acs.cli.confirming import confirm
from acs.cli.database import opened
from acs.cli.failures import Amiss
from acs.cli.lookup import device_argument, find_device
from acs.cli.main import Context, pass_context
from acs.store import devices


@click.command()
@device_argument
@click.option("--yes", is_flag=True, help="Do not ask.")
@pass_context
def forget(context: Context, device: str, yes: bool) -> None:
    """Delete the record of DEVICE with its jobs, proofs, faults, timeline and password.

    A device that calls again is a new one. One that has a password of its own is refused then,
    until it is reset to factory defaults: its password is deleted too.

    \b
    Example:
      acs device forget 22275A7000001
    """
    with opened(context) as database:
        found = find_device(database, device)
        key = render.plain(found.key)
        if not yes:
            locked_out = (
                " It has a password of its own: it is refused until a factory reset."
                if found.own_credentials
                else ""
            )
            confirm(f"Delete {key} and its history?{locked_out}")
        if not database.run("forget", devices.delete_thd, found.id):
            raise Amiss(f"{key} was deleted by somebody else meanwhile")
    click.echo(f"{key} is forgotten.")
