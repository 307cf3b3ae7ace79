"""How many connections there are, and what becomes of a new one."""

from collections import Counter
from enum import Enum, auto

from acs.http.bounds import Bounds


class Entry(Enum):
    """What becomes of a new connection."""

    SERVED = auto()
    REFUSED = auto()
    """Answered 503, whatever it asks."""
    CUT = auto()
    """Closed without a word: an answer would cost more than the peer deserves."""


class Gate:
    """Counts the connections of one listener against its bounds."""

    __slots__ = ("_bounds", "_by_address", "connections", "entered")

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        self._by_address: Counter[str] = Counter()
        self.connections = 0
        """Open now, those being refused or closed included."""
        self.entered = 0
        """All so far."""

    def enter(self, address: str) -> Entry:
        """Count one in; every `enter` has its `leave`. Address "" (a local socket) has no limit."""
        bounds = self._bounds
        self.connections += 1
        self.entered += 1
        if address:
            self._by_address[address] += 1
            if self._by_address[address] > bounds.max_connections_per_address:
                return Entry.CUT
        if self.connections <= bounds.max_connections:
            return Entry.SERVED
        if self.connections <= bounds.max_connections + max(1, bounds.max_connections // 10):
            return Entry.REFUSED
        return Entry.CUT

    def leave(self, address: str) -> None:
        """Count one out."""
        self.connections -= 1
        if address:
            self._by_address[address] -= 1
            if not self._by_address[address]:
                del self._by_address[address]
