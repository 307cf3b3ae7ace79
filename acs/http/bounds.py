"""Every limit of the HTTP edge in one value."""

from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What a peer may make the server hold, and how long it may make it wait.

    Sizes are octets, times seconds. Raises ValueError when a bound is not positive.
    """

    header_bytes: int = 16 * 1024
    """Request line and header fields together (431)."""
    max_headers: int = 100
    """Header fields, trailers included (431)."""
    body_bytes: int = 4 * 1024 * 1024
    """Body as sent, before decompression (413)."""
    decompressed_bytes: int = 8 * 1024 * 1024
    """Body after decompression (413)."""
    pipelined: int = 8
    """Whole requests in one network read; CPEs send one at a time (TR-069 3.4.6)."""

    idle_seconds: float = 60.0
    """From one answer to the first octet of the next request (closed silently)."""
    request_seconds: float = 30.0
    """From the first octet of a request to its last (408)."""
    answer_seconds: float = 120.0
    """For the handler to answer (503)."""
    closing_seconds: float = 5.0
    """For the peer to take the last answer before the connection is cut."""

    max_connections: int = 50_000
    """All peers together (503). A tenth more is answered so, the rest is cut at once."""
    max_connections_per_address: int = 1000
    """One address; a TLS front or a carrier NAT in between needs a higher one (cut at once)."""
    retry_seconds: float = 60.0
    """Least Retry-After of a full server; a random part up to the same again is added."""

    def __post_init__(self) -> None:
        for field in fields(self):
            if getattr(self, field.name) <= 0:
                raise ValueError(f"HTTP bound {field.name} must be more than 0")
