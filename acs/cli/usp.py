"""`acs usp`: agents that speak USP (TR-369), what they reported and support, raw requests."""

from __future__ import annotations

import click

from acs.cli.lazy import Lazy, LazyGroup

COMMANDS = {
    "agents": Lazy("acs.cli.usp_agents:agents", "List agents, and count them by presence."),
    "agent": Lazy("acs.cli.usp_agents:agent", "Show all that is known of an agent."),
    "notifies": Lazy("acs.cli.usp_notifies:notifies", "Show what an agent reported."),
    "model": Lazy("acs.cli.usp_model:model", "Show what its model supports."),
    "send": Lazy("acs.cli.usp_send:send", "Send an agent one request, for experiments."),
    "account": Lazy("acs.cli.usp_accounts:accounts", "See to agents' accounts at the broker."),
}


@click.group(cls=LazyGroup, lazy=COMMANDS)
def usp() -> None:
    """USP: agents, their presence, what they reported, what they support.

    AGENT is an endpoint id, or whatever names its device: a key, an id, a serial number, a MAC, an
    equipment. All that `acs device` does works over USP as well.

    \b
    Examples:
      acs usp agents --presence offline
      acs usp agent os::1C61B4-22275A7000001
      acs usp notifies 22275A7000001 --since 24h
      acs usp model 22275A7000001 Device.WiFi.
      acs usp send 22275A7000001 get Device.DeviceInfo.
    """
