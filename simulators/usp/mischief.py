"""What a simulated agent does wrong on purpose with the records it sends."""

from __future__ import annotations

from dataclasses import dataclass


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
