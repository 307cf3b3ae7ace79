"""paho-mqtt's client with buffers of our own between it and its socket.

By itself paho asks the system four times for each packet it reads, and once for each it writes.
Here one reading serves all the packets that came, and what is written goes out together when
`flush` is called. And a PUBLISH, and the word that ours arrived, are read here for what we need
of them, in a third of the time.

For that some methods of paho are replaced that are not public; tests/unit/test_usp_mqtt_client.py
holds them to paho.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from time import monotonic
from typing import Any

from paho.mqtt.client import Client
from paho.mqtt.enums import MQTTErrorCode, MQTTProtocolVersion

from acs.usp.mqtt.packets import PacketError, Published, read_publish, whole_packet

READ_BYTES = 65_536
_PUBLISH = 0x30
_PUBACK = 0x40
_DISCONNECT = 0xE0


class BufferedClient(Client):
    """A paho client that whoever owns the event loop reads and flushes.

    Never use its own loops beside it. `connect` blocks, and may be called in a thread.
    """

    def __init__(self, published: Callable[[Published], None], **options: Any) -> None:
        """``published`` is called with what comes; ``options`` are those of paho's client."""
        super().__init__(**options)
        self._published = published
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

    def _packet_read(self) -> MQTTErrorCode:
        """Take the commonest packets at once where all of them is there; leave others to paho."""
        at = self._taken
        kind = self._came[at] & 0xF0 if at < len(self._came) else 0
        if kind not in (_PUBLISH, _PUBACK) or self._in_packet["command"]:
            return super()._packet_read()
        body, end = whole_packet(self._came, at)
        if body is None:
            return super()._packet_read()
        self._taken = end
        self._last_msg_in = monotonic()
        return self._take_publish(self._came[at], body) if kind == _PUBLISH else self._arrived(body)

    def _handle_publish(self) -> MQTTErrorCode:
        packet = self._in_packet
        return self._take_publish(packet["command"], bytes(packet["packet"]))

    def _take_publish(self, flags: int, body: bytes) -> MQTTErrorCode:
        v5 = self._protocol == MQTTProtocolVersion.MQTTv5
        try:
            message = read_publish(flags, body, v5=v5)
        except PacketError:
            return MQTTErrorCode.MQTT_ERR_PROTOCOL
        with self._in_callback_mutex:  # what is published meanwhile goes out with the rest
            self._published(message)
        if message.packet_id and self._sock is not None:
            self._sock_send(b"\x40\x02" + message.packet_id.to_bytes(2, "big"))
        return MQTTErrorCode.MQTT_ERR_SUCCESS

    def _handle_pubackcomp(self, cmd: Any) -> MQTTErrorCode:
        return self._arrived(bytes(self._in_packet["packet"]))

    def _arrived(self, body: bytes) -> MQTTErrorCode:
        mid = int.from_bytes(body[:2], "big")
        if mid not in self._out_messages:
            return MQTTErrorCode.MQTT_ERR_SUCCESS
        reason: Any = None  # nobody listens for it
        return self._do_on_publish(mid, reason, reason)

    def _update_inflight(self) -> MQTTErrorCode:
        # Else paho looks at each message that is underway, whenever one arrived.
        if len(self._out_messages) == self._inflight_messages:
            return MQTTErrorCode.MQTT_ERR_SUCCESS
        return super()._update_inflight()

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
