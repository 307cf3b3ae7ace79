"""WebSocket sessions against a clock and a transport in memory: deadlines, bounds, presence."""

from __future__ import annotations

import base64
import struct
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from raw_websocket import BINARY, CLOSE, PING, PONG, TEXT, frame
from twisted.internet.address import IPv4Address
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from usp_receiver import NotingReceiver, NotingWatcher

from acs.model import Secret
from acs.usp.mtp import Mtp, Origin, Route, Verdict
from acs.usp.websocket import Terms, WebSocketEdge, WebSocketOptions
from acs.usp.websocket.admission import Proof

AGENT = "os::012345-S1"
ROUTE = Route(Mtp.WEBSOCKET, AGENT)
PRESENT = f"{AGENT} present over websocket: WebSocket session"
SECRET = "open sesame"
OPTIONS = WebSocketOptions(
    terms=Terms(endpoint="self::acs", auth="none", password=Secret(SECRET)),
    record_bytes=1000,
    header_bytes=1000,
    unsent_bytes=100,
)


class Wire(StringTransport):
    """A transport that can be cut, and is as lenient as those of sockets."""

    aborting = False

    def abortConnection(self) -> None:
        self.aborting = True

    def unregisterProducer(self) -> None:
        self.producer = None


class Peer:
    """An agent's end of a connection in memory."""

    def __init__(self, edge: WebSocketEdge, address: str = "192.0.2.1") -> None:
        self.transport = Wire(peerAddress=IPv4Address("TCP", address, 40000))
        self.protocol: Any = edge.factory().buildProtocol(None)
        self.protocol.makeConnection(self.transport)

    def open(
        self, eid: str = AGENT, *, password: str = "", head: str = "", after: bytes = b""
    ) -> bytes:
        """Shake hands; the answer."""
        credentials = base64.b64encode(f"{eid}:{password}".encode()).decode()
        fields = f"Authorization: Basic {credentials}\r\n" if password else ""
        self.protocol.dataReceived(
            f"GET /usp?eid={eid} HTTP/1.1\r\nHost: acs\r\nUpgrade: websocket\r\n"
            "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n"
            f"Sec-WebSocket-Protocol: v1.usp\r\n{fields}{head}\r\n".encode()
            + after
        )
        return self.answer()

    def send(self, payload: bytes, opcode: int = BINARY, **how: Any) -> bytes:
        """Send a frame; what came back."""
        self.protocol.dataReceived(frame(payload, opcode, **how))
        return self.answer()

    def answer(self) -> bytes:
        """What the server wrote since the last time."""
        written = self.transport.value()
        self.transport.clear()
        return written

    def lose(self) -> None:
        """The connection ends."""
        self.protocol.connectionLost(Failure(ConnectionError()))


class House:
    """An edge, its clock, and those it tells."""

    def __init__(self, options: WebSocketOptions = OPTIONS) -> None:
        self.clock = Clock()
        self.receiver = NotingReceiver()
        self.watcher = NotingWatcher()
        self.edge = WebSocketEdge(options, self.receiver, self.clock, self.watcher)

    def peer(self, **how: Any) -> Peer:
        return Peer(self.edge, **how)

    def open(self, eid: str = AGENT, **how: Any) -> Peer:
        peer = self.peer()
        assert peer.open(eid, **how).startswith(b"HTTP/1.1 101 ")
        return peer

    def wait(self, seconds: float) -> None:
        self.clock.pump([1.0] * round(seconds))


@pytest.fixture
def house() -> Iterator[House]:
    house = House()
    yield house
    assert house.watcher.bugs == []


def closing(octets: bytes) -> int:
    """Status of the one close frame that ``octets`` are."""
    assert octets[0] == 0x80 | CLOSE, octets
    assert octets[1] == len(octets) - 2
    return int(struct.unpack("!H", octets[2:4])[0])


class TestDeadlines:
    def test_a_silent_agent_is_asked_for_a_sign_of_life(self, house: House) -> None:
        peer = house.open()
        house.wait(59)
        assert peer.answer() == b""
        house.wait(2)
        assert peer.answer() == bytes([0x80 | PING, 0])

    def test_its_pong_keeps_it(self, house: House) -> None:
        peer = house.open()
        for _ in range(5):
            house.wait(61)
            assert peer.answer() == bytes([0x80 | PING, 0])
            peer.send(b"", PONG)
        assert house.edge.sessions == 1

    def test_anything_it_sends_spares_it_the_question(self, house: House) -> None:
        peer = house.open()
        for _ in range(5):
            house.wait(40)
            assert peer.send(b"hello", PING) == bytes([0x80 | PONG, 5]) + b"hello"
        assert house.edge.sessions == 1

    def test_who_gives_no_sign_is_gone(self, house: House) -> None:
        peer = house.open()
        house.wait(61 + 21)
        assert peer.transport.aborting
        peer.lose()
        assert (house.edge.sessions, house.edge.connections) == (0, 0)

    def test_presence_ends_with_what_was_seen(self) -> None:
        house = House(
            replace(OPTIONS, terms=replace(OPTIONS.terms, auth="basic", basic_on_plain=True))
        )
        peer = house.open(password=SECRET)
        house.wait(61 + 21)
        peer.lose()
        gone = f"{AGENT} absent over websocket: no pong: silent for 80 s"
        assert house.receiver.told == [PRESENT, gone]

    def test_a_handshake_that_does_not_come(self, house: House) -> None:
        peer = house.peer()
        peer.protocol.dataReceived(b"GET /usp HTTP/1.1\r\n")
        house.wait(11)
        assert peer.transport.aborting
        assert house.watcher.told == ["no handshake in time"]

    def test_a_record_that_never_ends(self, house: House) -> None:
        peer = house.open()
        peer.send(b"begun", fin=False)
        for _ in range(5):
            house.wait(10)
            peer.send(b"", opcode=0, fin=False)  # signs of life alone are not enough
        house.wait(12)
        assert closing(peer.answer()) == 1008

    def test_a_close_that_is_not_answered(self, house: House) -> None:
        peer = house.open()
        house.edge.drop(ROUTE, "enough")
        assert closing(peer.answer()) == 1000
        assert house.edge.sessions == 0
        house.wait(6)
        assert peer.transport.aborting

    def test_no_timer_runs_for_nobody(self, house: House) -> None:
        house.open().lose()
        house.wait(2)
        assert house.clock.getDelayedCalls() == []


class TestBounds:
    def test_a_frame_that_says_it_is_too_large(self, house: House) -> None:
        peer = house.open()
        assert closing(peer.send(b"", length=1001)) == 1009

    def test_fragments_that_are_too_large_together(self, house: House) -> None:
        peer = house.open()
        assert peer.send(b"a" * 600, fin=False) == b""
        assert closing(peer.send(b"a" * 401, opcode=0)) == 1009

    def test_a_record_in_too_many_pieces(self) -> None:
        house = House(replace(OPTIONS, fragments=3))
        peer = house.open()
        peer.send(b"", fin=False)
        peer.send(b"", opcode=0, fin=False)
        assert peer.send(b"", opcode=0, fin=False) == b""
        assert closing(peer.send(b"", opcode=0)) == 1008

    def test_the_largest_record(self, house: House) -> None:
        peer = house.open()
        peer.send(b"a" * 600, fin=False)
        peer.send(b"", opcode=0, fin=False)
        peer.send(b"a" * 400, opcode=0)
        assert [octets for octets, _ in house.receiver.records] == [b"a" * 1000]

    def test_header_too_large(self, house: House) -> None:
        peer = house.peer()
        answer = peer.open(head=f"X: {'a' * 1000}\r\n")
        assert answer.startswith(b"HTTP/1.1 431 ")
        assert peer.transport.disconnecting

    @pytest.mark.parametrize(
        "origin", ["http://127.0.0.1", "https://acs.example.net:7589", "null", "file://x"]
    )
    def test_an_origin_as_agents_send_it_is_no_hindrance(self, house: House, origin: str) -> None:
        """OB-USP-AGENT names the host it connects to."""
        peer = house.peer()
        assert peer.open(head=f"Origin: {origin}\r\n").startswith(b"HTTP/1.1 101 ")

    def test_frames_that_come_with_the_handshake_are_no_header(self, house: House) -> None:
        peer = house.peer()
        peer.open(after=frame(b"b" * 900))
        assert [octets for octets, _ in house.receiver.records] == [b"b" * 900]

    def test_who_does_not_read_is_not_read(self, house: House) -> None:
        peer = house.open()
        peer.protocol.pauseProducing()
        assert peer.transport.producerState == "paused"
        assert house.edge.send(ROUTE, b"a" * 60)
        assert not house.edge.send(ROUTE, b"a" * 60), "100 octets may wait"
        peer.protocol.resumeProducing()
        assert peer.transport.producerState == "producing"
        assert house.edge.send(ROUTE, b"a" * 60)

    def test_connections_of_one_address(self) -> None:
        house = House(replace(OPTIONS, connections_per_address=2))
        house.open("a::1"), house.open("a::2")
        third, elsewhere = house.peer(), house.peer(address="192.0.2.2")
        assert third.transport.aborting
        assert not elsewhere.transport.aborting
        third.lose()
        assert (house.edge.connections, house.watcher.told) == (3, ["too many connections"])

    def test_connections_of_all(self) -> None:
        house = House(replace(OPTIONS, connections=1))
        first, second, third = house.open("a::1"), house.peer(), house.peer()
        assert second.open().startswith(b"HTTP/1.1 503 ")
        assert third.transport.aborting
        for peer in (first, second, third):
            peer.lose()
        assert house.open().transport.connected

    def test_what_a_bug_of_ours_leaves(self) -> None:
        house = House()

        def broken(octets: bytes, origin: Origin) -> Verdict:
            raise RuntimeError(octets)

        house.receiver.answer = broken
        peer = house.open()
        assert closing(peer.send(b"record")) == 1011
        assert [str(bug) for bug in house.watcher.bugs] == ["b'record'"]


class TestFrames:
    @pytest.mark.parametrize(
        "how",
        [
            {"mask": False},
            {"rsv": 4},
            {"opcode": 3},
            {"opcode": 11},
            {"opcode": 0},
            {"opcode": PING, "fin": False},
        ],
    )
    def test_what_breaks_the_protocol(self, house: House, how: dict[str, Any]) -> None:
        peer = house.open()
        assert closing(peer.send(b"x", **how)) == 1002

    def test_nothing_is_taken_after_our_close(self, house: House) -> None:
        peer = house.open()
        assert closing(peer.send(b"text", TEXT)) == 1003
        assert peer.send(b"record") == b""
        assert house.receiver.records == []
        peer.send(struct.pack("!H", 1003), CLOSE)
        assert peer.transport.aborting

    @given(st.lists(st.binary(max_size=40), max_size=8))
    @hypothesis_settings(max_examples=60)
    def test_any_octets_do_no_harm(self, parts: list[bytes]) -> None:
        house = House()
        peer = house.open()
        for part in parts:
            peer.protocol.dataReceived(part)
        peer.lose()
        assert (house.watcher.bugs, house.edge.connections, house.edge.sessions) == ([], 0, 0)

    @given(
        st.lists(
            st.tuples(
                st.binary(max_size=200),
                st.integers(0, 15),
                st.booleans(),
                st.sampled_from([0, 0, 0, 4]),
                st.integers(1, 5),
            ),
            max_size=12,
        )
    )
    @hypothesis_settings(max_examples=60)
    def test_any_frames_do_no_harm(self, frames: list[tuple[bytes, int, bool, int, int]]) -> None:
        house = House()
        peer = house.open()
        for payload, opcode, fin, rsv, cuts in frames:
            octets = frame(payload, opcode, fin=fin, rsv=rsv)
            step = len(octets) // cuts + 1
            for start in range(0, len(octets), step):
                peer.protocol.dataReceived(octets[start : start + step])
        peer.lose()
        assert (house.watcher.bugs, house.edge.connections, house.edge.sessions) == ([], 0, 0)

    @given(st.binary(max_size=300))
    @hypothesis_settings(max_examples=60)
    def test_any_handshake_does_no_harm(self, octets: bytes) -> None:
        house = House()
        peer = house.peer()
        peer.protocol.dataReceived(octets + b"\r\n\r\n")
        assert peer.answer().startswith(b"HTTP/1.1 4") or peer.answer() == b""
        peer.lose()
        assert (house.watcher.bugs, house.edge.connections) == ([], 0)


class TestPresence:
    def test_who_proved_nothing_is_there_once_a_record_was_taken(self, house: House) -> None:
        peer = house.open()
        peer.send(b"ignored")
        assert house.receiver.told == []
        peer.send(b"record")
        peer.send(b"record")
        assert house.receiver.told == [PRESENT]

    def test_a_newer_session_takes_over(self, house: House) -> None:
        older = house.open()
        older.send(b"record")
        newer = house.open()
        newer.send(b"record")
        assert closing(older.answer()) == 1000
        assert house.edge.send(ROUTE, b"to the newer")
        assert newer.answer().endswith(b"to the newer")
        older.lose()
        assert house.receiver.told == [PRESENT, PRESENT], "it never went"
        newer.lose()
        assert house.receiver.told[2:] == [f"{AGENT} absent over websocket: connection lost"]

    def test_a_session_that_proved_more_is_not_taken_over(self, house: House) -> None:
        proven = house.open()
        proven.protocol._admitted = replace(proven.protocol._admitted, proof=Proof.CERTIFICATE)
        assert house.peer().open().startswith(b"HTTP/1.1 409 ")
        assert house.edge.send(ROUTE, b"still here")
        assert proven.answer().endswith(b"still here")

    def test_where_a_record_came_from(self, house: House) -> None:
        house.open().send(b"record")
        origin = Origin(Mtp.WEBSOCKET, ROUTE, "", "none", "192.0.2.1")
        assert house.receiver.records == [(b"record", origin)]

    def test_no_way(self, house: House) -> None:
        assert not house.edge.send(ROUTE, b"record")
        house.open()
        assert not house.edge.send(Route(Mtp.MQTT, AGENT), b"record")
        house.edge.drop(Route(Mtp.MQTT, AGENT), "not ours")
        assert house.edge.sessions == 1
