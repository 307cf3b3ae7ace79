"""`acs device download`, `upload`, …: files to and from a device."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import click

from acs.cli.ages import Duration
from acs.cli.database import opened
from acs.cli.failures import Amiss
from acs.cli.file_types import FileType
from acs.cli.job_request import JobOptions, ask, ask_secret, job_options
from acs.cli.lookup import device_argument
from acs.cli.main import Context, pass_context
from acs.devices.files import FIRMWARE, CatalogueFile
from acs.devices.jobs.transfers import AUTO, LATER
from acs.devices.record import Device, JobKind
from acs.files.fit import misfit
from acs.store import files

F = TypeVar("F", bound=Callable[..., Any])

_UPLOADS = {"config": "1 Vendor Configuration File", "log": "2 Vendor Log File"}
_INSTANCES = {"config": "3 Vendor Configuration File {}", "log": "4 Vendor Log File {}"}
MODES = {
    "any": "1 At Any Time",
    "immediately": "2 Immediately",
    "idle": "3 When Idle",
    "confirmed": "4 Confirmation Needed",
}
"""How a device is to behave in a window (TR-069 A.4.1.8), by our word for it."""
_RESTARTS = "Send firmware to {}? It restarts, and its customer is without service for minutes."


_timeout = click.option(
    "--timeout",
    type=Duration(),
    default=0.0,
    metavar="TIME",
    help="How long it may take before the device is asked.  [default: as set, 30m]",
)
_delay = click.option(
    "--delay", type=Duration(), default=0.0, metavar="TIME", help="Begin so long after the contact."
)


def _source_options(command: F) -> F:
    """Add the options that say which file a device fetches."""
    for option in (
        click.option("--size", type=click.IntRange(0), default=0, help="Octets, where known."),
        click.option("--target", default="", help="Name for the file on the device."),
        click.option(
            "--version",
            "version",
            default="",
            help="SoftwareVersion that must run afterwards. Default: that of the catalogue.",
        ),
        click.option("--force", is_flag=True, help="Send it though the device runs it already."),
        click.option("--yes", is_flag=True, help="Do not ask."),
        click.option(
            "--username", default="", help="For a URL that wants one; the password is asked for."
        ),
        click.option("--url", default="", help="Where it is; not needed with --file."),
        click.option(
            "--type",
            "file_type",
            type=FileType(),
            help='firmware, web, config, tone, ringer, stored-firmware, or "X VENDOR TEXT".',
        ),
        click.option("--file", "name", default="", help="Its name in our catalogue."),
        _timeout,
    ):
        command = option(command)
    return command


@click.command()
@device_argument
@_source_options
@_delay
@click.option(
    "--activate",
    type=click.Choice([AUTO, LATER]),
    default=AUTO,
    show_default=True,
    help="When firmware is run; later: by `acs device activate` (USP).",
)
@click.option("--image", type=click.IntRange(1), help="Firmware image to write, by number (USP).")
@job_options
@pass_context
def download(
    context: Context,
    /,
    device: str,
    delay: float,
    activate: str,
    image: int | None,
    options: JobOptions,
    **source: Any,
) -> None:
    """Have DEVICE fetch a file: firmware, a configuration, tones.

    The file is one of our catalogue (`acs file list`), which is sent only to devices it fits, or
    at a URL of your own. Firmware is done when the device runs it. Ends with 1, and asks for
    nothing, when DEVICE is known not to fit, or runs it already and --force is not given.

    \b
    Examples:
      acs device download 22275A7000001 --file XX230v.bin
      acs device download 22275A7000001 --file XX230v.bin --yes --wait 15m
      acs device download EQP-00001 --url http://files.example.net/a.conf --type config
      acs device download EQP-00001 --file XX230v.bin --activate later
    """
    chosen = _source(context, **source)
    later = LATER if activate == LATER else ""
    payload = {**chosen.payload, **_given(delay=round(delay), activate=later, image=image)}
    ask(
        context,
        device,
        JobKind.DOWNLOAD,
        options,
        lambda _found, _masks: payload,
        "" if later else chosen.question,
        refusal=chosen.refusal,
    )


@click.command("schedule-download")
@device_argument
@click.option(
    "--window",
    "windows",
    multiple=True,
    required=True,
    metavar="FROM-TO",
    help="From when to when after the contact, as 2h-4h; one or two.",
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
@_source_options
@job_options
@pass_context
def schedule_download(
    context: Context,
    /,
    device: str,
    windows: tuple[str, ...],
    mode: str,
    message: str,
    retries: int,
    options: JobOptions,
    **source: Any,
) -> None:
    """Have DEVICE fetch a file in a window of time (CWMP 1.2 and later).

    \b
    Examples:
      acs device schedule-download 22275A7000001 --file XX230v.bin --window 2h-4h
      acs device schedule-download EQP-00001 --file XX230v.bin --window 2h-4h --window 26h-28h
    """
    if len(windows) > 2:
        raise click.UsageError("a device takes one or two windows")
    told = {"mode": MODES[mode], **_given(message=message, max_retries=retries)}
    spans = [{**window(text), **told} for text in windows]
    if len(spans) == 2 and spans[1]["start"] < spans[0]["end"]:
        raise click.UsageError("the second window begins before the first one ends")
    chosen = _source(context, **source)
    payload = {**chosen.payload, "windows": spans}
    ask(
        context,
        device,
        JobKind.SCHEDULE_DOWNLOAD,
        options,
        lambda _found, _masks: payload,
        chosen.question,
        refusal=chosen.refusal,
    )


@click.command()
@device_argument
@click.option(
    "--type",
    "what",
    default="config",
    show_default=True,
    help='config, log, or "X VENDOR TEXT".',
)
@click.option("--instance", type=click.IntRange(1), help="Which of several, by its number.")
@click.option("--url", default="", help="Where to; without it, to us: `acs file uploads DEVICE`.")
@click.option("--username", default="", help="For the URL; the password is asked for.")
@_delay
@_timeout
@job_options
@pass_context
def upload(
    context: Context,
    device: str,
    what: str,
    instance: int | None,
    url: str,
    username: str,
    delay: float,
    timeout: float,
    options: JobOptions,
) -> None:
    """Have DEVICE send its configuration or log.

    \b
    Examples:
      acs device upload 22275A7000001 --type log --wait 10m
      acs device upload 22275A7000001 --type config --instance 1
    """
    payload = {
        "file_type": _upload_type(what, instance),
        **_given(
            url=url,
            delay=round(delay),
            timeout=round(timeout),
            **_credentials(url, username),
        ),
    }
    ask(context, device, JobKind.UPLOAD, options, lambda _found, _masks: payload)


@click.command()
@device_argument
@job_options
@pass_context
def transfers(context: Context, device: str, options: JobOptions) -> None:
    """List the transfers that DEVICE has under way.

    \b
    Example:
      acs device transfers 22275A7000001 --wait 60
    """
    ask(context, device, JobKind.TRANSFERS, options, lambda _found, _masks: {})


@click.command("cancel-transfer")
@device_argument
@click.argument("key")
@job_options
@pass_context
def cancel_transfer(context: Context, device: str, key: str, options: JobOptions) -> None:
    """Have DEVICE give up a transfer, by its KEY: see `acs device transfers DEVICE`.

    A transfer that one of our jobs began is easier to give up with `acs job cancel JOB`.

    \b
    Example:
      acs device cancel-transfer 22275A7000001 job-17
    """
    if len(key) > 32:
        raise click.UsageError("a CommandKey has 32 characters at most")
    ask(context, device, JobKind.CANCEL_TRANSFER, options, lambda _found, _masks: {"key": key})


@dataclass(frozen=True, slots=True)
class _Source:
    """Which file a device fetches."""

    payload: Mapping[str, object]
    file: CatalogueFile | None
    """None: it is at a URL, and nobody knows what devices it is for."""
    question: str
    """What is to be confirmed first, or empty."""

    def refusal(self, device: Device) -> str:
        """Say why the server would not send it to ``device``, and the way out."""
        if self.file is None:
            return ""
        if problem := misfit(self.file, device, force=True, told_only=True):
            return f"{problem}; nothing forces it: were its --fits wrong, remove it and add it anew"
        forced = self.payload.get("force") is True
        return misfit(self.file, device, force=forced, told_only=True)


def _source(
    context: Context,
    *,
    name: str,
    url: str,
    file_type: str | None,
    username: str,
    size: int,
    target: str,
    version: str,
    timeout: float,
    force: bool,
    yes: bool,
) -> _Source:
    """Look the file up, and say what the job asks for."""
    file = None
    if bool(name) == bool(url):
        raise click.UsageError("name either --file, of our catalogue, or --url")
    if name:
        with opened(context) as database, database.read() as conn:
            file = files.get_thd(conn, name)
        if file is None:
            raise Amiss(f"the catalogue has no file {name!r}; see `acs file list`")
        file_type = file.file_type
        version = version or (file.version if file_type == FIRMWARE else "")
    if file_type is None:
        raise click.UsageError("--url needs --type: firmware, web, config, tone, ringer")
    made = {
        "file_type": file_type,
        **_given(
            file=name,
            url=url,
            size=size,
            target=target,
            version=version,
            timeout=round(timeout),
            force=force,
            **_credentials(url, username),
        ),
    }
    return _Source(made, file, _RESTARTS if file_type == FIRMWARE and not yes else "")


def _credentials(url: str, username: str) -> Mapping[str, object]:
    if not username:
        return {}
    if not url:
        raise click.UsageError("--username belongs to a --url")
    return {"username": username, "password": ask_secret(f"Password of {username}")}


def _given(**values: object) -> dict[str, object]:
    """Those that say something."""
    return {name: value for name, value in values.items() if value}


def _upload_type(what: str, instance: int | None) -> str:
    if what in _UPLOADS:
        return _UPLOADS[what] if instance is None else _INSTANCES[what].format(instance)
    if not what.startswith("X ") or instance is not None:
        raise click.UsageError(f'--type {what!r}: write config, log, or "X VENDOR TEXT"')
    return what


def window(text: str) -> dict[str, Any]:
    """Read FROM-TO. Raises `click.UsageError`."""
    start, dash, end = text.partition("-")
    if not dash:
        raise click.UsageError(f"{text!r} is no window: write FROM-TO, as 2h-4h")
    seconds = [round(Duration().convert(part, None, None)) for part in (start, end)]
    if seconds[1] <= seconds[0]:
        raise click.UsageError(f"the window {text} ends before it begins")
    return {"start": seconds[0], "end": seconds[1]}
