"""Where agents connect to, and how: TCP, or TLS with a certificate of their own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from twisted.internet.ssl import optionsForClientTLS, trustRootFromCertificates

from simulators.cpe.pem import read_certificate, read_own

_PORTS: Mapping[str, int] = {"mqtt": 1883, "mqtts": 8883, "ws": 80, "wss": 443}


class AddressError(ValueError):
    """A text is no address of the kind that is wanted."""


@dataclass(frozen=True, slots=True)
class Address:
    """A broker, or a controller's WebSocket."""

    scheme: str
    host: str
    port: int
    path: str = ""
    """Of a WebSocket, with its query if there is one."""

    @property
    def tls(self) -> bool:
        """True where the connection is secured."""
        return self.scheme in ("mqtts", "wss")

    @property
    def authority(self) -> str:
        """``host:port`` as it stands in URLs."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


def parse_address(text: str, schemes: tuple[str, ...]) -> Address:
    """Read ``scheme://host[:port][/path]``. Raises `AddressError`."""
    wanted = " or ".join(f"{scheme}://HOST:PORT" for scheme in schemes)
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise AddressError(f"{text!r} is not {wanted}") from None
    if parts.scheme not in schemes or not parts.hostname or parts.username or parts.fragment:
        raise AddressError(f"{text!r} is not {wanted}")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if parts.scheme in ("mqtt", "mqtts") and path != "/":
        raise AddressError(f"{text!r}: a broker has no path; topics have options of their own")
    return Address(parts.scheme, parts.hostname, port or _PORTS[parts.scheme], path)


class Dialler:
    """Opens connections to one address with a Twisted factory.

    ``ca_file`` trusts a certificate authority (PEM), else those of the system are trusted;
    ``certificate`` and ``key`` are the agent's own (PEM), a key that is not given stands in the
    certificate's file.  Raises `simulators.cpe.pem.PemError` for files that hold no such thing.
    """

    def __init__(
        self,
        reactor: Any,
        address: Address,
        *,
        ca_file: str | None = None,
        certificate: str | None = None,
        key: str | None = None,
    ) -> None:
        self._reactor = reactor
        self._address = address
        self._tls: Any = None
        if address.tls:
            trust = trustRootFromCertificates([read_certificate(ca_file)]) if ca_file else None
            own = read_own(certificate, key) if certificate else None
            self._tls = optionsForClientTLS(address.host, trust, own)

    def __call__(self, factory: Any, timeout: float) -> None:
        """Connect; what becomes of it is told to ``factory``. ``timeout`` in seconds."""
        host, port = self._address.host, self._address.port
        if self._tls is None:
            self._reactor.connectTCP(host, port, factory, timeout)
        else:
            self._reactor.connectSSL(host, port, factory, self._tls, timeout)
