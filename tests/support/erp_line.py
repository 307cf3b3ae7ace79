"""What lies between a server and its ERPNext: it can be cut, and knows what was sent through it."""

from __future__ import annotations

import json
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Sent:
    """One request that the server sent."""

    method: str
    path: str
    """Decoded, without the query."""
    text: str
    """Address and body, decoded: what it names."""
    body: bytes

    @property
    def written(self) -> tuple[str, ...]:
        """Names of the documents it is to change or make."""
        match self.method, self.path.split("/")[1:]:
            case "PUT" | "DELETE", ["api", "resource", _, name]:
                return (name,)
            case "POST", ["api", "resource", doctype]:
                return (doctype,)
            case "POST", ["api", "method", "acs_write_back"]:
                return tuple(row["name"] for row in json.loads(self.body)["rows"])
            case _:
                return ()


class ErpLine:
    """Passes octets on to a site; ``url`` is where it listens.

    While it is `cut` nobody listens there, as when the site's processes are stopped.
    """

    def __init__(self, site_url: str) -> None:
        parts = urlsplit(site_url)
        self._site = (parts.hostname or "", parts.port or 80)
        self._lock = threading.Lock()
        self._open: list[socket.socket] = []
        self._streams: list[bytearray] = []
        self._is_cut = False
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._address: tuple[str, int] = self._listener.getsockname()
        self.url = f"http://127.0.0.1:{self._address[1]}"
        self._listen()

    def cut(self) -> None:
        """Close the port, and what is open."""
        self._is_cut = True
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            ends, self._open = self._open, []
        for end in ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def mend(self) -> None:
        """Listen again, if it was cut."""
        if not self._is_cut:
            return
        self._is_cut = False
        self._listener = socket.create_server(self._address)
        self._listen()

    @property
    def sent(self) -> list[Sent]:
        """All requests, those of one connection in order."""
        with self._lock:
            streams = [bytes(stream) for stream in self._streams]
        return [sent for stream in streams for sent in _requests(stream)]

    def written(self, name: str) -> int:
        """How often a document of this name, or one of a doctype, was sent to be written."""
        return sum(sent.written.count(name) for sent in self.sent)

    def _listen(self) -> None:
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                ours, _ = listener.accept()
                site = socket.create_connection(self._site)
                stream = bytearray()
                with self._lock:
                    self._open += [ours, site]
                    self._streams.append(stream)
                for ends in ((ours, site, stream), (site, ours, None)):
                    threading.Thread(target=self._pass_on, args=ends, daemon=True).start()

    def _pass_on(self, source: socket.socket, to: socket.socket, kept: bytearray | None) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                if kept is not None:
                    with self._lock:
                        kept += data
                to.sendall(data)
        for end in (source, to):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


def _requests(stream: bytes) -> Iterator[Sent]:
    while stream:
        head, found, rest = stream.partition(b"\r\n\r\n")
        length = int(match[1]) if (match := _LENGTH.search(head)) else 0
        if not found or len(rest) < length:
            return  # under way, or broken off
        method, target, _ = head.split(b"\r\n", 1)[0].decode().split(" ")
        body, stream = rest[:length], rest[length:]
        text = unquote(target.replace("+", " ")) + body.decode()
        yield Sent(method, unquote(target.partition("?")[0]), text, body)


@contextmanager
def erp_line(site_url: str) -> Iterator[ErpLine]:
    """Lay a line to a site."""
    line = ErpLine(site_url)
    try:
        yield line
    finally:
        line.cut()
