"""How much of the mirror may be forgotten: lists that are short for another reason empty nothing.

A user who loses a right is answered 200 with fewer rows, or none. What is deleted is little.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

WINDOW = 86_400.0
HANDFUL = 5
"""That many may always go, however small the mirror is."""


class Forgetting:
    """Grants at most ``share`` of the mirror a day; ``clock`` gives seconds."""

    def __init__(self, share: float, clock: Callable[[], float]) -> None:
        self._share = share
        self._clock = clock
        self._granted: deque[tuple[float, int]] = deque()

    def allows(self, gone: int, mirrored: int) -> bool:
        """Tell whether ``gone`` of ``mirrored`` rows may be forgotten now."""
        since = self._clock() - WINDOW
        while self._granted and self._granted[0][0] <= since:
            self._granted.popleft()
        lately = sum(count for _, count in self._granted)
        # What went lately was part of the mirror, too.
        return lately + gone <= max(HANDFUL, self._share * (mirrored + lately))

    def forgot(self, gone: int) -> None:
        """Note that so many were forgotten."""
        if gone:
            self._granted.append((self._clock(), gone))
