"""`acs events log`, `dead` and `retry`: what became of events."""

from __future__ import annotations

import time
from typing import Any

import click

from acs.cli import render
from acs.cli.ages import age, iso
from acs.cli.database import opened
from acs.cli.failures import DIFFERENT, Amiss, leave
from acs.cli.main import Context, pass_context
from acs.store import events
from acs.store.events import DeliveryState, Listed

_limit = click.option(
    "--limit", type=click.IntRange(1, 100_000), default=50, show_default=True, help="How many."
)


@click.command()
@_limit
@render.json_option
@pass_context
def log(context: Context, limit: int, as_json: bool) -> None:
    """Show the last deliveries, newest first: what was told to whom, or why it was not.

    \b
    Examples:
      acs events log
      acs events log --limit 500 --json | jq '.deliveries[] | select(.state == "failing")'
    """
    _show(_list(context, limit), as_json, "Nothing was told yet.")


@click.command()
@_limit
@render.json_option
@pass_context
def dead(context: Context, limit: int, as_json: bool) -> None:
    """List deliveries that were given up after all tries. Ends with 1 when there are any.

    \b
    Examples:
      acs events dead
      acs events dead --json
    """
    found = _list(context, limit, DeliveryState.DEAD)
    _show(found, as_json, "No event was given up.")
    leave(DIFFERENT if found else 0)


@click.command()
@click.argument("delivery", type=click.IntRange(1, 2**63 - 1), metavar="[ID]", required=False)
@click.option("--all", "everything", is_flag=True, help="All that were given up.")
@render.json_option
@pass_context
def retry(context: Context, delivery: int | None, everything: bool, as_json: bool) -> None:
    """Try a delivery again, or all that were given up, with all tries.

    By its ID also one that is failing is tried at once, and one that was withheld is looked at
    again. The receiver gets the same webhook-id as before.

    \b
    Examples:
      acs events retry 4711
      acs events retry --all
    """
    if (delivery is None) != everything:
        raise click.UsageError("name the ID of one delivery (acs events dead), or say --all")
    with opened(context) as database:
        begun = database.run("retry", events.retry_thd, time.time(), delivery)
    if delivery is not None and not begun:
        raise Amiss(f"there is no delivery {delivery} to try again: acs events log")
    if as_json:
        render.emit({"retried": begun})
    else:
        render.say(f"To be tried again: {begun}")


def _list(context: Context, limit: int, state: DeliveryState | None = None) -> list[Listed]:
    with opened(context) as database, database.read() as conn:
        return events.list_thd(conn, limit, state)


def _show(found: list[Listed], as_json: bool, empty: str) -> None:
    if as_json:
        render.emit({"deliveries": [_document(each) for each in found]})
        return
    now = time.time()
    headings = ("Id", "Happened", "Kind", "Device", "To", "State", "Failed", "Next", "Why")
    rows = [
        (
            each.id,
            age(each.happened_at, now),
            each.kind,
            each.subject,
            each.url,
            each.state.value,
            each.attempts or "",
            age(each.next_at, now) if each.state is DeliveryState.FAILING else "",
            each.error,
        )
        for each in found
    ]
    render.print_table(headings, rows, empty)


def _document(each: Listed) -> dict[str, Any]:
    return {
        "id": each.id,
        "subscriber": each.subscriber_id,
        "url": each.url,
        "kind": each.kind,
        "device": each.subject,
        "happened": iso(each.happened_at),
        "state": each.state.value,
        "failed_tries": each.attempts,
        "next_try": iso(each.next_at) if each.state is DeliveryState.FAILING else None,
        "ended": iso(each.ended_at),
        "error": each.error,
    }
