"""`acs session record`, `stop` and `recordings`."""

from __future__ import annotations

import re
import time

import click

from acs.cli import render
from acs.cli.ages import Duration, age, clock, iso
from acs.cli.database import opened
from acs.cli.failures import Amiss
from acs.cli.job_request import asked_by
from acs.cli.lookup import device_argument, find_device
from acs.cli.main import Context, pass_context
from acs.cli.session_files import directory_of
from acs.server.recorder import recordings
from acs.store.recordings import RecordingRequest, ask_thd, stop_thd, wanted_thd

LONGEST = 7 * 86_400.0
_KEY = re.compile(r"[0-9A-Fa-f]{6}(-[\w%]+){1,2}\Z", re.ASCII)
"""`acs.model.DeviceId.key`: the ProductClass may be left out."""


@click.command()
@device_argument
@click.option(
    "--for",
    "seconds",
    type=Duration(),
    default=3600.0,
    metavar="TIME",
    help="How long: 10m, 1h, 2d; at most 7d.  [default: 1h]",
)
@click.option("--new", is_flag=True, help="It has not called yet: DEVICE is the key it will have.")
@render.json_option
@pass_context
def record(context: Context, device: str, seconds: float, new: bool, as_json: bool) -> None:
    """Record the sessions of DEVICE that begin in the time to come, one file each.

    A running server takes notice within seconds. Secrets are masked before anything is written.

    \b
    Examples:
      acs session record 22275A7000001 --for 1h
      acs session record 1C61B4-Device2-22275A7000009 --new --for 1d
    """
    if not 0 < seconds <= LONGEST:
        raise click.UsageError("--for: more than nothing, and at most 7d")
    if new and not _KEY.match(device):
        raise click.UsageError(
            f"{device!r} is no key of a device: write OUI-ProductClass-SerialNumber, as in "
            "1C61B4-Device2-22275A7000009"
        )
    now = time.time()
    with opened(context) as database:
        key = device if new else find_device(database, device).key
        request = RecordingRequest(key, now + seconds, asked_by(), now)
        database.run("record", ask_thd, request)
    if as_json:
        render.emit({"device": key, "until": iso(request.until)})
    else:
        render.say(f"Sessions of {key} are recorded until {clock(request.until)}.")
        render.say(f"They appear in {directory_of(context)}; see `acs session recordings`.")


@click.command()
@device_argument
@render.json_option
@pass_context
def stop(context: Context, device: str, as_json: bool) -> None:
    """Record DEVICE no more. What was recorded stays.

    Ends with 1 when it was not recorded.

    \b
    Example:
      acs session stop 22275A7000001
    """
    with opened(context) as database:
        stopped = database.run("record", stop_thd, device)
        key = device
        if not stopped:
            key = find_device(database, device).key
            stopped = database.run("record", stop_thd, key)
    if not stopped:
        raise Amiss(f"{key} is not recorded; see `acs session recordings`")
    if as_json:
        render.emit({"device": key, "stopped": True})
    else:
        render.say(f"{key} is recorded no more.")


@click.command("recordings")
@render.json_option
@pass_context
def list_recordings(context: Context, as_json: bool) -> None:
    """List devices that are being recorded, and the recordings there are, the latest first.

    \b
    Examples:
      acs session recordings
      acs session recordings --json
    """
    now = time.time()
    with opened(context) as database, database.read() as conn:
        running = wanted_thd(conn, now)
    files = [(path, path.stat()) for path in recordings(directory_of(context))]
    if as_json:
        render.emit(
            {
                "recorded": [
                    {"device": each.device_key, "until": iso(each.until), "by": each.asked_by}
                    for each in running
                ],
                "directory": str(directory_of(context)),
                "recordings": [
                    {"file": path.name, "bytes": stat.st_size, "written_at": iso(stat.st_mtime)}
                    for path, stat in files
                ],
            }
        )
        return
    for each in running:
        render.say(f"{each.device_key} is recorded until {clock(each.until)} ({each.asked_by}).")
    rows = ((path.name, stat.st_size, age(stat.st_mtime, now)) for path, stat in files)
    render.print_table(("Recording", "Bytes", "Written"), rows, "There is no recording.")
