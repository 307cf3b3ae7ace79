"""Waiting time before a failed session is tried again (TR-069 3.2.1.1; RFC 9110 10.2.3)."""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from random import Random

LAST_STEP = 10


def retry_wait(retry: int, minimum: int, multiplier: int, random: Random) -> float:
    """Return the seconds before retry number ``retry`` (from 1).

    ``minimum`` and ``multiplier`` are CWMPRetryMinimumWaitInterval (seconds) and
    CWMPRetryIntervalMultiplier (thousandths); from the tenth retry on the range stays.
    """
    step = min(max(retry, 1), LAST_STEP)
    factor = multiplier / 1000
    return random.uniform(minimum * factor ** (step - 1), minimum * factor**step)


def retry_after(header: str, now: float) -> float:
    """Return the seconds that a Retry-After header asks for, at epoch second ``now``.

    It holds seconds or a date; one that cannot be read asks for nothing.
    """
    if header.isascii() and header.isdigit():
        return float(header[:9])
    try:
        return max(0.0, parsedate_to_datetime(header).timestamp() - now)
    except ValueError:
        return 0.0
