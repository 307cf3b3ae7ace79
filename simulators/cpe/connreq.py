"""Connection requests (TR-069 3.2.2): the unit's side, bytes in and bytes out."""

from __future__ import annotations

import re
from collections.abc import Callable
from hashlib import md5
from typing import Any

from twisted.internet.protocol import Protocol, ServerFactory, connectionDone
from twisted.python.failure import Failure

_REALM = "tr069"
_PARAMETER = re.compile(r'(\w+)\s*=\s*(?:"([^"]*)"|([^\s,]+))')
_MAX_REQUEST = 8 * 1024
_IDLE_SECONDS = 10.0
PATH = "/tr069"


def answer(head: bytes, username: str, password: str, nonce: str) -> tuple[bytes, bool]:
    """Return the answer to a request head, and whether the unit is to call its ACS."""
    lines = head.decode("latin-1").split("\r\n")
    method, _, rest = lines[0].partition(" ")
    path = rest.partition(" ")[0]
    if method != "GET" or path != PATH:
        return _response("404 Not Found"), False
    headers = {
        name.strip().lower(): value.strip()
        for name, _, value in (line.partition(":") for line in lines[1:])
    }
    scheme, _, rest = headers.get("authorization", "").partition(" ")
    given = {name: quoted or plain for name, quoted, plain in _PARAMETER.findall(rest)}
    if scheme.lower() == "digest" and _proves(given, path, username, password, nonce):
        return _response("200 OK"), True
    challenge = f'WWW-Authenticate: Digest realm="{_REALM}", nonce="{nonce}", qop="auth"'
    return _response("401 Unauthorized", challenge), False


def _proves(given: dict[str, str], path: str, username: str, password: str, nonce: str) -> bool:
    if (given.get("username"), given.get("nonce")) != (username, nonce):
        return False
    secret = _hash(f"{username}:{_REALM}:{password}")
    request = _hash(f"GET:{given.get('uri', path)}")
    middle = ""
    if given.get("qop") == "auth":
        middle = f":{given.get('nc', '')}:{given.get('cnonce', '')}:auth"
    return given.get("response") == _hash(f"{secret}:{nonce}{middle}:{request}")


def _response(status: str, *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", *headers, "Content-Length: 0"]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def _hash(text: str) -> str:
    return md5(text.encode(), usedforsecurity=False).hexdigest()


class Listener(ServerFactory):
    """Listens for connection requests of one unit.

    ``account`` gives its ConnectionRequestUsername and Password, ``wanted`` is called when
    an authenticated request came, ``nonce`` gives nonces.
    """

    def __init__(
        self,
        reactor: object,
        account: Callable[[], tuple[str, str]],
        wanted: Callable[[], None],
        nonce: Callable[[], str],
    ) -> None:
        self.reactor = reactor
        self.account = account
        self.wanted = wanted
        self.nonce = nonce
        self.noisy = False

    def buildProtocol(self, addr: object) -> Protocol:  # noqa: N802 - Twisted's name
        """Serve one connection."""
        return _Door(self)


class _Door(Protocol):
    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._nonce = listener.nonce()
        self._data = b""
        reactor: Any = listener.reactor
        self._limit = reactor.callLater(_IDLE_SECONDS, self._close)

    @property
    def _transport(self) -> Any:
        return self.transport

    def dataReceived(self, data: bytes) -> None:  # noqa: N802 - Twisted's name
        self._data += data
        while b"\r\n\r\n" in self._data:
            head, _, self._data = self._data.partition(b"\r\n\r\n")
            reply, call = answer(head, *self._listener.account(), self._nonce)
            self._transport.write(reply)
            if call:
                self._listener.wanted()
        if len(self._data) > _MAX_REQUEST:
            self._close()

    def connectionLost(self, reason: Failure = connectionDone) -> None:  # noqa: N802
        if self._limit.active():
            self._limit.cancel()

    def _close(self) -> None:
        self._transport.abortConnection()
