"""A receiver of events: checks signatures as receivers should, and fails on demand."""

from __future__ import annotations

import hmac
import json
import sys
import threading
from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from running_acs import WAIT_LIMIT


@dataclass(frozen=True, slots=True)
class Received:
    """One request that bore the right signature."""

    id: str
    event: Mapping[str, Any]
    answered: int

    @property
    def kind(self) -> str:
        """Of the event."""
        kind: str = self.event["type"]
        return kind

    @property
    def device(self) -> str:
        """The device it tells of."""
        device: str = self.event["data"]["device"]
        return device


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """Who goes away without a word is none of ours."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class EventReceiver:
    """An HTTP server on a free port of loopback; ``secret`` is what it was subscribed with."""

    def __init__(self) -> None:
        self.secret = ""
        self.received: list[Received] = []
        self.wrong: list[str] = []
        """Requests whose signature was wrong or missing."""
        self._answers: list[tuple[int, dict[str, str], bytes]] = []
        self._always: tuple[int, dict[str, str], bytes] = (204, {}, b"")
        self._changed = threading.Condition()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                status, headers, answer = receiver._take(dict(self.headers), body)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                if status != 204:
                    self.send_header("content-length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = _Server(("127.0.0.1", 0), Handler)
        self.port: int = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}/hook"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def answer(self, status: int, body: bytes = b"", times: int = 1, **headers: str) -> None:
        """Answer the next ``times`` events with this."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        with self._changed:
            self._answers += [(status, named, body)] * times

    def answer_always(self, status: int) -> None:
        """Answer with this from now on."""
        with self._changed:
            self._answers.clear()
            self._always = (status, {}, b"")

    @property
    def taken(self) -> list[Received]:
        """What was answered with success."""
        return [each for each in self.received if 200 <= each.answered < 300]

    def wait(self, count: int, *, taken: bool = True) -> list[Received]:
        """Wait until so many events were taken, or came at all."""

        def here() -> list[Received]:
            return self.taken if taken else self.received

        with self._changed:
            seen = self._changed.wait_for(lambda: len(here()) >= count, WAIT_LIMIT)
            assert seen, f"in vain waited for {count} events; there are {here()}"
            return list(here())

    def _take(self, headers: Mapping[str, str], body: bytes) -> tuple[int, dict[str, str], bytes]:
        sent = {name.lower(): value for name, value in headers.items()}
        with self._changed:
            if not self._is_ours(sent, body):
                self.wrong.append(sent.get("webhook-id", ""))
                return 401, {}, b"wrong signature"
            answer = self._answers.pop(0) if self._answers else self._always
            self.received.append(Received(sent["webhook-id"], json.loads(body), answer[0]))
            self._changed.notify_all()
            return answer

    def _is_ours(self, headers: Mapping[str, str], body: bytes) -> bool:
        names = ("webhook-id", "webhook-timestamp", "webhook-signature")
        message_id, timestamp, signature = (headers.get(name, "") for name in names)
        signed = f"{message_id}.{timestamp}.".encode() + body
        key = b64decode(self.secret.removeprefix("whsec_"))
        expected = "v1," + b64encode(hmac.digest(key, signed, "sha256")).decode()
        return hmac.compare_digest(expected, signature)


@contextmanager
def event_receiver() -> Iterator[EventReceiver]:
    """Run a receiver."""
    receiver = EventReceiver()
    try:
        yield receiver
    finally:
        receiver.close()
