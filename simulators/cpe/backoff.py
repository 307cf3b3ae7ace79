"""Waiting time before a failed session is tried again (TR-069 3.2.1.1)."""

from __future__ import annotations

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
