"""Sends a part of a file to a device: no faster than agreed, and not to one that reads no more."""

from __future__ import annotations

from typing import Any, BinaryIO

from twisted.internet.interfaces import IPushProducer
from twisted.web.server import Request
from zope.interface import implementer

from acs.files.throttle import Throttle

CHUNK = 65_536
STALLED_SECONDS = 120.0
"""Seconds a device may leave what was sent unread."""
LONGEST_SECONDS = 7200.0
"""Seconds one transfer may take, however it goes."""


@implementer(IPushProducer)
class Sending:
    """Writes ``length`` octets of an open file, from where it stands, to a request."""

    def __init__(
        self, request: Request, file: BinaryIO, length: int, throttle: Throttle, reactor: Any
    ) -> None:
        """``reactor`` gives time and delayed calls."""
        self.sent = 0
        """Octets so far."""
        self._request = request
        self._file = file
        self._left = length
        self._throttle = throttle
        self._reactor = reactor
        self._over = False
        self._next: Any = None
        self._last = reactor.callLater(LONGEST_SECONDS, self._abort)

    def start(self) -> None:
        """Begin; the request is finished, or its connection aborted, by and by."""
        self._request.registerProducer(self, True)
        self.resumeProducing()

    def resumeProducing(self) -> None:  # noqa: N802 - Twisted's name
        """Go on: the device has read."""
        self._then(0.0, self._write)

    def pauseProducing(self) -> None:  # noqa: N802
        """Wait until the device has read."""
        self._then(STALLED_SECONDS, self._abort)

    def stopProducing(self) -> None:  # noqa: N802
        """Stop: the connection is gone."""
        self._end()

    def _write(self) -> None:
        self._next = None
        data = self._file.read(min(self._throttle.piece(CHUNK), self._left))
        if self._left and not data:
            # The file was cut under us. An end of the connection is what the device understands.
            self._abort()
            return
        self._left -= len(data)
        self.sent += len(data)
        # Before the write, which may pause us at once.
        self._then(self._throttle.sent(len(data), self._reactor.seconds()), self._write)
        if self._left:
            self._request.write(data)
            return
        self._end()
        self._request.write(data)
        self._request.unregisterProducer()
        self._request.finish()

    def _then(self, seconds: float, work: Any) -> None:
        if self._over:
            return
        if self._next is not None:
            self._next.cancel()
        self._next = self._reactor.callLater(seconds, work)

    def _abort(self) -> None:
        self._end()
        # As long as octets wait to be read, a mere close waits with them.
        self._request.channel.forceAbortClient()

    def _end(self) -> None:
        self._over = True
        for call in (self._next, self._last):
            if call is not None and call.active():
                call.cancel()
        self._next = None
        self._file.close()
