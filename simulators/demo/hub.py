"""Another system of the ISP, which the server tells what happens by signed events."""

from __future__ import annotations

import hmac
import json
import threading
from base64 import b64decode, b64encode
from collections.abc import Callable
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from simulators.demo.programs import PlayError

Heard = Callable[[str, str, str], object]
"""Takes the serial number of an ONT, the kind of an event about it, and its text."""


class Hub:
    """Listens on a free loopback port; ``secret`` is what the server signs with."""

    def __init__(self, heard: Heard) -> None:
        self.secret = ""
        self._heard = heard
        self._wrong = ""
        hub = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                self.send_response(204 if hub._take(self.headers, body) else 401)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/"
        threading.Thread(target=self._server.serve_forever, args=(0.1,), daemon=True).start()

    def stop(self) -> None:
        """Listen no more."""
        self._server.shutdown()
        self._server.server_close()

    def check(self) -> None:
        """Raise `PlayError` if somebody sent what was not signed."""
        if self._wrong:
            raise PlayError(f"event {self._wrong} was not signed as it should be")

    def _take(self, headers: Message, body: bytes) -> bool:
        sent = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        digest = hmac.digest(b64decode(self.secret.removeprefix("whsec_")), sent, "sha256")
        ours = "v1," + b64encode(digest).decode()
        if not hmac.compare_digest(ours, headers["webhook-signature"]):
            self._wrong = headers["webhook-id"]
            return False
        event = json.loads(body)
        data = event["data"]
        self._heard(data["serial_number"], event["type"], data["text"])
        return True
