"""paho-mqtt's client with buffers of our own between it and its socket.

By itself paho asks the system four times for each packet it reads, and once for each it writes.
Here one reading serves all the packets that came, and what is written goes out together when
`flush` is called. Two methods of paho that are not public are replaced for that, and one figure
is set.
"""

from __future__ import annotations

import ssl

from paho.mqtt.client import Client

READ_BYTES = 65_536
_DISCONNECT = 0xE0


class BufferedClient(Client):
    """A paho client that whoever owns the event loop reads and flushes.

    Never use its own loops beside it. `connect` blocks, and may be called in a thread.
    """

    def __init__(self, *arguments: object, **options: object) -> None:
        """Take what paho's own client takes."""
        super().__init__(*arguments, **options)  # type: ignore[arg-type]
        self._came = b""
        self._taken = 0
        self._may_read = False
        self._unsent = bytearray()

    @property
    def unsent(self) -> int:
        """Octets that wait for `flush`."""
        return len(self._unsent)

    def allow_underway(self, most: int) -> None:
        """Take the broker's Receive Maximum from CONNACK; paho itself looks past it.

        Its own setter refuses once connected, for what is underway; then nothing is yet.
        """
        self._max_inflight_messages = most

    def read(self) -> None:
        """Take what the socket has, and handle all packets in it.

        When the connection is lost, paho's ``on_disconnect`` is called, as ever.
        """
        self._may_read = True
        while not self.loop_read() and self._has_more():
            pass
        # What was published in a callback waits in a queue of paho's.
        self.loop_write()

    def flush(self) -> bool:
        """Send what waits, as far as the socket takes it; True: nothing is left.

        Raises `OSError` when the connection is gone.
        """
        while self._unsent and self._sock is not None:
            try:
                sent = self._sock.send(self._unsent)
            except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                return False
            del self._unsent[:sent]
        return True

    def abandon(self) -> None:
        """Close the socket without a word."""
        self._unsent.clear()
        self._sock_close()

    def _has_more(self) -> bool:
        return self._sock is not None and (self._taken < len(self._came) or self._pending())

    def _pending(self) -> bool:
        """Whether TLS holds octets that the socket no longer shows."""
        return isinstance(self._sock, ssl.SSLSocket) and self._sock.pending() > 0

    def _sock_recv(self, bufsize: int) -> bytes:
        if self._taken == len(self._came):
            if not (self._may_read or self._pending()):
                raise BlockingIOError  # wait for the event loop; the system would say the same
            self._may_read = False
            self._came = super()._sock_recv(READ_BYTES)
            self._taken = 0
        start = self._taken
        self._taken = min(start + bufsize, len(self._came))
        return self._came[start : self._taken]

    def _sock_send(self, buf: bytes | bytearray) -> int:
        if self._sock is None:
            raise ConnectionError("the connection is closed")
        self._unsent += buf
        if buf and buf[0] & 0xF0 == _DISCONNECT:
            self.flush()  # paho closes the socket behind it
        return len(buf)
