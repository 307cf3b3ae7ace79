"""`acs erp inbox`: which changes ERPNext told of, what waits, and what could not be read."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import click

from acs.cli import render
from acs.cli.ages import age, iso
from acs.cli.database import as_it_is
from acs.cli.failures import DIFFERENT, Amiss, leave
from acs.cli.lazy import Lazy, LazyGroup
from acs.cli.main import Context, pass_context
from acs.store.inbox import InboxRow, InboxState, counts_thd, recent_thd

COMMANDS = {
    "retry": Lazy("acs.cli.erp_inbox:retry", "Read what a webhook told of once more."),
}
_OPEN = (InboxState.WAITING, InboxState.FAILED)


@click.group("inbox", cls=LazyGroup, lazy=COMMANDS, invoke_without_command=True)
@click.option(
    "--state",
    type=click.Choice([state.value for state in InboxState]),
    multiple=True,
    help="Only webhooks in this state; may be given again.  [default: waiting, failed]",
)
@click.option(
    "--limit", type=click.IntRange(1, 100_000), default=100, show_default=True, help="How many."
)
@render.json_option
@pass_context
@click.pass_context
def inbox(
    ctx: click.Context, context: Context, state: tuple[str, ...], limit: int, as_json: bool
) -> None:
    """Show webhooks of ERPNext, the newest first.

    waiting: its document is to be read. done: it was read. merged: a newer webhook stands for it.
    failed: it could not be read, time and again, and says why.

    Ends with 1 when there are failed ones.

    \b
    Examples:
      acs erp inbox
      acs erp inbox --state done --limit 20
      acs erp inbox --state failed --json | jq -r '.rows[].name'
      acs erp inbox retry 4711
    """
    if ctx.invoked_subcommand is not None:
        return
    wanted = [InboxState(one) for one in state] or _OPEN
    with as_it_is(context.settings) as database, database.read() as conn:
        counts = counts_thd(conn)
        rows = recent_thd(conn, states=wanted, limit=limit)
    if as_json:
        numbers = {one.value: counts.get(one, 0) for one in InboxState}
        render.emit({"counts": numbers, "rows": [_document(row) for row in rows]})
    else:
        now = time.time()
        render.print_table(
            ("Id", "Doctype", "Name", "State", "Came", "Tries", "Next", "Why"),
            (_shown(row, now) for row in rows),
            "Nothing waits, nothing failed." if not state else "There is none.",
        )
    leave(DIFFERENT if counts.get(InboxState.FAILED) else 0)


@click.command()
@click.argument("row", type=click.IntRange(1, 2**63 - 1), metavar="[ID]", required=False)
@click.option("--all", "everything", is_flag=True, help="All that failed.")
@pass_context
def retry(context: Context, row: int | None, everything: bool) -> None:
    """Read what the webhook ID told of now, whether it failed or was put off.

    \b
    Examples:
      acs erp inbox retry 4711
      acs erp inbox retry --all
    """
    if (row is None) is not everything:
        raise click.UsageError("Name one ID (acs erp inbox), or give --all.")
    from acs.server.inbox import retry_thd

    with as_it_is(context.settings) as database:
        count = database.run("inbox", retry_thd, row, time.time())
    if row is not None and not count:
        raise Amiss(f"there is no webhook {row} that failed or waits; see `acs erp inbox`")
    render.say(f"{'1 document is' if count == 1 else f'{count} documents are'} read at once.")


def summary(counts: Mapping[InboxState, int], oldest: float, now: float) -> str:
    """One line for `acs erp status`."""
    text = f"{counts.get(InboxState.WAITING, 0)} waiting"
    if failed := counts.get(InboxState.FAILED):
        text += f", {failed} failed (acs erp inbox)"
    return f"{text}; the oldest came {age(oldest, now)}" if oldest else text


def _document(row: InboxRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "source": row.source,
        "doctype": row.doctype,
        "name": row.name,
        "modified": row.modified or None,
        "state": row.state.value,
        "tries": row.attempts,
        "received": iso(row.received_at),
        "next": iso(row.next_at) if row.state is InboxState.WAITING else None,
        "ended": iso(row.ended_at),
        "error": row.error or None,
    }


def _shown(row: InboxRow, now: float) -> tuple[object, ...]:
    waits = row.state is InboxState.WAITING and row.next_at > now
    return (
        row.id,
        row.doctype,
        row.name,
        row.state.value,
        age(row.received_at, now),
        row.attempts or "",
        age(row.next_at, now) if waits else "",
        row.error,
    )
