"""`acs device names`, `attributes`, `notify`, …: the rarer things a device can be asked for."""

from __future__ import annotations

from pathlib import Path

import click

from acs.cli import assignments
from acs.cli.ages import Duration
from acs.cli.job_request import JobOptions, Payload, ask, job_options
from acs.cli.lookup import device_argument
from acs.cli.main import Context, pass_context
from acs.cli.masking import Masks
from acs.devices.record import Device, JobKind
from acs.model import Notification

_NOTIFICATIONS = {each.name.lower().replace("_", "-"): each.value for each in Notification}
_ACCESS = {"subscriber": ["Subscriber"], "nobody": []}
"""Who may write besides us; TR-069 A.3.2.4 knows the subscriber only."""


def _nothing(_device: Device, _masks: Masks) -> Payload:
    return {}


@click.command()
@device_argument
@click.argument("path", default="")
@click.option("--next-level", is_flag=True, help="Its children only, not all below it.")
@job_options
@pass_context
def names(context: Context, device: str, path: str, next_level: bool, options: JobOptions) -> None:
    """List the names below PATH of DEVICE, and which can be written. Default: its whole tree.

    \b
    Examples:
      acs device names 22275A7000001 Device.WiFi. --next-level --wait 60
      acs device names 22275A7000001 --wait 5m --json
    """

    def payload(found: Device, _masks: Masks) -> Payload:
        below = assignments.parameter_or_object(path, found) if path else found.root
        return {"path": below, "next_level": next_level}

    ask(context, device, JobKind.NAMES, options, payload)


@click.command()
@device_argument
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@job_options
@pass_context
def attributes(context: Context, device: str, paths: tuple[str, ...], options: JobOptions) -> None:
    """Read of parameters whether DEVICE tells when they change, and who else may write them.

    \b
    Example:
      acs device attributes 22275A7000001 Device.ManagementServer. --wait 60
    """

    def payload(found: Device, _masks: Masks) -> Payload:
        return {"paths": [assignments.parameter_or_object(path, found) for path in paths]}

    ask(context, device, JobKind.ATTRIBUTES, options, payload)


@click.command()
@device_argument
@click.argument("changes", nargs=-1, required=True, metavar="PATH[=NOTIFICATION]...")
@click.option(
    "--access",
    type=click.Choice(list(_ACCESS)),
    help="Who may write them besides us. A PATH alone changes only this.",
)
@job_options
@pass_context
def notify(
    context: Context,
    device: str,
    changes: tuple[str, ...],
    access: str | None,
    options: JobOptions,
) -> None:
    """Have DEVICE tell when parameters change: off, passive (next Inform), active (at once).

    Of CWMP 1.4 also: passive-lightweight, passive-and-passive-lightweight, active-lightweight,
    passive-and-active-lightweight. It is read back.

    \b
    Examples:
      acs device notify 22275A7000001 Device.WiFi.SSID.1.SSID=active --wait 60
      acs device notify 22275A7000001 Device.WiFi.=off --access nobody
    """

    def payload(found: Device, _masks: Masks) -> Payload:
        return {"changes": [_attribute_change(text, access, found) for text in changes]}

    ask(context, device, JobKind.NOTIFY, options, payload)


def _attribute_change(text: str, access: str | None, device: Device) -> dict[str, object]:
    path, equals, word = text.partition("=")
    made: dict[str, object] = {"path": assignments.parameter_or_object(path, device)}
    if equals:
        if word not in _NOTIFICATIONS:
            raise click.UsageError(f"{word!r} is none of {', '.join(_NOTIFICATIONS)}")
        made["notification"] = _NOTIFICATIONS[word]
    elif access is None:
        raise click.UsageError(f"{text!r} changes nothing: write PATH=active, or give --access")
    if access is not None:
        made["access_list"] = _ACCESS[access]
    return made


@click.command("schedule-inform")
@device_argument
@click.argument("delay", type=Duration(), metavar="TIME")
@job_options
@pass_context
def schedule_inform(context: Context, device: str, delay: float, options: JobOptions) -> None:
    """Have DEVICE call so long after its next contact: 90s, 15m, 24h.

    \b
    Example:
      acs device schedule-inform 22275A7000001 15m
    """
    seconds = round(delay)
    if seconds < 1:
        raise click.UsageError("TIME must be one second or more")
    payload = {"delay": seconds}
    ask(context, device, JobKind.SCHEDULE_INFORM, options, lambda _found, _masks: payload)


@click.command()
@device_argument
@job_options
@pass_context
def methods(context: Context, device: str, options: JobOptions) -> None:
    """List the methods of TR-069 that DEVICE knows.

    \b
    Example:
      acs device methods 22275A7000001 --wait 60
    """
    ask(context, device, JobKind.METHODS, options, _nothing)


@click.command("options")
@device_argument
@click.argument("name", default="")
@job_options
@pass_context
def list_options(context: Context, device: str, name: str, options: JobOptions) -> None:
    """List the options of DEVICE that vouchers enable, or one by its NAME (deprecated).

    \b
    Example:
      acs device options 22275A7000001 --wait 60
    """
    payload = {"name": name} if name else {}
    ask(context, device, JobKind.OPTIONS, options, lambda _found, _masks: payload)


@click.command()
@device_argument
@click.argument(
    "files",
    nargs=-1,
    required=True,
    metavar="FILE...",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
)
@job_options
@pass_context
def vouchers(context: Context, device: str, files: tuple[Path, ...], options: JobOptions) -> None:
    """Hand signed vouchers to DEVICE, one in each FILE, to enable options of it (deprecated).

    \b
    Example:
      acs device vouchers 22275A7000001 voip.xml --wait 60
    """
    from base64 import b64encode

    payload = {"vouchers": [b64encode(file.read_bytes()).decode() for file in files]}
    ask(context, device, JobKind.VOUCHERS, options, lambda _found, _masks: payload)
