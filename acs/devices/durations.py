"""Durations as people write them: ``90``, ``90s``, ``15m``, ``24h``, ``7d``, ``2w``."""

from __future__ import annotations

import re

_UNITS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86_400, "w": 604_800}
_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*(s|min|m|h|d|w)?\Z")


def seconds(text: str) -> float:
    """Read a duration. Raises `ValueError` that says how one is written."""
    found = _DURATION.match(text.strip().lower())
    if not found:
        raise ValueError(f"{text!r} is no duration; write 90s, 15m, 24h or 7d")
    return float(found[1]) * _UNITS[found[2] or "s"]
