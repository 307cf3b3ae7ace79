"""Bulk data that a simulated agent sends over real HTTP (TR-369 A.3)."""

from __future__ import annotations

import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from twisted.internet.epollreactor import EPollReactor

from simulators.usp.files import Files
from simulators.usp.outgoing import BulkReport

LIMIT = 20.0


class _Collector(BaseHTTPRequestHandler):
    """Takes reports of who has the password; what is sent to ``/full`` it does not take."""

    taken: list[tuple[str, str, dict[str, str], bytes]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if not self.headers.get("Authorization"):
            self._answer(401)
            return
        self.taken.append((self.command, self.path, dict(self.headers.items()), body))
        self._answer(500 if self.path.startswith("/full") else 202)

    do_PUT = do_POST  # noqa: N815 - its name

    def _answer(self, status: int) -> None:
        self.send_response(status)
        if status == 401:
            self.send_header("WWW-Authenticate", 'Basic realm="bulk"')
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="module")
def collector() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Collector)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def taken(report: BulkReport) -> bool:
    """Send a report; return whether the agent is told that it was taken."""
    reactor: Any = EPollReactor()
    reactor.startRunning(installSignalHandlers=False)
    told: list[bool] = []
    Files(reactor, timeout=5.0).report(report, told.append)
    late = time.monotonic() + LIMIT
    while not told:
        assert time.monotonic() < late
        reactor.runUntilCurrent()
        reactor.doIteration(0.02)
    reactor.fireSystemEvent("shutdown")
    reactor.disconnectAll()
    (result,) = told
    return result


def report_to(url: str, method: str = "POST", **account: str) -> BulkReport:
    kind = "application/json; charset=UTF-8"
    return BulkReport(1, url, method, kind, "ObjectHierarchy", b'{"Report": []}', **account)


@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_a_report_comes_with_its_headers_and_query(collector: str, method: str) -> None:
    _Collector.taken = []
    url = f"{collector}/bulk?oui=1C61B4&pc=Device2&sn=1"
    assert taken(report_to(url, method, username="unit", password="secret"))
    ((command, path, headers, body),) = _Collector.taken
    assert (command, path, body) == (method, "/bulk?oui=1C61B4&pc=Device2&sn=1", b'{"Report": []}')
    assert headers["Content-Type"] == "application/json; charset=UTF-8"
    assert headers["Bbf-Report-Format"] == '"ObjectHierarchy"'


def test_what_the_collector_refuses_was_not_taken(collector: str) -> None:
    _Collector.taken = []
    assert not taken(report_to(f"{collector}/full", username="unit", password="secret"))
    assert len(_Collector.taken) == 1
    assert not taken(report_to(f"{collector}/bulk"))
    assert len(_Collector.taken) == 1


def test_nobody_at_the_address_takes_nothing() -> None:
    assert not taken(report_to("http://127.0.0.1:9/bulk"))
