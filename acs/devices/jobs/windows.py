"""When something may happen on a device, as payloads name it: ``windows``.

A list of ``{start, end, mode?, message?, max_retries?}``; seconds from when it is asked.
"""

from __future__ import annotations

from collections.abc import Mapping

from acs.devices.jobs.kind import Unsound, number, rows, text
from acs.model import TimeWindow


def windows_of(payload: Mapping[str, object], most: int, rule: str) -> tuple[TimeWindow, ...]:
    """Read the windows of a payload, one to ``most``; ``rule``: what says so.

    Raises `Unsound` for too few or too many, and for those that overlap or end before they start.
    """
    windows = tuple(
        TimeWindow(
            number(row, "start"),
            number(row, "end"),
            text(row, "mode") or "1 At Any Time",
            text(row, "message"),
            number(row, "max_retries"),
        )
        for row in rows(payload, "windows")
    )
    if not 1 <= len(windows) <= most:
        raise Unsound(f"it needs {rule}")
    ends = [0]
    for window in windows:
        if window.start < ends[-1] or window.end <= window.start:
            raise Unsound("its windows overlap, or one ends before it starts")
        ends.append(window.end)
    return windows
