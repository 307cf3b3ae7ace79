"""Where devices behind a NAT can be reached, as their STUN requests tell (TR-069 Annex G), pure."""

from __future__ import annotations

from collections import OrderedDict
from typing import NamedTuple


class Binding(NamedTuple):
    """An address and port of a NAT that leads to a device."""

    host: str
    port: int

    @property
    def address(self) -> str:
        """The text that `target.allowed_datagram` takes."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Bindings:
    """The last binding of each user name; bounded, who was quiet longest is forgotten.

    ``capacity`` is how many are remembered, about 300 octets each.  After ``lifetime`` seconds
    of silence a binding is taken for gone: two messages of a device are closer to each other.
    """

    def __init__(self, capacity: int, lifetime: float) -> None:
        self._capacity = capacity
        self._lifetime = lifetime
        self._known: OrderedDict[str, tuple[Binding, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._known)

    def learn(self, username: str, binding: Binding, now: float) -> bool:
        """Remember where a device can be reached; True where that is news.

        Only for a request whose sender may say so; ``now`` is in seconds of any clock that
        never goes back.
        """
        before = self._known.pop(username, None)
        self._known[username] = (binding, now)
        if len(self._known) > self._capacity:
            self._known.popitem(last=False)
        return before is None or before[0] != binding

    def of(self, username: str, now: float) -> Binding | None:
        """Return where a device can be reached, if it was heard of lately."""
        binding, at = self._known.get(username, (None, 0.0))
        return binding if now - at <= self._lifetime else None
