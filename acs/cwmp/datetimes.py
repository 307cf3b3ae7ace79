"""dateTime texts of CWMP (TR-106 Date and Time Rules), read tolerantly and written strictly."""

from __future__ import annotations

from datetime import UTC, datetime

UNKNOWN_TIME = datetime(1, 1, 1, tzinfo=UTC)
"""What ``0001-01-01T00:00:00Z`` says: the time is not known."""
INFINITE_TIME = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
"""What ``9999-12-31T23:59:59Z`` says: never."""


def parse_time(text: str) -> datetime | None:
    """Read a dateTime, in UTC; a text without zone is taken as UTC; None if it cannot be read.

    Devices that have not heard of NTP yet send relative times and build dates: the result
    is what the device says, not what is true.
    """
    try:
        moment = datetime.fromisoformat(text.strip())
        if moment.tzinfo is None:
            return moment.replace(tzinfo=UTC)
        return moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def format_time(moment: datetime) -> str:
    """Write ``moment`` in whole seconds with ``Z``, the only form every CPE accepts."""
    if moment.tzinfo is None:
        raise ValueError("a dateTime without time zone cannot be sent: give one in UTC")
    return moment.astimezone(UTC).replace(microsecond=0, tzinfo=None).isoformat() + "Z"
