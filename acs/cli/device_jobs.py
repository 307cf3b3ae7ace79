"""`acs device provision`, `read`, `set`, … : what is to be done at the device's next contact."""

from __future__ import annotations

import click

from acs.cli import assignments
from acs.cli.job_request import JobOptions, Payload, ask, ask_secret, job_options
from acs.cli.lookup import device_argument
from acs.cli.main import Context, pass_context
from acs.cli.masking import Masks
from acs.devices.record import Device, JobKind


@click.command()
@device_argument
@click.option("--rewrite", is_flag=True, help="Write secrets again, whatever was written before.")
@job_options
@pass_context
def provision(context: Context, device: str, rewrite: bool, options: JobOptions) -> None:
    """Have DEVICE compared with what ERPNext wants of it, and converged, at its next contact.

    Also ends the pause after a failure. `acs plan DEVICE` shows first what would be written.

    \b
    Examples:
      acs device provision 22275A7000001
      acs device provision 22275A7000001 --rewrite --wait 10m
    """
    payload = {"rewrite": True} if rewrite else {}
    ask(context, device, JobKind.PROVISION, options, lambda _device, _masks: payload)


@click.command()
@device_argument
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@job_options
@pass_context
def read(context: Context, device: str, paths: tuple[str, ...], options: JobOptions) -> None:
    """Read parameters of DEVICE. A PATH that ends with a dot stands for all below it.

    Values that hold secrets are masked.

    \b
    Examples:
      acs device read 22275A7000001 Device.DeviceInfo.UpTime --wait 60
      acs device read 22275A7000001 Device.WiFi.Radio. --wait 5m --json
    """

    def payload(found: Device, _masks: Masks) -> Payload:
        return {"paths": [assignments.parameter_or_object(path, found) for path in paths]}

    ask(context, device, JobKind.READ, options, payload)


@click.command("set")
@device_argument
@click.argument("values", nargs=-1, required=True, metavar="PATH=VALUE...")
@click.option(
    "--secret", multiple=True, metavar="PATH", help="Mask it; PATH= without a value: it is asked."
)
@click.option(
    "--type",
    "types",
    multiple=True,
    metavar="PATH=TYPE",
    help="Its type, where the one that the device reports will not do.",
)
@job_options
@pass_context
def set_values(
    context: Context,
    device: str,
    values: tuple[str, ...],
    secret: tuple[str, ...],
    types: tuple[str, ...],
    options: JobOptions,
) -> None:
    """Write parameters of DEVICE, all or none.

    What ERPNext wants of the device wins in the end: a difference is written back at the next
    comparison. A secret on the command line can be seen by others on this machine; leave its
    value empty and it is asked for.

    \b
    Examples:
      acs device set 22275A7000001 Device.WiFi.Radio.1.Channel=11 --wait 60
      acs device set EQP-00001 Device.Users.User.2.Password= --secret Device.Users.User.2.Password
    """

    def payload(found: Device, masks: Masks) -> Payload:
        made = assignments.changes(
            values, found, secret=secret, types=types, masks=masks, ask=ask_secret
        )
        return {"changes": made}

    ask(context, device, JobKind.SET, options, payload)


@click.command()
@device_argument
@click.argument("table")
@click.argument("values", nargs=-1, metavar="[LEAF=VALUE]...")
@job_options
@pass_context
def add(
    context: Context, device: str, table: str, values: tuple[str, ...], options: JobOptions
) -> None:
    """Create a row in TABLE of DEVICE, and write parameters of the new row.

    \b
    Examples:
      acs device add 22275A7000001 Device.NAT.PortMapping. --wait 60
      acs device add 22275A7000001 Device.NAT.PortMapping. ExternalPort=8080 Protocol=TCP
    """

    def payload(found: Device, _masks: Masks) -> Payload:
        return {
            "table": assignments.table(table, found),
            "values": assignments.leaves(values),
        }

    ask(context, device, JobKind.ADD, options, payload)


@click.command()
@device_argument
@click.argument("row")
@job_options
@pass_context
def delete(context: Context, device: str, row: str, options: JobOptions) -> None:
    """Delete ROW of a table of DEVICE.

    \b
    Example:
      acs device delete 22275A7000001 Device.NAT.PortMapping.3. --wait 60
    """
    ask(
        context,
        device,
        JobKind.DELETE,
        options,
        lambda found, _masks: {"row": assignments.row(row, found)},
    )


@click.command()
@device_argument
@click.option("--yes", is_flag=True, help="Do not ask.")
@job_options
@pass_context
def reboot(context: Context, device: str, yes: bool, options: JobOptions) -> None:
    """Reboot DEVICE: its customer is without service for some minutes.

    \b
    Examples:
      acs device reboot 22275A7000001
      acs device reboot 22275A7000001 --yes --wait 15m --expires 1h
    """
    question = "Reboot {}? Its customer is without service for some minutes."
    ask(context, device, JobKind.REBOOT, options, _nothing, "" if yes else question)


@click.command("factory-reset")
@device_argument
@click.option("--yes", is_flag=True, help="Do not ask.")
@job_options
@pass_context
def factory_reset(context: Context, device: str, yes: bool, options: JobOptions) -> None:
    """Reset DEVICE to factory defaults: whatever was set on it by hand is lost.

    It then calls with the shared password and is provisioned anew, provided that its factory
    settings lead it here and auth.rebootstrap allows it.

    \b
    Example:
      acs device factory-reset 22275A7000001 --wait 15m
    """
    question = "Reset {} to factory defaults? What was set on it by hand is lost."
    ask(context, device, JobKind.FACTORY_RESET, options, _nothing, "" if yes else question)


def _nothing(_device: Device, _masks: Masks) -> Payload:
    return {}
