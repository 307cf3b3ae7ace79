"""`acs device ping`, `trace`, `speed-download`, … : tests that a device runs itself."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

import click

from acs.cli import render
from acs.cli.ages import Duration, age, iso
from acs.cli.database import opened
from acs.cli.diagnostics_print import is_good, kept_result, print_result
from acs.cli.failures import DIFFERENT, Amiss, leave
from acs.cli.job_request import JobOptions, Payload, ask, handed_as_one
from acs.cli.lookup import device_argument, find_device
from acs.cli.main import Context, pass_context
from acs.cli.masking import Masks
from acs.cli.waiting import is_over, waits_for
from acs.devices.ledger import facts_of
from acs.devices.record import Device, Job, JobKind, JobState
from acs.profiles import Library
from acs.profiles.diagnostics.names import Diagnostic
from acs.profiles.diagnostics.request import BOUNDS, WAN
from acs.store import jobs

F = TypeVar("F", bound=Callable[..., Any])

_WAIT = 600.0
"""Seconds: until the next contact, the test, and the contact that tells its end."""
_EXPIRES = 3600.0
_LISTED = 200


def _test_options(command: F) -> F:
    """Add the options of all tests to a command, which is handed them as one value."""
    return handed_as_one(
        command,
        click.option(
            "--expires",
            type=Duration(),
            default=0.0,
            metavar="TIME",
            help="Give up when it has not ended after so long.  [default: 1 h]",
        ),
        click.option(
            "--wait",
            type=Duration(),
            default=_WAIT,
            metavar="SECONDS",
            help="Follow it for so long; 0: only ask.  [default: 10 min]",
        ),
    )


def _number(name: str, meaning: str, default: int | None = None) -> Callable[[F], F]:
    least, most = BOUNDS[name]
    return click.option(
        "--" + name.replace("_", "-"),
        type=click.IntRange(least, most),
        default=default,
        show_default=default is not None,
        help=meaning,
    )


_interface = click.option(
    "--interface",
    metavar="PATH",
    help=f"Test from this interface; `{WAN}`: the one by which it reaches us. Else it chooses.",
)


@click.command()
@device_argument
@click.argument("host")
@_number("count", "Echoes to send.", 4)
@_number("size", "Octets of an echo.", 56)
@_number("timeout", "Milliseconds to wait for each answer.", 2000)
@_interface
@_test_options
@pass_context
def ping(context: Context, /, device: str, host: str, options: JobOptions, **more: object) -> None:
    """Have DEVICE ping HOST, and show what came back.

    The device begins after its next contact and calls when it has ended. Ends with 1 when nothing
    came back, or when it has not ended in time.

    \b
    Examples:
      acs device ping 22275A7000001 9.9.9.9
      acs device ping EQP-00001 example.net --count 20 --interface wan --json
    """
    _run(context, device, Diagnostic.PING, {"host": host, **more}, options)


@click.command()
@device_argument
@click.argument("host")
@_number("tries", "Tries for each hop.", 3)
@_number("max_hops", "Most hops.", 30)
@_number("timeout", "Milliseconds to wait for each answer.", 2000)
@_interface
@_test_options
@pass_context
def trace(context: Context, /, device: str, host: str, options: JobOptions, **more: object) -> None:
    """Have DEVICE trace the way to HOST, and show its hops.

    Ends with 1 when HOST was not reached.

    \b
    Examples:
      acs device trace 22275A7000001 9.9.9.9
      acs device trace 22275A7000001 9.9.9.9 --max-hops 12 --wait 15m
    """
    _run(context, device, Diagnostic.TRACE, {"host": host, **more}, options)


@click.command("speed-download")
@device_argument
@click.argument("url")
@_number("connections", "Connections at the same time, where the device knows that.")
@_number("duration", "Seconds to measure, where the device knows that; else the whole file.")
@_interface
@_test_options
@pass_context
def speed_download(
    context: Context, /, device: str, url: str, options: JobOptions, **more: object
) -> None:
    """Have DEVICE download URL, and show how fast that was.

    The customer's line is full meanwhile. The file should take ten seconds at least: 1 GB for a
    line of 500 Mbit/s.

    \b
    Examples:
      acs device speed-download 22275A7000001 http://speed.example.net/1GB.bin
      acs device speed-download EQP-00001 http://speed.example.net/1GB.bin --connections 4
    """
    _run(context, device, Diagnostic.SPEED_DOWNLOAD, {"url": url, **_each(more)}, options)


@click.command("speed-upload")
@device_argument
@click.argument("url")
@click.option(
    "--bytes",
    "octets",
    type=click.IntRange(*BOUNDS["bytes"]),
    default=100_000_000,
    show_default=True,
    help="Octets to send.",
)
@_number("connections", "Connections at the same time, where the device knows that.")
@_number("duration", "Seconds to measure, where the device knows that.")
@_interface
@_test_options
@pass_context
def speed_upload(
    context: Context, /, device: str, url: str, octets: int, options: JobOptions, **more: object
) -> None:
    """Have DEVICE upload to URL (HTTP PUT), and show how fast that was.

    The customer's line is full meanwhile.

    \b
    Examples:
      acs device speed-upload 22275A7000001 http://speed.example.net/put
      acs device speed-upload 22275A7000001 http://speed.example.net/put --bytes 500000000
    """
    arguments = {"url": url, "bytes": octets, **_each(more)}
    _run(context, device, Diagnostic.SPEED_UPLOAD, arguments, options)


@click.command()
@device_argument
@click.argument("name")
@click.option("--server", metavar="HOST", help="DNS server to ask; else the device's own.")
@_number("count", "Times to ask.", 1)
@_number("timeout", "Milliseconds to wait for each answer.", 5000)
@_interface
@_test_options
@pass_context
def lookup(
    context: Context, /, device: str, name: str, options: JobOptions, **more: object
) -> None:
    """Have DEVICE look up NAME, and show what the DNS server answered.

    Ends with 1 when there is no address.

    \b
    Examples:
      acs device lookup 22275A7000001 example.net
      acs device lookup 22275A7000001 example.net --server 9.9.9.9
    """
    _run(context, device, Diagnostic.LOOKUP, {"name": name, **more}, options)


@click.command()
@device_argument
@_test_options
@pass_context
def neighbours(context: Context, device: str, options: JobOptions) -> None:
    """Have DEVICE listen for the Wi-Fi networks around it, and show them with their channels.

    Its own radios may be silent for some seconds.

    \b
    Examples:
      acs device neighbours 22275A7000001
      acs device neighbours 22275A7000001 --json | jq '.result.networks[] | {ssid, channel}'
    """
    _run(context, device, Diagnostic.NEIGHBOURS, {}, options)


@click.command()
@device_argument
@click.argument("job", type=int, required=False)
@render.json_option
@pass_context
def diagnostics(context: Context, device: str, job: int | None, as_json: bool) -> None:
    """Show the tests DEVICE was asked to run, or all that JOB found.

    \b
    Examples:
      acs device diagnostics 22275A7000001
      acs device diagnostics 22275A7000001 17
    """
    with opened(context) as database:
        found = find_device(database, device)
        with database.read() as conn:
            kept = jobs.list_thd(conn, found.id, limit=_LISTED)
    tests = [each for each in kept if each.kind is JobKind.DIAGNOSTIC]
    if job is None:
        _list(found, tests, as_json)
        return
    one = next((each for each in tests if each.id == job), None)
    if one is None:
        raise Amiss(f"job {job} is no kept test of {found.key}; see acs device diagnostics")
    leave(0 if _show(one, found, as_json) else DIFFERENT)


def _each(more: Mapping[str, object]) -> dict[str, object]:
    """Ask for the result of each connection where there are several."""
    return {**more, "per_connection": True} if (more.get("connections") or 1) != 1 else dict(more)


def _run(
    context: Context,
    name: str,
    diagnostic: Diagnostic,
    arguments: Mapping[str, object],
    options: JobOptions,
) -> None:
    """Keep the job, follow it, print what it found, and end accordingly."""
    given = {key: value for key, value in arguments.items() if value is not None}
    wanted = {"diagnostic": diagnostic.value, "arguments": given}

    def payload(device: Device, _masks: Masks) -> Payload:
        _require(context, device, diagnostic, given)
        return wanted

    def show(job: Job, device: Device, _masks: Masks, options: JobOptions) -> bool:
        good = _show(job, device, options.as_json)
        return good or (not options.wait and job.state is JobState.QUEUED)

    if context.collect is None:
        # Somebody sits and waits for it.
        options = replace(options, expires=max(options.expires or _EXPIRES, options.wait))
    ask(context, name, JobKind.DIAGNOSTIC, options, payload, show=show)


def _require(
    context: Context, device: Device, diagnostic: Diagnostic, given: Mapping[str, object]
) -> None:
    """Refuse what would fail anyway, while somebody looks. Raises `Amiss`."""
    library = Library.load(context.settings.provisioning.blueprint_dir or None)
    blueprint = library.get(device.blueprint, device.protocol) or library.choose(facts_of(device))
    if blueprint is None or diagnostic not in blueprint.diagnostics:
        why = (
            f"the blueprint {blueprint.name} knows no {diagnostic}"
            if blueprint
            else f"no blueprint fits {device.key}"
        )
        raise Amiss(f"{why}; see docs/diagnostics.md")
    if given.get("interface") == WAN and not device.wan:
        raise Amiss(
            f"it is not known by which interface {device.key} reaches us: "
            "leave --interface out, or give its path"
        )


def _show(job: Job, device: Device, as_json: bool) -> bool:
    """Print what a test found; tell whether it went well."""
    diagnostic = Diagnostic(str(job.payload.get("diagnostic")))
    kept = job.result.get("result")
    found = kept_result(diagnostic, kept) if kept else None
    if as_json:
        render.emit(_document(job, device))
    else:
        render.say(f"Job {job.id}: {_title(job)} {_state(job, device)}")
        if found is not None:
            print_result(found)
        left_out = job.result.get("left_out")
        for name in left_out if isinstance(left_out, list) else ():
            render.say(f"Without {name}: the device does not take it.")
        if job.state in (JobState.QUEUED, JobState.SENT):
            render.say(f"See it later: acs device diagnostics {device.key} {job.id}")
    return job.state is JobState.DONE and found is not None and is_good(found)


def _title(job: Job) -> str:
    given = job.payload.get("arguments")
    arguments = given if isinstance(given, Mapping) else {}
    subject = arguments.get("host") or arguments.get("url") or arguments.get("name") or ""
    return f"{job.payload.get('diagnostic')} {subject}".rstrip()


def _state(job: Job, device: Device) -> str:
    now = time.time()
    if job.state in (JobState.QUEUED, JobState.SENT) or is_over(job, now):
        return waits_for(job, device, now)
    error = job.result.get("error")
    return f"{job.state} {age(job.finished_at, now)}" + (f": {error}" if error else "")


def _list(device: Device, tests: list[Job], as_json: bool) -> None:
    if as_json:
        render.emit({"device": device.key, "tests": [_document(job, device) for job in tests]})
        return
    now = time.time()
    render.print_table(
        ("Job", "Test", "State", "Asked", "Ended", "Outcome"),
        (
            (
                job.id,
                _title(job),
                job.state.value,
                age(job.created_at, now),
                age(job.finished_at, now) if job.finished_at else "",
                job.result.get("error") or job.result.get("text", ""),
            )
            for job in tests
        ),
        f"{device.key} was asked for no test.",
    )


def _document(job: Job, device: Device) -> dict[str, object]:
    result = job.result
    return {
        "device": device.key,
        "job": job.id,
        "diagnostic": job.payload.get("diagnostic"),
        "arguments": job.payload.get("arguments"),
        "state": job.state.value,
        "device_state": result.get("state"),
        "error": result.get("error"),
        "text": result.get("text"),
        "left_out": result.get("left_out", []),
        "asked_at": iso(job.created_at),
        "ended_at": iso(job.finished_at),
        "result": result.get("result"),
    }
