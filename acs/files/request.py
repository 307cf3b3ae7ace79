"""A request of `twisted.web` whose body is bounded, and kept only where somebody waits for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.python.failure import Failure
from twisted.web.server import Request

from acs.files.body import Body

IDLE_SECONDS = 60
"""Seconds a connection may take for a request, or rest, or an upload bring nothing."""

Expect = Callable[["FileRequest", str, "int | None"], Body]
"""Given the target of a request and the length of its body (None: not known), what keeps it."""


class FileRequest(Request):
    """One request of a device."""

    def __init__(self, channel: Any, expect: Expect, most: int) -> None:
        """``most``: octets of a body after which nobody listens any more."""
        super().__init__(channel)  # type: ignore[no-untyped-call]
        self._expect = expect
        self._most = most
        self._connection: Any = None
        self.body = Body(0)
        self.began = 0.0
        """When it came, in seconds of the reactor."""
        self.finds_no_room = False
        """Its body was not kept because too many transfers are under way."""
        self.has_gone = False
        """The device hung up."""

    # --- what twisted.web tells -------------------------------------------------------------

    def gotLength(self, length: int | None) -> None:  # noqa: N802 - Twisted's name
        """Decide what becomes of the body, before it comes."""
        # The request forgets its channel when it is answered.
        self._connection = getattr(self.channel, "transport", None)
        self.notifyFinish().addCallbacks(self._answered, self._gone)
        # The channel hands the target over after the body, but has read it before.
        target: bytes = getattr(self.channel, "_path", b"")
        self.content = self.body = self._expect(self, target.decode("latin-1"), length)
        if length is not None and length > self._most:
            self._hang_up()

    def handleContentChunk(self, data: bytes) -> None:  # noqa: N802
        """Take a piece of the body."""
        self.body.write(data)
        if self.body.size > self._most:
            self._hang_up()

    def _hang_up(self) -> None:
        """Answer before the end of a body that is far too large, and read no more of it."""
        channel: Any = self.channel
        channel.transport.write(b"HTTP/1.1 413 Content Too Large\r\nConnection: close\r\n\r\n")
        channel.loseConnection()

    def _gone(self, _failure: Failure) -> None:
        self.has_gone = True

    def _answered(self, _nothing: object) -> None:
        self.allow(IDLE_SECONDS)

    def allow(self, seconds: float | None) -> None:
        """Give the connection ``seconds`` from now, whatever comes (see `Connection.allow`)."""
        self._connection.allow(seconds)

    # --- what it says -----------------------------------------------------------------------

    @property
    def target(self) -> str:
        """The target as it was sent."""
        return self.uri.decode("latin-1")

    @property
    def address(self) -> str:
        """Where the device calls from."""
        peer = super().getClientAddress()  # type: ignore[no-untyped-call]
        return str(getattr(peer, "host", ""))

    @property
    def is_secure(self) -> bool:
        """It came over TLS."""
        return bool(super().isSecure())  # type: ignore[no-untyped-call]

    def field(self, name: str) -> str:
        """A header field, "" when it was not sent."""
        # Octets: what a device sends need not be UTF-8.
        sent = self.requestHeaders.getRawHeaders(name.encode("ascii"), [b""])
        return sent[0].decode("latin-1")

    # --- the answer -------------------------------------------------------------------------

    def put_header(self, name: str, value: str) -> None:
        """Set a header field of the answer."""
        super().setHeader(name, value)  # type: ignore[no-untyped-call]

    def end(self, status: int | None = None) -> None:
        """End the answer, whose length is set or needs none."""
        if status is not None:
            self.setResponseCode(status)
        super().finish()  # type: ignore[no-untyped-call]

    def end_empty(self, status: int) -> None:
        """Answer without a body."""
        self.put_header("content-length", "0")
        self.end(status)
