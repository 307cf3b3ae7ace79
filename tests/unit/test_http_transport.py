"""Answers go out in the turn they are made, and nothing is lost when the kernel takes less."""

import socket

import pytest
from twisted.internet.testing import MemoryReactor

from acs.http.transport import PromptTransport


class _Silent:
    """A protocol that never says anything."""


class Poller(MemoryReactor):
    """Knows who waits for what."""


@pytest.fixture
def pair() -> tuple[PromptTransport, socket.socket, Poller]:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    reactor = Poller()
    transport = PromptTransport(ours, _Silent(), ("192.0.2.1", 1), None, 1, reactor)
    return transport, theirs, reactor


def test_what_fits_is_sent_without_the_poller(
    pair: tuple[PromptTransport, socket.socket, Poller],
) -> None:
    transport, peer, reactor = pair
    transport.write(b"answer")
    assert peer.recv(100) == b"answer"
    assert transport not in reactor.getWriters()


def test_what_does_not_fit_follows_in_order(
    pair: tuple[PromptTransport, socket.socket, Poller],
) -> None:
    transport, peer, reactor = pair
    transport.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    parts = [bytes([number]) * 100_000 for number in range(5)]
    for part in parts:
        transport.write(part)
    assert transport in reactor.getWriters()
    peer.setblocking(False)
    got = b""
    for _ in range(10_000):
        try:
            got += peer.recv(65536)
        except BlockingIOError:
            if transport not in reactor.getWriters():
                break
            transport.doWrite()
    assert got == b"".join(parts)
    transport.write(b"last")
    assert peer.recv(100) == b"last"
