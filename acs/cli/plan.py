"""`acs plan`: what would be written to a device."""

from __future__ import annotations

import time
from itertools import groupby
from typing import Any

import click

from acs.cli import render
from acs.cli.ages import age, iso
from acs.cli.database import opened
from acs.cli.failures import DIFFERENT, leave
from acs.cli.lookup import device_argument, find_device
from acs.cli.main import Context, pass_context
from acs.cli.planning import Forecast, Foresight, Rules, forecast_thd
from acs.cli.refresh import refresh as read_again
from acs.profiles import Library, Plan
from acs.server import fingerprint_key, policy_of

_NOTHING_TO_DO = (Foresight.IN_ORDER, Foresight.NOTHING_WANTED, Foresight.HELD)


@click.command()
@device_argument
@click.option("--refresh", is_flag=True, help="Ask ERPNext for the wish first.")
@render.json_option
@pass_context
def plan(context: Context, device: str, refresh: bool, as_json: bool) -> None:
    """Show what would be written to DEVICE, in order, without writing or asking it anything.

    What the device last reported is compared with what ERPNext wants of it. Secrets are masked.
    DEVICE is a key, an id, a serial number, a MAC, or the name of its equipment.

    Ends with 0 when there is nothing to change, and with 1 when there is, when a wish cannot be
    met, or when no plan can be made.

    \b
    Examples:
      acs plan 22275A7000001
      acs plan --refresh 1C:61:B4:FA:11:C8
      acs plan EQP-00001 --json | jq '.changes[].path'
    """
    settings = context.settings
    with opened(context) as database:
        found = find_device(database, device)
        if refresh:
            with render.progress("Asking ERPNext …"):
                read_again(settings.erp, database, found)
        rules = Rules(
            policy_of(settings),
            Library.load(settings.provisioning.blueprint_dir or None),
            fingerprint_key(database),
        )
        with database.read() as conn:
            forecast = forecast_thd(conn, found, rules)
    if as_json:
        render.emit(_document(forecast))
    else:
        _print(forecast, time.time())
        if settings.erp.url and not (refresh or forecast.equipment):
            render.say(f"To ask ERPNext first: acs plan {found.key} --refresh")
    settled = forecast.foresight in _NOTHING_TO_DO and not forecast.plan.problems
    leave(0 if settled else DIFFERENT)


def _document(forecast: Forecast) -> dict[str, Any]:
    return {
        "device": forecast.device.key,
        "standing": forecast.device.standing.value,
        "result": forecast.foresight.value,
        "reason": forecast.reason,
        "equipment": forecast.equipment or None,
        "matched_by": forecast.matched_by or None,
        "blueprint": forecast.blueprint or None,
        "snapshot_at": iso(forecast.snapshot_at),
        "wish_at": iso(forecast.wish_at),
        **forecast.plan.as_mapping(),
        "notes": [*forecast.plan.notes, *forecast.notes],
    }


def _steps(plan: Plan) -> list[tuple[int, str, str, str, str]]:
    """Rows for people; ``{ppp}`` stands for a number that only the device can give."""
    rows = []
    for number, step in enumerate(plan.steps, 1):
        if step.create:
            rows.append((number, str(step.create), "", "", step.why))
        if step.remove:
            rows.append((number, f"remove {step.remove}", "", "", step.why))
        for change in step.changes:
            now = change.shown_current or ("" if change.new else "unknown")
            rows.append((number, change.path, now, change.shown, change.why))
    return rows


def _print(forecast: Forecast, now: float) -> None:
    wish = f"{forecast.equipment} by {forecast.matched_by}, asked {age(forecast.wish_at, now)}"
    render.print_facts(
        (
            ("Device", forecast.device.key),
            ("Standing", forecast.device.standing.value),
            ("Equipment", wish if forecast.equipment else "none"),
            ("Blueprint", forecast.blueprint or "none"),
            ("Snapshot", age(forecast.snapshot_at, now)),
        )
    )
    number = 0
    for group, changes in groupby(forecast.plan.changes, key=lambda change: change.group):
        render.heading(f"Group {group}")
        rows = []
        for change in changes:
            number += 1
            now_holds = change.shown_current
            before = "unknown" if now_holds is None else now_holds
            rows.append((number, change.path, before, change.shown, change.why))
        render.print_table(("#", "Parameter", "Now", "Wanted", "Why"), rows)
    if forecast.plan.steps:
        render.heading("Then, one step after the other")
        render.print_table(("Step", "Parameter", "Now", "Wanted", "Why"), _steps(forecast.plan))
    for problem in forecast.plan.problems:
        render.say(f"Problem: {problem}")
    for note in (*forecast.plan.notes, *forecast.notes):
        render.say(f"Note: {note}")
    kept = len(forecast.plan.kept)
    as_wanted = f" {kept} parameters are as wanted." if kept else ""
    render.say(f"{forecast.reason[:1].upper()}{forecast.reason[1:]}.{as_wanted}")
