"""`acs usp agents` and `acs usp agent`: who speaks USP, and how each is reached."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import click
import msgspec

from acs.cli import render
from acs.cli.ages import age, iso
from acs.cli.database import opened
from acs.cli.main import Context, pass_context
from acs.cli.usp_agent import (
    agent_argument,
    agent_document,
    find_agents,
    presence_words,
    proof_words,
)
from acs.devices.agents import Agent, Presence
from acs.devices.record import Device
from acs.devices.vocabulary import model_key
from acs.store import usp_agents, usp_models, usp_notifies
from acs.store.notes import read_note_thd
from acs.store.usp_models import KeptModel
from acs.usp.drops import NOTE, Drop, read
from acs.usp.mqtt.topics import Address

_HEADINGS = ("Endpoint", "Device", "MTP", "Presence", "Since", "Evidence", "Version", "Seen")


@click.command()
@click.option(
    "--presence",
    type=click.Choice([each.value for each in Presence]),
    help="Only agents that are so.",
)
@click.option("--mtp", type=click.Choice(["mqtt", "websocket"]), help="Only agents reached so.")
@click.option(
    "--search",
    default="",
    metavar="TEXT",
    help="Only those with TEXT in endpoint id, key of the device, model or serial number.",
)
@click.option(
    "--limit",
    type=click.IntRange(1, 100_000),
    default=100,
    show_default=True,
    help="Agents on one page.",
)
@click.option("--after", default="", metavar="ENDPOINT", help="Begin after this endpoint id.")
@render.json_option
@pass_context
def agents(
    context: Context,
    presence: str | None,
    mtp: str | None,
    search: str,
    limit: int,
    after: str,
    as_json: bool,
) -> None:
    """List agents by endpoint id, and count all of them by presence.

    An agent is online or offline where something told so, which is its evidence; it is unknown
    while nothing did since the server started.

    \b
    Examples:
      acs usp agents --presence offline
      acs usp agents --mtp websocket --search 1c61b4
      acs usp agents --limit 1000 --json | jq -r '.agents[].endpoint'
    """
    wanted = Presence(presence) if presence else None
    with opened(context) as database, database.read() as conn:
        found = usp_agents.list_thd(
            conn, presence=wanted, mtp=mtp or "", search=search, after=after, limit=limit + 1
        )
        counts = usp_agents.presences_thd(conn)
        dropped = read(read_note_thd(conn, NOTE))
    listed = found[:limit]
    last = listed[-1][0].endpoint if len(found) > limit else None
    if as_json:
        render.emit(
            {
                "agents": [agent_document(agent, key) for agent, key in listed],
                "counts": {each.value: count for each, count in counts.items()},
                "after": last,
                "dropped": msgspec.to_builtins(dropped),
            }
        )
        return
    render.print_table(_HEADINGS, (_row(agent, key) for agent, key in listed), "No agent.")
    if last is not None:
        render.say(f"More: --after {last}")
    told = ", ".join(f"{count} {each}" for each, count in counts.items() if count)
    render.say(f"{sum(counts.values())} in all" + (f": {told}" if told else ""))
    if dropped:
        render.heading("Records that were not taken")
        headings = ("Why", "How many", "Last", "Said to be from", "Vouched for", "Came by")
        render.print_table(headings, map(_dropped, dropped), "None.")


def _dropped(drop: Drop) -> tuple[object, ...]:
    seen = age(drop.at, time.time())
    return drop.reason, drop.count, seen, drop.endpoint, drop.vouched, drop.place


def _row(agent: Agent, device_key: str) -> tuple[object, ...]:
    now = time.time()
    return (
        agent.endpoint,
        device_key,
        agent.mtp,
        agent.presence.value,
        age(agent.presence_at, now) if agent.presence_at else "",
        agent.evidence,
        agent.version,
        age(agent.last_seen, now),
    )


@click.command()
@agent_argument
@render.json_option
@pass_context
def agent(context: Context, agent: str, as_json: bool) -> None:
    """Show how AGENT is reached, what it speaks and supports, and how often it reported.

    \b
    Examples:
      acs usp agent os::1C61B4-22275A7000001
      acs usp agent EQP-00001 --json
    """
    with opened(context) as database:
        (found, *others), device = find_agents(database, agent)
        with database.read() as conn:
            counts, waiting = usp_notifies.counts_thd(conn, found.endpoint)
            supported = usp_models.get_thd(conn, model_key(found))
    if as_json:
        document = agent_document(found, device.key if device else "")
        document["notifies"] = {"kinds": counts, "waiting": waiting}
        document["supported"] = _supported(supported)
        document["others"] = [each.endpoint for each in others]
        render.emit(document)
        return
    _print(found, device, supported, time.time())
    if others:
        render.say(f"\nThis device was also {', '.join(each.endpoint for each in others)}.")
    render.heading("Notifies")
    render.print_table(("Kind", "Kept"), counts.items(), "None is kept.")
    if waiting:
        render.say(f"{waiting} of them wait to be acted on.")


def _supported(kept: KeptModel | None) -> dict[str, Any] | None:
    return None if kept is None else {"uri": kept.uri or None, "asked_at": iso(kept.at)}


def _topic(reply_to: str) -> str:
    """Where it listens over MQTT, and what has to be heeded there."""
    address = Address.parse(reply_to)
    account = ["shared account"] * address.shared_account
    notes = ", ".join(account + ["MQTT 3.1.1"] * address.version_3)
    return f"{address.topic}  ({notes})" if notes else address.topic


def _print(agent: Agent, device: Device | None, kept: KeptModel | None, now: float) -> None:
    told: Sequence[str] = (agent.oui, agent.product_class, agent.serial_number)
    hardware = (agent.manufacturer, agent.model, agent.hardware)
    settled = f"done ({agent.settled})" if agent.settled else "not yet: looked at anew"
    render.print_facts(
        (
            ("Agent", agent.endpoint),
            ("Device", f"{device.key}  (id {device.id})" if device else "not known yet"),
            ("Told", " ".join(filter(None, told))),
            ("Hardware", " ".join(filter(None, hardware))),
            ("Software", agent.software),
            ("Presence", presence_words(agent, now)),
            ("Reached by", agent.mtp),
            ("Topic", _topic(agent.reply_to)),
            ("Shows", proof_words(agent)),
            ("Speaks", f"USP {agent.version}" if agent.version else ""),
            ("Could speak", agent.versions.replace(",", " ")),
            ("Our row", agent.controller),
            ("Set up", settled),
            ("Model", f"{kept.uri}, asked {age(kept.at, now)}" if kept else "not asked yet"),
            ("Seen", f"{age(agent.last_seen, now)}, first {age(agent.first_seen, now)}"),
        )
    )
