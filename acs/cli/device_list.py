"""`acs device list`: who has called, and where each device stands."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import click

from acs.cli import render
from acs.cli.ages import age
from acs.cli.database import opened
from acs.cli.documents import device_document
from acs.cli.main import Context, pass_context
from acs.cli.queries import query_option, read_query
from acs.devices.query import Condition, Like, Query
from acs.devices.query_text import mention, plain_pattern
from acs.devices.record import Device, Standing
from acs.store import devices, selection, tags

_HEADINGS = ("Id", "Device", "Model", "Standing", "Equipment", "Seen", "Address", "Tags", "Reason")
_EVERY = 2.0


@dataclass(frozen=True, slots=True)
class _Page:
    """One page of the list, with the counts of all devices."""

    devices: list[Device]
    tags: Mapping[int, frozenset[str]]
    counts: Mapping[Standing, int]
    more: bool

    @property
    def after(self) -> int | None:
        """The id by which the next page is asked for; None: this is the last one."""
        return self.devices[-1].id if self.more else None


@click.command("list")
@click.option(
    "--standing",
    type=click.Choice([each.value for each in Standing]),
    help="Only devices that stand there.",
)
@click.option(
    "--search",
    default="",
    metavar="TEXT",
    help="Only those with TEXT in key, serial, MAC, equipment, model or address.",
)
@click.option(
    "--limit",
    type=click.IntRange(1, 100_000),
    default=100,
    show_default=True,
    help="Devices on one page.",
)
@click.option(
    "--after", type=click.IntRange(0), default=0, metavar="ID", help="Begin after this id."
)
@click.option("--protocol", type=click.Choice(["cwmp", "usp"]), help="Only those that speak it.")
@query_option(help="Only those that fit, such as 'model=XX230v* tag=beta last_seen<7d'.")
@click.option("--watch", is_flag=True, help="Show it again and again, until Ctrl-C.")
@render.json_option
@pass_context
def list_devices(
    context: Context,
    standing: str | None,
    search: str,
    limit: int,
    after: int,
    protocol: str | None,
    query: str,
    watch: bool,
    as_json: bool,
) -> None:
    """List devices in the order of their first contact, and count all of them by standing.

    \b
    Examples:
      acs device list --standing faulted
      acs device list --search 1c61b4 --watch
      acs device list --query "model=XX230v* software!=*v6066* last_seen<7d"
      acs device list --limit 1000 --json | jq -r '.devices[].key'
    """
    if watch and (as_json or not sys.stdout.isatty()):
        raise click.UsageError("--watch needs a terminal, and goes without --json")

    def page() -> _Page:
        with database.read() as conn:
            wanted = _narrowed(read_query(conn, query), standing, search, protocol)
            found = selection.list_thd(conn, wanted, time.time(), after=after, limit=limit + 1)
            listed = found[:limit]
            own = tags.of_thd(conn, [device.id for device in listed])
            return _Page(listed, own, devices.standings_thd(conn), len(found) > limit)

    with opened(context) as database:
        if watch:
            _watch(page)
        elif as_json:
            render.emit(_document(page()))
        else:
            render.console().print(_rendered(page()))


def _narrowed(query: Query, standing: str | None, search: str, protocol: str | None) -> Query:
    """Add what the options for common questions say."""
    more: list[Condition] = []
    if protocol:
        more.append(Like("protocol", (plain_pattern(protocol),)))
    if standing:
        more.append(Like("standing", (plain_pattern(standing),)))
    if search.strip():
        more.append(mention(search.strip()))
    return replace(query, conditions=(*query.conditions, *more))


def _watch(page: Any) -> None:
    from rich.live import Live

    with Live(_rendered(page()), console=render.console(), auto_refresh=False) as live:
        try:
            while True:
                time.sleep(_EVERY)
                live.update(_rendered(page()), refresh=True)
        except KeyboardInterrupt:
            pass


def _document(page: _Page) -> dict[str, Any]:
    return {
        "devices": [
            {**device_document(device), "tags": sorted(page.tags.get(device.id, ()))}
            for device in page.devices
        ],
        "counts": {standing.value: count for standing, count in page.counts.items()},
        "after": page.after,
    }


def _rendered(page: _Page) -> Any:
    from rich.console import Group
    from rich.text import Text

    now = time.time()
    rows = [
        (
            device.id,
            device.key,
            device.model or device.product_class,
            device.standing.value,
            device.equipment or (f"{device.suggestion}?" if device.suggestion else ""),
            age(device.last_seen, now),
            device.address,
            " ".join(sorted(page.tags.get(device.id, ()))),
            device.reason,
        )
        for device in page.devices
    ]
    body = render.table(_HEADINGS, rows) if rows else Text("No device.")
    more = [Text(f"More: --after {page.after}")] if page.after is not None else []
    return Group(body, *more, Text(_counted(page.counts)))


def _counted(counts: Mapping[Standing, int]) -> str:
    total = sum(counts.values())
    parts = [f"{count} {standing}" for standing, count in counts.items() if count]
    return f"{total} in all" + (f": {', '.join(parts)}" if parts else "")
