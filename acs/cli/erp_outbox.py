"""`acs erp outbox`: what is to be written to ERPNext, and what ERPNext refused."""

from __future__ import annotations

import time

import click

from acs.cli import render
from acs.cli.ages import age, iso
from acs.cli.database import as_it_is
from acs.cli.failures import DIFFERENT, Amiss, leave
from acs.cli.lazy import Lazy, LazyGroup
from acs.cli.main import Context, pass_context
from acs.devices.outgoing import Outgoing, OutgoingState
from acs.devices.safety import Mode
from acs.settings import Settings

COMMANDS = {
    "retry": Lazy("acs.cli.erp_outbox:retry", "Write a row now, or all that were refused."),
    "drop": Lazy("acs.cli.erp_outbox:drop", "Forget a row."),
}
_PAGE = 500


@click.group("outbox", cls=LazyGroup, lazy=COMMANDS, invoke_without_command=True)
@click.option(
    "--state",
    type=click.Choice([state.value for state in OutgoingState]),
    multiple=True,
    help="Only rows of this state; may be given again.  [default: all but done]",
)
@render.json_option
@pass_context
@click.pass_context
def outbox(ctx: click.Context, context: Context, state: tuple[str, ...], as_json: bool) -> None:
    """Show what is to be written to ERPNext.

    waiting: is written when it is due. doubted: was sent, nobody knows whether it was saved; it is
    read back first. dead: ERPNext refused it, and says why. done: what ERPNext was told last.

    Ends with 1 when something was refused.

    \b
    Examples:
      acs erp outbox
      acs erp outbox --state dead
      acs erp outbox --state done --json | jq '.rows | length'
      acs erp outbox retry equipment/EQP-00001/facts
    """
    if ctx.invoked_subcommand is not None:
        return
    from acs.store import outbox as store

    states = [OutgoingState(one) for one in state]
    wanted = states or [one for one in OutgoingState if one is not OutgoingState.DONE]
    with as_it_is(context.settings) as database, database.read() as conn:
        counts = store.counts_thd(conn)
        rows: list[Outgoing] = []
        while page := store.list_thd(conn, wanted, after=rows[-1].key if rows else "", limit=_PAGE):
            rows += page
    notice = notice_of(context.settings)
    if as_json:
        render.emit(
            {
                "notice": notice or None,
                "counts": {one.value: counts.get(one, 0) for one in OutgoingState},
                "rows": [_document(row) for row in rows],
            }
        )
    else:
        if notice:
            render.say(notice)
        now = time.time()
        empty = "Nothing is to be written."
        render.print_table(
            ("Key", "State", "Since", "Next", "Tries", "Why"),
            (_shown(row, now) for row in rows),
            empty,
        )
    leave(DIFFERENT if counts.get(OutgoingState.DEAD) else 0)


@click.command()
@click.argument("key", required=False)
@click.option("--all", "everything", is_flag=True, help="All that were refused.")
@pass_context
def retry(context: Context, key: str | None, everything: bool) -> None:
    """Write the row KEY now, whether it was refused or put off; --all: all that were refused.

    \b
    Examples:
      acs erp outbox retry equipment/EQP-00001/facts
      acs erp outbox retry --all
    """
    if (key is None) is not everything:
        raise click.UsageError("Name one KEY, or give --all.")
    from acs.store import outbox as store

    with as_it_is(context.settings) as database:
        count = database.run("outbox", store.retry_thd, key, time.time())
    if key and not count:
        raise Amiss(f"{key} is not in the outbox, or is done; see `acs erp outbox --state done`")
    render.say(f"{'1 row is' if count == 1 else f'{count} rows are'} written at once.")
    if notice := notice_of(context.settings):
        render.say(notice)


@click.command()
@click.argument("key")
@pass_context
def drop(context: Context, key: str) -> None:
    """Forget the row KEY. It is recorded again when what it is about changes.

    \b
    Example:
      acs erp outbox drop equipment/EQP-00001/installation
    """
    from acs.store import outbox as store

    with as_it_is(context.settings) as database:
        gone = database.run("outbox", store.drop_thd, key)
    if not gone:
        raise Amiss(f"{key} is not in the outbox; `acs erp outbox` lists what is")
    render.say(f"{key} is forgotten.")


def notice_of(settings: Settings) -> str:
    """Say why nothing is written for now, or only for some; "" where all is."""
    from acs.server.parts import safety_of

    if not settings.erp.write_back:
        return "off: nothing is recorded or written (erp.write_back is false)"
    safety = safety_of(settings)
    match safety.mode:
        case Mode.ON:
            return ""
        case Mode.DRY_RUN:
            return f"withheld: {safety.withheld('')}; rows wait"
        case Mode.ALLOW_LIST:
            return f"withheld but for some: {safety.notice}"


def summary(counts: dict[OutgoingState, int], oldest: float, now: float) -> str:
    """One line for `acs erp status`."""
    waiting = counts.get(OutgoingState.WAITING, 0)
    others = (OutgoingState.DOUBTED, OutgoingState.DEAD)
    known = (f"{counts[state]} {state.value}" for state in others if counts.get(state))
    text = ", ".join((f"{waiting} waiting", *known))
    return f"{text}; the oldest could be sent since {age(oldest, now)}" if oldest else text


def _shown(row: Outgoing, now: float) -> tuple[object, ...]:
    is_open = row.state in (OutgoingState.WAITING, OutgoingState.DOUBTED)
    since = row.changed_at if is_open else row.ended_at
    next_at = age(row.next_at, now) if is_open else ""
    return row.key, row.state.value, age(since, now), next_at, row.attempts, row.error


def _document(row: Outgoing) -> dict[str, object]:
    return {
        "key": row.key,
        "kind": row.kind,
        "doctype": row.doctype,
        "name": row.name,
        "state": row.state.value,
        "attempts": row.attempts,
        "created": iso(row.created_at),
        "changed": iso(row.changed_at),
        "next": iso(row.next_at),
        "ended": iso(row.ended_at),
        "error": row.error or None,
    }
