"""From an address to a listening port."""

from __future__ import annotations

from socket import IPPROTO_TCP, TCP_NODELAY
from typing import Any, cast

from twisted.internet.interfaces import (
    IListeningPort,
    IOpenSSLServerConnectionCreator,
    IProtocolFactory,
)
from twisted.internet.protocol import Factory
from twisted.protocols.tls import TLSMemoryBIOFactory, TLSMemoryBIOProtocol

from acs.address import split_address
from acs.http.transport import PromptTransport

__all__ = ["BACKLOG", "listen", "prompt", "secured", "split_address"]

BACKLOG = 1024
"""A whole street comes back from a power cut at once."""


def listen(
    reactor: Any,
    address: str,
    factory: Factory,
    tls: IOpenSSLServerConnectionCreator | None = None,
) -> IListeningPort:
    """Listen on `address` ("host:port", "[v6]:port", ":port" for all of IPv4; port 0 picks one).

    `reactor` is IReactorTCP and IReactorTime. Raises ValueError for a bad address and Twisted's
    CannotListenError when it is taken.
    """
    host, port = split_address(address)
    serving = factory if tls is None else secured(factory, tls, reactor)
    listening: IListeningPort = prompt(reactor.listenTCP(port, serving, BACKLOG, interface=host))
    return listening


def prompt(listening: Any) -> Any:
    """Let the connections of a TCP port send their answers without delay; returns the port."""
    listening.transport = PromptTransport
    # Accepted connections inherit it (tcp(7)), which spares each of them a call.
    listening.socket.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)
    return listening


def secured(
    factory: Factory, tls: IOpenSSLServerConnectionCreator, reactor: Any
) -> TLSMemoryBIOFactory:
    """The same factory behind TLS."""
    wrapped = TLSMemoryBIOFactory(tls, False, cast(IProtocolFactory, factory), reactor)
    wrapped.protocol = TLSMemoryBIOProtocol  # a reply is one write: nothing to gather
    return wrapped
