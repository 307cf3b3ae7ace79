"""A broker as we reach it: where it is, who we are to it, whom we trust."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from acs.model import Secret


class Version(StrEnum):
    """A version of MQTT."""

    V5 = "5"
    V3_1_1 = "3.1.1"


@dataclass(frozen=True, slots=True)
class Trust:
    """TLS: PEM files; empty: the system's authorities, no certificate of our own."""

    authorities: str = ""
    certificate: str = ""
    key: str = ""

    def context(self) -> ssl.SSLContext:
        """Make the context. Raises `OSError` (`ssl.SSLError` too) for files that will not do."""
        for name in filter(None, (self.authorities, self.certificate, self.key)):
            Path(name).read_bytes()  # OpenSSL does not say which file cannot be read
        context = ssl.create_default_context(cafile=self.authorities or None)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if self.certificate:
            context.load_cert_chain(self.certificate, self.key or None)
        return context


@dataclass(frozen=True, slots=True)
class Broker:
    """Where a broker is, and who we are to it."""

    host: str
    port: int
    client_id: str
    endpoint: str
    """Our endpoint id, for the user property ``usp-endpoint-id`` (R-MQTT.13)."""
    version: Version = Version.V5
    username: str = ""
    password: Secret = field(default_factory=lambda: Secret(""))
    trust: Trust | None = None
    """None: no TLS."""
    keep_alive: int = 30
    session_seconds: int = 3600
    """How long the broker keeps what came while we were away."""
    largest_packet: int = 5_308_416
    status: str = ""
    """Topic at which ``online`` and ``offline`` are told, retained; the Will speaks there too."""

    def __str__(self) -> str:
        return f"{'mqtts' if self.trust else 'mqtt'}://{self.host}:{self.port}"
