"""A bounded memory of things that need not be asked again for a while."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)


class ShortMemory(Generic[K]):
    """Remembers up to ``size`` keys, each for ``ttl`` seconds of ``clock``; the oldest go first."""

    def __init__(self, clock: Callable[[], float], *, ttl: float, size: int) -> None:
        self._clock = clock
        self._ttl = ttl
        self._size = size
        self._until: OrderedDict[K, float] = OrderedDict()

    def add(self, key: K) -> None:
        """Remember ``key`` from now on."""
        self._until[key] = self._clock() + self._ttl
        self._until.move_to_end(key)
        if len(self._until) > self._size:
            self._until.popitem(last=False)

    def __contains__(self, key: K) -> bool:
        until = self._until.get(key)
        if until is None:
            return False
        if until > self._clock():
            return True
        del self._until[key]
        return False

    def discard(self, key: K) -> None:
        """Forget ``key``, if it is remembered."""
        self._until.pop(key, None)

    def __len__(self) -> int:
        return len(self._until)

    def clear(self) -> None:
        """Forget everything."""
        self._until.clear()
