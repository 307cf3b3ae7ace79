"""How many requests one address may make. No clock: times are handed in."""

from __future__ import annotations

from collections import OrderedDict
from ipaddress import IPv6Address, ip_address

_ADDRESSES = 10_000


class RateLimit:
    """Lets ``per_minute`` requests of each address through in a minute, all at once if need be.

    At most ``addresses`` are remembered; the one not heard of for longest is forgotten first.
    """

    def __init__(self, per_minute: int, *, addresses: int = _ADDRESSES) -> None:
        self._most = float(per_minute)
        self._addresses = addresses
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait(self, address: str, now: float) -> float:
        """Seconds until the address may ask again; 0: it may now. Counts nothing."""
        left = self._now_left(key_of(address), now)
        return 0.0 if left >= 1 else (1 - left) * 60 / self._most

    def count(self, address: str, now: float, weight: float = 1.0) -> None:
        """Count a request, or one that weighs as much as several."""
        key = key_of(address)
        # A debt is bounded, so that nobody is kept out for much longer than a minute.
        left = max(-self._most, self._now_left(key, now) - weight)
        self._left[key] = (left, now)
        self._left.move_to_end(key)
        if len(self._left) > self._addresses:
            self._left.popitem(last=False)

    def _now_left(self, key: str, now: float) -> float:
        left, at = self._left.get(key, (self._most, now))
        return min(self._most, left + (now - at) * self._most / 60)


def key_of(address: str) -> str:
    """Whom an address stands for: of IPv6 everyone has a whole network of 64 bits."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(IPv6Address(int(parsed) >> 64 << 64))
    return str(parsed)


def client_of(peer: str, forwarded_for: str) -> str:
    """Say where a request comes from: a front on this machine tells it in X-Forwarded-For.

    Only its last entry counts, which that front has written; a peer from elsewhere is believed
    nothing.
    """
    told = forwarded_for.rpartition(",")[2].strip()
    try:
        if told and ip_address(peer).is_loopback:
            return str(ip_address(told))
    except ValueError:
        pass
    return peer
