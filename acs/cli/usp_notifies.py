"""`acs usp notifies`: what an agent reported."""

from __future__ import annotations

import time
from typing import Any

import click

from acs.cli import render
from acs.cli.ages import Duration, clock, iso
from acs.cli.database import opened
from acs.cli.device_show import masks_of
from acs.cli.main import Context, pass_context
from acs.cli.masking import Masks
from acs.cli.usp_agent import agent_argument, find_agents
from acs.devices.agents import StoredNotify
from acs.store import usp_notifies

_KINDS = (
    "Event",
    "ValueChange",
    "ObjectCreation",
    "ObjectDeletion",
    "OperationComplete",
    "OnBoardRequest",
)


@click.command()
@agent_argument
@click.option("--since", type=Duration(), metavar="TIME", help="No older ones: 90s, 15m, 24h, 7d.")
@click.option(
    "--kind",
    "kinds",
    multiple=True,
    type=click.Choice(_KINDS, case_sensitive=False),
    help="Only this kind; may be given several times.",
)
@click.option(
    "-n",
    "--limit",
    type=click.IntRange(1, 10_000),
    default=50,
    show_default=True,
    help="How many, newest first.",
)
@render.json_option
@pass_context
def notifies(
    context: Context,
    agent: str,
    since: float | None,
    kinds: tuple[str, ...],
    limit: int,
    as_json: bool,
) -> None:
    """Show what AGENT reported, newest first. Secrets are masked.

    A report is kept once, however often it came, for usp.notify_days.

    \b
    Examples:
      acs usp notifies 22275A7000001 --since 24h
      acs usp notifies os::1C61B4-22275A7000001 --kind ValueChange --kind Event --json
    """
    with opened(context) as database:
        found, device = find_agents(database, agent)
        endpoints = [each.endpoint for each in found]
        after = time.time() - since if since is not None else 0.0
        with database.read() as conn:
            kept = usp_notifies.list_thd(conn, endpoints, since=after, kinds=kinds, limit=limit)
    masks = masks_of(context, device) if device else Masks()
    if as_json:
        render.emit({"agents": endpoints, "notifies": [_document(each, masks) for each in kept]})
        return
    render.print_table(
        ("When", "Kind", "What", "Key", "Told", ""),
        (
            (
                clock(each.at),
                each.kind,
                each.path,
                each.key,
                ", ".join(f"{name}={value}" for name, value in _shown(each, masks).items()),
                "waits" if each.waiting else "",
            )
            for each in kept
        ),
        "Nothing.",
    )


def _shown(notify: StoredNotify, masks: Masks) -> dict[str, object]:
    """What it told, without secrets; the new ``value`` of a parameter goes by the parameter."""
    by_path = notify.kind == "ValueChange"
    return {
        name: masks.shown(notify.path if by_path and name == "value" else name, value)
        for name, value in sorted(notify.detail.items())
    }


def _document(notify: StoredNotify, masks: Masks) -> dict[str, Any]:
    return {
        "at": iso(notify.at),
        "endpoint": notify.endpoint,
        "id": notify.msg_id,
        "kind": notify.kind,
        "subscription": notify.subscription_id or None,
        "path": notify.path,
        "key": notify.key or None,
        "detail": _shown(notify, masks),
        "waiting": notify.waiting,
    }
