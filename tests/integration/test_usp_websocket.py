"""The WebSocket edge over real sockets, plain and TLS, in a reactor of its own."""

from __future__ import annotations

import base64
import queue
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from certificates import Certificates
from raw_websocket import BINARY, CLOSE, PING, PONG, TEXT, RawWebSocket
from twisted.internet.epollreactor import EPollReactor
from usp_receiver import NotingReceiver, NotingWatcher

from acs.http import deadlines, listen, tls_context_factory
from acs.model import Secret
from acs.usp.mtp import Mtp, Origin, Route
from acs.usp.websocket import Terms, WebSocketEdge, WebSocketOptions

AGENT = "os::012345-S1"
OTHER = "os::012345-S2"
ROUTE = Route(Mtp.WEBSOCKET, AGENT)
LAB = Terms(endpoint="self::acs", auth="none", password=Secret("open sesame"))
PRESENT = f"{AGENT} present over websocket: WebSocket session"


class Served:
    """An edge in a reactor of its own, and what it told."""

    def __init__(self) -> None:
        self._reactor: Any = EPollReactor()
        self._changed = threading.Condition()
        self.receiver = NotingReceiver(changed=self._notify)
        self.watcher = NotingWatcher()
        self._thread = threading.Thread(target=self._reactor.run, args=(False,), daemon=True)
        self._thread.start()
        self.edge: WebSocketEdge

    def serve(
        self, terms: Terms = LAB, *, tls: Any = None, **options: Any
    ) -> Callable[..., RawWebSocket]:
        """Listen; gives back what makes a client."""

        def start() -> int:
            wanted = WebSocketOptions(terms=terms, **options)
            self.edge = WebSocketEdge(wanted, self.receiver, self._reactor, self.watcher)
            port: Any = listen(self._reactor, "127.0.0.1:0", self.edge.factory(), tls)
            return int(port.getHost().port)

        number = self.call(start)
        return lambda context=None: RawWebSocket(number, context)

    def call(self, function: Callable[[], Any]) -> Any:
        """Run in the reactor's thread; give back what it gives."""
        box: queue.Queue[Any] = queue.Queue()
        self._reactor.callFromThread(lambda: box.put(function()))
        return box.get(timeout=30)

    def until(self, holds: Callable[[], bool]) -> None:
        """Wait until something that was told makes ``holds`` true."""
        with self._changed:
            assert self._changed.wait_for(holds, timeout=30), (self.receiver, self.watcher)

    def _notify(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def stop(self) -> None:
        self._reactor.callFromThread(self._reactor.stop)
        self._thread.join(30)
        assert not self._thread.is_alive()
        assert self.watcher.bugs == []


@pytest.fixture
def served() -> Iterator[Served]:
    served = Served()
    yield served
    served.stop()


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who is late is closed at once, not within a second."""
    monkeypatch.setattr(deadlines, "TICK", 0.02)


def tls(certificates: Certificates) -> Any:
    return tls_context_factory(certificates.server, certificates.server_key, certificates.authority)


class TestHandshake:
    def test_the_subprotocol_is_echoed(self, served: Served) -> None:
        with served.serve()() as agent:
            assert agent.open(AGENT).status == 101
            assert agent.headers["sec-websocket-protocol"] == "v1.usp"
            assert "sec-websocket-extensions" not in agent.headers
            assert "server" not in agent.headers

    @pytest.mark.parametrize("protocol", ["", "v2.usp"])
    def test_without_it_nobody_is_let_in(self, served: Served, protocol: str) -> None:
        with served.serve()() as agent:
            agent.open(AGENT, protocol=protocol)
            assert agent.status == 400
            assert b"v1.usp" in agent.body
            assert agent.is_closed()
        assert served.edge.sessions == 0

    def test_a_percent_sign_in_an_id(self, served: Served) -> None:
        with served.serve()() as agent:
            agent.open(target="/usp?x=1&eid=self::a%2521")
            agent.send(b"record")
            served.until(lambda: bool(served.receiver.records))
        ((_, origin),) = served.receiver.records
        assert origin.reply == Route(Mtp.WEBSOCKET, "self::a%21")

    def test_the_extension_is_answered_where_it_was_offered(self, served: Served) -> None:
        with served.serve()() as agent:
            headers = {"Sec-WebSocket-Extensions": f'bbf-usp-protocol; eid="{AGENT}"'}
            agent.open(target="/usp", headers=headers)
            assert agent.status == 101
            answered = agent.headers["sec-websocket-extensions"]
            assert answered == 'bbf-usp-protocol; eid="self::acs"'

    def test_compression_is_not_taken_up(self, served: Served) -> None:
        with served.serve()() as agent:
            headers = {"Sec-WebSocket-Extensions": "permessage-deflate; client_max_window_bits"}
            agent.open(AGENT, headers=headers)
            assert agent.status == 101
            assert "sec-websocket-extensions" not in agent.headers

    @pytest.mark.parametrize(
        ("request_line", "status"), [("POST /usp", 405), ("GET /usp", 400), ("GET /x#y", 400)]
    )
    def test_what_is_no_handshake(self, served: Served, request_line: str, status: int) -> None:
        with served.serve()() as client:
            client.socket.sendall(f"{request_line} HTTP/1.1\r\nX: y\r\n\r\n".encode())
            assert client.answer() == status
            assert client.is_closed()
        assert served.watcher.told == ["bad WebSocket handshake"]


class TestRecords:
    def test_both_ways_whole_and_unmasked(self, served: Served) -> None:
        large = bytes(range(256)) * 1000
        with served.serve()() as agent:
            agent.open(AGENT).send(large)
            served.until(lambda: bool(served.receiver.records))
            assert served.call(lambda: served.edge.send(ROUTE, large))
            frame = agent.read()
        origin = Origin(Mtp.WEBSOCKET, ROUTE, "", "none", "127.0.0.1")
        assert served.receiver.records == [(large, origin)]
        assert (frame.opcode, frame.fin, frame.masked) == (BINARY, True, False)
        assert frame.payload == large

    def test_fragments(self, served: Served) -> None:
        with served.serve()() as agent:
            agent.open(AGENT)
            agent.send(b"re", fin=False)
            agent.send(b"between", PING)
            agent.send(b"co", opcode=0, fin=False)
            agent.send(b"rd", opcode=0)
            assert agent.read().payload == b"between"
            served.until(lambda: bool(served.receiver.records))
        assert [octets for octets, _ in served.receiver.records] == [b"record"]

    def test_text_is_closed_with_1003(self, served: Served) -> None:
        with served.serve()() as agent:
            agent.open(AGENT).send(b"\xff not even text", TEXT)
            assert agent.read().code == 1003
            agent.close(1003)
            assert agent.is_closed()
        assert served.receiver.records == []

    def test_what_is_no_record_is_closed_with_1003(self, served: Served) -> None:
        with served.serve()() as agent:
            agent.open(AGENT).send(b"bad")
            assert agent.read().code == 1003

    def test_what_is_too_large_is_closed_with_1009(self, served: Served) -> None:
        with served.serve(record_bytes=1000)() as agent:
            agent.open(AGENT).send(b"", length=2**62)
            assert agent.read().code == 1009

    def test_ping_is_answered(self, served: Served) -> None:
        with served.serve()() as agent:
            agent.open(AGENT).send(b"are you there", PING)
            frame = agent.read()
            assert (frame.opcode, frame.payload) == (PONG, b"are you there")


class TestSessions:
    def test_a_newer_one_takes_over(self, served: Served) -> None:
        client = served.serve()
        with client() as older, client() as newer:
            older.open(AGENT)
            newer.open(AGENT)
            assert older.read().code == 1000
            older.close()
            assert older.is_closed()
            newer.send(b"record")
            served.until(lambda: bool(served.receiver.records))
            assert served.call(lambda: served.edge.send(ROUTE, b"answer"))
            assert newer.read().payload == b"answer"
            assert served.edge.sessions == 1

    def test_coming_and_going(self, served: Served) -> None:
        client = served.serve(replace(LAB, auth="basic", basic_on_plain=True))
        credentials = base64.b64encode(f"{AGENT}:open sesame".encode()).decode()
        with client() as agent:
            agent.open(AGENT, headers={"Authorization": f"Basic {credentials}"})
            assert agent.status == 101
            agent.close(1000)
            assert agent.read().code == 1000
            assert agent.is_closed()
            served.until(lambda: len(served.receiver.told) == 3)
        assert served.receiver.told[1:] == [PRESENT, f"{AGENT} absent over websocket: closed 1000"]

    @pytest.mark.usefixtures("looks_often")
    def test_a_dead_peer(self, served: Served) -> None:
        with served.serve(ping_seconds=0.1, pong_seconds=0.1)() as agent:
            agent.open(AGENT).send(b"record")
            assert agent.read().opcode == PING
            assert agent.is_closed()
            served.until(lambda: len(served.receiver.told) == 3)
        assert served.receiver.told[2] == (
            f"{AGENT} absent over websocket: no pong: silent for 0.2 s"
        )

    def test_the_password(self, served: Served) -> None:
        client = served.serve(replace(LAB, auth="basic", basic_on_plain=True))
        wrong = base64.b64encode(f"{AGENT}:sesame".encode()).decode()
        with client() as agent:
            agent.open(AGENT)
            assert agent.status == 401
            assert agent.headers["www-authenticate"].startswith("Basic realm=")
        with client() as agent:
            agent.open(AGENT, headers={"Authorization": f"Basic {wrong}"})
            assert agent.status == 401
        assert served.watcher.told == [
            "a password is required",
            "failed: wrong user name or password",
        ]

    @pytest.mark.usefixtures("looks_often")
    def test_the_end_of_the_server(self, served: Served) -> None:
        client = served.serve(closing_seconds=0.1)
        with client() as agent, client() as mute, client() as unborn:
            agent.open(AGENT)
            mute.open(OTHER)
            stopped = threading.Event()
            served.call(lambda: served.edge.stop().addCallback(lambda _: stopped.set()))
            assert agent.read().code == mute.read().code == 1001
            agent.close(1001)
            assert agent.is_closed()
            assert unborn.is_closed()
            assert stopped.wait(30), "who does not answer is cut"
            with client() as late:
                assert late.open(AGENT).status == 503
        assert served.receiver.told == ["websocket up", "websocket down: the server stops"]


class TestTls:
    TERMS = replace(LAB, auth="certificate")

    def test_a_certificate_vouches(self, served: Served, certificates: Certificates) -> None:
        client = served.serve(self.TERMS, tls=tls(certificates))
        with client(certificates.client(AGENT)) as agent:
            assert agent.open(AGENT).status == 101
            agent.send(b"record")
            served.until(lambda: bool(served.receiver.records))
        ((_, origin),) = served.receiver.records
        assert origin == Origin(Mtp.WEBSOCKET, ROUTE, AGENT, "certificate", "127.0.0.1")
        assert served.receiver.told[1] == PRESENT

    def test_that_of_another_agent_does_not(
        self, served: Served, certificates: Certificates
    ) -> None:
        client = served.serve(self.TERMS, tls=tls(certificates))
        with client(certificates.client(OTHER)) as agent:
            assert agent.open(AGENT).status == 403
        with client(certificates.client()) as agent:
            assert agent.open(AGENT).status == 403
        assert [told.partition(":")[0] for told in served.watcher.told] == ["failed", "failed"]
        assert served.receiver.told == ["websocket up"]

    def test_one_of_another_authority_ends_the_handshake(
        self, served: Served, certificates: Certificates, tmp_path: Path
    ) -> None:
        client = served.serve(self.TERMS, tls=tls(certificates))
        context = Certificates(tmp_path).client(AGENT)
        context.load_verify_locations(certificates.authority)
        with pytest.raises((ssl.SSLError, EOFError, ConnectionError)), client(context) as agent:
            agent.open(AGENT)
        with client(certificates.client(AGENT)) as agent:
            assert agent.open(AGENT).status == 101
        assert served.watcher.told == ["TLS handshake failed"]

    def test_who_proves_less_ends_no_session(
        self, served: Served, certificates: Certificates
    ) -> None:
        client = served.serve(tls=tls(certificates))
        with client(certificates.client(AGENT)) as proven, client(certificates.client()) as claim:
            proven.open(AGENT)
            assert claim.open(AGENT).status == 409
            assert served.call(lambda: served.edge.send(ROUTE, b"still here"))
            assert proven.read().payload == b"still here"
        assert served.watcher.told == ["failed: the endpoint has a session that proved more"]

    def test_large_records(self, served: Served, certificates: Certificates) -> None:
        large = bytes(range(256)) * 4000
        client = served.serve(tls=tls(certificates))
        with client(certificates.client(AGENT)) as agent:
            agent.open(AGENT).send(large)
            served.until(lambda: bool(served.receiver.records))
            assert served.receiver.records[0][0] == large
            assert served.call(lambda: served.edge.send(ROUTE, large))
            assert agent.read().payload == large
            agent.send(struct.pack("!H", 1000), CLOSE)
            assert agent.read().code == 1000
