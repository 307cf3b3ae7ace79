"""Waking simulated units over real sockets: HTTP with each quirk, datagrams by way of STUN."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.protocol import Protocol, ServerFactory
from twisted.internet.selectreactor import SelectReactor

from acs.cwmp.wakeup import HttpCaller, StunServer, Target, allowed, allowed_datagram
from acs.devices.waking import Answer, Reply
from acs.model import Secret
from simulators.cpe.connreq import Listener, Quirk
from simulators.cpe.device import Ont
from simulators.cpe.life import Life, Pace
from simulators.cpe.listening import listen
from simulators.cpe.modelfile import Identity
from simulators.cpe.report import End, SessionReport

CALLER = "127.0.0.1"
HERE = ("127.0.0.1/32",)
PASSWORD = "a-password-of-its-own"
KEY = "1C61B4-Device2-22275A7000001"
IDENTITY = Identity("1C61B4", "Device2", "22275A7000001", "1C:61:B4:FA:11:C8")
MANAGEMENT = "Device.ManagementServer."
LIMIT = 20.0
"""Seconds after which a test has failed."""


class Loop:
    """A reactor of the test's own, run until something has come."""

    def __init__(self) -> None:
        self.reactor: Any = SelectReactor()
        self.reactor.startRunning(installSignalHandlers=False)

    def until(self, done: Callable[[], bool]) -> None:
        late = self.reactor.seconds() + LIMIT
        while not done():
            assert self.reactor.seconds() < late, "it never came"
            self.reactor.runUntilCurrent()
            self.reactor.doIteration(0.05)

    def result(self, deferred: Deferred[Any]) -> Any:
        results: list[Any] = []
        deferred.addBoth(results.append)
        self.until(lambda: bool(results))
        return results[0]


@pytest.fixture(scope="module")
def loop() -> Iterator[Loop]:
    loop = Loop()
    yield loop
    loop.reactor.disconnectAll()
    for call in loop.reactor.getDelayedCalls():
        call.cancel()


def unit(loop: Loop, *quirks: Quirk, in_session: bool = False) -> tuple[str, list[None]]:
    """A unit's listener: its URL, and an entry for each time it was asked to call."""
    asked: list[None] = []
    nonces = iter(range(1000))
    listener = Listener(
        loop.reactor,
        lambda: ("acs", PASSWORD),
        lambda: asked.append(None),
        lambda: f"nonce{next(nonces)}",
        quirks=frozenset(quirks),
        in_session=lambda: in_session,
    )
    port = loop.reactor.listenTCP(0, listener, interface="127.0.0.1")
    return f"http://127.0.0.1:{port.getHost().port}{listener.path}", asked


def call(
    loop: Loop,
    url: str,
    *,
    timeout: float = LIMIT,
    allow_basic: bool = False,
    password: str = PASSWORD,
) -> Answer:
    target = allowed(url, HERE, CALLER)
    assert isinstance(target, Target)
    caller = HttpCaller(loop.reactor, timeout, allow_basic=allow_basic)
    answer: Answer = loop.result(caller.call(target, "acs", Secret(password)))
    assert PASSWORD not in answer.text
    return answer


@pytest.mark.parametrize(
    ("quirk", "reply", "calls"),
    [
        (None, Reply.ACCEPTED, 1),
        (Quirk.BARE_LF, Reply.ACCEPTED, 1),
        (Quirk.NO_BLANK_LINE, Reply.ACCEPTED, 1),
        (Quirk.NO_COMMAS, Reply.ACCEPTED, 1),
        (Quirk.SHORT_CNONCE, Reply.ACCEPTED, 1),
        (Quirk.NO_QOP, Reply.ACCEPTED, 1),
        (Quirk.OPAQUE_REQUIRED, Reply.ACCEPTED, 1),
        (Quirk.BASIC_ONLY, Reply.UNAUTHORIZED, 0),
        (Quirk.BUSY, Reply.BUSY, 0),
        (Quirk.RANDOM_PATH, Reply.ACCEPTED, 1),
        (Quirk.CLOSES, Reply.ACCEPTED, 1),
        (Quirk.ALWAYS_401, Reply.UNAUTHORIZED, 0),
        (Quirk.REDIRECT, Reply.UNREACHABLE, 0),
        (Quirk.HUGE, Reply.ACCEPTED, 1),
    ],
)
def test_each_quirk_over_a_socket(
    loop: Loop, quirk: Quirk | None, reply: Reply, calls: int
) -> None:
    url, asked = unit(loop, *[quirk] if quirk else [], in_session=True)
    assert call(loop, url).reply is reply
    assert len(asked) == calls


def test_basic_where_it_is_allowed(loop: Loop) -> None:
    url, asked = unit(loop, Quirk.BASIC_ONLY)
    assert call(loop, url, allow_basic=True).reply is Reply.ACCEPTED
    assert len(asked) == 1


def test_a_wrong_password(loop: Loop) -> None:
    url, asked = unit(loop)
    assert call(loop, url, password="other").reply is Reply.UNAUTHORIZED
    assert asked == []


@pytest.mark.parametrize("quirk", [Quirk.SILENT, Quirk.SLOW])
def test_the_whole_request_has_a_limit(loop: Loop, quirk: Quirk) -> None:
    url, asked = unit(loop, quirk)
    answer = call(loop, url, timeout=0.2)
    assert (answer.reply, answer.text) == (Reply.UNREACHABLE, "it did not answer in time")
    assert asked == []


def test_nobody_listens(loop: Loop) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        answer = call(loop, f"http://127.0.0.1:{taken.getsockname()[1]}/")
    assert (answer.reply, "refused" in answer.text) == (Reply.UNREACHABLE, True)


class Resetting(Protocol):
    """Challenges, and resets the connection on which it is answered, the first time."""

    seen: list[bytes]

    def dataReceived(self, data: bytes) -> None:
        transport: Any = self.transport
        self.seen.append(data)
        if b"Authorization" not in data:
            transport.write(
                b'HTTP/1.1 401 x\r\nWWW-Authenticate: Digest realm="r", nonce="n"\r\n'
                b"Content-Length: 0\r\n\r\n"
            )
        elif len(self.seen) == 2:
            transport.abortConnection()
        else:
            transport.write(b"HTTP/1.1 204 No Content\r\n\r\n")


def test_a_reset_after_the_challenge_is_tried_once_more(loop: Loop) -> None:
    class Kind(Resetting):
        seen: list[bytes] = []  # noqa: RUF012 - of all connections

    port = loop.reactor.listenTCP(0, ServerFactory.forProtocol(Kind), interface="127.0.0.1")
    assert call(loop, f"http://127.0.0.1:{port.getHost().port}/").reply is Reply.ACCEPTED
    assert [b"Authorization" in each for each in Kind.seen] == [False, True, True]


def test_a_request_can_be_given_up(loop: Loop) -> None:
    url, _ = unit(loop, Quirk.SILENT)
    target = allowed(url, HERE, CALLER)
    assert isinstance(target, Target)
    asking = HttpCaller(loop.reactor, LIMIT).call(target, "acs", Secret(PASSWORD))
    loop.reactor.callLater(0.05, asking.cancel)
    assert loop.result(asking).check(CancelledError)


# --- datagrams ----------------------------------------------------------------------------


class Sessions:
    """Sessions of a unit with an ACS that wants nothing; keeps their events."""

    def __init__(self) -> None:
        self.events: list[list[str]] = []

    def run(self, ont: Ont, events: Any, _source: str | None) -> Deferred[SessionReport]:
        self.events.append([event.code for event in events])
        report = SessionReport(tuple(events), end=End.COMPLETE)
        ont.finish(report, ont.acs_url)
        return succeed(report)


def test_a_simulated_unit_is_woken_by_a_datagram(loop: Loop) -> None:
    reactor = loop.reactor

    def password(username: str) -> Deferred[Secret | None]:
        return succeed(Secret(PASSWORD) if username == KEY else None)

    server = StunServer(reactor, password)
    port = reactor.listenUDP(0, server, interface="127.0.0.1").getHost().port
    stun = {
        "STUNServerAddress": "127.0.0.1",
        "STUNServerPort": str(port),
        "STUNUsername": KEY,
        "STUNPassword": PASSWORD,
        "ConnectionRequestUsername": KEY,
        "ConnectionRequestPassword": PASSWORD,
        "STUNMinimumKeepAlivePeriod": "1",
    }
    ont = Ont(
        "tplink-a-xx230v",
        IDENTITY,
        acs_url="http://127.0.0.1:1/",
        factory={MANAGEMENT + leaf: text for leaf, text in stun.items()},
    )
    sessions = Sessions()
    life = Life(
        ont,
        sessions,  # type: ignore[arg-type]
        reactor,
        pace=Pace(),
        seed=1,
        observe=lambda *_: None,
    )
    listen(reactor, life, "127.0.0.1", lambda: "nonce")
    life.run()
    loop.until(lambda: len(sessions.events) == 1)
    assert server.binding_of(KEY) is None, "STUN is off"

    ont.tree.put(MANAGEMENT + "STUNEnable", "1")
    life.call(["2 PERIODIC"])
    loop.until(lambda: server.binding_of(KEY) is not None)
    loop.until(lambda: ont.tree.get(MANAGEMENT + "UDPConnectionRequestAddress") != "")
    binding = server.binding_of(KEY)
    assert binding is not None
    assert binding.address == ont.tree.get(MANAGEMENT + "UDPConnectionRequestAddress")
    assert ont.tree.get(MANAGEMENT + "NATDetected") == "0"

    target = allowed_datagram(binding.address, HERE, CALLER)
    assert isinstance(target, Target)
    before = len(sessions.events)
    assert server.call(target, KEY, Secret("wrong"))
    assert server.call(target, KEY, Secret(PASSWORD))
    loop.until(lambda: len(sessions.events) > before)
    assert "6 CONNECTION REQUEST" in sessions.events[-1]
    assert sum("6 CONNECTION REQUEST" in events for events in sessions.events) == 1

    ont.tree.put(MANAGEMENT + "STUNEnable", "0")
    loop.until(lambda: ont.tree.get(MANAGEMENT + "UDPConnectionRequestAddress") == "")
    life.stop()
