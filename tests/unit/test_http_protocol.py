"""One connection of the HTTP edge on a string transport and a hand-driven clock."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from acs.http import Bounds, Connection, Handler, HttpFactory, Reply, Request
from acs.http.deadlines import TICK
from acs.http.protocol import HttpProtocol

ONE = b"POST /1 HTTP/1.1\r\nContent-Length: 3\r\n\r\none"
TWO = b"POST /2 HTTP/1.1\r\nContent-Length: 3\r\n\r\ntwo"


def echo(request: Request) -> Reply:
    return Reply(200, request.body)


class Peer:
    """The far end: what it sends, what it has got, whether it is still connected."""

    def __init__(self, factory: HttpFactory) -> None:
        self.protocol: HttpProtocol = factory.buildProtocol(None)
        self.transport = StringTransport(lenient=True)
        self.protocol.makeConnection(self.transport)

    def send(self, data: bytes) -> None:
        self.protocol.dataReceived(data)

    def take(self) -> bytes:
        data: bytes = self.transport.value()
        self.transport.clear()
        return data

    def statuses(self) -> list[int]:
        return [int(part[:3]) for part in self.take().split(b"HTTP/1.1 ")[1:]]

    def vanish(self) -> None:
        self.protocol.connectionLost(Failure(ConnectionDone()))


@dataclass
class Bench:
    """A factory whose clock, counters and errors the test holds."""

    handler: Handler = echo
    bounds: Bounds = field(default_factory=Bounds)
    admission: Callable[[Connection, Mapping[str, str]], float | None] | None = None

    def __post_init__(self) -> None:
        self.clock = Clock()
        self.counts: Counter[str] = Counter()
        self.errors: list[BaseException] = []
        self.factory = HttpFactory(
            self.handler,
            reactor=self.clock,
            bounds=self.bounds,
            admission=self.admission,
            count=lambda name: self.counts.update([name]),
            on_error=self.errors.append,
            random=lambda: 0.5,
            wall_clock=lambda: 1_795_370_400.0,
        )

    def connect(self) -> Peer:
        return Peer(self.factory)

    def nothing_is_left(self) -> bool:
        """No timer runs any more, once the next look has found nobody."""
        self.clock.advance(TICK)
        return not self.clock.getDelayedCalls()


class Slow:
    """A handler that answers when the test says so."""

    def __init__(self) -> None:
        self.asked: list[tuple[Request, Deferred[Reply]]] = []

    def __call__(self, request: Request) -> Deferred[Reply]:
        answer: Deferred[Reply] = Deferred()
        self.asked.append((request, answer))
        return answer


class TestTurns:
    def test_request_and_answer(self) -> None:
        bench = Bench()
        peer = bench.connect()
        peer.send(ONE)
        assert peer.take() == (
            b"HTTP/1.1 200 OK\r\nDate: Sun, 22 Nov 2026 18:00:00 GMT\r\n"
            b"Content-Length: 3\r\nConnection: keep-alive\r\n\r\none"
        )
        assert not peer.transport.disconnecting
        assert bench.counts == {"requests": 1}

    def test_the_connection_is_the_same_for_all_its_requests(self) -> None:
        seen: list[Connection] = []

        def remember(request: Request) -> Reply:
            seen.append(request.connection)
            return Reply(204)

        peer = Bench(remember).connect()
        peer.send(ONE)
        peer.send(TWO)
        assert seen[0] is seen[1]
        assert (seen[0].peer, seen[0].secure, seen[0].certificate) == ("192.168.1.1", False, None)

    def test_pipelined_requests_are_answered_one_after_the_other(self) -> None:
        slow = Slow()
        peer = Bench(slow).connect()
        peer.send(ONE + TWO)
        assert [request.target for request, _ in slow.asked] == ["/1"]
        slow.asked[0][1].callback(Reply(200, b"first"))
        assert [request.target for request, _ in slow.asked] == ["/1", "/2"]
        assert peer.take().endswith(b"first")
        slow.asked[1][1].callback(Reply(200, b"second"))
        assert peer.take().endswith(b"second")

    def test_octets_that_come_during_an_answer_are_held_and_the_transport_paused(self) -> None:
        slow = Slow()
        peer = Bench(slow).connect()
        peer.send(ONE)
        assert peer.transport.producerState == "producing"
        peer.send(TWO[:10])
        assert peer.transport.producerState == "paused"
        peer.send(TWO[10:])
        assert len(slow.asked) == 1
        slow.asked[0][1].callback(Reply(204))
        assert peer.transport.producerState == "producing"
        assert slow.asked[1][0].body == b"two"

    def test_a_transport_that_does_not_pause_is_cut(self) -> None:
        slow = Slow()
        peer = Bench(slow).connect()
        peer.send(ONE)
        for _ in range(5):
            peer.send(b"x" * 65536)
        assert peer.transport.disconnected

    def test_a_peer_that_takes_no_answers_gets_no_more(self) -> None:
        bench = Bench()
        peer = bench.connect()
        peer.protocol.pauseProducing()
        peer.send(ONE)
        assert bench.counts["requests"] == 0
        assert peer.transport.producerState == "paused"
        peer.protocol.resumeProducing()
        assert peer.statuses() == [200]
        assert peer.transport.producerState == "producing"

    def test_answers_already_there(self) -> None:
        def ready(request: Request) -> Deferred[Reply]:
            answer: Deferred[Reply] = Deferred()
            answer.callback(Reply(200, request.body))
            return answer

        peer = Bench(ready).connect()
        peer.send(ONE * 8)
        assert peer.statuses() == [200] * 8

    @pytest.mark.parametrize(
        ("wire", "reply"),
        [
            (b"POST / HTTP/1.1\r\nConnection: close\r\n\r\n", Reply(204)),
            (b"POST / HTTP/1.0\r\n\r\n", Reply(204)),
            (b"POST / HTTP/1.1\r\n\r\n", Reply(204, close=True)),
        ],
    )
    def test_closing_after_the_answer(self, wire: bytes, reply: Reply) -> None:
        peer = Bench(lambda request: reply).connect()
        peer.send(wire + ONE)
        assert peer.transport.disconnecting
        answer = peer.take()
        assert answer.count(b"HTTP/1.1 ") == 1
        assert b"Connection: close\r\n" in answer

    def test_head(self) -> None:
        peer = Bench(lambda request: Reply(200, b"long body")).connect()
        peer.send(b"HEAD / HTTP/1.1\r\n\r\n")
        answer = peer.take()
        assert b"Content-Length: 9\r\n" in answer
        assert answer.endswith(b"\r\n\r\n")


class TestContinue:
    HEAD = b"POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n"

    def test_is_sent_when_the_peer_waits(self) -> None:
        peer = Bench().connect()
        peer.send(self.HEAD)
        assert peer.take() == b"HTTP/1.1 100 Continue\r\n\r\n"
        peer.send(b"o")
        assert peer.take() == b""
        peer.send(b"ne")
        assert peer.take().endswith(b"one")

    def test_is_spared_when_the_body_is_there(self) -> None:
        peer = Bench().connect()
        peer.send(self.HEAD + b"one")
        assert peer.statuses() == [200]

    def test_comes_after_the_answer_before(self) -> None:
        slow = Slow()
        peer = Bench(slow).connect()
        peer.send(ONE + self.HEAD)
        assert peer.take() == b""
        slow.asked[0][1].callback(Reply(204))
        assert peer.statuses() == [204, 100]


class TestFailures:
    def test_a_handler_that_raises(self) -> None:
        def broken(request: Request) -> Reply:
            raise RuntimeError("boom")

        bench = Bench(broken)
        peer = bench.connect()
        peer.send(ONE)
        assert peer.statuses() == [500]
        assert peer.transport.disconnecting
        assert [str(error) for error in bench.errors] == ["boom"]

    def test_a_handler_that_fails_later(self) -> None:
        slow = Slow()
        bench = Bench(slow)
        peer = bench.connect()
        peer.send(ONE)
        slow.asked[0][1].errback(RuntimeError("boom"))
        assert peer.statuses() == [500]
        assert peer.transport.disconnecting
        assert [str(error) for error in bench.errors] == ["boom"]

    @pytest.mark.parametrize(
        "answer", [Reply(200, b"", (("X", "a\r\nb"),)), Reply(200, b"", (("X", "€"),)), None]
    )
    def test_a_reply_that_cannot_be_written(self, answer: Reply) -> None:
        bench = Bench(lambda request: answer)
        peer = bench.connect()
        peer.send(ONE)
        assert peer.statuses() == [500]
        assert len(bench.errors) == 1

    def test_errors_do_not_reach_other_connections(self) -> None:
        bench = Bench(lambda request: Reply(200, request.body) if request.target == "/1" else 1 / 0)
        bad, good = bench.connect(), bench.connect()
        bad.send(TWO)
        good.send(ONE)
        assert good.statuses() == [200]

    def test_garbage_is_400_and_closed(self) -> None:
        bench = Bench()
        peer = bench.connect()
        peer.send(b"\x16\x03\x01\x02\x00")
        assert peer.statuses() == [400]
        assert peer.transport.disconnecting
        assert bench.counts == {"refused_400": 1}

    def test_an_answer_for_a_peer_that_left_is_dropped(self) -> None:
        slow = Slow()
        bench = Bench(slow)
        peer = bench.connect()
        peer.send(ONE)
        peer.vanish()
        slow.asked[0][1].callback(Reply(204))
        assert peer.take() == b""
        assert bench.counts["answers_unwanted"] == 1

    def test_on_lost_is_called_once_and_errors_in_it_are_reported(self) -> None:
        lost: list[str] = []

        def remember(request: Request) -> Reply:
            request.connection.on_lost += [lambda: 1 / 0, lambda: lost.append("gone")]
            return Reply(204)

        bench = Bench(remember)
        peer = bench.connect()
        peer.send(ONE)
        peer.vanish()
        assert lost == ["gone"]
        assert [type(error) for error in bench.errors] == [ZeroDivisionError]

    def test_a_connection_without_an_octet_is_silent(self) -> None:
        bench = Bench()
        peer = bench.connect()
        peer.vanish()
        assert peer.take() == b""
        assert not bench.errors
        assert not bench.counts
        assert bench.nothing_is_left()
        assert bench.factory.gate.connections == 0


class TestDeadlines:
    BOUNDS = Bounds(idle_seconds=60, request_seconds=30, answer_seconds=100, closing_seconds=5)

    def test_idle_from_the_start(self) -> None:
        bench = Bench(bounds=self.BOUNDS)
        peer = bench.connect()
        bench.clock.advance(59)
        assert not peer.transport.disconnecting
        bench.clock.advance(1)
        assert peer.transport.disconnecting
        assert peer.take() == b""
        assert bench.counts == {"connections_idle": 1}

    def test_idle_counts_from_the_last_answer(self) -> None:
        bench = Bench(bounds=self.BOUNDS)
        peer = bench.connect()
        bench.clock.advance(50)
        peer.send(ONE)
        bench.clock.advance(50)
        assert not peer.transport.disconnecting
        bench.clock.advance(10)
        assert peer.transport.disconnecting

    def test_blank_lines_are_not_life(self) -> None:
        bench = Bench(bounds=self.BOUNDS)
        peer = bench.connect()
        for _ in range(6):
            peer.send(b"\r\n")
            bench.clock.advance(10)
        assert peer.transport.disconnecting
        assert peer.take() == b""

    @pytest.mark.parametrize("cut", [1, 10, len(ONE) - 1])
    def test_slow_request(self, cut: int) -> None:
        bench = Bench(bounds=self.BOUNDS)
        peer = bench.connect()
        bench.clock.advance(40)
        peer.send(ONE[:cut])
        bench.clock.advance(29)
        assert not peer.transport.disconnecting
        bench.clock.advance(1)
        assert peer.statuses() == [408]
        assert peer.transport.disconnecting

    def test_drips_do_not_move_the_deadline(self) -> None:
        bench = Bench(bounds=self.BOUNDS)
        peer = bench.connect()
        for octet in ONE[:30]:
            peer.send(bytes([octet]))
            bench.clock.advance(1)
        assert peer.statuses() == [408]

    def test_a_request_half_read_behind_an_answer_has_its_time(self) -> None:
        slow = Slow()
        bench = Bench(slow, self.BOUNDS)
        peer = bench.connect()
        peer.send(ONE + TWO[:5])
        bench.clock.advance(50)
        slow.asked[0][1].callback(Reply(204))
        bench.clock.advance(29)
        assert peer.statuses() == [204]
        bench.clock.advance(1)
        assert peer.statuses() == [408]

    def test_a_handler_that_never_answers(self) -> None:
        slow = Slow()
        bench = Bench(slow, self.BOUNDS)
        peer = bench.connect()
        peer.send(ONE)
        bench.clock.advance(99)
        assert peer.take() == b""
        bench.clock.advance(1)
        assert b"Retry-After: 90\r\n" in (answer := peer.take())
        assert answer.startswith(b"HTTP/1.1 503 ")
        slow.asked[0][1].callback(Reply(200, b"too late"))
        assert peer.take() == b""

    def test_a_peer_that_does_not_let_go_is_cut(self) -> None:
        bench = Bench(bounds=self.BOUNDS)
        peer = bench.connect()
        peer.send(b"\0")
        bench.clock.advance(4)
        assert not peer.transport.disconnected
        bench.clock.advance(1)
        assert peer.transport.disconnected

    def test_an_ordinary_request_makes_no_delayed_call(self) -> None:
        bench = Bench(bounds=self.BOUNDS)
        peer = bench.connect()
        bench.connect()
        (timer,) = bench.clock.getDelayedCalls()
        for _ in range(10):
            peer.send(ONE)
        assert bench.clock.getDelayedCalls() == [timer]

    def test_nothing_is_left_after_the_end(self) -> None:
        bench = Bench(bounds=self.BOUNDS)
        peer = bench.connect()
        peer.send(ONE[:4])
        peer.vanish()
        assert bench.nothing_is_left()


class TestOverload:
    def test_admission_answers_503_before_the_body(self) -> None:
        asked: list[str] = []

        def full(connection: Connection, headers: Mapping[str, str]) -> float:
            asked.append(headers["content-length"])
            return 41.5

        bench = Bench(admission=full)
        peer = bench.connect()
        peer.send(b"POST / HTTP/1.1\r\nContent-Length: 1000\r\n\r\n")
        answer = peer.take()
        assert answer.startswith(b"HTTP/1.1 503 ")
        assert b"Retry-After: 42\r\n" in answer
        assert peer.transport.disconnecting
        assert asked == ["1000"]
        assert bench.counts == {"refused_503": 1}

    def test_admission_sees_the_connection_so_sessions_go_on(self) -> None:
        def full(connection: Connection, headers: Mapping[str, str]) -> float | None:
            return None if "session" in connection.state else 10.0

        def begin(request: Request) -> Reply:
            request.connection.state["session"] = 1
            return Reply(204)

        bench = Bench(begin)
        peer = bench.connect()
        peer.send(ONE)
        bench.factory.admission = full
        stranger = bench.connect()
        peer.send(TWO)
        stranger.send(TWO)
        assert peer.statuses() == [204, 204]
        assert stranger.statuses() == [503]

    def test_an_admission_hook_that_fails_lets_in(self) -> None:
        bench = Bench(admission=lambda connection, headers: 1 / 0)
        peer = bench.connect()
        peer.send(ONE)
        assert peer.statuses() == [200]
        assert len(bench.errors) == 1

    def test_a_full_server_answers_503_and_cuts_beyond(self) -> None:
        bench = Bench(bounds=Bounds(max_connections=2, retry_seconds=60))
        served = [bench.connect(), bench.connect()]
        refused, cut = bench.connect(), bench.connect()
        answer = refused.take()
        assert answer.startswith(b"HTTP/1.1 503 ")
        assert b"Retry-After: 90\r\n" in answer
        refused.send(ONE)
        assert refused.take() == b""
        assert cut.take() == b""
        assert cut.transport.disconnected
        for peer in (refused, cut, served[0]):
            peer.vanish()
        again = bench.connect()
        again.send(ONE)
        assert again.statuses() == [200]

    def test_one_address_has_its_share(self) -> None:
        bench = Bench(bounds=Bounds(max_connections_per_address=1))
        first, second = bench.connect(), bench.connect()
        assert second.transport.disconnected
        assert bench.counts == {"connections_cut": 1}
        second.vanish()
        first.vanish()
        assert not bench.connect().transport.disconnected


@given(st.lists(st.binary(max_size=80), max_size=8))
@settings(max_examples=200, deadline=None)
def test_arbitrary_octets_end_in_an_answer_or_a_close(parts: list[bytes]) -> None:
    bench = Bench(handler=lambda request: Reply(204))
    peer = bench.connect()
    for part in parts:
        peer.send(part)
    bench.clock.pump([5] * 20)
    assert peer.transport.disconnecting
    assert not bench.errors
    peer.vanish()
    assert bench.nothing_is_left()


@given(st.lists(st.integers(1, len(ONE) - 1), max_size=6))
@settings(max_examples=100, deadline=None)
def test_any_fragmentation_gives_the_same_answer(cuts: list[int]) -> None:
    whole, split = Bench().connect(), Bench().connect()
    whole.send(ONE + TWO)
    edges = [0, *sorted(cuts), len(ONE + TWO)]
    for start, end in pairwise(edges):
        split.send((ONE + TWO)[start:end])
    assert split.take() == whole.take()
