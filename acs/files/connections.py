"""Bounds on connections: how many there are, how many of one address, how long one brings nothing.

`twisted.web` starts its time-out anew with each octet, so that a client which sends one a minute
could keep a connection for ever, and a thousand of them all devices away.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from twisted.python.failure import Failure


class Connection(ProtocolWrapper):
    """One connection; it ends when its time is over."""

    host = ""
    """Where it comes from."""
    _end: Any = None

    def makeConnection(self, transport: Any) -> None:  # noqa: N802 - Twisted's name
        """Begin; a request has to come in time."""
        self.host = _host(transport.getPeer())
        self.allow(self.factory.seconds)
        super().makeConnection(transport)  # type: ignore[no-untyped-call]

    def allow(self, seconds: float | None) -> None:
        """Cut it after ``seconds`` from now, whatever comes; None: there is another bound."""
        if self._end is not None and self._end.active():
            self._end.cancel()
        self._end = None
        if seconds is not None and not self.disconnecting:
            self._end = self.factory.reactor.callLater(seconds, self._cut)

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override] # noqa: N802
        """Forget its bound."""
        self.allow(None)
        super().connectionLost(reason)  # type: ignore[no-untyped-call]

    def _cut(self) -> None:
        transport: Any = self.transport
        transport.abortConnection()


class Connections(WrappingFactory):
    """Makes the connections of one listener; those above its bounds are closed at once."""

    protocol = Connection
    noisy = False

    def __init__(
        self, wrapped: Any, reactor: Any, *, most: int, per_address: int, seconds: float
    ) -> None:
        """``seconds``: bound of a connection that has no transfer."""
        super().__init__(wrapped)  # type: ignore[no-untyped-call]
        self.reactor = reactor
        self.seconds = seconds
        self._most = most
        self._per_address = per_address
        self._by_address: Counter[str] = Counter()

    def buildProtocol(self, addr: Any) -> Any:  # noqa: N802 - Twisted's name
        """A connection from ``addr``; None where there is no room for one."""
        if len(self.protocols) >= self._most or self._by_address[_host(addr)] >= self._per_address:
            return None
        return super().buildProtocol(addr)

    def registerProtocol(self, p: Any) -> None:  # noqa: N802
        """Count a connection."""
        super().registerProtocol(p)  # type: ignore[no-untyped-call]
        self._by_address[p.host] += 1

    def unregisterProtocol(self, p: Any) -> None:  # noqa: N802
        """Count it no more."""
        super().unregisterProtocol(p)  # type: ignore[no-untyped-call]
        self._by_address[p.host] -= 1
        if not self._by_address[p.host]:
            del self._by_address[p.host]


def _host(address: Any) -> str:
    return str(getattr(address, "host", ""))
