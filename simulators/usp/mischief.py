"""What a simulated agent does wrong on purpose with the records it sends."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True)
class Mischief:
    """Shares of messages (0 to 1) unless said otherwise; all zero: an honest agent."""

    twice: float = 0.0
    """Sent twice, the second time a moment later."""
    late: float = 0.0
    """Sent ``late_by`` seconds late."""
    late_by: float = 45.0
    lost: float = 0.0
    """Answers that are never sent."""
    lost_notifies: float = 0.0
    """Notifies that are never sent (the next try may be)."""
    wrong_id: float = 0.0
    """Answers with a message id nobody asked with; the right one is not sent."""
    stranger: float = 0.0
    """Preceded by the same record in another agent's name."""
    foreign: float = 0.0
    """Preceded by the same record for another controller."""
    malformed: float = 0.0
    """Preceded by octets that are no record."""
    no_body: float = 0.0
    """Preceded by a message with a header and no body."""
    tls: float = 0.0
    """Preceded by the same record that says its payload is TLS."""
    swapped: float = 0.0
    """Held back until the next one was sent."""
    slow: float = 0.0
    """Every message is sent this many seconds late."""
    silent_after: float = 0.0
    """Seconds after the link opened when the agent hangs; 0: never."""

    @property
    def good(self) -> bool:
        """Whether the agent means no wrong."""
        return self == GOOD


GOOD = Mischief()


def parse_mischief(words: Iterable[str]) -> Mischief:
    """Read orders such as ``twice=0.1`` or ``silent-after=60``; a word alone is a share of 1.

    Raises `ValueError`.
    """
    known = [field.name.replace("_", "-") for field in fields(Mischief)]
    values: dict[str, float] = {}
    for word in words:
        name, sign, text = word.partition("=")
        if name not in known:
            raise ValueError(f"no mischief {name!r}; there are {', '.join(known)}")
        try:
            number = float(text) if sign else 1.0
        except ValueError:
            raise ValueError(f"{word}: {text!r} is no number") from None
        if not 0 <= number < 1e6 or (number > 1 and name not in _SECONDS):
            raise ValueError(f"{word}: a share is between 0 and 1, seconds are 0 or more")
        values[name.replace("-", "_")] = number
    return Mischief(**values)


_SECONDS = frozenset({"late-by", "slow", "silent-after"})
