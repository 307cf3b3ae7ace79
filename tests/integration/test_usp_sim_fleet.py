"""`usp-sim fleet` with the running program, and files that agents carry over real HTTP."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from acs_fixtures import StartAcs
from running_acs import BOOTSTRAP
from twisted.internet.epollreactor import EPollReactor

from simulators.usp.files import Files
from simulators.usp.outgoing import Transfer, Transferred

LIMIT = 20.0


def test_a_town_over_all_mtps_is_onboarded(start_acs: StartAcs, tmp_path: Path) -> None:
    acs = start_acs(
        MQTT_BROKER="embedded",
        MQTT_LISTEN="127.0.0.1:0",
        WEBSOCKET_LISTEN="127.0.0.1:0",
        WEBSOCKET_AUTH="basic",
        AUTH_ALLOW_BASIC_ON_HTTP="true",
    )
    password = tmp_path / "password"
    password.write_text(BOOTSTRAP[1])
    ran = subprocess.run(
        [
            str(Path(sys.executable).with_name("usp-sim")), "fleet", "--json", "--count", "6",
            "--mtps", "mqtt5,mqtt3,websocket", "--arrivals", "once", "--once", "--for", "30",
            "--broker", f"mqtt://127.0.0.1:{acs.port('mqtt')}",
            "--websocket", f"ws://127.0.0.1:{acs.port('websocket')}/usp",
            "--bootstrap-password-file", str(password),
            "--model", "tplink-a-ex220",
        ],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    found = json.loads(ran.stdout)
    assert (found["units"], found["onboarded"], found["unanswered"]) == (6, 6, 0)
    assert (found["links"], found["failures"], found["records_unsent"]) == (6, {}, 0)
    counters = found["counters"]
    assert counters["notify.on_board_req"] >= 6
    assert counters["notify.answered"] >= 12
    assert BOOTSTRAP[1] not in ran.stdout + ran.stderr


def test_nobody_there_is_an_exit_status() -> None:
    ran = subprocess.run(
        [
            str(Path(sys.executable).with_name("usp-sim")), "fleet", "--json", "--count", "3",
            "--arrivals", "once", "--for", "0.5", "--broker", "mqtt://127.0.0.1:9",
            "--share", "1%:twice",
        ],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    found = json.loads(ran.stdout)
    assert ran.returncode == 1
    assert found["failures"] == {"no connection to the broker": 2}
    assert found["with_faults"] == {"no connection to the broker": 1}
    assert "never spoken to: ops::1C61B5-" in ran.stderr


# --- files ----------------------------------------------------------------------------------------


class _Shelf(BaseHTTPRequestHandler):
    """Has one file, for who has the password; takes others; breaks off once where told to."""

    content = bytes(range(256)) * 400
    cuts = 0
    taken: dict[str, bytes]

    def do_GET(self) -> None:
        if self.path == "/private" and not self.headers.get("Authorization"):
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="files"')
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        if self.path not in ("/private", "/open"):
            self.send_error(404)
            return
        start = int(self.headers.get("Range", "bytes=0-")[6:-1])
        body = self.content[start:]
        self.send_response(206 if start else 200)
        if start:
            whole = len(self.content)
            self.send_header("Content-Range", f"bytes {start}-{whole - 1}/{whole}")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if _Shelf.cuts:
            _Shelf.cuts -= 1
            body = body[: len(body) // 2]
        self.wfile.write(body)
        self.close_connection = True

    def do_PUT(self) -> None:
        self.taken[self.path] = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(201)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="module")
def shelf() -> Iterator[str]:
    _Shelf.taken = {}
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Shelf)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def carried(transfer: Transfer) -> Transferred:
    reactor: Any = EPollReactor()
    reactor.startRunning(installSignalHandlers=False)
    results: list[Transferred] = []
    Files(reactor, timeout=5.0).carry(transfer, results.append)
    late = time.monotonic() + LIMIT
    while not results:
        assert time.monotonic() < late
        reactor.runUntilCurrent()
        reactor.doIteration(0.02)
    reactor.fireSystemEvent("shutdown")
    reactor.disconnectAll()
    (result,) = results
    return result


def test_a_file_is_fetched_with_an_account(shelf: str) -> None:
    result = carried(Transfer(1, f"{shelf}/private", "unit", "secret"))
    assert result == Transferred(_Shelf.content)


def test_a_broken_line_is_taken_up_where_it_broke(shelf: str) -> None:
    _Shelf.cuts = 1
    assert carried(Transfer(1, f"{shelf}/open")).content == _Shelf.content
    assert _Shelf.cuts == 0


def test_a_file_is_sent(shelf: str) -> None:
    assert carried(Transfer(1, f"{shelf}/config", upload=b"mine")) == Transferred()
    assert _Shelf.taken["/config"] == b"mine"


@pytest.mark.parametrize(
    ("path", "told"), [("/missing", "HTTP status 404"), ("/private", "refused the credentials")]
)
def test_what_cannot_be_had_is_a_failure(shelf: str, path: str, told: str) -> None:
    result = carried(Transfer(1, shelf + path))
    assert (result.code, result.content) == (7022, b"")
    assert told in result.text


def test_nobody_at_the_address_is_a_failure() -> None:
    assert carried(Transfer(1, "http://127.0.0.1:9/x")).code == 7022
