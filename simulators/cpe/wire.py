"""HTTP/1.1 as bytes: requests in the dialect of a device, and a strict reader of answers."""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from .dialect import Cookies, Dialect, EmptyPost, HeaderCase, Length

_STATUS = re.compile(r"^[1-5]\d\d(?!\d)", re.ASCII)
_LENGTH = re.compile(r"^\d{1,15}$", re.ASCII)
_NO_URL = "not an ACS URL, such as http://acs.example.com:7547/"
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
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:  # Its text may show what stands before the host: a password.
            raise WireError(_NO_URL) from None
        if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
            seen = f": {parts.scheme}://{parts.hostname or ''}" if parts.scheme else ""
            raise WireError(_NO_URL + seen)
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
    """Return the bytes of one POST; an empty ``body`` makes the empty POST of 3.7.2.

    ``cookies`` are what Set-Cookie said after each name: value, and attributes if any.
    """
    connection = "Connection: keep-alive" if keep else "Connection: close"
    host = target.host if ":" not in target.host else f"[{target.host}]"
    host = f"Host: {host}:{target.port}" if dialect.host_port else f"Host: {host}"
    agent = f"User-Agent: {dialect.user_agent}"
    coded = _coded(dialect.coding, body)
    length, kind, action = _length(dialect, len(coded)), _kind(dialect), _action(dialect)
    if not body:
        like_any = dialect.empty_post is EmptyPost.LIKE_ANY
        length = [] if dialect.empty_post is EmptyPost.BARE else ["Content-Length: 0"]
        kind, action = (kind, action) if like_any else ([], [])
    elif dialect.coding:
        kind = [*kind, f"Content-Encoding: {dialect.coding}"]
    lines = [agent, host, connection, *kind, *length, *action]
    if not dialect.agent_first:
        lines = [host, agent, connection, *length, *kind, *action]
    if authorization:
        lines.append(f"Authorization: {authorization}")
    if cookies and dialect.cookies is not Cookies.NEVER:
        lines += _cookies(dialect.cookies, cookies)
        if dialect.cookie2:
            lines.append('Cookie2: $Version="1"')
    if body and dialect.length is Length.CHUNKED:
        coded = b"".join(_chunks(coded))
    lines = [_cased(dialect.header_case, line) for line in lines]
    head = "\r\n".join([f"POST {target.path} HTTP/1.1", *lines])
    return head.encode() + b"\r\n\r\n" + coded


def _coded(coding: str, body: bytes) -> bytes:
    match coding if body else "":
        case "gzip":
            return gzip.compress(body, mtime=0)
        case "deflate":
            return zlib.compress(body)
        case _:
            return body


def _length(dialect: Dialect, octets: int) -> list[str]:
    match dialect.length:
        case Length.PLAIN:
            return [f"Content-Length: {octets}"]
        case Length.PADDED:
            return [f"Content-Length:{octets:<7}"]
        case Length.CHUNKED:
            return ["Transfer-Encoding: chunked"]


def _kind(dialect: Dialect) -> list[str]:
    return [f"Content-Type: {dialect.content_type}"] if dialect.content_type else []


def _action(dialect: Dialect) -> list[str]:
    match dialect.soap_action:
        case None:
            return []
        case "":
            return ["SOAPAction:"]
        case action:
            return [f"SOAPAction: {action}"]


def _cookies(form: Cookies, cookies: Mapping[str, str]) -> list[str]:
    pairs = [(name, given.partition(";")[0].strip()) for name, given in cookies.items()]
    match form:
        case Cookies.ONE_LINE:
            return ["Cookie: " + "; ".join(f"{name}={value}" for name, value in pairs)]
        case Cookies.LINES:
            return [f"Cookie: {name}={value}" for name, value in pairs]
        case Cookies.VERSIONED:
            marked = (f'{name}={value}; $Path="/"' for name, value in pairs)
            return ['Cookie: $Version="1"; ' + "; ".join(marked)]
        case Cookies.WITH_PATH:
            return ["Cookie: " + "; ".join(f"{name}={given}" for name, given in cookies.items())]
        case Cookies.COMMAS:
            return ["Cookie: " + ",".join(f'{name}="{value}"' for name, value in pairs)]
        case Cookies.NEVER:
            return []


def _cased(case: HeaderCase, line: str) -> str:
    name, colon, value = line.partition(":")
    match case:
        case HeaderCase.USUAL:
            return line
        case HeaderCase.LOWER:
            return name.lower() + colon + value
        case HeaderCase.UPPER:
            return name.upper() + colon + value


def _chunks(body: bytes) -> Iterator[bytes]:
    half = len(body) // 2
    for piece in (body[:half], body[half:], b""):
        if piece or not half:
            yield b"%x\r\n%b\r\n" % (len(piece), piece)
    if half:
        yield b"0\r\n\r\n"


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
    if version not in ("HTTP/1.1", "HTTP/1.0") or not _STATUS.match(rest):
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
    if not _LENGTH.match(length):
        raise WireError(f"answer {status} without Content-Length")
    if int(length) > MAX_BODY:
        raise WireError(f"answer of {length} bytes is too long")
    return status, tuple(headers), int(length)
