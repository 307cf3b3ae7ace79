"""`acs device timeline`, `faults`, `proof`, `jobs` and `snapshot`: what is kept of devices."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar

import click

from acs.cli import render
from acs.cli.ages import age, clock
from acs.cli.database import opened
from acs.cli.device_show import masks_of, print_faults, print_jobs
from acs.cli.documents import (
    fault_document,
    job_document,
    proof_document,
    snapshot_document,
    timeline_document,
)
from acs.cli.lookup import DeviceName, device_argument, find_device
from acs.cli.main import Context, pass_context
from acs.devices.record import FaultRecord, Proof, Snapshot
from acs.store import devices
from acs.store import faults as fault_rows
from acs.store import jobs as job_rows
from acs.store import proofs as proof_rows
from acs.store import snapshots as snapshot_rows
from acs.store import timeline as timeline_rows

F = TypeVar("F", bound=Callable[..., Any])


def _number_option(default: int) -> Callable[[F], F]:
    return click.option(
        "-n",
        "--limit",
        type=click.IntRange(1, 10_000),
        default=default,
        show_default=True,
        help="How many, newest first.",
    )


@click.command()
@device_argument
@_number_option(50)
@render.json_option
@pass_context
def timeline(context: Context, device: str, limit: int, as_json: bool) -> None:
    """Show what happened to DEVICE, newest first.

    \b
    Examples:
      acs device timeline 22275A7000001
      acs device timeline EQP-00001 -n 500 --json
    """
    with opened(context) as database:
        found = find_device(database, device)
        with database.read() as conn:
            lines = timeline_rows.list_thd(conn, found.id, limit=limit)
    if as_json:
        render.emit({"device": found.key, "timeline": [timeline_document(line) for line in lines]})
        return
    render.print_table(
        ("When", "What", "", "Session"),
        ((clock(e.at), e.kind, e.text, e.session) for e in (line.entry for line in lines)),
        "Nothing yet.",
    )


@click.command()
@click.argument("device", type=DeviceName(), required=False)
@_number_option(100)
@render.json_option
@pass_context
def faults(context: Context, device: str | None, limit: int, as_json: bool) -> None:
    """Show open faults of DEVICE, or of all devices, with the parameters that were refused.

    \b
    Examples:
      acs device faults
      acs device faults 22275A7000001 --json
    """
    with opened(context) as database:
        one = find_device(database, device) if device else None
        with database.read() as conn:
            found = fault_rows.list_thd(conn, one.id if one else None, limit=limit)
            known = {fault.device_id: devices.get_thd(conn, fault.device_id) for fault in found}
    keys = {device_id: held.key for device_id, held in known.items() if held}
    if as_json:
        documents = [
            {"device": keys.get(fault.device_id), **fault_document(fault)} for fault in found
        ]
        render.emit({"faults": documents})
    elif not found:
        click.echo("No open fault.")
    else:
        _print_by_device(found, keys)


def _print_by_device(found: list[FaultRecord], keys: dict[int, str]) -> None:
    by_device: dict[int, list[FaultRecord]] = {}
    for fault in found:
        by_device.setdefault(fault.device_id, []).append(fault)
    for device_id, some in by_device.items():
        render.heading(keys.get(device_id, str(device_id)))
        print_faults(some, time.time())


@click.command()
@device_argument
@click.option("--all", "every", is_flag=True, help="Older ones too.")
@render.json_option
@pass_context
def proof(context: Context, device: str, every: bool, as_json: bool) -> None:
    """Show what was last written to DEVICE and what was read back, line by line.

    \b
    Verdicts:
      proven    read back as wanted
      written   accepted; it can never be read back (a password)
      awaited   accepted, applied later: the next session reads it
      mismatch  read back otherwise

    Ends with 1 when there is no proof, or the latest is not complete.

    \b
    Examples:
      acs device proof 22275A7000001
      acs device proof EQP-00001 --all --json
    """
    with opened(context) as database:
        found = find_device(database, device)
        with database.read() as conn:
            kept = proof_rows.list_thd(conn, found.id, limit=1000 if every else 1)
    if as_json:
        render.emit({"device": found.key, "proofs": [proof_document(each) for each in kept]})
    elif not kept:
        click.echo("No proof yet.")
    else:
        for each in kept:
            _print_proof(each)
    if not kept or not kept[0].complete:
        click.get_current_context().exit(1)


def _print_proof(proof: Proof) -> None:
    end = "complete" if proof.complete else "not complete"
    plan = f", plan {proof.plan}" if proof.plan else ""
    session = f", session {proof.session}" if proof.session else ""
    render.heading(f"{clock(proof.at)}  {end}{plan}{session}")
    render.print_table(
        ("Parameter", "Wanted", "Read", "Verdict"),
        ((line.path, line.wanted, line.read, line.verdict.value) for line in proof.lines),
    )


@click.command()
@device_argument
@_number_option(50)
@render.json_option
@pass_context
def jobs(context: Context, device: str, limit: int, as_json: bool) -> None:
    """Show what was asked of DEVICE and what came of it, newest first.

    \b
    Examples:
      acs device jobs 22275A7000001
      acs device jobs 22275A7000001 --json | jq '.jobs[] | select(.state == "failed")'
    """
    with opened(context) as database:
        found = find_device(database, device)
        with database.read() as conn:
            kept = job_rows.list_thd(conn, found.id, limit=limit)
    masks = masks_of(context, found)
    if as_json:
        render.emit({"device": found.key, "jobs": [job_document(job, masks) for job in kept]})
    else:
        print_jobs(kept, masks, time.time())


@click.command()
@device_argument
@click.argument("prefix", default="")
@render.json_option
@pass_context
def snapshot(context: Context, device: str, prefix: str, as_json: bool) -> None:
    """Show what DEVICE last reported, below PREFIX if given. Secrets are masked.

    Only what a comparison needs is kept; `acs device read` asks the device for more.

    \b
    Examples:
      acs device snapshot 22275A7000001
      acs device snapshot 22275A7000001 Device.WiFi. --json
    """
    with opened(context) as database:
        found = find_device(database, device)
        with database.read() as conn:
            held = snapshot_rows.load_thd(conn, [found.id]).get(found.id, Snapshot())
    document = snapshot_document(held, prefix, masks_of(context, found))
    if as_json:
        render.emit({"device": found.key, **document})
        return
    rows = [(path, row["value"], row["type"]) for path, row in document["values"].items()]
    empty = f"Nothing below {prefix} was read." if held.values else "It was not read yet."
    render.print_table(("Parameter", "Value", "Type"), rows, empty)
    if rows:
        render.say(f"Read {age(held.at, time.time())}.")
