"""The CPE's side of one session, out of recorded bytes. No XML is read or written here.

Identical devices are asked identical questions, down to the SOAP header's ID, so what a
simulated ONT once answered to a question is what each of them answers.  Only serial number, MAC
and session cookie are put in their place.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from hashlib import md5
from typing import Protocol

import msgspec

from bench.units import Unit

INFORM_RESPONSE = b"<cwmp:InformResponse>"
_COOKIE = re.compile(rb"\r\nSet-Cookie: acs=([A-Za-z0-9_-]+)")
_REALM = re.compile(rb'realm="([^"]*)"')
_NONCE = re.compile(rb'nonce="([^"]*)"')
_OPAQUE = re.compile(rb'opaque="([^"]*)"')


class Wrong(Exception):  # noqa: N818 - the server's, not ours
    """The server answered what it should not."""


class Script(msgspec.Struct, frozen=True):
    """One recorded session: whole HTTP requests, by what the server had said before."""

    unit: int
    """Number of the unit that was recorded."""
    cookie: bytes
    """Session cookie at the time."""
    inform: bytes
    empty: bytes
    """The empty POST after the InformResponse."""
    answers: list[tuple[bytes, bytes]] = []
    """Body of each further request of the server, in order, and what the unit answered."""

    def requests(self) -> list[bytes]:
        """All requests of the session, in order."""
        return [self.inform, self.empty, *(request for _, request in self.answers)]


class Dialogue(Protocol):
    """One session: `begin`, then `answer` what comes until it returns None."""

    def begin(self) -> bytes:
        """The first request."""

    def answer(self, status: int, head: bytes, body: bytes) -> bytes | None:
        """The next request, or None after the last answer. Raises `Wrong`."""


class Session:
    """A session of ``unit`` after ``script``; with ``digest`` it answers a challenge."""

    __slots__ = ("_asked", "_challenged", "_cookie", "_digest", "_informed", "_script", "_unit")

    def __init__(self, script: Script, unit: Unit, *, digest: bool = False) -> None:
        self._script = script
        self._unit = unit
        self._digest = digest
        self._challenged = False
        self._informed = False
        self._cookie = b""
        self._asked = 0

    def begin(self) -> bytes:
        """The Inform."""
        return self._own(self._script.inform)

    def answer(self, status: int, head: bytes, body: bytes) -> bytes | None:
        """What the unit says to this answer. Raises `Wrong`."""
        if not self._informed:
            return self._begun(status, head, body)
        if status == 204:
            if body or self._asked != len(self._script.answers):
                raise Wrong(f"the end after {self._asked} of {len(self._script.answers)} questions")
            return None
        if status != 200:
            raise Wrong(f"status {status} within the session")
        if self._asked >= len(self._script.answers):
            raise Wrong(f"a question too many: {body[:2000]!r}")
        question, request = self._script.answers[self._asked]
        if body != question:
            raise Wrong(f"another question than recorded: {body[:2000]!r}")
        self._asked += 1
        return self._own(request)

    def _begun(self, status: int, head: bytes, body: bytes) -> bytes:
        if status == 401 and self._digest and not self._challenged:
            self._challenged = True
            proof = authorization(head, self._unit.device_id.key, self._unit.password)
            return self.begin().replace(b"\r\n\r\n", b"\r\n" + proof + b"\r\n\r\n", 1)
        if status != 200:
            raise Wrong(f"status {status} to the Inform")
        if self._digest and not self._challenged:
            raise Wrong("no challenge before the Inform was taken")
        if INFORM_RESPONSE not in body:
            raise Wrong(f"no InformResponse: {body[:200]!r}")
        found = _COOKIE.search(head)
        if found is None:
            raise Wrong("no session cookie")
        self._informed = True
        self._cookie = found[1]
        return self._own(self._script.empty)

    def _own(self, request: bytes) -> bytes:
        for recorded, own in zip(Unit(self._script.unit).marks(), self._unit.marks(), strict=True):
            request = request.replace(recorded, own)
        return request.replace(self._script.cookie, self._cookie) if self._cookie else request


class Replay:
    """The same requests whatever the answers are, as long as each is what the echo answers."""

    __slots__ = ("_at", "_requests")

    def __init__(self, requests: list[bytes]) -> None:
        self._requests = requests
        self._at = 0

    def begin(self) -> bytes:
        """The first request."""
        return self._requests[0]

    def answer(self, status: int, head: bytes, body: bytes) -> bytes | None:
        """The next request. Raises `Wrong`."""
        if status == 204 if body else status != 204:
            raise Wrong(f"status {status} with {len(body)} octets from the echo")
        if body and (status != 200 or INFORM_RESPONSE not in body):
            raise Wrong(f"status {status}, no InformResponse from the echo")
        self._at += 1
        return self._requests[self._at] if self._at < len(self._requests) else None


def authorization(head: bytes, username: str, password: str, path: str = "/") -> bytes:
    """The Authorization field for the MD5 challenge with qop in ``head`` (RFC 7616)."""
    realm, nonce = _REALM.search(head), _NONCE.search(head)
    if realm is None or nonce is None:
        raise Wrong("a 401 without a Digest challenge")
    user = username.encode()
    ha1 = _hash(b"%b:%b:%b" % (user, realm[1], password.encode()))
    ha2 = _hash(b"POST:%b" % path.encode())
    response = _hash(b"%b:%b:00000001:0a4f113b:auth:%b" % (ha1, nonce[1], ha2))
    opaque = _OPAQUE.search(head)
    return b"".join(
        (
            b'Authorization: Digest username="%b", realm="%b", ' % (user, realm[1]),
            b'nonce="%b", uri="%b", response="%b", ' % (nonce[1], path.encode(), response),
            b'algorithm=MD5, qop=auth, nc=00000001, cnonce="0a4f113b"',
            b', opaque="%b"' % opaque[1] if opaque else b"",
        )
    )


def _hash(text: bytes) -> bytes:
    return md5(text, usedforsecurity=False).hexdigest().encode()


Begin = Callable[[Unit], Dialogue]
"""Makes the dialogue of one unit's next session."""
