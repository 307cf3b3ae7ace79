"""`acs erp`: what is known of ERPNext without asking it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import click

from acs.cli import render
from acs.cli.ages import age, iso, span
from acs.cli.database import as_it_is
from acs.cli.erp_inbox import summary as webhooks
from acs.cli.erp_outbox import notice_of, summary
from acs.cli.failures import DIFFERENT, Failure, leave
from acs.cli.lazy import Lazy, LazyGroup
from acs.cli.main import Context, pass_context
from acs.devices.outgoing import OutgoingState
from acs.settings import ErpSettings
from erp_bridge.progress import Cut, Done, Progress

_NO_WEBHOOK = "none came lately; acs erp check says whether the site sends them"

COMMANDS = {
    "install": Lazy("acs.cli.erp_install:install", "Set up the ERPNext site for this server."),
    "check": Lazy("acs.cli.erp_install:check", "Compare the ERPNext site with what is needed."),
    "status": Lazy("acs.cli.erp:status", "Show how fresh the mirror of ERPNext's equipment is."),
    "inbox": Lazy("acs.cli.erp_inbox:inbox", "Show which changes ERPNext told of."),
    "outbox": Lazy("acs.cli.erp_outbox:outbox", "Show what is to be written to ERPNext."),
}


@click.group(cls=LazyGroup, lazy=COMMANDS)
def erp() -> None:
    """ERPNext: how fresh the mirror of its equipment is.

    \b
    Examples:
      acs erp install --url https://acs.example.net    what the site needs, and --apply
      acs erp check       has the site all of it?
      acs erp status
      acs erp inbox       which changes it told of, and what could not be read
      acs erp outbox      what is to be written, and what was refused
      acs doctor          does the mapping fit the site?
    """


@click.command("status")
@render.json_option
@pass_context
def status(context: Context, as_json: bool) -> None:
    """Show how many equipments are mirrored, and what the sweeps brought.

    Reads the database alone; neither the server nor ERPNext is asked. Ends with 1 when the last
    sweep was doubted: ERPNext showed so little that nothing was forgotten.

    \b
    Examples:
      acs erp status
      acs erp status --json | jq -r .last_sweep.ended
    """
    from acs.server.inbox import oldest_thd
    from acs.server.sweeping import progress_thd
    from acs.store import equipment, inbox, outbox

    if not context.settings.erp.url:
        raise Failure("erp.url is empty: no ERPNext is connected; set it (docs/connect-erpnext.md)")
    with as_it_is(context.settings) as database, database.read() as conn:
        mirrored = equipment.size_thd(conn)
        progress = progress_thd(conn)
        unwritten = outbox.counts_thd(conn)
        oldest = outbox.oldest_thd(conn, time.time())
        hooks, oldest_hook = inbox.counts_thd(conn), oldest_thd(conn)
        latest_hook = inbox.latest_thd(conn)
    if as_json:
        counts = {state.value: unwritten.get(state, 0) for state in OutgoingState}
        came = {state.value: hooks.get(state, 0) for state in inbox.InboxState}
        document = {**_document(mirrored, progress), "last_webhook": iso(latest_hook)}
        render.emit({**document, "inbox": came, "outbox": counts})
    else:
        render.print_facts(
            [
                *_facts(mirrored, progress, context.settings.erp.sweep_minutes),
                ("Webhooks", webhooks(hooks, oldest_hook, time.time())),
                ("Last webhook", age(latest_hook, time.time()) if latest_hook else _NO_WEBHOOK),
                ("Outbox", summary(unwritten, oldest, time.time())),
                ("Write-back", notice_of(context.settings)),
                ("Budget", _budget(context.settings.erp)),
            ]
        )
    leave(DIFFERENT if progress.alarm else 0)


def _budget(erp: ErpSettings) -> str:
    return (
        f"{erp.queries_per_second:g} reads and {erp.writes_per_second:g} writes a second,"
        f" {erp.connections} at a time"
    )


def _document(mirrored: int, progress: Progress) -> dict[str, Any]:
    return {
        "mirrored": mirrored,
        "mark": progress.mark or None,
        "time_zone": progress.zone or None,
        "fresh_as_of": iso(progress.sure_at),
        "last_full_sweep": iso(progress.full_at),
        "last_sweep": _done(progress.last) if progress.last else None,
        "under_way": _counts(progress.cut) if progress.cut else None,
        "alarm": progress.alarm or None,
    }


def _counts(sweep: Cut | Done) -> dict[str, Any]:
    return {
        "full": sweep.full,
        "began": iso(sweep.began_at),
        "listed": sweep.listed,
        "changed": sweep.changed,
        "unreadable": sweep.unread,
        "gone": sweep.gone,
    }


def _done(sweep: Done) -> dict[str, Any]:
    return {
        **_counts(sweep),
        "ended": iso(sweep.ended_at),
        "rows_per_second": round(sweep.listed / max(sweep.ended_at - sweep.began_at, 0.001), 1),
    }


def _facts(mirrored: int, progress: Progress, minutes: float) -> Iterator[tuple[str, str]]:
    now = time.time()
    yield "Equipments mirrored", str(mirrored)
    yield "Fresh as of", age(progress.sure_at, now)
    yield "Mark in ERPNext", f"{progress.mark} {progress.zone}".strip() or "none"
    yield "Last full sweep", age(progress.full_at, now)
    if progress.last:
        yield "Last sweep", f"{age(progress.last.ended_at, now)}, {_told(progress.last)}"
    if progress.cut:
        yield "Under way", f"since {age(progress.cut.began_at, now)}, {_told(progress.cut)}"
    yield "Next sweeps", f"every {span(minutes * 60)}" if minutes else "off (erp.sweep_minutes)"
    if progress.alarm:
        yield "Alarm", progress.alarm


def _told(sweep: Cut | Done) -> str:
    text = f"{'full: ' if sweep.full else ''}{sweep.listed} listed, {sweep.changed} changed"
    text += f", {sweep.gone} gone" if sweep.gone else ""
    text += f", {sweep.unread} unreadable" if sweep.unread else ""
    if isinstance(sweep, Done):
        text += f", {sweep.listed / max(sweep.ended_at - sweep.began_at, 0.001):.0f} rows/s"
    return text
