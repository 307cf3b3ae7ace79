"""What becomes of a delivery by its answer: done, tried again, given up, or nobody wants it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

PAUSES = (5, 30, 120, 600, 1800, 3600, 7200, 14_400, 28_800, 43_200, 72_000)
"""Seconds after each failed try: with twelve tries, the last one is two days after the first."""
HOLDING = 4
"""Failed tries until a delivery lets newer ones of its subscriber go past it. A receiver that is
restarted gets all in order; one event that it cannot take stops the others for minutes only."""
LONGEST_ASKED = 3600.0
"""Most seconds a receiver may ask for with Retry-After."""


class Fate(StrEnum):
    """What becomes of a delivery."""

    DELIVERED = "delivered"
    AGAIN = "again"
    DEAD = "dead"
    """All tries were in vain: it waits for a person."""
    UNWANTED = "unwanted"
    """The receiver is gone for good (410): its subscriber is paused."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What one try brought."""

    status: int = 0
    """Of HTTP; 0: there was no answer, and ``error`` says why."""
    error: str = ""
    retry_after: float = 0.0
    """Seconds the receiver asks us to wait; 0: it does not say."""
    text: str = ""
    """Beginning of the body."""

    @property
    def is_good(self) -> bool:
        """The receiver has taken it."""
        return 200 <= self.status < 300

    @property
    def told(self) -> str:
        """The answer in a few words, for people."""
        words = f"HTTP {self.status}" if self.status else self.error
        if 300 <= self.status < 400:
            words += ", a redirect, which is not followed"
        return words if self.is_good or not self.text else f"{words}: {self.text}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """A fate; ``pause`` are the seconds until the next try."""

    fate: Fate
    pause: float = 0.0


def judge(answer: Answer, tried: int, attempts: int) -> Verdict:
    """Say what becomes of a delivery after its try number ``tried`` of at most ``attempts``."""
    if answer.is_good:
        return Verdict(Fate.DELIVERED)
    if answer.status == 410:
        return Verdict(Fate.UNWANTED)
    if tried >= attempts:
        return Verdict(Fate.DEAD)
    planned = PAUSES[min(tried, len(PAUSES)) - 1]
    asked = answer.retry_after if answer.status in (429, 503) else 0.0
    return Verdict(Fate.AGAIN, max(planned, min(asked, LONGEST_ASKED)))
