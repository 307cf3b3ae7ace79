"""Whether webhooks are signed as they should be: a wrong secret would lose all, and tell nobody."""

from __future__ import annotations

from collections.abc import Callable
from typing import final

from acs.api import Part, State
from acs.log import get_logger
from erp_bridge.signature import is_signed

log = get_logger("acs.api")

REMEMBERED = 3600.0
"""Seconds for which a refused webhook counts, unless a good one came after it."""
PAUSE = 600.0
"""Seconds between two lines of the log about it."""
_WHY = "their signature is not made with erp.webhook_secret; what they tell of waits for the sweeps"
_FIX = "acs erp install --url URL --apply gives the site the secret that this server has"


@final
class Signatures:
    """Checks the signatures of webhooks. ``seconds`` gives time that only grows."""

    def __init__(self, secret: str, seconds: Callable[[], float]) -> None:
        self._secret = secret
        self._seconds = seconds
        self._refused_at: float | None = None
        self._told_at: float | None = None

    def fits(self, body: bytes, signature: str) -> bool:
        """Tell whether ``signature`` is that of ``body``."""
        if is_signed(self._secret, body, signature):
            self._refused_at = None
            return True
        now = self._refused_at = self._seconds()
        if self._told_at is None or now - self._told_at >= PAUSE:
            self._told_at = now
            log.warning("webhooks are refused", why=_WHY, fix=_FIX)
        return False

    def health(self) -> Part:
        """Degraded while the latest webhook was refused, for an hour."""
        at = self._refused_at
        if at is None or self._seconds() - at >= REMEMBERED:
            return Part(State.OK)
        return Part(State.DEGRADED, f"webhooks are refused: {_WHY}. {_FIX}")
