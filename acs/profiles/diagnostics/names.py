"""The diagnostics a device can be asked for, and the names of what goes in and comes out.

The names are those of a blueprint's ``[diagnostics.NAME]`` and of a job's payload and result.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Diagnostic(StrEnum):
    """A test that a device runs itself (TR-181 `Device.IP.Diagnostics.` and others)."""

    PING = "ping"
    TRACE = "trace"
    SPEED_DOWNLOAD = "speed-download"
    SPEED_UPLOAD = "speed-upload"
    LOOKUP = "lookup"
    NEIGHBOURS = "neighbours"


@dataclass(frozen=True, slots=True)
class Names:
    """What one diagnostic takes and tells."""

    required: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    """Arguments without which it can still be run."""
    results: tuple[str, ...] = ()
    row: tuple[str, ...] = ()
    """What a row of its result table tells."""

    @property
    def arguments(self) -> tuple[str, ...]:
        """All arguments."""
        return self.required + self.optional


_TIMES = ("requested_at", "began_at", "ended_at")
_CONNECTION = (*_TIMES, "bytes", "opening_at", "opened_at")

NAMES: Mapping[Diagnostic, Names] = {
    Diagnostic.PING: Names(
        ("host",),
        ("interface", "count", "timeout", "size"),
        ("success", "failure", "average", "least", "most", "average_us", "least_us", "most_us",
         "address"),
    ),
    Diagnostic.TRACE: Names(
        ("host",),
        ("interface", "tries", "timeout", "size", "max_hops"),
        ("response_time",),
        ("host", "address", "error", "times"),
    ),
    Diagnostic.SPEED_DOWNLOAD: Names(
        ("url",),
        ("interface", "connections", "per_connection", "duration"),
        (*_CONNECTION, "all_bytes", "full_load_bytes", "full_load_us"),
        _CONNECTION,
    ),
    Diagnostic.SPEED_UPLOAD: Names(
        ("url", "bytes"),
        ("interface", "connections", "per_connection", "duration"),
        (*_CONNECTION, "all_bytes", "full_load_bytes", "full_load_us", "length"),
        _CONNECTION,
    ),
    Diagnostic.LOOKUP: Names(
        ("name",),
        ("server", "interface", "timeout", "count"),
        ("success",),
        ("status", "kind", "name", "addresses", "server", "time"),
    ),
    Diagnostic.NEIGHBOURS: Names(
        row=("ssid", "bssid", "channel", "band", "width", "signal", "noise", "security",
             "standards", "radio"),
    ),
}  # fmt: skip
"""What each takes and tells. Times of arguments and results are milliseconds, ``…_us``
microseconds, ``duration`` seconds, ``…_at`` a dateTime of the device's clock."""
