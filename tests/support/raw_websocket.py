"""A WebSocket client made of octets: a socket, frames as they are asked for, nothing checked.

It shares no code with the server's library, so that it may break every rule, and is a second
opinion on what comes back (RFC 6455).
"""

from __future__ import annotations

import base64
import hashlib
import os
import socket
import ssl
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote

TIMEOUT = 30.0
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


@dataclass(frozen=True)
class Frame:
    """A frame from the server."""

    opcode: int
    payload: bytes
    fin: bool = True
    masked: bool = False

    @property
    def code(self) -> int:
        """Status of a close frame, 1005 when it has none."""
        assert self.opcode == CLOSE, self
        return int(struct.unpack("!H", self.payload[:2])[0]) if self.payload else 1005


@dataclass
class RawWebSocket:
    """One connection to ``port``; closed with the ``with`` it is used in."""

    port: int
    context: ssl.SSLContext | None = None
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    def __post_init__(self) -> None:
        self.socket = socket.create_connection(("127.0.0.1", self.port), TIMEOUT)
        if self.context is not None:
            self.socket = self.context.wrap_socket(self.socket, server_hostname="localhost")
        self._held = b""
        self._key = base64.b64encode(os.urandom(16)).decode()

    def __enter__(self) -> RawWebSocket:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    # --- handshake

    def open(
        self,
        eid: str = "",
        *,
        target: str | None = None,
        protocol: str = "v1.usp",
        headers: Mapping[str, str] | None = None,
    ) -> RawWebSocket:
        """Shake hands as agent ``eid``, or with a request target as it stands; read the answer."""
        query = f"?eid={quote(eid, safe=':')}" if eid else ""
        fields = {
            "Host": "localhost",
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Key": self._key,
            "Sec-WebSocket-Version": "13",
            **({"Sec-WebSocket-Protocol": protocol} if protocol else {}),
            **(headers or {}),
        }
        first = f"GET {f'/usp{query}' if target is None else target} HTTP/1.1"
        lines = [first, *(f"{name}: {value}" for name, value in fields.items())]
        self.socket.sendall("\r\n".join([*lines, "", ""]).encode("latin-1"))
        self.answer()
        return self

    def answer(self) -> int:
        """Read the answer to a handshake; its status."""
        while b"\r\n\r\n" not in self._held:
            self._more()
        head, _, self._held = self._held.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        self.status = int(first.split()[1])
        self.headers = {
            name.lower(): value.strip() for name, _, value in (one.partition(":") for one in lines)
        }
        if self.status == 101:
            magic = self._key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
            digest = hashlib.sha1(magic.encode()).digest()
            assert self.headers["sec-websocket-accept"] == base64.b64encode(digest).decode()
        else:
            self.body = self._exactly(int(self.headers.get("content-length", "0")))
        return self.status

    # --- frames

    def send(
        self,
        payload: bytes,
        opcode: int = BINARY,
        *,
        fin: bool = True,
        rsv: int = 0,
        mask: bool = True,
        length: int | None = None,
    ) -> None:
        """Send one frame; ``length``: what it says of itself, true or not."""
        self.socket.sendall(frame(payload, opcode, fin=fin, rsv=rsv, mask=mask, length=length))

    def close(self, code: int = 1000) -> None:
        """Send a close frame."""
        self.send(struct.pack("!H", code), CLOSE)

    def read(self) -> Frame:
        """Read one frame. Raises EOFError when the connection ends before it is whole."""
        first, second = self._exactly(2)
        length = second & 0x7F
        if length == 126:
            (length,) = struct.unpack("!H", self._exactly(2))
        elif length == 127:
            (length,) = struct.unpack("!Q", self._exactly(8))
        masked = bool(second & 0x80)
        return Frame(first & 0x0F, self._exactly(length), bool(first & 0x80), masked)

    def is_closed(self) -> bool:
        """Wait for the server to close; False when it sends something instead."""
        try:
            return not self._held and self.socket.recv(1) == b""
        except (ConnectionError, ssl.SSLEOFError):
            return True

    def _exactly(self, count: int) -> bytes:
        while len(self._held) < count:
            self._more()
        taken, self._held = self._held[:count], self._held[count:]
        return taken

    def _more(self) -> None:
        try:
            got = self.socket.recv(65536)
        except ConnectionResetError:
            got = b""
        if not got:
            raise EOFError(f"connection closed after {self._held!r}")
        self._held += got


def frame(
    payload: bytes,
    opcode: int = BINARY,
    *,
    fin: bool = True,
    rsv: int = 0,
    mask: bool = True,
    length: int | None = None,
) -> bytes:
    """A frame of a client as octets."""
    told = len(payload) if length is None else length
    first = (fin << 7) | (rsv << 4) | opcode
    marked = 0x80 if mask else 0
    if told < 126:
        head = bytes([first, marked | told])
    elif told < 65536:
        head = bytes([first, marked | 126]) + struct.pack("!H", told)
    else:
        head = bytes([first, marked | 127]) + struct.pack("!Q", told)
    if not mask:
        return head + payload
    key = os.urandom(4)
    pad = key * (len(payload) // 4 + 1)
    size = len(payload)
    covered = int.from_bytes(payload, "big") ^ int.from_bytes(pad[:size], "big")
    return head + key + covered.to_bytes(size, "big")
