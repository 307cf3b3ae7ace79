"""The CPE's side of one session, out of recorded bytes. No XML is read or written here.

Identical devices are asked identical questions, down to the SOAP header's ID, so what a
simulated ONT once answered to a question is what each of them answers.  What is a unit's own is
put in its place: serial number, MAC, its customer's settings, the session cookie.  A secret that
the server makes up is learned from the question that tells it, and must stay the same.
"""

from __future__ import annotations

import re
from hashlib import md5
from typing import Protocol

import msgspec

from bench.template import Template
from bench.units import Unit

INFORM_RESPONSE = b"<cwmp:InformResponse>"
_COOKIE = re.compile(rb"\r\nSet-Cookie: acs=([A-Za-z0-9_.-]+)")
_REALM = re.compile(rb'realm="([^"]*)"')
_NONCE = re.compile(rb'nonce="([^"]*)"')
_OPAQUE = re.compile(rb'opaque="([^"]*)"')
_RETRY_AFTER = re.compile(rb"\r\nRetry-After: ([0-9]+)")
DEFAULT_RETRY = 10.0
"""Seconds until a refused CPE comes back that was not told when (TR-069 3.2.1.1: 5 to 10)."""

Account = tuple[str, str]
"""User name and password."""


class Wrong(Exception):  # noqa: N818 - the server's, not ours
    """The server answered what it should not."""


class Refused(Wrong):
    """The server is busy: come back after ``seconds``."""

    def __init__(self, seconds: float) -> None:
        super().__init__("status 503 to the Inform")
        self.seconds = seconds


class Late(Wrong):
    """The server does not answer within a CPE's patience."""


class Early(Wrong):
    """The server ended the session before it had asked all that was recorded."""


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
    secrets: list[bytes] = []
    """What the server made up for the recorded unit."""

    def requests(self) -> list[bytes]:
        """All requests of the session, in order."""
        return [self.inform, self.empty, *(request for _, request in self.answers)]


class Part:
    """A script made ready to be played by many units."""

    __slots__ = ("answers", "cookie", "empty", "gaps", "inform")

    def __init__(self, script: Script) -> None:
        marks = Unit(script.unit).marks()
        recorded = (*marks, script.cookie, *script.secrets)
        self.cookie = len(marks)
        """Number of the gap of the session cookie."""
        self.gaps = len(recorded)
        self.inform = Template(script.inform, recorded)
        self.empty = Template(script.empty, recorded)
        self.answers = [
            (Template(question, recorded), Template(request, recorded))
            for question, request in script.answers
        ]


class Dialogue(Protocol):
    """One session: `begin`, then `answer` what comes until it returns None."""

    def begin(self) -> bytes:
        """The first request."""

    def answer(self, status: int, head: bytes, body: bytes) -> bytes | None:
        """The next request, or None after the last answer. Raises `Wrong`."""


class Session:
    """A session of ``unit`` after ``part``; with an ``account`` it has to answer a challenge."""

    __slots__ = ("_account", "_asked", "_challenged", "_informed", "_part", "_values")

    def __init__(self, part: Part, unit: Unit, account: Account | None = None) -> None:
        marks = unit.marks()
        self._part = part
        self._account = account
        self._values = [*marks, *[b""] * (part.gaps - len(marks))]
        self._challenged = False
        self._informed = False
        self._asked = 0

    def begin(self) -> bytes:
        """The Inform."""
        return self._part.inform.fill(self._values)

    def answer(self, status: int, head: bytes, body: bytes) -> bytes | None:
        """What the unit says to this answer. Raises `Wrong`."""
        if not self._informed:
            return self._begun(status, head, body)
        answers = self._part.answers
        if status == 204:
            if body or self._asked != len(answers):
                raise Early(f"the end after {self._asked} of {len(answers)} questions")
            return None
        if status != 200:
            raise Wrong(f"status {status} within the session")
        if self._asked >= len(answers):
            raise Wrong(f"a question too many: {body[:2000]!r}")
        question, request = answers[self._asked]
        if not question.fits(body, self._values):
            raise Wrong(f"another question than recorded: {body[:2000]!r}")
        self._asked += 1
        return request.fill(self._values)

    def _begun(self, status: int, head: bytes, body: bytes) -> bytes:
        if status == 401 and self._account and not self._challenged:
            self._challenged = True
            proof = authorization(head, *self._account)
            return self.begin().replace(b"\r\n\r\n", b"\r\n" + proof + b"\r\n\r\n", 1)
        if status == 503:
            told = _RETRY_AFTER.search(head)
            raise Refused(float(told[1]) if told else DEFAULT_RETRY)
        if status != 200:
            raise Wrong(f"status {status} to the Inform")
        if self._account and not self._challenged:
            raise Wrong("no challenge before the Inform was taken")
        if INFORM_RESPONSE not in body:
            raise Wrong(f"no InformResponse: {body[:200]!r}")
        found = _COOKIE.search(head)
        if found is None:
            raise Wrong("no session cookie")
        self._informed = True
        self._values[self._part.cookie] = found[1]
        return self._part.empty.fill(self._values)


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
