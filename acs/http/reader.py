"""Octets in, requests out: llhttp with our bounds around it, a short way past it, and no I/O.

Feed what the network gives, in any fragments, then take what is whole. A broken rule ends the
reader: the last thing taken is the Refusal to answer with.

Lenient where CPEs need it and strict where leniency lets a second request hide in the first
(request smuggling):

- accepted: any blanks around a header value (TP-Link pads Content-Length), folded header lines,
  blank lines before a request, Transfer-Encoding with HTTP/1.0 (the connection then closes);
- refused: Content-Length beside Transfer-Encoding, repeated Content-Length, any transfer coding
  but chunked, blanks before the colon, control characters in values, line ends without CR.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import httptools

from acs.http.bounds import Bounds
from acs.http.compression import decompress, window_bits
from acs.http.message import Connection, Refusal, Request
from acs.http.plain import read_plain_request

_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_NO_HEADERS: dict[str, str] = {}


class RequestReader:
    """Turns the octets of one connection into Requests.

    `admit` is called with the header of each request before its body is read; it may raise a
    Refusal.
    """

    __slots__ = (
        "_admit",
        "_body",
        "_bounds",
        "_complete",
        "_connection",
        "_ended",
        "_gap",
        "_head_bytes",
        "_header_count",
        "_headers",
        "_method",
        "_parser",
        "_target",
        "_windows",
        "expects_continue",
        "idle",
    )

    def __init__(
        self,
        bounds: Bounds,
        connection: Connection,
        admit: Callable[[Mapping[str, str]], None],
    ) -> None:
        self._bounds = bounds
        self._connection = connection
        self._admit = admit
        self._complete: list[tuple[Request, Sequence[int]] | Refusal] = []
        self._ended = False
        self.idle = True
        """No octet of a request has come since the last whole one."""
        self.expects_continue = False
        """The peer waits for `100 Continue` before it sends the body."""
        self._gap = 0
        self._reset()
        # Most connections never need one.
        self._parser: Any = None

    def feed(self, data: bytes) -> None:
        """Read on. Octets after a Refusal are ignored."""
        if self._ended or (self.idle and not self._gap and self._plain(data)):
            return
        if self._parser is None:
            self._parser = httptools.HttpRequestParser(self)
            self._parser.set_dangerous_leniencies(
                lenient_headers=True, lenient_spaces_after_chunk_size=True
            )
        self._gap += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserCallbackError as error:
            if not isinstance(error.__context__, Refusal):
                raise
            self._end(error.__context__)
        except httptools.HttpParserError as error:
            self._end(Refusal(400, f"malformed request: {error}"))
        if self._gap > self._bounds.header_bytes and not self.idle:
            # llhttp collects an unfinished field where no callback sees it
            self._end(self._header_too_large())

    def close(self) -> None:
        """Read no more, and let go of llhttp: its callbacks make a cycle, which would keep all
        that hangs on the connection until the garbage collector comes."""
        self._ended = True
        self._parser = None

    def _plain(self, data: bytes) -> bool:
        """Take ``data`` if it is one request of the plain form."""
        bounds = self._bounds
        read = read_plain_request(data, bounds.header_bytes, bounds.max_headers)
        if read is None or len(read.body) > bounds.body_bytes:
            return False
        try:
            self._admit(read.headers)
        except Refusal as refusal:
            self._end(refusal)
            return True
        request = Request("POST", *read, self._connection, keep_alive=True)
        self._complete.append((request, ()))
        return True

    def take(self) -> Request | Refusal | None:
        """The next whole request, the Refusal that ended the reading, or None.

        Bodies are decompressed here, one at a time, so that what waits stays small.
        """
        if not self._complete:
            return None
        item = self._complete.pop(0)
        if isinstance(item, Refusal):
            return item
        request, windows = item
        if not windows or not request.body:
            return request
        try:
            plain = decompress(request.body, windows, self._bounds.decompressed_bytes)
        except Refusal as refusal:
            self._complete.clear()
            self._ended = True
            return refusal
        return Request(
            request.method,
            request.target,
            request.headers,
            plain,
            request.connection,
            request.keep_alive,
        )

    def _end(self, refusal: Refusal) -> None:
        if not self._ended:
            self._ended = True
            self._reset()
            self._complete.append(refusal)

    def _reset(self) -> None:
        self._method = ""
        self._target = b""
        self._headers = _NO_HEADERS
        self._header_count = 0
        self._head_bytes = 0
        self._body = bytearray()
        self._windows: Sequence[int] = ()
        self.expects_continue = False

    def _header_too_large(self) -> Refusal:
        return Refusal(431, f"header larger than {self._bounds.header_bytes} octets")

    # What llhttp calls, in this order.

    def on_message_begin(self) -> None:
        """First octet of a request."""
        self.idle = False
        self._headers = {}

    def on_url(self, part: bytes) -> None:
        """A part of the request target."""
        self._target += part
        self._head_bytes += len(part)
        if self._head_bytes > self._bounds.header_bytes:
            raise self._header_too_large()

    def on_header(self, raw_name: bytes, raw_value: bytes) -> None:
        """One field, of the header or of the trailer."""
        self._header_count += 1
        self._head_bytes += len(raw_name) + len(raw_value) + 4
        if self._head_bytes > self._bounds.header_bytes:
            raise self._header_too_large()
        if self._header_count > self._bounds.max_headers:
            raise Refusal(431, f"more than {self._bounds.max_headers} header fields")
        name = raw_name.lower().decode("latin-1")
        value = raw_value.decode("latin-1").strip(" \t")
        if name[-1] in " \t":
            raise Refusal(400, "malformed request: blank before the colon of a header field")
        if not value.isprintable() and _CONTROL.search(value):
            raise Refusal(400, "malformed request: control character in a header field")
        if self._method:
            return  # a trailer says nothing that is used here
        earlier = self._headers.get(name)
        if earlier is not None:
            value = f"{earlier}{'; ' if name == 'cookie' else ', '}{value}"
        self._headers[name] = value

    def on_headers_complete(self) -> None:
        """End of the header: decide whether the body is wanted at all."""
        self._gap = 0
        parser = self._parser
        self._method = parser.get_method().decode("ascii")
        headers = self._headers
        if parser.get_http_version() not in ("1.1", "1.0"):
            raise Refusal(505, "use HTTP/1.1")
        if parser.should_upgrade():
            raise Refusal(501, "no tunnels and no upgrades here")
        if headers.get("transfer-encoding", "chunked").lower() != "chunked":
            raise Refusal(501, "unsupported Transfer-Encoding: use chunked")
        # Without its zeros llhttp has seen to it that it fits 64 bits; int() refuses 4300 digits.
        if int(headers.get("content-length", "").lstrip("0") or "0") > self._bounds.body_bytes:
            raise self._body_too_large()
        if "content-encoding" in headers:
            self._windows = window_bits(headers["content-encoding"])
        self._admit(headers)
        if "expect" in headers and parser.get_http_version() == "1.1":
            if headers["expect"].lower() != "100-continue":
                raise Refusal(417, "unsupported Expect: use 100-continue")
            self.expects_continue = True

    def on_body(self, part: bytes) -> None:
        """A part of the body, without its chunk framing."""
        self._gap = 0
        self.expects_continue = False
        if len(self._body) + len(part) > self._bounds.body_bytes:
            raise self._body_too_large()
        self._body += part

    def on_message_complete(self) -> None:
        """The request is whole."""
        if len(self._complete) >= self._bounds.pipelined:
            raise Refusal(400, f"more than {self._bounds.pipelined} requests without an answer")
        parser = self._parser
        keep_alive = parser.should_keep_alive() and not (
            "transfer-encoding" in self._headers and parser.get_http_version() == "1.0"
        )
        request = Request(
            self._method,
            self._target.decode("latin-1"),
            self._headers,
            bytes(self._body),
            self._connection,
            keep_alive,
        )
        self._complete.append((request, self._windows))
        self._reset()
        self._gap = 0
        self.idle = True

    def _body_too_large(self) -> Refusal:
        return Refusal(413, f"body larger than {self._bounds.body_bytes} octets")
