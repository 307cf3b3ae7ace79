"""`acs device operate`, `activate`: commands of the data model of a device that speaks USP."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from acs.cli import assignments
from acs.cli.ages import Duration
from acs.cli.device_transfers import MODES, window
from acs.cli.job_request import JobOptions, Payload, ask, ask_secret, job_options
from acs.cli.lookup import device_argument
from acs.cli.main import Context, pass_context
from acs.cli.masking import Masks
from acs.devices.record import Device, JobKind

_RESTARTS = "Have {} run its stored firmware? Its customer is without service for minutes."
_timeout = click.option(
    "--timeout",
    type=Duration(),
    default=0.0,
    metavar="TIME",
    help="How long it may take before the device is asked.  [default: as set, 30m]",
)


def over_usp(device: Device) -> str:
    """Say why a device cannot be asked for a command; empty: nothing speaks against."""
    if device.protocol == "usp":
        return ""
    return "only a device that speaks USP has commands, and this one speaks CWMP"


@click.command()
@device_argument
@click.argument("command", metavar="COMMAND")
@click.argument("arguments", nargs=-1, metavar="[ARGUMENT=VALUE]...")
@click.option(
    "--secret", multiple=True, metavar="ARGUMENT", help="Mask it; without a value: it is asked."
)
@_timeout
@job_options
@pass_context
def operate(
    context: Context,
    device: str,
    command: str,
    arguments: tuple[str, ...],
    secret: tuple[str, ...],
    timeout: float,
    options: JobOptions,
) -> None:
    """Run COMMAND of the data model of DEVICE (USP), and show what it gives.

    COMMAND is a whole path that ends with (): quote it for the shell. One that takes time is
    followed to its OperationComplete. Which there are: `acs device methods DEVICE`. A name that the
    blueprint of the device has for one will do: `acs blueprint show NAME`, [usp].

    \b
    Examples:
      acs device operate 22275A7000001 'Device.WiFi.Reset()' --wait 60
      acs device operate 22275A7000001 wifi_restart --wait 60
      acs device operate EQP-00001 'Device.IP.Diagnostics.IPPing()' Host=9.9.9.9 \\
        ProtocolVersion=Any NumberOfRepetitions=4 Timeout=1000 DataBlockSize=56 --wait 2m
    """
    given = dict(assignments.once(map(assignments.split, arguments)))
    if odd := sorted(set(secret) - set(given)):
        raise click.UsageError(f"--secret names {odd[0]}, which is not given here")

    def payload(_found: Device, masks: Masks) -> Payload:
        hidden = [name for name in given if name in secret or masks.hides(name)]
        asked = {name: ask_secret(name) for name in secret if not given[name]}
        made: dict[str, object] = {"command": command, "arguments": {**given, **asked}}
        if hidden:
            made["secret"] = hidden
        return {**made, **_timed(timeout)}

    ask(context, device, JobKind.OPERATE, options, payload, refusal=over_usp)


@click.command()
@device_argument
@click.option("--image", type=click.IntRange(1), help="Number of the image, as FirmwareImage.2.")
@click.option("--version", "version", default="", help="The image that holds this version.")
@click.option(
    "--window",
    "windows",
    multiple=True,
    metavar="FROM-TO",
    help="From when to when after the contact, as 2h-4h; up to five.",
)
@click.option(
    "--mode",
    type=click.Choice(list(MODES)),
    default="any",
    show_default=True,
    help="When in the window: idle: while nobody uses it; confirmed: when its user agrees.",
)
@click.option("--message", default="", help="What its user is told.")
@click.option("--retries", type=click.IntRange(0), default=0, help="Further tries in a window.")
@_timeout
@click.option("--yes", is_flag=True, help="Do not ask.")
@job_options
@pass_context
def activate(
    context: Context,
    device: str,
    image: int | None,
    version: str,
    windows: tuple[str, ...],
    mode: str,
    message: str,
    retries: int,
    timeout: float,
    yes: bool,
    options: JobOptions,
) -> None:
    """Have DEVICE run firmware it has stored (USP): `acs device download --activate later`.

    Without --image and --version the only image is meant that does not run. It is done when
    DEVICE runs it.

    \b
    Examples:
      acs device activate 22275A7000001 --yes --wait 15m
      acs device activate 22275A7000001 --version "1.2.0" --window 2h-4h --mode idle
    """
    told: Mapping[str, Any] = {
        "mode": MODES[mode],
        **({"message": message} if message else {}),
        **({"max_retries": retries} if retries else {}),
    }
    spans = [{**window(text), **told} for text in windows]
    payload: dict[str, object] = {
        **({"image": image} if image else {}),
        **({"version": version} if version else {}),
        **({"windows": spans} if spans else {}),
        **_timed(timeout),
    }
    ask(
        context,
        device,
        JobKind.ACTIVATE,
        options,
        lambda _found, _masks: payload,
        "" if yes else _RESTARTS,
        refusal=over_usp,
    )


def _timed(timeout: float) -> dict[str, object]:
    return {"timeout": round(timeout)} if timeout else {}
