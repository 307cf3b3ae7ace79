"""How fast one transfer may go: a token bucket that holds one second's worth."""

from __future__ import annotations

_BURST_SECONDS = 1.0


class Throttle:
    """Says after each piece how long to wait before the next one."""

    __slots__ = ("_due", "_rate")

    def __init__(self, rate: float) -> None:
        """Take the octets per second; 0: as fast as it goes."""
        self._rate = rate
        self._due = float("-inf")

    def piece(self, most: int) -> int:
        """Octets to send at once, up to ``most``: a quarter of a second's worth."""
        return max(1, min(most, int(self._rate / 4))) if self._rate else most

    def sent(self, octets: int, now: float) -> float:
        """Seconds to wait, after ``octets`` were sent at ``now`` (seconds that only grow)."""
        if not self._rate:
            return 0.0
        self._due = max(self._due, now - _BURST_SECONDS) + octets / self._rate
        return max(0.0, self._due - now)
