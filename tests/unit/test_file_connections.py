"""Connections of the file server: no client keeps one for ever, or takes those of all others."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.address import IPv4Address
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport

from acs.files.links import Links, Purpose, Ticket
from acs.files.request import IDLE_SECONDS
from acs.files.sending import LONGEST_SECONDS
from acs.files.site import PER_ADDRESS, FileSite, SiteLimits

LINKS = Links(b"k" * 32)
PUT = LINKS.path(Ticket(Purpose.PUT, 1, 2, 10_000, "config.bin"))


class Wire(StringTransport):
    """Remembers that it was cut."""

    cut = False

    def abortConnection(self) -> None:
        self.cut = True


class Line:
    """A client on a line of its own, and the clock by which its time is measured."""

    def __init__(self, transfers: int = 50) -> None:
        self.clock = Clock()
        limits = SiteLimits(transfers=transfers)
        parts: Any = (None, LINKS, None, None, Deaf(), limits, self.clock)
        site = FileSite(*parts, clock=lambda: 0.0, spread=lambda: 0.0)
        self.factory = site.factory()
        self.transport = self.connect()

    def connect(self, host: str = "192.0.2.1") -> Any:
        address = IPv4Address("TCP", host, 50_000)
        protocol = self.factory.buildProtocol(address)
        if protocol is None:
            return None
        transport = Wire(peerAddress=address)
        transport.protocol = protocol
        protocol.makeConnection(transport)
        return transport

    def trickle(self, octets: bytes, seconds: float) -> float:
        """Say one octet a while, over and over; after how many seconds the line was cut."""
        spent = 0.0
        while spent < 2 * LONGEST_SECONDS:
            for octet in octets:
                self.transport.protocol.dataReceived(bytes([octet]))
                self.clock.advance(seconds)
                spent += seconds
                if self.transport.cut:
                    return spent
        return spent


class Deaf:
    """Watches nothing."""

    def refused(self, reason: str, address: str) -> None: ...


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"GET /",
        b"GET / HTTP/1.1\r\nHost: a\r\n",
        b"PUT /x HTTP/1.1\r\nContent-Length: 900000\r\n\r\n",
    ],
)
def test_a_request_has_to_come_in_time_however_slowly_its_octets_come(said: bytes) -> None:
    line = Line()
    line.transport.protocol.dataReceived(said)
    assert line.trickle(b"a", IDLE_SECONDS / 4) <= IDLE_SECONDS


def test_a_device_with_an_address_may_send_slowly_but_not_for_ever() -> None:
    line = Line()
    line.transport.protocol.dataReceived(
        f"PUT {PUT} HTTP/1.1\r\nHost: a\r\nContent-Length: 900000\r\n\r\n".encode()
    )
    assert IDLE_SECONDS * 2 < line.trickle(b"a", IDLE_SECONDS / 2) <= LONGEST_SECONDS + IDLE_SECONDS


def test_after_an_answer_the_next_request_has_to_come_in_time() -> None:
    line = Line()
    line.clock.advance(IDLE_SECONDS - 1)
    line.transport.protocol.dataReceived(b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n")
    assert line.transport.value().startswith(b"HTTP/1.1 403 ")
    line.clock.advance(IDLE_SECONDS - 1)
    assert not line.transport.cut
    assert line.trickle(b"G", 1) <= IDLE_SECONDS


def test_one_address_leaves_room_for_others() -> None:
    line = Line()
    mine = [line.connect() for _ in range(PER_ADDRESS)]
    assert mine[-2] is not None and mine[-1] is None
    assert line.connect("192.0.2.2") is not None
    first = mine[0]
    assert first is not None
    first.protocol.connectionLost(None)
    assert line.connect() is not None


def test_behind_a_proxy_all_transfers_have_room() -> None:
    line = Line(transfers=PER_ADDRESS)
    assert all(line.connect() is not None for _ in range(2 * PER_ADDRESS - 1))
