"""A storm against servers that refuse, that say nothing, and that end too early."""

from __future__ import annotations

import socket
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import pytest

from bench.calls import Call, Calls, Connections
from bench.dialogue import INFORM_RESPONSE, Late, Part, Replay, Script, Session, Wrong
from bench.load import Player
from bench.orders import Load, Login, Play, Tally
from bench.storming import Storming
from bench.units import Unit

UNITS = 6
INFORM = b"POST / HTTP/1.1\r\nHost: acs\r\nContent-Length: 14\r\n\r\n" + Unit(0).serial.encode()
EMPTY = b"POST / HTTP/1.1\r\nHost: acs\r\nCookie: acs=recorded\r\nContent-Length: 0\r\n\r\n"
SCRIPT = Script(0, b"recorded", INFORM, EMPTY)
ASKED = Script(0, b"recorded", INFORM, EMPTY, answers=[(b"<Question/>", EMPTY)])


class BusyAtFirst(BaseHTTPRequestHandler):
    """Refuses the first Inform of each unit; then answers it, and ends the session."""

    protocol_version = "HTTP/1.1"
    locked: ClassVar[bool] = False
    """Nobody is let in."""
    informs: ClassVar[Counter[bytes]] = Counter()

    def do_POST(self) -> None:
        serial = self.rfile.read(int(self.headers["Content-Length"]))
        self.informs[serial] += 1
        if self.locked:
            self._say(401, challenge='Digest realm="acs", nonce="abc", qop="auth"')
        elif not serial:
            self._say(204)
        elif self.informs[serial] == 1:
            self._say(503, retry="0")
        else:
            self._say(200, INFORM_RESPONSE)

    def _say(self, status: int, body: bytes = b"", retry: str = "", challenge: str = "") -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Set-Cookie", "acs=another")
        if challenge:
            self.send_header("WWW-Authenticate", challenge)
        if retry:
            self.send_header("Retry-After", retry)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def serving() -> Iterator[int]:
    BusyAtFirst.informs = Counter()
    with ThreadingHTTPServer(("127.0.0.1", 0), BusyAtFirst) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


def storm(port: int, script: Script) -> Tally:
    load = Load(port=port, scripts=[script], first=0, units=UNITS, connections=1)
    part = Part(script)
    return Storming(load, lambda unit: Session(part, unit), None).run(within=0.05)


def test_what_is_refused_comes_back_when_it_was_told_to() -> None:
    with serving() as port:
        tally = storm(port, SCRIPT)
    assert tally.error == ""
    assert (tally.refused, tally.sessions) == (UNITS, UNITS)
    assert len(tally.durations) == len(tally.waits) == UNITS
    assert all(wait >= took for wait, took in zip(tally.waits, tally.durations, strict=True))
    serials = {Unit(number).serial.encode() for number in range(UNITS)}
    assert {serial: BusyAtFirst.informs[serial] for serial in serials} == dict.fromkeys(serials, 2)


@pytest.mark.parametrize("login", Login)
def test_a_password_that_is_not_taken_is_no_figure(
    login: Login, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(BusyAtFirst, "locked", True)
    with serving() as port:
        load = Load(port=port, scripts=[SCRIPT], first=0, units=1, connections=1, login=login)
        tally = Player(load).obey(Play(10.0))
    assert "status 401 to the Inform" in tally.error
    assert tally.sessions == 0


def test_a_session_that_ends_unprovisioned_is_counted_as_such() -> None:
    with serving() as port:
        tally = storm(port, ASKED)
    assert tally.error == ""
    assert (tally.early, tally.sessions) == (UNITS, 0)


def test_a_server_that_says_nothing_is_given_up() -> None:
    told: list[Wrong] = []

    def failed(_call: Call, wrong: Wrong) -> bool:
        told.append(wrong)
        return True

    with socket.create_server(("127.0.0.1", 0)) as mute:
        port = mute.getsockname()[1]
        calls = Calls(port, Connections.SESSION, lambda call: None, failed=failed)
        calls.begin(Unit(1), Replay([INFORM]))
        calls.give_up(60.0)
        assert calls.open == 1
        calls.give_up(0.0)
    assert calls.open == 0
    assert [type(wrong) for wrong in told] == [Late]
