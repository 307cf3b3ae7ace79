"""One real session of a simulated ONT with the server, kept as bytes."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Sequence

from bench.dialogue import Account, Script
from bench.units import OUI, PRODUCT_CLASS, Unit
from simulators.cpe import Event, Identity, Ont
from simulators.cpe.exchange import Carry, Exchange, Send, Stop
from simulators.cpe.wire import Response, ResponseReader

MODEL = "tplink-a-xx230v"
_SECONDS = 15.0
_PROOF = re.compile(rb"\r\nAuthorization: [^\r]*")
_MADE_UP = re.compile(
    rb"<Name>[^<]*(?:ManagementServer\.(?:ConnectionRequest)?Password|DeviceInfo\.ProvisioningCode)</Name>"
    rb"<Value[^>]*>([^<]+)</Value>"
)
"""What the server sets that it did not get from anywhere."""


class RecordingError(RuntimeError):
    """The session did not go as a recording needs it."""


def ont_of(unit: Unit, port: int, account: Account = ("", "")) -> Ont:
    """The simulated ONT of ``unit``, in factory state, set to the server on loopback ``port``."""
    identity = Identity(OUI, PRODUCT_CLASS, unit.serial, unit.mac)
    url = f"http://127.0.0.1:{port}/"
    return Ont(MODEL, identity, acs_url=url, username=account[0], password=account[1])


def record(ont: Ont, unit: Unit, events: Sequence[str] = ()) -> Script:
    """Run one session; ``events`` are codes, by default what the ONT has to report.

    The answer to a challenge is left out: whoever plays the session gives its own.
    Raises `RecordingError`.
    """
    told = tuple(Event(code) for code in events) or ont.next_events()
    exchange = Exchange(ont, told, now=time.time(), cnonce=lambda: "0a4f113b")
    step: Send | Carry | Stop = exchange.start()
    sent: list[bytes] = []
    heard: list[Response] = []
    assert isinstance(step, Send)
    with socket.create_connection((step.target.host, step.target.port), _SECONDS) as line:
        while isinstance(step, Send):
            line.sendall(step.data)
            answer = _answer(line)
            if answer.status != 401:
                sent.append(_PROOF.sub(b"", step.data))
                heard.append(answer)
            step = exchange.received(answer)
    ont.settle()
    if not exchange.report.complete or len(sent) < 2:
        raise RecordingError(f"the recorded session failed: {exchange.report.reason}")
    cookie = heard[0].first("set-cookie").partition(";")[0].partition("=")[2]
    if not cookie:
        raise RecordingError("the recorded session has no cookie")
    answers = [(answer.body, data) for answer, data in zip(heard[1:], sent[2:], strict=False)]
    made_up = {found for question, _ in answers for found in _MADE_UP.findall(question)}
    return Script(unit.number, cookie.encode(), sent[0], sent[1], answers, sorted(made_up))


def _answer(line: socket.socket) -> Response:
    reader = ResponseReader()
    while True:
        data = line.recv(65536)
        if not data:
            raise RecordingError("the server closed the connection")
        answer = reader.feed(data)
        if answer is not None:
            return answer
