"""The values a handler sees: Request and Reply, the Connection they came on, and Refusal."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import ceil
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from cryptography.x509 import Certificate


class Connection:
    """One TCP connection, alive for as many requests as the peer sends on it.

    `peer` is the remote address as text ("" on a local socket). `certificate` is the client's,
    verified, or None. Upper rooms keep what belongs to the connection (a session) in `state`,
    and are told of its end through the callables in `on_lost`.
    """

    __slots__ = ("certificate", "on_lost", "peer", "secure", "state")

    def __init__(
        self, peer: str, *, secure: bool = False, certificate: Certificate | None = None
    ) -> None:
        self.peer = peer
        self.secure = secure
        self.certificate = certificate
        self.state: dict[str, object] = {}
        self.on_lost: list[Callable[[], None]] = []


class Request(msgspec.Struct, frozen=True):
    """One whole request.

    Header names are lower case; a repeated field is joined by ", " (Cookie by "; "); octets
    outside ASCII are read as Latin-1. `body` is free of chunking and compression.
    """

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes
    connection: Connection
    keep_alive: bool


class Reply(msgspec.Struct, frozen=True):
    """An answer. Date, Content-Length and Connection are added when it is written.

    `close` ends the connection after it.
    """

    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    close: bool = False


class Refusal(Exception):  # noqa: N818 - an answer, not an error of ours
    """The peer broke a rule or the server is full: answer `status`, then close.

    `retry_after` is in seconds and sent rounded up.
    """

    def __init__(self, status: int, reason: str, *, retry_after: float | None = None) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.retry_after = retry_after

    def reply(self) -> Reply:
        """The answer: the reason as plain text, and Retry-After where there is one."""
        headers: tuple[tuple[str, str], ...] = (("Content-Type", "text/plain; charset=utf-8"),)
        if self.retry_after is not None:
            headers += (("Retry-After", str(max(1, ceil(self.retry_after)))),)
        return Reply(self.status, f"{self.reason}\n".encode(), headers, close=True)
