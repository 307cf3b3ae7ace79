"""Times for people and for machines, and durations as people write them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import click

from acs.devices.durations import seconds

_STEPS = ((86_400 * 2, 86_400, "days"), (3600 * 2, 3600, "h"), (60, 60, "min"), (0, 1, "s"))


def iso(at: float) -> str | None:
    """Write epoch seconds as ISO 8601 in UTC; None for 0, which stands for never."""
    if not at:
        return None
    text = datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def clock(at: float) -> str:
    """Write epoch seconds in UTC to the second, as columns of tables show it."""
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%SZ}" if at else "never"


def age(at: float, now: float) -> str:
    """Say how long ago, or in how long, ``at`` is: ``3 min ago``, ``in 2 h``, ``never``."""
    if not at:
        return "never"
    if at > now + 1:
        return f"in {span(at - now)}"
    return "just now" if now - at < 1 else f"{span(now - at)} ago"


def span(seconds: float) -> str:
    """Write a duration in its largest fitting unit."""
    for least, unit, name in _STEPS:
        if seconds >= least:
            return f"{int(seconds // unit)} {name}"
    return "0 s"


class Duration(click.ParamType):  # type: ignore[type-arg] # not generic before click 8.2
    """A duration as people write it: ``90``, ``90s``, ``15m``, ``24h``, ``7d``, ``2w``."""

    name = "duration"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return it in seconds."""
        if isinstance(value, int | float):
            return float(value)
        try:
            return seconds(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)
