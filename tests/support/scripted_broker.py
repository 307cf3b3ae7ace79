"""A broker that does what a test says, for what Mosquitto never does."""

from __future__ import annotations

import queue
import socket
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

CONNECT, PUBLISH, SUBSCRIBE, DISCONNECT = 1, 3, 8, 14


def text(value: str) -> bytes:
    return len(value).to_bytes(2, "big") + value.encode()


def with_length(body: bytes) -> bytes:
    length, rest = bytearray(), len(body)
    while True:
        rest, low = divmod(rest, 128)
        length.append(low | (0x80 if rest else 0))
        if not rest:
            return bytes(length) + body


def packet(kind: int, body: bytes) -> bytes:
    return bytes([kind]) + with_length(body)


@dataclass
class Script:
    """How the broker answers. Properties are those of MQTT 5, as octets."""

    connack: int = 0
    properties: bytes = b""
    refused: tuple[str, ...] = ()
    """Filters whose SUBACK says Not authorized."""
    silent: bool = False
    """Take the connection, and never say a word."""
    garbage: bytes = b""
    """Sent after the first SUBACK."""
    kept: bytes = b""
    """Sent right behind CONNACK, as what waited for a session that goes on."""


@dataclass
class Heard:
    """What a client said: kind of packet, and its body."""

    packets: queue.Queue[tuple[int, bytes]] = field(default_factory=queue.Queue)

    def next(self, kind: int) -> bytes:
        """The next packet of a kind; others are passed over."""
        while True:
            found, body = self.packets.get(timeout=20)
            if found == kind:
                return body


class ScriptedBroker:
    """Listens on loopback, one connection after another."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.heard = Heard()
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        self._connection: socket.socket | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def __enter__(self) -> ScriptedBroker:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.close()
        if self._connection is not None:
            with suppress(OSError):
                self._connection.shutdown(socket.SHUT_RDWR)

    def say(self, octets: bytes) -> None:
        assert self._connection is not None
        self._connection.sendall(octets)

    def _run(self) -> None:
        with suppress(OSError):
            while True:
                self._connection, _ = self._server.accept()
                with self._connection, suppress(OSError, EOFError):
                    self._serve(self._connection)

    def _serve(self, connection: socket.socket) -> None:
        stream: Any = connection.makefile("rb")
        while True:
            kind, body = self._read(stream)
            self.heard.packets.put((kind, body))
            if self.script.silent:
                continue
            if kind == CONNECT:
                reply = bytes([0, self.script.connack]) + with_length(self.script.properties)
                connection.sendall(packet(0x20, reply) + self.script.kept)
            elif kind == SUBSCRIBE:
                codes = bytes(
                    0x87 if each in self.script.refused else 1 for each in filters_of(body)
                )
                connection.sendall(packet(0x90, body[:2] + b"\0" + codes) + self.script.garbage)

    @staticmethod
    def _read(stream: Any) -> tuple[int, bytes]:
        head = stream.read(1)
        if not head:
            raise EOFError
        length, shift = 0, 0
        while True:
            byte = stream.read(1)[0]
            length |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80:
                return head[0] >> 4, stream.read(length)


def filters_of(subscribe: bytes) -> list[str]:
    """Topic filters of a SUBSCRIBE of MQTT 5."""
    rest = subscribe[3 + subscribe[2] :]
    found = []
    while rest:
        length = int.from_bytes(rest[:2], "big")
        found.append(rest[2 : 2 + length].decode())
        rest = rest[3 + length :]
    return found
