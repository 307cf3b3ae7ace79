"""`acs device tree`: browse all that a device holds, as it was last read or asked of it now."""

from __future__ import annotations

import csv
import io
import os
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import click

from acs.cli import render
from acs.cli.ages import Duration, age, iso
from acs.cli.assignments import parameter_or_object
from acs.cli.database import opened
from acs.cli.device_show import masks_of, outcome
from acs.cli.failures import DIFFERENT, leave
from acs.cli.job_request import JobOptions, Payload, ask, asked_by, followed
from acs.cli.lookup import device_argument, find_device
from acs.cli.main import Context, pass_context
from acs.cli.masking import Masks
from acs.cli.spreadsheet import cell
from acs.cli.tree_source import KnownTree, Leaf, known_tree_thd
from acs.cli.waiting import waits_for
from acs.devices.record import Device, Job, JobKind, JobState
from acs.store import Database, jobs

_EXPIRES = 86_400.0


@click.command()
@device_argument
@click.argument("path", default="")
@click.option(
    "--depth", type=click.IntRange(1), default=1, show_default=True, help="Levels that are opened."
)
@click.option("--search", metavar="TEXT", default="", help="Names or values that hold TEXT.")
@click.option("--refresh", is_flag=True, help="Have the device read anew at its next contact.")
@click.option("--names", is_flag=True, help="With --refresh: ask for the model's names again too.")
@click.option(
    "--wait",
    type=Duration(),
    default=0.0,
    metavar="TIME",
    help="With --refresh: wait so long for the device.",
)
@click.option(
    "--export",
    "file",
    type=click.Path(dir_okay=False, allow_dash=True),
    help="Write all as CSV: parameter,value,type,writable; ' marks what would be a formula.",
)
@click.option("--force", is_flag=True, help="With --export: write over a file that is there.")
@render.json_option
@pass_context
def tree(
    context: Context,
    device: str,
    path: str,
    depth: int,
    search: str,
    refresh: bool,
    names: bool,
    wait: float,
    file: str | None,
    force: bool,
    as_json: bool,
) -> None:
    """Show what DEVICE holds below PATH, as it was last read. Secrets are masked.

    Objects are closed, with the number of values in them, unless --depth or --search opens them.
    A whole tree is read on request only (--refresh); what comparisons read is shown in any case.

    Ends with 1 when nothing is known below PATH, or a refresh that was waited for did not end.

    \b
    Examples:
      acs device tree 22275A7000001 --refresh --wait 10m
      acs device tree 22275A7000001 Device.WiFi. --depth 3
      acs device tree 22275A7000001 --search maison --json
      acs device tree 22275A7000001 --export tree.csv
    """
    if (names or wait) and not refresh:
        raise click.UsageError("--names and --wait go with --refresh")
    if file not in (None, "-") and Path(file).exists() and not force:
        raise _taken(file)
    if context.collect is not None:
        _ask_of_many(context, device, path, refresh=refresh, names=names)
        return
    with opened(context) as database:
        found = find_device(database, device)
        masks = masks_of(context, found)
        below = parameter_or_object(path, found) if path else ""
        asked = None
        if refresh:
            asked, found = _refresh(database, found, _payload(below, names), wait)
        with database.read() as conn:
            known = known_tree_thd(conn, found)
    leaves = list(known.leaves(masks, below, search))
    if file is not None:
        _export(file, leaves, force=force)
    if as_json:
        render.emit(_document(found, below, known, leaves, asked))
    else:
        if asked is not None:
            render.say(_said(asked, found))
        if file is None:
            _print(leaves, below, depth, search, known)
        elif file != "-":
            render.say(f"{len(leaves)} values written to {file}.")
    unread = asked is not None and bool(wait) and asked.state is not JobState.DONE
    leave(DIFFERENT if unread or not leaves else 0)


def _ask_of_many(context: Context, name: str, path: str, *, refresh: bool, names: bool) -> None:
    if not refresh:
        raise click.UsageError("of many devices, a tree can only be read anew: add --refresh")

    def payload(found: Device, _masks: Masks) -> Payload:
        return _payload(parameter_or_object(path, found) if path else "", names)

    ask(context, name, JobKind.TREE, JobOptions(0, 0.0, 0.0, as_json=False), payload)


def _payload(path: str, names: bool) -> Payload:
    return ({"path": path} if path else {}) | ({"names": True} if names else {})


def _refresh(
    database: Database, device: Device, payload: Payload, wait: float
) -> tuple[Job, Device]:
    now = time.time()
    with database.read() as conn:
        latest = jobs.list_thd(conn, device.id)
    waiting = (
        job.id
        for job in latest
        if job.kind is JobKind.TREE and job.state is JobState.QUEUED and job.payload == payload
    )
    job_id = next(waiting, None)
    if job_id is None:
        job = Job(
            id=0,
            device_id=device.id,
            kind=JobKind.TREE,
            payload=payload,
            created_at=now,
            created_by=asked_by(),
            expires_at=now + max(wait, _EXPIRES),
        )
        job_id = database.run("enqueue", jobs.enqueue_thd, job)
    return followed(database, job_id, device, wait)


def _said(job: Job, device: Device) -> str:
    now = time.time()
    if job.state in (JobState.QUEUED, JobState.SENT):
        count = job.result.get("count")
        so_far = f"; {count} values so far" if count else ""
        return f"Job {job.id} {waits_for(job, device, now)}{so_far}. What was known before:"
    said = outcome(job, Masks(), now)
    return f"Job {job.id} {job.state}" + (f": {said}" if said else "")


def _print(leaves: list[Leaf], below: str, depth: int, search: str, known: KnownTree) -> None:
    now = time.time()
    if not leaves:
        where = f" below {below}" if below else ""
        what = f"holds {search!r}" if search else "is known"
        render.say(f"Nothing{where} {what}; `--refresh` has the device read.")
        return
    rows = (_row(leaf, now) for leaf in leaves) if search else _opened(leaves, below, depth, now)
    render.print_table(("Parameter", "Value", "Type", "Writable", "Read"), rows)
    read = f"was read {age(known.read_at, now)}" if known.read_at else "was never read at once"
    render.say(f"{len(leaves)} values; the whole tree {read}.")


def _opened(
    leaves: Iterable[Leaf], below: str, depth: int, now: float
) -> Iterator[tuple[object, ...]]:
    """Rows for leaves that are not too deep, and one for each object that stays closed."""
    base = below if below.endswith(".") else ""
    closed: dict[str, int] = {}
    rows: list[tuple[object, ...] | str] = []
    for leaf in leaves:
        parts = leaf.path.removeprefix(base).split(".")
        # The root itself is always opened.
        levels = depth + (0 if base else 1)
        if len(parts) <= levels:
            rows.append(_row(leaf, now))
            continue
        place = base + ".".join(parts[:levels]) + "."
        if place not in closed:
            rows.append(place)
        closed[place] = closed.get(place, 0) + 1
    for row in rows:
        if isinstance(row, str):
            count = closed[row]
            yield row, f"({count} value{'s' if count > 1 else ''})", "", "", ""
        else:
            yield row


def _row(leaf: Leaf, now: float) -> tuple[object, ...]:
    return leaf.path, leaf.value, leaf.type, _yes_no(leaf.writable), age(leaf.at, now)


def _yes_no(writable: bool | None) -> str:
    return "" if writable is None else "yes" if writable else "no"


def _taken(file: str) -> click.UsageError:
    return click.UsageError(f"{file} is there already; --force writes over it")


def _export(file: str, leaves: Iterable[Leaf], *, force: bool) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("parameter", "value", "type", "writable"))
    for leaf in leaves:
        writer.writerow((leaf.path, cell(leaf.value), leaf.type, _yes_no(leaf.writable)))
    if file == "-":
        sys.stdout.write(text.getvalue())
        return
    # What a customer has at home is not for everybody on this machine.
    how = os.O_TRUNC if force else os.O_EXCL
    try:
        number = os.open(file, os.O_WRONLY | os.O_CREAT | how, 0o600)
    except FileExistsError:
        raise _taken(file) from None
    with os.fdopen(number, "w", encoding="utf-8") as opened_file:
        opened_file.write(text.getvalue())


def _document(
    device: Device, below: str, known: KnownTree, leaves: Iterable[Leaf], asked: Job | None
) -> dict[str, object]:
    return {
        "device": device.key,
        "path": below or device.root,
        "tree_read_at": iso(known.read_at),
        "job": None if asked is None else {"id": asked.id, "state": asked.state.value},
        "values": {
            leaf.path: {
                "value": leaf.value,
                "type": leaf.type,
                "writable": leaf.writable,
                "read_at": iso(leaf.at),
            }
            for leaf in leaves
        },
    }
