"""One real session of a simulated ONT with the server, kept as bytes."""

from __future__ import annotations

import socket
import time
from collections.abc import Sequence

from bench.dialogue import Script
from bench.units import OUI, PRODUCT_CLASS, Unit
from simulators.cpe import Event, Identity, Ont
from simulators.cpe.exchange import Exchange, Send
from simulators.cpe.wire import Response, ResponseReader

MODEL = "tplink-a-xx230v"
_SECONDS = 15.0


class RecordingError(RuntimeError):
    """The session did not go as a recording needs it."""


def ont_of(unit: Unit, port: int) -> Ont:
    """The simulated ONT of ``unit``, in factory state, set to the server on loopback ``port``."""
    identity = Identity(OUI, PRODUCT_CLASS, unit.serial, unit.mac)
    return Ont(MODEL, identity, acs_url=f"http://127.0.0.1:{port}/")


def record(ont: Ont, unit: Unit, events: Sequence[str] = ()) -> Script:
    """Run one session; ``events`` are codes, by default what the ONT has to report.

    Raises `RecordingError`.
    """
    told = tuple(Event(code) for code in events) or ont.next_events()
    exchange = Exchange(ont, told, now=time.time(), cnonce=lambda: "0a4f113b")
    step = exchange.start()
    sent: list[bytes] = []
    heard: list[Response] = []
    assert isinstance(step, Send)
    with socket.create_connection((step.target.host, step.target.port), _SECONDS) as line:
        while isinstance(step, Send):
            line.sendall(step.data)
            sent.append(step.data)
            heard.append(_answer(line))
            step = exchange.received(heard[-1])
    ont.settle()
    if not exchange.report.complete or len(sent) < 2:
        raise RecordingError(f"the recorded session failed: {exchange.report.reason}")
    cookie = heard[0].first("set-cookie").partition(";")[0].partition("=")[2]
    if not cookie:
        raise RecordingError("the recorded session has no cookie")
    answers = [(answer.body, data) for answer, data in zip(heard[1:], sent[2:], strict=False)]
    return Script(unit.number, cookie.encode(), sent[0], sent[1], answers)


def _answer(line: socket.socket) -> Response:
    reader = ResponseReader()
    while True:
        data = line.recv(65536)
        if not data:
            raise RecordingError("the server closed the connection")
        answer = reader.feed(data)
        if answer is not None:
            return answer
