"""What an agent and the link that carries its records say to each other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One record to send."""

    octets: bytes
    to: str | None = None
    """Topic of the answer, as the request told it; None: the controller's configured topic."""


class LinkWish(StrEnum):
    """What the agent wants of its link."""

    STAY = "stay"
    RECONNECT = "reconnect"
    """Close, without a word, and open again at `Agent.back_at`."""
    SILENT = "silent"
    """The agent hangs: nothing is sent any more, and the connection stays open."""


@dataclass(frozen=True, slots=True)
class Transfer:
    """A file the agent has to fetch or to send. Answer with `Agent.transferred`."""

    request: int
    """Number of the Request object it belongs to."""
    url: str
    username: str = ""
    password: str = ""
    size: int = 0
    """Octets the file should have; 0: it was not told."""
    algorithm: str = ""
    """Of the checksum: ``SHA-1``, ``SHA-224``, ``SHA-256`` …; empty: there is none."""
    checksum: str = ""
    """In hexadecimal."""
    upload: bytes | None = None
    """What is to be sent; None: the file is to be fetched."""

    def __repr__(self) -> str:
        return f"Transfer({self.request}, {self.url.partition('?')[0]})"


@dataclass(frozen=True, slots=True)
class Transferred:
    """How a transfer ended: ``code`` 0, or one of USP's such as 7022, with a text."""

    content: bytes = b""
    """What was fetched."""
    code: int = 0
    text: str = ""


Fetch = Callable[[Transfer], None]
"""Starts a transfer."""


@dataclass(frozen=True, slots=True)
class BulkReport:
    """A report on bulk data that goes past the controller (TR-369 A.3, A.4).

    Answer one over HTTP with `Agent.reported`.
    """

    number: int
    address: str
    """URL with its query, or topic to publish to."""
    method: str
    """``POST`` or ``PUT``; empty: it is published over MQTT."""
    content_type: str
    report_format: str
    """Of the header ``BBF-Report-Format``: ``ObjectHierarchy``, ``ParameterPerRow`` …"""
    body: bytes
    username: str = ""
    password: str = ""

    def __repr__(self) -> str:
        return f"BulkReport({self.number}, {self.address.partition('?')[0]})"


Collect = Callable[[BulkReport], None]
"""Starts to send a report."""
