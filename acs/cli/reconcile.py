"""`acs reconcile`: where this server and ERPNext do not agree, and what to do about it."""

from __future__ import annotations

from collections import Counter
from typing import Any

import click

from acs.cli import render
from acs.cli.database import opened
from acs.cli.failures import DIFFERENT, leave
from acs.cli.lazy import Lazy, LazyGroup
from acs.cli.main import Context
from acs.devices.reconcile import Finding, Gap, reconcile

_HEADINGS = ("Gap", "What", "What to do")
_SHOWN = 20

COMMANDS = {
    "export": Lazy("acs.cli.reconcile_export:export", "Write gaps to a CSV file, to be filled in."),
    "fill": Lazy("acs.cli.reconcile_fill:fill", "Fill gaps in ERPNext from a CSV file."),
}


@click.group("reconcile", cls=LazyGroup, lazy=COMMANDS, invoke_without_command=True)
@click.option(
    "--gap",
    "gaps",
    multiple=True,
    type=click.Choice([gap.value for gap in Gap]),
    help="Only this kind; may be given several times.",
)
@click.option("--all", "everything", is_flag=True, help=f"Show more than {_SHOWN} of a kind.")
@render.json_option
@click.pass_context
def reconcile_group(
    ctx: click.Context, gaps: tuple[str, ...], everything: bool, as_json: bool
) -> None:
    """Hold the devices that call against the equipment in ERPNext, and name each gap.

    Reads the database alone: equipment as it was last mirrored (`acs erp status` says how fresh).
    Nothing is changed; a suggestion is for a person to look at. Ends with 1 when there is a gap.

    \b
    Examples:
      acs reconcile
      acs reconcile --gap "in ACS only" --all
      acs reconcile --json | jq '.counts'
      acs reconcile export gaps.csv
      acs reconcile fill gaps.csv
      acs reconcile fill gaps.csv --apply
    """
    if ctx.invoked_subcommand is not None:
        return
    found = [each for each in found_in(ctx.obj) if not gaps or each.gap.value in gaps]
    counts = Counter(each.gap for each in found)
    if as_json:
        render.emit(document(found, counts))
    else:
        _print(found, counts, everything)
    leave(DIFFERENT if found else 0)


def found_in(context: Context) -> list[Finding]:
    """Every gap there is now."""
    from acs.store import reconciling

    with opened(context) as database:
        return list(reconcile(reconciling.entries(database), list(reconciling.devices(database))))


def document(found: list[Finding], counts: Counter[Gap]) -> dict[str, Any]:
    """Make findings a JSON object."""
    return {
        "counts": {gap.value: counts[gap] for gap in Gap},
        "findings": [
            {
                "gap": each.gap.value,
                "devices": list(each.devices),
                "equipment": list(each.equipment),
                "text": each.text,
                "fix": each.fix,
                "suggestions": [
                    {"equipment": near.equipment, "why": near.why} for near in each.suggestions
                ],
            }
            for each in found
        ],
    }


def _print(found: list[Finding], counts: Counter[Gap], everything: bool) -> None:
    shown: Counter[Gap] = Counter()
    rows = []
    for each in found:
        shown[each.gap] += 1
        if everything or shown[each.gap] <= _SHOWN:
            rows.append((each.gap.value, each.text, each.fix))
    render.print_table(_HEADINGS, rows, "This server and ERPNext agree.")
    for gap in Gap:
        hidden = counts[gap] - _SHOWN
        if hidden > 0 and not everything:
            click.echo(f'{hidden} more "{gap.value}": acs reconcile --gap "{gap.value}" --all')
    if found:
        click.echo(", ".join(f"{counts[gap]} {gap.value}" for gap in Gap if counts[gap]))
