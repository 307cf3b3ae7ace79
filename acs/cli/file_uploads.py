"""`acs file uploads`, `get`: the files that devices sent."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from acs.cli import render
from acs.cli.ages import clock, iso
from acs.cli.database import opened
from acs.cli.failures import Amiss
from acs.cli.lookup import DeviceName, find_device
from acs.cli.main import Context, pass_context
from acs.files.folder import Folder
from acs.files.sealed import open_file
from acs.store import files


@click.command("uploads")
@click.argument("device", type=DeviceName(), required=False)
@click.option("--limit", type=click.IntRange(1, 10_000), default=100, help="Most that are listed.")
@render.json_option
@pass_context
def list_uploads(context: Context, device: str | None, limit: int, as_json: bool) -> None:
    """List files that DEVICE sent, or all, newest first.

    `acs device upload DEVICE` asks a device for one; files.keep_days says how long it is kept.

    \b
    Examples:
      acs file uploads 22275A7000001
      acs file uploads --json
    """
    with opened(context) as database:
        device_id = find_device(database, device).id if device else None
        found = database.run("uploads", files.list_uploads_thd, device_id=device_id, limit=limit)
    if as_json:
        documents = [
            {
                "id": each.id,
                "device": key,
                "job": each.job_id,
                "file_type": each.file_type,
                "size": each.size,
                "sha256": each.sha256,
                "at": iso(each.at),
            }
            for each, key in found
        ]
        render.emit({"uploads": documents})
        return
    rows = [
        (each.id, key, each.file_type, each.size, clock(each.at), each.job_id)
        for each, key in found
    ]
    headings = ("Id", "Device", "Type", "Octets", "Received", "Job")
    render.print_table(headings, rows, "No device has sent a file.")


@click.command()
@click.argument("upload", type=click.IntRange(1), metavar="ID")
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path, allow_dash=True),
    help="Where to write it; - for standard output. A file that is there is not replaced.",
)
@pass_context
def get(context: Context, upload: int, output: Path) -> None:
    """Decrypt the file ID that a device sent. It may hold passwords: keep it to yourself.

    \b
    Examples:
      acs file get 12 -o config.bin
      acs file get 12 -o - | less
    """
    with opened(context) as database:
        found = database.run("upload", files.upload_thd, upload)
    if found is None:
        raise Amiss(f"there is no upload {upload}; see acs file uploads")
    received, key = found
    try:
        blob = Folder(context.settings.files_folder).kept(received.stored)
    except FileNotFoundError:
        raise Amiss(f"upload {upload} is not in {context.settings.files_folder}") from None
    content = open_file(key, received.stored, blob)
    if str(output) == "-":
        sys.stdout.buffer.write(content)
        return
    try:
        descriptor = os.open(output, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError:
        raise Amiss(f"{output} is there already; name another file") from None
    with os.fdopen(descriptor, "wb") as writing:
        writing.write(content)
    render.say(f"{output}: {received.size} octets, readable by you only")
