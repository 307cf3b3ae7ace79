"""`acs reconcile fill`: gaps of equipment filled in ERPNext from a table, with a plan first."""

from __future__ import annotations

import csv
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from acs.api.webhooks import SOURCE
from acs.cli import render
from acs.cli.confirming import confirm
from acs.cli.database import opened
from acs.cli.failures import DIFFERENT, Amiss, Failure, leave
from acs.cli.main import Context, pass_context
from acs.cli.spreadsheet import text_of
from acs.server.bridge import load_mapping, make_client
from acs.server.parts import safety_of
from acs.store import inbox
from acs.store.errors import StoreError
from acs.store.inbox import Arrival
from erp_bridge import filling
from erp_bridge.client import ErpClient
from erp_bridge.errors import ErpError
from erp_bridge.filling import NAME, Filling, Taken
from erp_bridge.mapping import Mapping as SiteMapping

_BATCH = 200


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--apply", "do_it", is_flag=True, help="Write it to ERPNext; else it is only shown.")
@click.option("--skip-problems", is_flag=True, help="Write the rows that have no problem.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@render.json_option
@pass_context
def fill(
    context: Context, file: Path, do_it: bool, skip_problems: bool, yes: bool, as_json: bool
) -> None:
    """Show what the CSV FILE would change on equipment in ERPNext, and with --apply change it.

    The first line names the columns: `equipment` (the document), and fields by the names of the
    mapping (serial_number, mac_address, wifi_ssid, wifi_password, sip_username …). Empty cells
    change nothing. A row is written only while its document is as it was when the plan was made.

    \b
    Examples:
      acs reconcile fill gaps.csv
      acs reconcile fill gaps.csv --apply
    """
    settings = context.settings
    if not settings.erp.url:
        raise Failure("erp.url is empty: no ERPNext is connected; set it (docs/connect-erpnext.md)")
    if do_it and (notice := safety_of(settings).notice):
        raise Failure(f"safety: {notice}; nothing is written to ERPNext")
    mapping = load_mapping(settings.erp)
    rows = _read(file, mapping)
    client = make_client(settings.erp)
    try:
        plan = filling.fill(rows, _documents(client, mapping, rows), _taken(context), mapping)
        if not do_it:
            _show(plan, as_json)
            leave(DIFFERENT if any(each.problems for each in plan) else 0)
        bad = [each for each in plan if each.problems]
        if bad and not skip_problems:
            _show(plan, as_json)
            raise Amiss("nothing was written: mend these rows, or leave them out (--skip-problems)")
        todo = [each for each in plan if each.cells and not each.problems]
        if todo and not yes:
            confirm(f"Change {_equipments(len(todo))} in ERPNext?")
        done, failed = _apply(client, mapping, todo, 1 / settings.erp.writes_per_second)
    finally:
        client.close()
    _tell_server(context, done)
    if as_json:
        render.emit({"changed": [each.name for each in done], "failed": failed})
    else:
        click.echo(f"{_equipments(len(done))} changed, {len(failed)} failed.")
    leave(DIFFERENT if failed else 0)


def _read(file: Path, mapping: SiteMapping) -> list[tuple[int, Mapping[str, str]]]:
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            sample = stream.read(4096)
            stream.seek(0)
            # A French Excel separates by semicolons.
            separator = ";" if sample.partition("\n")[0].count(";") else ","
            reader = csv.DictReader(stream, delimiter=separator, restval="")
            header = [name for name in reader.fieldnames or () if name]
            if NAME not in header:
                raise Failure(f"{file}: the first line names no column {NAME!r}")
            if strange := filling.unknown_columns([h for h in header if h != "gap"], mapping):
                known = ", ".join(filling.columns(mapping))
                raise Failure(f"{file}: no such column: {', '.join(strange)}; there are: {known}")
            return [
                (reader.line_num, {k: text_of(v or "") for k, v in row.items() if k in header})
                for row in reader
            ]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise Failure(f"{file}: cannot be read: {error}") from error


def _documents(
    client: ErpClient, mapping: SiteMapping, rows: list[tuple[int, Mapping[str, str]]]
) -> dict[str, Mapping[str, Any]]:
    names = list(dict.fromkeys(cells[NAME].strip() for _, cells in rows if cells[NAME].strip()))
    fields = ["name", "modified", *filling.columns(mapping).values()]
    found: dict[str, Mapping[str, Any]] = {}
    with render.progress(f"Reading {len(names)} equipments"):
        for start in range(0, len(names), _BATCH):
            wanted = names[start : start + _BATCH]
            listed = client.get_list(
                mapping.equipment.doctype, fields, [["name", "in", wanted]], limit=_BATCH
            )
            found |= {str(each["name"]): each for each in listed}
    return found


def _taken(context: Context) -> Taken:
    from acs.store import reconciling

    def held() -> Iterator[tuple[str, Mapping[str, str]]]:
        for entry in reconciling.entries(database):
            box = entry.equipment
            line = entry.lines[0] if entry.lines else ""
            values = {
                "serial_number": box.serial_number,
                "cwmp_serial": box.cwmp_serial,
                "barcode": box.barcode,
                "gpon_serial": box.gpon_serial,
                "mac_address": box.mac,
                "sip_username": line,
            }
            yield box.name, values

    with opened(context) as database:
        return filling.taken_by(held())


def _show(plan: list[Filling], as_json: bool) -> None:
    if as_json:
        rows = [
            {
                "line": each.line,
                "equipment": each.name,
                "changes": list(map(str, each.cells)),
                "problems": list(each.problems),
            }
            for each in plan
        ]
        render.emit({"rows": rows})
        return
    shown = [
        (each.line, each.name, text, "")
        for each in plan
        for text in map(str, each.cells)
        if not each.problems
    ]
    shown += [(each.line, each.name, "", problem) for each in plan for problem in each.problems]
    render.print_table(("Line", "Equipment", "Change", "Problem"), sorted(shown), "No change.")
    changed = sum(1 for each in plan if each.cells and not each.problems)
    bad = sum(1 for each in plan if each.problems)
    trouble = "1 row has a problem" if bad == 1 else f"{bad} rows have problems"
    ending = "; --apply writes" if changed else ""
    render.say(f"{_equipments(changed)} would be changed, {trouble}{ending}")


def _apply(
    client: ErpClient, mapping: SiteMapping, todo: list[Filling], pause: float
) -> tuple[list[Arrival], dict[str, str]]:
    """Write one after the other; return what was written, and why others were not, by name."""
    done, failed = [], {}
    doctype = mapping.equipment.doctype
    for number, each in enumerate(todo, 1):
        fields = {cell.site_field: cell.value for cell in each.cells}
        try:
            document = client.update(doctype, each.name, fields, each.modified)
        except ErpError as error:
            failed[each.name] = str(error)
            click.echo(f"{render.plain(each.name)}: {render.plain(error)}", err=True)
        else:
            stamp = str(document.get("modified") or "")
            key = "|".join((doctype, each.name, stamp, "filled"))
            done.append(Arrival(SOURCE, key, doctype, each.name, stamp))
        if number % 50 == 0:
            click.echo(f"{number} of {len(todo)}", err=True)
        time.sleep(pause)
    return done, failed


def _tell_server(context: Context, done: list[Arrival]) -> None:
    """Have what was written read again: the site sends no webhook for what its ACS user writes."""
    with opened(context) as database:
        for start in range(0, len(done), _BATCH):
            try:
                database.run("filled", inbox.add_thd, done[start : start + _BATCH], time.time())
            except StoreError as error:
                click.echo(f"The next sweep finds it, not before: {render.plain(error)}", err=True)
                return


def _equipments(count: int) -> str:
    return "1 equipment" if count == 1 else f"{count} equipments"
