"""`acs device software`: software modules of a device (ChangeDUState)."""

from __future__ import annotations

import click

from acs.cli.job_request import JobOptions, ask, ask_secret, job_options
from acs.cli.lookup import device_argument
from acs.cli.main import Context, pass_context
from acs.devices.record import JobKind


@click.command()
@device_argument
@click.argument("operations", nargs=-1, required=True, metavar="OPERATION...")
@click.option("--username", default="", help="For the URLs; the password is asked for.")
@click.option("--environment", default="", help="Path of the execution environment.")
@job_options
@pass_context
def software(
    context: Context,
    device: str,
    operations: tuple[str, ...],
    username: str,
    environment: str,
    options: JobOptions,
) -> None:
    """Install, update and remove software modules of DEVICE, in this order.

    \b
    OPERATION is one of
      install=URL             install what is there
      update=UUID[@VERSION]   update one module
      update=URL              update all modules that come from there
      uninstall=UUID[@VERSION]

    \b
    Examples:
      acs device software 22275A7000001 install=http://files.example.net/probe.ipk --wait 10m
      acs device software 22275A7000001 uninstall=3f1e2d4c-0000-4000-8000-000000000001@1.2
    """
    made = [_operation(text, environment) for text in operations]
    if username:
        password = ask_secret(f"Password of {username}")
        for each in made:
            if "url" in each:
                each |= {"username": username, "password": password}
    payload = {"operations": made}
    ask(context, device, JobKind.SOFTWARE, options, lambda _found, _masks: payload)


def _operation(text: str, environment: str) -> dict[str, object]:
    do, equals, what = text.partition("=")
    if do not in ("install", "update", "uninstall") or not equals or not what:
        raise click.UsageError(f"{text!r}: write install=URL, update=UUID or uninstall=UUID")
    made: dict[str, object] = {"do": do}
    if environment and do != "update":
        made["environment"] = environment
    if "://" in what:
        if do == "uninstall":
            raise click.UsageError("what is removed is named by its UUID")
        return {**made, "url": what}
    if do == "install":
        raise click.UsageError(f"{what!r} is no URL to install from")
    uuid, at, version = what.partition("@")
    return {**made, "uuid": uuid, **({"version": version} if at else {})}
