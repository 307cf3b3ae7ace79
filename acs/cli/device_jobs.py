"""`acs device provision`, `read`, `set`, … : what is to be done at the device's next contact."""

from __future__ import annotations

import getpass
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from typing import Any, TypeVar

import click

from acs.cli import assignments, render
from acs.cli.ages import Duration
from acs.cli.database import opened
from acs.cli.device_show import masks_of, outcome
from acs.cli.documents import job_document, order
from acs.cli.failures import DIFFERENT, Amiss, leave
from acs.cli.lookup import device_argument, find_device
from acs.cli.main import Context, pass_context
from acs.cli.masking import Masks
from acs.cli.waiting import follow, is_over, waits_for
from acs.devices.record import Device, Job, JobKind, JobState
from acs.store import Database, jobs

F = TypeVar("F", bound=Callable[..., Any])
Payload = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class _Options:
    """What all jobs have in common."""

    priority: int
    expires: float
    wait: float
    as_json: bool


def _job_options(command: F) -> F:
    """Add the common options to a command, which is handed them as one value."""

    @wraps(command)
    def with_options(
        *args: Any, priority: int, expires: float, wait: float, as_json: bool, **kwargs: Any
    ) -> Any:
        return command(*args, options=_Options(priority, expires, wait, as_json), **kwargs)

    for option in (
        render.json_option,
        click.option(
            "--wait",
            type=Duration(),
            default=0.0,
            metavar="SECONDS",
            help="Wait so long for the outcome, and print it.",
        ),
        click.option(
            "--expires",
            type=Duration(),
            default=0.0,
            metavar="TIME",
            help="Give up when the device has not called for so long: 90s, 15m, 24h, 7d.",
        ),
        click.option(
            "--priority",
            type=click.IntRange(-1000, 1000),
            default=0,
            help="Higher ones go first.",
        ),
    ):
        with_options = option(with_options)
    return with_options  # type: ignore[return-value]


@click.command()
@device_argument
@click.option("--rewrite", is_flag=True, help="Write secrets again, whatever was written before.")
@_job_options
@pass_context
def provision(context: Context, device: str, rewrite: bool, options: _Options) -> None:
    """Have DEVICE compared with what ERPNext wants of it, and converged, at its next contact.

    Also ends the pause after a failure. `acs plan DEVICE` shows first what would be written.

    \b
    Examples:
      acs device provision 22275A7000001
      acs device provision 22275A7000001 --rewrite --wait 10m
    """
    payload = {"rewrite": True} if rewrite else {}
    _ask(context, device, JobKind.PROVISION, options, lambda _device, _masks: payload)


@click.command()
@device_argument
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@_job_options
@pass_context
def read(context: Context, device: str, paths: tuple[str, ...], options: _Options) -> None:
    """Read parameters of DEVICE. A PATH that ends with a dot stands for all below it.

    Values that hold secrets are masked.

    \b
    Examples:
      acs device read 22275A7000001 Device.DeviceInfo.UpTime --wait 60
      acs device read 22275A7000001 Device.WiFi.Radio. --wait 5m --json
    """

    def payload(found: Device, _masks: Masks) -> Payload:
        return {"paths": [assignments.parameter_or_object(path, found) for path in paths]}

    _ask(context, device, JobKind.READ, options, payload)


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
@_job_options
@pass_context
def set_values(
    context: Context,
    device: str,
    values: tuple[str, ...],
    secret: tuple[str, ...],
    types: tuple[str, ...],
    options: _Options,
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
            values, found, secret=secret, types=types, masks=masks, ask=_ask_secret
        )
        return {"changes": made}

    _ask(context, device, JobKind.SET, options, payload)


@click.command()
@device_argument
@click.argument("table")
@click.argument("values", nargs=-1, metavar="[LEAF=VALUE]...")
@_job_options
@pass_context
def add(
    context: Context, device: str, table: str, values: tuple[str, ...], options: _Options
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

    _ask(context, device, JobKind.ADD, options, payload)


@click.command()
@device_argument
@click.argument("row")
@_job_options
@pass_context
def delete(context: Context, device: str, row: str, options: _Options) -> None:
    """Delete ROW of a table of DEVICE.

    \b
    Example:
      acs device delete 22275A7000001 Device.NAT.PortMapping.3. --wait 60
    """
    _ask(
        context,
        device,
        JobKind.DELETE,
        options,
        lambda found, _masks: {"row": assignments.row(row, found)},
    )


@click.command()
@device_argument
@click.option("--yes", is_flag=True, help="Do not ask.")
@_job_options
@pass_context
def reboot(context: Context, device: str, yes: bool, options: _Options) -> None:
    """Reboot DEVICE: its customer is without service for some minutes.

    \b
    Examples:
      acs device reboot 22275A7000001
      acs device reboot 22275A7000001 --yes --wait 15m --expires 1h
    """
    question = "Reboot {}? Its customer is without service for some minutes."
    _ask(context, device, JobKind.REBOOT, options, _nothing, "" if yes else question)


@click.command("factory-reset")
@device_argument
@click.option("--yes", is_flag=True, help="Do not ask.")
@_job_options
@pass_context
def factory_reset(context: Context, device: str, yes: bool, options: _Options) -> None:
    """Reset DEVICE to factory defaults: whatever was set on it by hand is lost.

    It then calls with the shared password and is provisioned anew, provided that its factory
    settings lead it here and auth.rebootstrap allows it.

    \b
    Example:
      acs device factory-reset 22275A7000001 --wait 15m
    """
    question = "Reset {} to factory defaults? What was set on it by hand is lost."
    _ask(context, device, JobKind.FACTORY_RESET, options, _nothing, "" if yes else question)


def _nothing(_device: Device, _masks: Masks) -> Payload:
    return {}


def _ask_secret(path: str) -> str:
    given = sys.stdin
    if given.isatty():
        typed: str = click.prompt(path, hide_input=True, confirmation_prompt=True, err=True)
        return typed
    line = given.readline().rstrip("\r\n")
    if not line:
        raise click.UsageError(f"standard input has no line with the value of {path}")
    return line


def _ask(
    context: Context,
    name: str,
    kind: JobKind,
    options: _Options,
    payload: Callable[[Device, Masks], Payload],
    question: str = "",
) -> None:
    """Keep the job, follow it if that is wished, print how it stands, and end accordingly."""
    with opened(context) as database:
        device = find_device(database, name)
        masks = masks_of(context, device)
        asked = payload(device, masks)
        if question:
            click.confirm(question.format(render.plain(device.key)), abort=True, err=True)
        now = time.time()
        job = Job(
            id=0,
            device_id=device.id,
            kind=kind,
            payload=asked,
            priority=options.priority,
            created_at=now,
            created_by=asked_by(),
            expires_at=now + options.expires if options.expires else 0.0,
        )
        job_id = database.run("enqueue", jobs.enqueue_thd, job)
        job, device = followed(database, job_id, device, options.wait)
    if options.as_json:
        render.emit({"device": device.key, "job": job_document(job, masks)})
    else:
        _print(job, device, masks, waited=bool(options.wait))
    done = job.state is JobState.DONE or (not options.wait and job.state is JobState.QUEUED)
    leave(0 if done else DIFFERENT)


def followed(database: Database, job_id: int, device: Device, seconds: float) -> tuple[Job, Device]:
    """Follow a job for so long, with a line of progress, and return how it stands then.

    Raises `Amiss` when the wait is interrupted, or the device is forgotten meanwhile.
    """
    try:
        with render.progress(f"Job {job_id}") as told:
            found = follow(database, job_id, seconds, lambda text: told(f"Job {job_id} {text}"))
    except KeyboardInterrupt:
        # It was asked for and stays so; only the waiting ends.
        raise Amiss(f"job {job_id} stays as it is; see `acs device jobs {device.key}`") from None
    if found is None:
        raise Amiss(f"job {job_id} is gone: the device was forgotten meanwhile")
    return found


def _print(job: Job, device: Device, masks: Masks, *, waited: bool) -> None:
    now = time.time()
    if job.state in (JobState.QUEUED, JobState.SENT):
        render.say(f"Job {job.id} ({job.kind}) {waits_for(job, device, now)}.")
        if not is_over(job, now):
            still = "It stays in the queue. " if waited else ""
            render.say(f"{still}How it went: acs device jobs {device.key}")
        return
    values = masks.result(job.result).get("values")
    if job.state is JobState.DONE and isinstance(values, dict):
        rows = sorted(values.items(), key=lambda item: order(item[0]))
        render.print_table(("Parameter", "Value"), rows, "Nothing was read.")
        missing = job.result.get("missing")
        for path in missing if isinstance(missing, list) else ():
            render.say(f"Missing: {path}: the device does not have it")
        return
    said = outcome(job, masks, now)
    render.say(f"Job {job.id} ({job.kind}) {job.state}" + (f": {said}" if said else ""))
    parameters = job.result.get("parameters")
    for parameter in parameters if isinstance(parameters, list) else ():
        render.say(f"    {parameter}")


def asked_by() -> str:
    """Say who asks, as a job keeps it."""
    try:
        return f"acs {getpass.getuser()}"
    except (KeyError, OSError):
        return "acs ?"
