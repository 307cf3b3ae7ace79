"""Circuit breaker: stop asking a business system that does not answer, and notice its return."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum


class State(StrEnum):
    """Where the breaker stands."""

    CLOSED = "closed"
    """Requests flow."""
    OPEN = "open"
    """Nothing is asked until the pause is over."""
    HALF_OPEN = "half-open"
    """One request is on its way to find out."""


class Breaker:
    """Counts failures in a row; ``clock`` gives seconds. Used from one thread.

    After ``failures`` failures it opens for ``pause`` seconds, then lets a single probe
    through; each failed probe doubles the pause, up to ``longest``.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        *,
        failures: int = 3,
        pause: float = 5.0,
        longest: float = 300.0,
    ) -> None:
        self._clock = clock
        self._limit = failures
        self._first_pause = pause
        self._longest = longest
        self._failed = 0
        self._pause = pause
        self._until = 0.0
        self._probing = False
        self.reason = ""
        """Why it is open, for people; empty while closed."""
        self.alarm = False
        """True when only a person can mend it: key, rights, address."""

    @property
    def state(self) -> State:
        """Where it stands now."""
        if not self.reason:
            return State.CLOSED
        return State.HALF_OPEN if self._probing else State.OPEN

    @property
    def ready(self) -> bool:
        """True when `allow` would let a request pass; changes nothing."""
        return not self.reason or (not self._probing and self._clock() >= self._until)

    def allow(self) -> bool:
        """Ask to send a request; each True must be answered by one of the methods below."""
        if not self.reason:
            return True
        if not self.ready:
            return False
        self._probing = True
        return True

    def success(self) -> None:
        """The site answered, if only to refuse what was asked."""
        self._failed = 0
        self._pause = self._first_pause
        self._probing = False
        self.reason = ""
        self.alarm = False

    def failure(self, reason: str) -> None:
        """The site did not answer."""
        self._failed += 1
        if self.reason:
            if self._probing:
                self._pause = min(self._pause * 2, self._longest)
                self._open(reason, self._pause)
        elif self._failed >= self._limit:
            self._open(reason, self._pause)

    def hold(self, reason: str, seconds: float) -> None:
        """The site asks not to be asked for ``seconds``."""
        self._open(reason, min(max(seconds, self._first_pause), self._longest))

    def refuse(self, reason: str) -> None:
        """The site refuses us altogether: open at once, raise the alarm, probe rarely."""
        self._open(reason, self._longest)
        self.alarm = True

    def _open(self, reason: str, pause: float) -> None:
        self.reason = reason
        self._until = self._clock() + pause
        self._probing = False
