"""Connection requests (TR-069 3.2.2): the unit's side, bytes in and bytes out, quirks on demand."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from hashlib import md5
from typing import Any

from twisted.internet.protocol import Protocol, ServerFactory, connectionDone
from twisted.python.failure import Failure

_REALM = "tr069"
_OPAQUE = "5ccc069c403ebaf9f0171e9517f40e41"
_PARAMETER = re.compile(r'(\w+)\s*=\s*(?:"([^"]*)"|([^\s,]+))')
_MAX_REQUEST = 8 * 1024
_IDLE_SECONDS = 10.0
_SLOW_SECONDS = 5.0
_HUGE = 4 * 1024 * 1024
_ELSEWHERE = "http://192.0.2.1/"
PATH = "/tr069"


class Quirk(StrEnum):
    """What a unit does otherwise when it is asked to call."""

    BARE_LF = "bare-lf"
    """Lines of the 401 end in LF alone, the challenge is folded over five."""
    NO_BLANK_LINE = "no-blank-line"
    """The 200 ends after Content-Length with no blank line, and the connection is closed."""
    NO_COMMAS = "no-commas"
    """Nothing but blanks between the parts of the challenge."""
    SHORT_CNONCE = "short-cnonce"
    """It keeps 32 characters of a cnonce, so that a longer one fails."""
    NO_QOP = "no-qop"
    """Digest of RFC 2069: neither qop nor opaque."""
    OPAQUE_REQUIRED = "opaque-required"
    """The challenge has an opaque, and what does not return it is refused."""
    BASIC_ONLY = "basic-only"
    """It offers and takes Basic alone."""
    BUSY = "busy"
    """503 during a session; otherwise such a request is answered 200, and a session follows."""
    RANDOM_PATH = "random-path"
    """Another path at each start."""
    CLOSES = "closes"
    """It closes the connection after the 401."""
    SLOW = "slow"
    """Each answer takes 5 seconds."""
    SILENT = "silent"
    """It takes the request and never answers."""
    ALWAYS_401 = "always-401"
    """Whatever is proven is refused."""
    REDIRECT = "redirect"
    """It sends the ACS elsewhere."""
    HUGE = "huge"
    """Its 200 has 4 MiB that nobody asked for."""


@dataclass(frozen=True, slots=True)
class Door:
    """What an answer depends on: the account, the nonce in force, the quirks, the hour."""

    username: str
    password: str
    nonce: str
    path: str = PATH
    quirks: frozenset[Quirk] = frozenset()
    in_session: bool = False


@dataclass(frozen=True, slots=True)
class Reply:
    """What to say: ``data`` after so many seconds, and then perhaps to close; None: never.

    ``call`` tells that the unit is to call its ACS.
    """

    data: bytes | None
    call: bool = False
    close: bool = False
    after: float = 0.0


def answer(head: bytes, door: Door) -> Reply:
    """Return the answer to a request head."""
    quirks = door.quirks
    if Quirk.SILENT in quirks:
        return Reply(None)
    reply = _answer(head, door)
    if Quirk.SLOW in quirks:
        return Reply(reply.data, reply.call, reply.close, _SLOW_SECONDS)
    return reply


def _answer(head: bytes, door: Door) -> Reply:
    quirks = door.quirks
    lines = head.decode("latin-1").split("\r\n")
    method, _, rest = lines[0].partition(" ")
    path = rest.partition(" ")[0]
    if method != "GET" or path != door.path:
        return Reply(_response("404 Not Found"))
    if Quirk.REDIRECT in quirks:
        return Reply(_response("302 Found", f"Location: {_ELSEWHERE}"))
    headers = {
        name.strip().lower(): value.strip()
        for name, _, value in (line.partition(":") for line in lines[1:])
    }
    if Quirk.ALWAYS_401 in quirks or not _proven(headers.get("authorization", ""), path, door):
        return Reply(_challenge(door), close=Quirk.CLOSES in quirks)
    if Quirk.BUSY in quirks and door.in_session:
        return Reply(_response("503 Service Unavailable"))
    if Quirk.HUGE in quirks:
        body = b"x" * _HUGE
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {_HUGE}\r\n\r\n".encode()
        return Reply(head + body, call=True)
    if Quirk.NO_BLANK_LINE in quirks:
        return Reply(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n", call=True, close=True)
    return Reply(_response("200 OK"), call=True)


def _challenge(door: Door) -> bytes:
    quirks = door.quirks
    if Quirk.BASIC_ONLY in quirks:
        return _response("401 Unauthorized", f'WWW-Authenticate: Basic realm="{_REALM}"')
    parts = [f'realm="{_REALM}"', f'nonce="{door.nonce}"']
    if Quirk.OPAQUE_REQUIRED in quirks or Quirk.BARE_LF in quirks:
        parts.append(f'opaque="{_OPAQUE}"')
    if Quirk.BARE_LF in quirks:
        parts.append("algorithm=MD5")
    if Quirk.NO_QOP not in quirks:
        parts.append('qop="auth"')
    between = " " if Quirk.NO_COMMAS in quirks else ", "
    if Quirk.BARE_LF not in quirks:
        return _response("401 Unauthorized", f"WWW-Authenticate: Digest {between.join(parts)}")
    folded = f"{between.rstrip()}\n\t".join(parts)
    return (
        f"HTTP/1.1 401 Unauthorized\nWWW-Authenticate: Digest {folded}\nContent-Length: 0\n\n"
    ).encode()


def _proven(authorization: str, path: str, door: Door) -> bool:
    scheme, _, rest = authorization.partition(" ")
    if Quirk.BASIC_ONLY in door.quirks:
        account = b64encode(f"{door.username}:{door.password}".encode()).decode()
        return scheme.lower() == "basic" and rest.strip() == account
    given = {name: quoted or plain for name, quoted, plain in _PARAMETER.findall(rest)}
    if scheme.lower() != "digest" or given.get("nonce") != door.nonce:
        return False
    if Quirk.OPAQUE_REQUIRED in door.quirks and given.get("opaque") != _OPAQUE:
        return False
    secret = _hash(f"{door.username}:{_REALM}:{door.password}")
    request = _hash(f"GET:{given.get('uri', path)}")
    middle = ""
    if given.get("qop") == "auth":
        cnonce = given.get("cnonce", "")
        cnonce = cnonce[:32] if Quirk.SHORT_CNONCE in door.quirks else cnonce
        middle = f":{given.get('nc', '')}:{cnonce}:auth"
    if given.get("username") != door.username:
        return False
    return given.get("response") == _hash(f"{secret}:{door.nonce}{middle}:{request}")


def _response(status: str, *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", *headers, "Content-Length: 0"]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def _hash(text: str) -> str:
    return md5(text.encode(), usedforsecurity=False).hexdigest()


class Listener(ServerFactory):
    """Listens for connection requests of one unit.

    ``account`` gives its ConnectionRequestUsername and Password, ``wanted`` is called when
    an authenticated request came, ``nonce`` gives nonces; ``in_session`` tells whether a
    session runs.  `path` is what to announce.
    """

    def __init__(
        self,
        reactor: Any,
        account: Callable[[], tuple[str, str]],
        wanted: Callable[[], None],
        nonce: Callable[[], str],
        *,
        quirks: frozenset[Quirk] = frozenset(),
        in_session: Callable[[], bool] = lambda: False,
    ) -> None:
        self.reactor = reactor
        self.path = f"/{nonce()}" if Quirk.RANDOM_PATH in quirks else PATH
        self.noisy = False
        self._account = account
        self._wanted = wanted
        self._make_nonce = nonce
        self._quirks = quirks
        self._in_session = in_session
        # One for all connections: a quirk may be to close after the challenge.
        self._nonce = nonce()

    def buildProtocol(self, addr: object) -> Protocol:  # noqa: N802 - Twisted's name
        """Serve one connection."""
        return _Connection(self)

    def asked(self, head: bytes) -> Reply:
        """Answer one request."""
        door = Door(*self._account(), self._nonce, self.path, self._quirks, self._in_session())
        reply = answer(head, door)
        if reply.call:
            self._nonce = self._make_nonce()
            self._wanted()
        return reply


class _Connection(Protocol):
    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._data = b""
        self._open = True
        self._reactor = listener.reactor
        self._limit = self._reactor.callLater(_IDLE_SECONDS, self._close)

    @property
    def _transport(self) -> Any:
        return self.transport

    def dataReceived(self, data: bytes) -> None:  # noqa: N802 - Twisted's name
        self._data += data
        while b"\r\n\r\n" in self._data:
            head, _, self._data = self._data.partition(b"\r\n\r\n")
            reply = self._listener.asked(head)
            if reply.after:
                self._reactor.callLater(reply.after, self._say, reply)
            else:
                self._say(reply)
        if len(self._data) > _MAX_REQUEST:
            self._close()

    def _say(self, reply: Reply) -> None:
        if not self._open or reply.data is None:
            return
        self._transport.write(reply.data)
        if reply.close:
            self._transport.loseConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:  # noqa: N802
        self._open = False
        if self._limit.active():
            self._limit.cancel()

    def _close(self) -> None:
        self._transport.abortConnection()
