"""A USP agent on the command line: finding it, and what is told of it for people and as JSON."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from acs.cli.ages import age, iso
from acs.cli.failures import UnknownDevice
from acs.cli.lookup import DeviceName, find_device
from acs.devices.agents import Agent
from acs.devices.record import Device
from acs.store import Database, devices, usp_agents

F = TypeVar("F", bound=Callable[..., Any])


def agent_argument(command: F) -> F:
    """Add the argument AGENT to a command."""
    return click.argument("agent", type=DeviceName())(command)


def find_agents(database: Database, text: str) -> tuple[list[Agent], Device | None]:
    """Find the agents that ``text`` names, the one seen last first, and their device.

    An endpoint id names one agent, whose device may not be known yet. A device may have had
    several. Raises `UnknownDevice` when there is none.
    """
    with database.read() as conn:
        known = usp_agents.load_thd(conn, [text]).get(text)
        if known is not None and known.agent is not None:
            return [known.agent], devices.get_thd(conn, known.agent.device_id)
    if "::" in text:
        raise UnknownDevice(f"no agent has the endpoint id {text!r}; see `acs usp agents`")
    device = find_device(database, text)
    with database.read() as conn:
        found = usp_agents.of_devices_thd(conn, [device.id]).get(device.id, [])
    if not found:
        raise UnknownDevice(f"{device.key} has no USP agent; it speaks {device.protocol}")
    return found, device


def presence_words(agent: Agent, now: float) -> str:
    """Say whether it can be reached, since when, and what told so."""
    since = f" since {age(agent.presence_at, now)}" if agent.presence_at else ""
    return f"{agent.presence}{since}" + (f": {agent.evidence}" if agent.evidence else "")


def proof_words(agent: Agent) -> str:
    """Say by what it last proved who it is."""
    return _PROOFS.get(agent.credential, agent.credential)


_PROOFS = {
    "none": "nothing that proves who it is",
    "bootstrap": "the shared secret",
    "own": "an account of its own",
    "certificate": "a certificate of its own",
}


def agent_document(agent: Agent, device_key: str) -> dict[str, Any]:
    """An agent as plain data for JSON; times in UTC."""
    return {
        "endpoint": agent.endpoint,
        "device": device_key or None,
        "oui": agent.oui,
        "product_class": agent.product_class,
        "serial_number": agent.serial_number,
        "manufacturer": agent.manufacturer,
        "model": agent.model,
        "hardware": agent.hardware,
        "software": agent.software,
        "versions": [each for each in agent.versions.split(",") if each],
        "version": agent.version or None,
        "mtp": agent.mtp or None,
        "reply_to": agent.reply_to or None,
        "credential": agent.credential,
        "presence": agent.presence.value,
        "presence_at": iso(agent.presence_at),
        "evidence": agent.evidence or None,
        "controller": agent.controller or None,
        "settled": agent.settled or None,
        "first_seen": iso(agent.first_seen),
        "last_seen": iso(agent.last_seen),
    }
