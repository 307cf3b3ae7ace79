"""One connection of the load: TCP or TLS, never blocking, one request under way."""

from __future__ import annotations

import socket
import ssl

from bench.dialogue import Wrong

_CHUNK = 65536
_MAX_HEAD = 16 * 1024
_BIND_ADDRESS_NO_PORT = 24  # IP_BIND_ADDRESS_NO_PORT of linux/in.h: a port is chosen at connect

Answer = tuple[int, bytes, bytes]
"""Status, head and body."""


class Line:
    """A connection to loopback ``port``, from loopback ``address`` where one is given."""

    __slots__ = ("_data", "_shaken", "_socket", "_tls", "_unsent")

    def __init__(self, port: int, address: str = "", context: ssl.SSLContext | None = None) -> None:
        raw = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if address:
            raw.setsockopt(socket.IPPROTO_IP, _BIND_ADDRESS_NO_PORT, 1)
            raw.bind((address, 0))
        # A full backlog must hold up this connection only, TLS needs a peer to begin with.
        raw.setblocking(context is not None)
        raw.connect_ex(("127.0.0.1", port))
        raw.setblocking(False)
        self._tls = None if context is None else _wrap(context, raw)
        self._socket = raw if self._tls is None else self._tls
        self._shaken = context is None
        self._data = b""
        self._unsent = b""

    def fileno(self) -> int:
        """Descriptor of its socket."""
        return self._socket.fileno()

    @property
    def wants_to_write(self) -> bool:
        """True while the request waits for the connection."""
        return bool(self._unsent) and self._shaken

    def send(self, request: bytes) -> None:
        """Send ``request`` as soon as the connection stands. Raises `OSError`, `Wrong`."""
        self._unsent = request
        self._write()

    def advance(self) -> Answer | None:
        """Do what can be done now; return the answer once it is whole.

        Raises `OSError`, and `Wrong` for what is no answer.
        """
        self._write()
        closed = self._read()
        answer = split(self._data)
        if answer is not None:
            self._data = b""
        elif closed:
            raise Wrong("the server closed the connection within a session")
        return answer

    def close(self) -> None:
        """Close it as CPEs do, without a word."""
        self._socket.close()

    def _read(self) -> bool:
        """Take what is there; True when the server has closed the connection."""
        try:
            while data := self._socket.recv(_CHUNK):
                self._data += data
                if self._tls is None and len(data) < _CHUNK:
                    return False
        except (BlockingIOError, ssl.SSLWantReadError):
            return False
        return True

    def _write(self) -> None:
        if not self._unsent:
            return
        try:
            if self._tls is not None and not self._shaken:
                self._tls.do_handshake()
                if self._tls.session_reused:
                    raise Wrong("a TLS session was resumed")
                self._shaken = True
            sent = self._socket.send(self._unsent)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return
        if sent != len(self._unsent):
            raise Wrong("the server does not read")  # a few KB fit any socket buffer
        self._unsent = b""


def _wrap(context: ssl.SSLContext, raw: socket.socket) -> ssl.SSLSocket:
    return context.wrap_socket(raw, server_hostname="localhost", do_handshake_on_connect=False)


def split(data: bytes) -> Answer | None:
    """Status, head and body of one whole answer; None while it is not whole. Raises `Wrong`."""
    end = data.find(b"\r\n\r\n")
    if end < 0:
        if len(data) > _MAX_HEAD:
            raise Wrong("the head of an answer does not end")
        return None
    head, body = data[:end], data[end + 4 :]
    if not head.startswith(b"HTTP/1.1 ") or not head[9:12].isdigit():
        raise Wrong(f"not an HTTP answer: {head[:40]!r}")
    at = head.find(b"\r\nContent-Length: ")
    length, _, _ = head[at + 18 :].partition(b"\r\n")
    if at < 0 or not length.isdigit():
        raise Wrong("an answer without Content-Length")
    if len(body) < int(length):
        return None
    if len(body) > int(length):
        raise Wrong("octets after the end of an answer")
    return int(head[9:12]), head, body
