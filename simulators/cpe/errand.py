"""One file carried over HTTP (TR-069 3.4.3): GET with resume, PUT, Basic and Digest.

A machine without sockets.  An edge sends `Errand.request`, tells the head of the answer to
`answered`, the body to `received`, the end to `ended` or `broken`, and begins again for as
long as it is told `Next.AGAIN`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from types import MappingProxyType
from urllib.parse import urljoin, urlsplit

from .content import Reader
from .digest import Challenge, authorization, parse_challenges

TRIES = 3
"""Times a broken transfer is begun or resumed."""
_MAX_REDIRECTS = 5
_REDIRECTS = (301, 302, 303, 307, 308)
_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")


class Next(Enum):
    """What an edge does next."""

    BODY = auto()
    """Read the body."""
    AGAIN = auto()
    """Let go of this answer and send `Errand.request` again."""
    OVER = auto()


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes


class Errand:
    """Fetch ``url``, or put ``body`` there, by ``method`` and with ``headers`` besides the usual.

    ``fault`` and ``text`` say at the end what failed (codes of TR-069 A.5.1; 0: nothing),
    ``reader`` what came.  ``cnonce`` gives Digest's client nonces.  The first ``cuts``
    attempts are broken off half way, as a bad line would.  ``reader`` makes what takes the
    file in, anew where it begins anew.
    """

    def __init__(
        self,
        url: str,
        username: str,
        password: str,
        cnonce: Callable[[], str],
        *,
        body: bytes | None = None,
        method: str = "PUT",
        headers: Mapping[str, str] = MappingProxyType({}),
        user_agent: str = "",
        cuts: int = 0,
        reader: Callable[[], Reader] = Reader,
    ) -> None:
        self._new_reader = reader
        self.reader = reader()
        self.fault = 0
        self.text = ""
        self.requests = 0
        self._url = url
        self._account = (username, password)
        self._cnonce = cnonce
        self._body = body
        self._method = "GET" if body is None else method
        self._headers = headers
        self._user_agent = user_agent
        self._cuts = cuts
        self._challenge: Challenge | None = None
        self._tag = ""
        self._length: int | None = None
        self._received = 0
        self._tries = 0
        self._redirects = 0

    def request(self) -> Request:
        """Return the request to send now."""
        self.requests += 1
        self._length, self._received = None, 0
        headers = {"User-Agent": self._user_agent} if self._user_agent else {}
        method = self._method
        if self._body is not None:
            headers["Content-Type"] = "application/octet-stream"
        headers |= self._headers
        if self.reader.size:
            headers["Range"] = f"bytes={self.reader.size}-"
            if self._tag:
                headers["If-Range"] = self._tag
        if self._challenge is not None:
            parts = urlsplit(self._url)
            uri = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            headers["Authorization"] = authorization(
                self._challenge, *self._account, uri, self._cnonce, method
            )
        return Request(method, self._url, headers, self._body or b"")

    def answered(self, status: int, headers: Mapping[str, Sequence[str]]) -> Next:
        """Take the head of an answer; header names are in lower case."""
        first = {name: values[0] for name, values in headers.items() if values}
        if status == 401:
            return self._challenged(headers.get("www-authenticate", ()))
        if status in _REDIRECTS and "location" in first:
            return self._redirected(first["location"])
        if self._body is not None:
            return self._put_answered(status)
        return self._get_answered(status, first)

    def received(self, data: bytes) -> bool:
        """Take a piece of the body; False: break the connection off."""
        self._received += len(data)
        half = (self._length or 0) // 2
        if self._cuts and self._received > half:
            self.reader.feed(data[: len(data) - (self._received - half)])
            return False
        self.reader.feed(data)
        return True

    def ended(self) -> Next:
        """Take note that the body came to its end."""
        if self._body is None and self._length is not None and self._received < self._length:
            return self.broken("the file ended too early")
        return Next.OVER

    def broken(self, reason: str) -> Next:
        """Take note that the connection could not be made, broke, or timed out."""
        self._cuts = max(0, self._cuts - 1)
        self._tries += 1
        if self._tries < TRIES:
            return Next.AGAIN
        if self._body is not None:
            return self._failed(9011, reason)
        return self._failed(9017 if self.reader.size else 9015, reason)

    def unreachable(self, reason: str) -> Next:
        """Take note that no connection could be made."""
        return Next.AGAIN if self.broken(reason) is Next.AGAIN else self._failed(9015, reason)

    def _get_answered(self, status: int, headers: Mapping[str, str]) -> Next:
        length = headers.get("content-length", "")
        self._length = int(length) if length.isdigit() else None
        self._tag = headers.get("etag", self._tag)
        match status:
            case 200:
                self.reader = self._new_reader()
                return Next.BODY
            case 206:
                found = _CONTENT_RANGE.match(headers.get("content-range", ""))
                if found is None or int(found[1]) != self.reader.size:
                    return self._failed(9010, "the file server sent another part of the file")
                return Next.BODY
            case 416 if self.reader.size:
                self.reader = self._new_reader()
                return self.broken("the file server cannot resume")
            case 403 | 404 | 410:
                return self._failed(9016, f"HTTP status {status}")
            case _:
                return self._failed(9010, f"HTTP status {status}")

    def _put_answered(self, status: int) -> Next:
        if status in (200, 201, 202, 204):
            return Next.BODY
        return self._failed(9011, f"HTTP status {status}")

    def _challenged(self, challenges: Sequence[str]) -> Next:
        before, self._challenge = self._challenge, parse_challenges(challenges)
        if before is not None or self._challenge is None or not self._account[0]:
            return self._failed(9012, "the file server refused the credentials")
        return Next.AGAIN

    def _redirected(self, location: str) -> Next:
        self._redirects += 1
        there = urljoin(self._url, location)
        if self._redirects > _MAX_REDIRECTS or urlsplit(there).scheme not in ("http", "https"):
            return self._failed(9015, "redirected to nowhere")
        if urlsplit(there).netloc != urlsplit(self._url).netloc:
            self._account = ("", "")
        self._url, self._challenge = there, None
        return Next.AGAIN

    def _failed(self, fault: int, text: str) -> Next:
        self.fault, self.text = fault, text
        return Next.OVER
