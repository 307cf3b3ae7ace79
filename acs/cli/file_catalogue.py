"""`acs file add`, `list`, `show`, `remove`, `verify`: the files that devices may be given."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

from acs.cli import render
from acs.cli.ages import clock, iso
from acs.cli.confirming import confirm
from acs.cli.database import opened
from acs.cli.failures import DIFFERENT, Amiss, leave
from acs.cli.file_rules import rules_that_send
from acs.cli.file_types import FileType
from acs.cli.job_request import asked_by
from acs.cli.main import Context, pass_context
from acs.devices.files import CatalogueFile
from acs.files.fit import FIELDS, read_fits, tells_a_model
from acs.files.folder import Folder
from acs.files.links import NAME
from acs.store import Database, files, groups

_MEGA = 1_000_000


@click.command()
@click.argument("path", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--type",
    "file_type",
    type=FileType(),
    required=True,
    help='firmware, web, config, tone, ringer, stored-firmware, or "X VENDOR TEXT".',
)
@click.option(
    "--version",
    default="",
    help="SoftwareVersion that a device with this image reports, exactly. Needed for firmware.",
)
@click.option(
    "--fits",
    multiple=True,
    metavar="FIELD=PATTERN",
    help=f"What a device must report ({', '.join(FIELDS)}); * stands for anything. Several of one "
    "field are alternatives.",
)
@click.option("--name", default="", help="Name in the catalogue. Default: that of the file.")
@click.option("--note", default="", help="A remark for people.")
@render.json_option
@pass_context
def add(
    context: Context,
    path: Path,
    file_type: str,
    version: str,
    fits: tuple[str, ...],
    name: str,
    note: str,
    as_json: bool,
) -> None:
    """Copy PATH into the catalogue, with its checksum.

    Firmware must say for which model or hardware it is made: no other device is ever given it.

    \b
    Examples:
      acs file add XX230v.bin --type firmware --version "0.8.0 3.0.0 v6066.0 Build 230911" \\
          --fits 'model=XX230v*' --fits 'hardware=XX230v v1*'
      acs file add tones.bin --type tone --fits 'model=XX530v*' --note "French tones"
    """
    patterns = _checked(file_type, version, fits)
    chosen = _name(name or path.name, given=bool(name))
    if not path.stat().st_size:
        raise Amiss(f"{path} is empty")
    with opened(context) as database:
        folder = Folder(context.settings.files_folder)
        with render.progress(f"Copying {path.name}") as told:
            digest, size = folder.add(
                path, lambda done: told(f"Copying {path.name}: {done / _MEGA:.1f} MB")
            )
        file = CatalogueFile(
            name=chosen,
            file_type=file_type,
            version=version.strip(),
            size=size,
            sha256=digest,
            fits=patterns,
            note=note,
            added_at=time.time(),
            added_by=asked_by(),
        )
        _keep(database, folder, file)
    if as_json:
        render.emit(_document(file))
    else:
        render.say(f"{file.name} is in the catalogue: {file.size} octets, SHA-256 {file.sha256}")
        render.say(f"Send it: acs device download DEVICE --file {file.name}")


def _checked(file_type: str, version: str, fits: Iterable[str]) -> dict[str, tuple[str, ...]]:
    try:
        patterns = read_fits(fits)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--fits") from None
    if CatalogueFile("", file_type, "", 0, "").is_firmware:
        if not tells_a_model(patterns):
            raise click.UsageError(
                "firmware must say which devices it is made for: a wrong image ends a device. "
                "Add for instance --fits 'model=XX230v*'; `acs device show DEVICE` tells the model"
            )
        if not version.strip():
            raise click.UsageError(
                "firmware needs --version: the SoftwareVersion that a device with it reports"
            )
    return patterns


def _name(text: str, *, given: bool) -> str:
    name = text if given else re.sub(r"[^A-Za-z0-9._-]+", "_", text).lstrip("._-")[-80:]
    if not NAME.match(name):
        raise click.BadParameter(
            f"{text!r}: at most 80 letters, digits, dots, dashes and underscores, "
            "with a letter or digit first",
            param_hint="--name",
        )
    return name


def _keep(database: Database, folder: Folder, file: CatalogueFile) -> None:
    try:
        database.run("add file", files.add_thd, file)
    except files.FileKnown as error:
        if not database.run("content", files.has_content_thd, file.sha256):
            folder.remove(file.sha256)
        raise Amiss(str(error)) from None


@click.command("list")
@render.json_option
@pass_context
def list_files(context: Context, as_json: bool) -> None:
    """List the files that devices may be given.

    \b
    Example:
      acs file list --json | jq '.files[].name'
    """
    with opened(context) as database:
        found = database.run("files", files.list_thd)
    if as_json:
        render.emit({"files": [_document(file) for file in found]})
        return
    rows = [
        (file.name, file.file_type, file.version, _size(file.size), _patterns(file), file.note)
        for file in found
    ]
    headings = ("Name", "Type", "Version", "Size", "Fits", "Note")
    render.print_table(headings, rows, "The catalogue is empty; see acs file add --help.")


@click.command()
@click.argument("name")
@render.json_option
@pass_context
def show(context: Context, name: str, as_json: bool) -> None:
    """Show all that is known of the file NAME.

    \b
    Example:
      acs file show XX230v_1.2.bin
    """
    with opened(context) as database:
        file = _known(database, name)
    if as_json:
        render.emit(_document(file))
        return
    render.print_facts(
        (
            ("Name", file.name),
            ("Type", file.file_type),
            ("Version", file.version),
            ("Size", f"{file.size} octets"),
            ("SHA-256", file.sha256),
            ("Fits", _patterns(file)),
            ("Note", file.note),
            ("Added", f"{clock(file.added_at)} by {file.added_by}"),
        )
    )


@click.command()
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
@pass_context
def remove(context: Context, name: str, yes: bool) -> None:
    """Take the file NAME out of the catalogue. Refused while open jobs send it.

    Rules that send it are named; until it is there again, they send nothing.

    \b
    Example:
      acs file remove XX230v_1.1.bin
    """
    with opened(context) as database:
        file = _known(database, name)
        queries = database.run("groups", groups.queries_thd)
        for rule in rules_that_send(name, context.settings, queries):
            told = f"acs: {rule} sends {name}: change it, or add the file again"
            click.echo(render.plain(told), err=True)
        if not yes:
            confirm(f"Remove {file.name} ({file.version or file.file_type})?")
        try:
            removed = database.run("remove file", files.remove_thd, name)
        except files.FileWanted as error:
            raise Amiss(str(error)) from None
        if removed is not None:
            Folder(context.settings.files_folder).remove(removed.sha256)
    click.echo(f"{name} is removed.")


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@render.json_option
@pass_context
def verify(context: Context, names: tuple[str, ...], as_json: bool) -> None:
    """Read files of the catalogue again, all or those named, and compare their checksums.

    Ends with 1 when a file is not what it was.

    \b
    Example:
      acs file verify
    """
    folder = Folder(context.settings.files_folder)
    with opened(context) as database:
        if names:
            found = [_known(database, name) for name in names]
        else:
            found = database.run("files", files.list_thd)
    results = []
    for file in found:
        with render.progress(f"Reading {file.name}"):
            results.append((file, _problem(folder, file)))
    if as_json:
        render.emit(
            {
                "files": [
                    {"name": file.name, "problem": problem or None} for file, problem in results
                ]
            }
        )
    else:
        rows = [(file.name, "error" if problem else "ok", problem) for file, problem in results]
        render.print_table(("Name", "State", "Problem"), rows, "The catalogue is empty.")
    leave(DIFFERENT if any(problem for _, problem in results) else 0)


def _problem(folder: Folder, file: CatalogueFile) -> str:
    fix = "remove it, and add it again"
    try:
        digest, size = folder.digest(file.sha256)
    except OSError as error:
        return f"cannot be read: {error.strerror}; {fix}"
    if (digest, size) != (file.sha256, file.size):
        return f"has changed: {size} octets with SHA-256 {digest}; {fix}"
    return ""


def _known(database: Database, name: str) -> CatalogueFile:
    file = database.run("file", files.get_thd, name)
    if file is None:
        raise Amiss(f"the catalogue has no file {name!r}; see acs file list")
    return file


def _patterns(file: CatalogueFile) -> str:
    parts = [f"{name}={pattern}" for name, some in file.fits.items() for pattern in some]
    return ", ".join(parts)


def _size(octets: int) -> str:
    return f"{octets / _MEGA:.1f} MB" if octets >= _MEGA // 10 else f"{octets} B"


def _document(file: CatalogueFile) -> dict[str, Any]:
    return {
        "name": file.name,
        "file_type": file.file_type,
        "version": file.version or None,
        "size": file.size,
        "sha256": file.sha256,
        "fits": {name: list(patterns) for name, patterns in file.fits.items()},
        "note": file.note,
        "added_at": iso(file.added_at),
        "added_by": file.added_by,
    }
