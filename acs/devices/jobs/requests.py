"""Commands that a USP agent runs for us: asking after one whose end was not reported."""

from __future__ import annotations

from acs.model import DataModel, Values

REQUESTS = "Device.LocalAgent.Request."
"""The table of commands under way (TR-181)."""


async def is_running(line: DataModel, key: str) -> bool:
    """Tell whether the device lists a command with the command key ``key``."""
    told = await line.get(REQUESTS)
    return isinstance(told, Values) and any(
        path.startswith(REQUESTS) and path.endswith(".CommandKey") and value.text == key
        for path, value in told.values.items()
    )
