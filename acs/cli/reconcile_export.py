"""`acs reconcile export`: gaps of equipment as rows of a table that people fill in."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import click

from acs.cli.database import opened
from acs.cli.failures import Failure
from acs.cli.main import Context, pass_context
from acs.cli.reconcile import found_in
from acs.cli.spreadsheet import cell
from acs.devices.reconcile import Entry, Gap
from acs.server.bridge import load_mapping

FILLABLE = (Gap.EMPTY, Gap.NO_IDENTIFIER, Gap.IMPOSSIBLE, Gap.SHARED_LINE, Gap.TWO_RECORDS)
"""Gaps that a better record closes."""


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--all", "everything", is_flag=True, help="All equipment, not only that with a gap.")
@click.option("--force", is_flag=True, help="Write over a file that is there.")
@pass_context
def export(context: Context, file: Path, everything: bool, force: bool) -> None:
    """Write a CSV file with a row for each equipment whose record has a gap.

    Fill in what is missing and give it to `acs reconcile fill`. Passwords are never written out:
    their columns are empty, and an empty cell changes nothing.

    \b
    Examples:
      acs reconcile export gaps.csv
      acs reconcile export whole.csv --all
    """
    from acs.store import reconciling
    from erp_bridge.filling import NAME, columns

    if file.exists() and not force:
        raise Failure(f"{file}: is there already; give another name, or --force")
    gaps = (each for each in found_in(context) if each.gap in FILLABLE)
    wanted = {name: each.gap.value for each in gaps for name in each.equipment}
    header = [NAME, "gap", *columns(load_mapping(context.settings.erp))]
    out = io.StringIO()
    writer = csv.DictWriter(out, header, restval="", extrasaction="ignore")
    writer.writeheader()
    count = 0
    with opened(context) as database:
        for entry in reconciling.entries(database):
            name = entry.equipment.name
            if everything or name in wanted:
                told = {NAME: name, "gap": wanted.get(name, ""), **dict(_cells(entry))}
                writer.writerow({column: cell(text) for column, text in told.items()})
                count += 1
    # Excel takes a file for UTF-8 by its mark only.
    file.write_text(out.getvalue(), encoding="utf-8-sig", newline="")
    click.echo(f"{file}: {count} rows")


def _cells(entry: Entry) -> Iterator[tuple[str, str]]:
    box = entry.equipment
    yield "serial_number", box.serial_number
    yield "cwmp_serial", box.cwmp_serial
    yield "barcode", box.barcode
    yield "gpon_serial", box.gpon_serial
    yield "mac_address", ":".join(box.mac[at : at + 2] for at in range(0, len(box.mac), 2))
    yield "sip_username", entry.lines[0] if entry.lines else ""
