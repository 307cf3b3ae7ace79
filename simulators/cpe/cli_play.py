"""`cpe-sim play`: recorded devices call again."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import click

from .blocking import Client
from .dump import DumpError
from .flags import (
    account_options,
    acs_option,
    ca_file_option,
    connection_option,
    json_option,
    time_scale_option,
    timeout_option,
)
from .modelfile import ModelFileError
from .play import Difference, Player, unit_of
from .recorded import Recording, RecordingError, read_recording
from .report import SessionReport


@click.command()
@click.argument(
    "files",
    metavar="FILE...",
    nargs=-1,
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
)
@acs_option(required=True)
@click.option("--serial", default="", help="SerialNumber it calls itself by, instead of its own.")
@account_options("ACS account of the device.")
@click.option(
    "--think",
    type=click.Choice(["none", "recorded"]),
    default="none",
    show_default=True,
    help="Answer at once, or after the time it took then.",
)
@time_scale_option("Multiply that time: 0.1 is ten times faster.")
@connection_option
@timeout_option
@ca_file_option
@json_option("One JSON object with all differences.")
def play(
    files: tuple[Path, ...],
    acs: str,
    serial: str,
    username: str,
    password: str,
    think: str,
    time_scale: float,
    connection: str,
    timeout: float,
    ca_file: str | None,
    as_json: bool,
) -> None:
    """Let the device of FILE call the ACS: one session for each file, in their order.

    FILE is a recording of `acs session record`. The device says what it said then, as long as
    the ACS asks the same; another question is answered from the values that were seen. Secrets
    are not in a recording: where it has one, the ACS may say anything.

    Ends with 1 when the ACS said anything otherwise, or a session did not complete.

    \b
    cpe-sim play recordings/*22275A7000001*.jsonl --acs http://127.0.0.1:7547/
    cpe-sim play first-boot.jsonl --acs http://127.0.0.1:7547/ --serial TEST0001 --json
    """
    recordings = [_read(file, serial) for file in files]
    devices = {recording.device_id for recording in recordings}
    if len(devices) > 1:
        raise click.UsageError("the files are of several devices; play one device at a time")
    try:
        ont = unit_of(recordings)
    except (DumpError, ModelFileError) as error:
        raise click.ClickException(f"{files[0]}: {error}") from None
    client = Client(acs, ont, connection=connection, timeout=timeout, ca_file=ca_file)
    ont.give_account(username, password)
    scale = time_scale if think == "recorded" else 0.0
    played = []
    for file, recording in zip(files, recordings, strict=True):
        player = Player(ont, recording, time.time(), scale)
        report = client.play(player)
        ont.apply()
        played.append(_document(file, report, player.differences))
        if not as_json:
            _print(file, report, player.differences)
    if as_json:
        click.echo(json.dumps({"sessions": played}, indent=2, ensure_ascii=False))
    sys.exit(0 if all(each["same"] for each in played) else 1)


def _read(file: Path, serial: str) -> Recording:
    try:
        recording = read_recording(file.read_bytes())
        return recording.renamed(serial) if serial else recording
    except RecordingError as error:
        raise click.ClickException(f"{file}: {error}") from None


def _document(
    file: Path, report: SessionReport, differences: list[Difference]
) -> dict[str, object]:
    return {
        "file": file.name,
        "same": report.complete and not differences,
        "end": report.end.value,
        "reason": report.reason,
        "requests": report.methods,
        "differences": [
            {
                "turn": one.turn,
                "expected": one.expected,
                "heard": one.heard,
                "details": list(one.details),
            }
            for one in differences
        ],
    }


def _print(file: Path, report: SessionReport, differences: list[Difference]) -> None:
    reason = f": {report.reason}" if report.reason else ""
    click.echo(f"{file.name}: session {report.end}{reason}, {len(report.rpcs)} requests of the ACS")
    for one in differences:
        click.echo(f"  turn {one.turn}: expected {one.expected}")
        click.echo(f"          but heard {one.heard}")
        for detail in one.details:
            click.echo(f"          {detail}")
    if not differences and report.complete:
        click.echo("  the ACS said the same as then")
