"""HTTP/1.1 as bytes: requests in the dialect of a device, and a strict reader of answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from .dialect import Dialect

MAX_HEAD = 16 * 1024
MAX_BODY = 4 * 1024 * 1024


class WireError(Exception):
    """The answer is not what a CPE accepts."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where to connect and what to ask for, taken from an ACS URL."""

    host: str
    port: int
    path: str
    tls: bool

    @classmethod
    def parse(cls, url: str) -> Target:
        """Read an http or https URL. Raises `WireError`."""
        parts = urlsplit(url)
        try:
            port = parts.port
        except ValueError:
            port = 0
        if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
            raise WireError(f"not an ACS URL: {parts.scheme}://{parts.hostname or ''}")
        tls = parts.scheme == "https"
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        return cls(parts.hostname, port or (443 if tls else 80), path, tls)


@dataclass(frozen=True, slots=True)
class Response:
    """One answer of the ACS. Header names are in lower case, in order of arrival."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def all(self, name: str) -> list[str]:
        """Return the values of all headers called ``name`` (lower case)."""
        return [value for key, value in self.headers if key == name]

    def first(self, name: str) -> str:
        """Return the first value of header ``name`` (lower case), or an empty text."""
        return next(iter(self.all(name)), "")

    @property
    def closes(self) -> bool:
        """True when the ACS will close the connection."""
        return "close" in self.first("connection").lower()


def render_request(
    dialect: Dialect,
    target: Target,
    body: bytes,
    cookies: Mapping[str, str],
    *,
    authorization: str = "",
    keep: bool = True,
) -> bytes:
    """Return the bytes of one POST; an empty ``body`` makes the empty POST of 3.7.2."""
    connection = "keep-alive" if keep else "close"
    host = target.host if ":" not in target.host else f"[{target.host}]"
    lines = [f"POST {target.path} HTTP/1.1"]
    if dialect.padded_length:
        lines += [f"User-Agent: {dialect.user_agent}", f"Host: {host}", f"Connection: {connection}"]
        if body:
            lines += ["Content-Type: text/xml; charset=utf-8", f"Content-Length:{len(body):<7}"]
            lines.append("SOAPAction:")
        else:
            lines.append("Content-Length: 0")
    else:
        lines += [f"Host: {host}:{target.port}", f"User-Agent: {dialect.user_agent}"]
        lines += [f"Connection: {connection}", f"Content-Length: {len(body)}"]
        if body:
            lines += ['Content-Type: text/xml; charset="utf-8"', "SOAPAction:"]
    if authorization:
        lines.append(f"Authorization: {authorization}")
    if cookies:
        lines.append("Cookie: " + "; ".join(f"{k}={v}" for k, v in cookies.items()))
        if dialect.padded_length:
            lines.append('Cookie2: $Version="1"')
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class ResponseReader:
    """Collects the bytes of one answer.

    Content-Length is required where a body may stand, chunked coding is refused: several
    CPE cannot read it.
    """

    def __init__(self) -> None:
        self._data = bytearray()
        self._head: tuple[int, tuple[tuple[str, str], ...], int] | None = None

    @property
    def started(self) -> bool:
        """True when any byte has come."""
        return bool(self._data) or self._head is not None

    def feed(self, data: bytes) -> Response | None:
        """Take bytes; return the answer once it is whole. Raises `WireError`."""
        self._data += data
        if self._head is None:
            end = self._data.find(b"\r\n\r\n")
            if end < 0:
                if len(self._data) > MAX_HEAD:
                    raise WireError("the head of the answer is too long")
                return None
            self._head = _parse_head(bytes(self._data[:end]))
            del self._data[: end + 4]
        status, headers, length = self._head
        if len(self._data) < length:
            return None
        if len(self._data) > length:
            raise WireError("bytes after the end of the answer")
        body = bytes(self._data)
        if status == 100:
            self._data.clear()
            self._head = None
            return None
        return Response(status, headers, body)


def _parse_head(head: bytes) -> tuple[int, tuple[tuple[str, str], ...], int]:
    lines = head.decode("latin-1").split("\r\n")
    version, _, rest = lines[0].partition(" ")
    if version not in ("HTTP/1.1", "HTTP/1.0") or not rest[:3].isdigit():
        raise WireError(f"not an HTTP answer: {lines[0][:40]!r}")
    status = int(rest[:3])
    headers = []
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        if not colon or not name.strip():
            raise WireError(f"not a header: {line[:40]!r}")
        headers.append((name.strip().lower(), value.strip()))
    given = dict(headers)
    if "transfer-encoding" in given:
        raise WireError("chunked answers are not supported")
    if status in (100, 204, 304):
        return status, tuple(headers), 0
    length = given.get("content-length", "")
    if not length.isdigit():
        raise WireError(f"answer {status} without Content-Length")
    if int(length) > MAX_BODY:
        raise WireError(f"answer of {length} bytes is too long")
    return status, tuple(headers), int(length)
