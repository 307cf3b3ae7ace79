"""What a simulated agent does wrong on purpose with the records it sends."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mischief:
    """Shares of messages (0 to 1), or seconds; `MEANINGS` has each. All zero: an honest agent."""

    twice: float = 0.0
    late: float = 0.0
    late_by: float = 45.0
    lost: float = 0.0
    lost_notifies: float = 0.0
    wrong_id: float = 0.0
    stranger: float = 0.0
    foreign: float = 0.0
    malformed: float = 0.0
    no_body: float = 0.0
    tls: float = 0.0
    swapped: float = 0.0
    slow: float = 0.0
    silent_after: float = 0.0

    @property
    def good(self) -> bool:
        """Whether the agent means no wrong."""
        return self == GOOD


GOOD = Mischief()
MEANINGS = {
    "twice": "sends messages twice, the second time a moment later",
    "late": "sends them late-by seconds late",
    "late-by": "seconds of late (45)",
    "lost": "never sends answers",
    "lost-notifies": "never sends Notifies (the next try may be)",
    "wrong-id": "answers with a message id that nobody asked with, and not with the right one",
    "stranger": "sends the same record in another agent's name first",
    "foreign": "sends the same record for another controller first",
    "malformed": "sends octets that are no record first",
    "no-body": "sends a message with a header and no body first",
    "tls": "sends the same record first, saying that its payload is TLS",
    "swapped": "holds messages back until the next one was sent",
    "slow": "sends every message so many seconds late",
    "silent-after": "hangs so many seconds after its link opened",
}
"""What each word of an order has an agent do."""


def parse_mischief(words: Iterable[str]) -> Mischief:
    """Read orders such as ``twice=0.1`` or ``silent-after=60``; a word alone is a share of 1.

    Raises `ValueError`.
    """
    values: dict[str, float] = {}
    for word in words:
        name, sign, text = word.partition("=")
        if name not in MEANINGS:
            raise ValueError(f"no mischief {name!r}; there are {', '.join(MEANINGS)}")
        try:
            number = float(text) if sign else 1.0
        except ValueError:
            raise ValueError(f"{word}: {text!r} is no number") from None
        if not 0 <= number < 1e6 or (number > 1 and name not in SECONDS):
            raise ValueError(f"{word}: a share is between 0 and 1, seconds are 0 or more")
        values[name.replace("-", "_")] = number
    return Mischief(**values)


SECONDS = frozenset({"late-by", "slow", "silent-after"})
