"""Every limit of a WebSocket edge in one value, and whom it tells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from acs.usp.websocket.admission import Terms


@dataclass(frozen=True, slots=True, kw_only=True)
class WebSocketOptions:
    """What an agent may make the server hold, and how long it may make it wait.

    Sizes are octets, times seconds.
    """

    terms: Terms
    record_bytes: int = 2_097_152
    """Largest record, all its fragments together (closed with 1009)."""
    fragments: int = 10_000
    """Most fragments of one record, empty ones included (closed with 1008)."""
    header_bytes: int = 16_384
    """Request line and header fields of the handshake (431)."""
    unsent_bytes: int = 8_388_608
    """Records waiting for an agent that does not read; beyond it nothing more is sent to it."""
    handshake_seconds: float = 10.0
    """From the connection to the end of the handshake, TLS included (cut)."""
    ping_seconds: float = 60.0
    """Silence after which an agent is asked for a sign of life."""
    pong_seconds: float = 20.0
    """For that sign (cut)."""
    record_seconds: float = 60.0
    """From the first octet of a record to its last (closed with 1008)."""
    closing_seconds: float = 5.0
    """For the agent to answer our close, and to take what was sent before (cut)."""
    connections: int = 20_000
    """Connections at the same time (503; far beyond it cut)."""
    connections_per_address: int = 1000
    """Of one address (cut)."""


class Watcher(Protocol):
    """Logs and metrics, injected."""

    def rejected(self, reason: str, address: str) -> None:
        """A handshake was refused, or a connection cut before it had one."""

    def auth_failed(self, reason: str, address: str) -> None:
        """A client could not prove who it is."""

    def bug(self, where: str, error: BaseException) -> None:
        """Something of ours failed; the connection it was for is closed."""
