"""One connection request over HTTP as a machine (TR-069 3.2.2): octets in, octets out, no sockets.

Strict in what it sends, lenient in what it takes: the web servers of devices end lines as they
like, fold their challenges, leave out commas and blank lines, and close when they please. What
they can make us do is bounded: a few tries, a few kilobytes, and never another address.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from acs.cwmp.wakeup.challenge import (
    Basic,
    Challenge,
    Digest,
    basic_answer,
    digest_answer,
    read_challenges,
)
from acs.cwmp.wakeup.target import Target
from acs.devices.waking import Answer, Reply
from acs.model import Secret

MOST_OCTETS = 16 * 1024
"""Of one answer; what comes after its head is not waited for."""
_LEAST_PIECE = 8
"""Octets that a piece counts for: each is looked at with all before it, so drops are dear."""
_MOST_CHALLENGES = 2
"""That are answered: the first one, and another if its nonce is new."""

_STATUS = re.compile(rb"HTTP/\d(?:\.\d)?[ \t]+(\d{3})(?!\d)", re.IGNORECASE)
_LATER_STATUS = re.compile(
    rb"(?:\n|</html>)[ \t]*(HTTP/\d(?:\.\d)?[ \t]+\d{3}(?!\d))", re.IGNORECASE
)
"""Behind a body whose length nobody told."""
_HEAD_END = re.compile(rb"\n\r?\n")
_LINE_END = re.compile(r"\r?\n")
_FOLD = re.compile(r"\r?\n[ \t]+")
_STARTS = b"HTTP/"


@dataclass(frozen=True, slots=True)
class Send:
    """Send these octets, on a new connection where ``fresh``."""

    octets: bytes
    fresh: bool = False

    def __repr__(self) -> str:
        """They may hold an Authorization."""
        return f"Send({len(self.octets)} octets, fresh={self.fresh})"


@dataclass(frozen=True, slots=True)
class Done:
    """The request is over; the connection can be closed."""

    answer: Answer


Action = Send | Done


@dataclass(frozen=True, slots=True)
class _Head:
    status: int
    fields: tuple[tuple[str, str], ...]

    def all(self, name: str) -> list[str]:
        return [value for each, value in self.fields if each == name]

    @property
    def closes(self) -> bool:
        return any("close" in value.lower() for value in self.all("connection"))

    @property
    def length(self) -> int | None:
        """Octets of the body, where it tells a number that can be."""
        text = next(iter(self.all("content-length")), "")
        return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


class ConnectionRequest:
    """Asks one device to call; `start` first, then tell what happens until there is a `Done`.

    ``password`` None: there is no account, so a device that asks for one is not served.
    ``cnonce`` is random and of 16 characters: some devices cut longer ones.  ``allow_basic``
    lets the password be sent in clear where nothing else is offered.
    """

    def __init__(
        self,
        target: Target,
        username: str,
        password: Secret | None,
        cnonce: str,
        *,
        allow_basic: bool = False,
    ) -> None:
        self._target = target
        self._username = username
        self._password = password
        self._cnonce = cnonce
        self._allow_basic = allow_basic
        self._buffer = b""
        self._heard = 0
        """Octets since we last said something."""
        self._skip = 0
        """Octets of the body of the last answer that may still come."""
        self._challenge: Challenge | None = None
        self._challenges = 0
        self._count = 0
        """How often the nonce of the challenge was answered."""
        self._reconnected = False

    def start(self) -> Send:
        """Ask without a proof: only the challenge tells how the device wants it."""
        return Send(self._request(""), fresh=True)

    def received(self, octets: bytes) -> Action | None:
        """Take octets of the device; None: wait for more."""
        self._buffer += octets
        self._heard += max(len(octets), _LEAST_PIECE)
        action = self._look(ended=False)
        if action is None and self._heard > MOST_OCTETS:
            return self._unreachable("it answers without an end")
        return action

    def closed(self) -> Action:
        """The device has closed or reset the connection; what it said until then counts."""
        if action := self._look(ended=True):
            return action
        if self._challenge is not None and not self._reconnected and not self._status():
            # Many close after the 401, or reset what follows on the same connection.
            return self._prove_again()
        return self._unreachable("it closed the connection without an answer")

    def expired(self) -> Done:
        """The time is over."""
        if (status := self._status()) and status != 401:
            return Done(self._judge(status))
        return self._unreachable("it did not answer in time")

    # --- what it says ---------------------------------------------------------------------

    def _look(self, *, ended: bool) -> Action | None:
        """Read an answer, once it is there; where it ``ended``, without the blank line."""
        while True:
            if not self._find_start():
                if not self._speaks_http():
                    return self._unreachable("what answers there does not speak HTTP")
                return None
            end = _HEAD_END.search(self._buffer)
            if end is None and not ended:
                return None
            octets = self._buffer[: end.start()] if end else self._buffer
            self._buffer = self._buffer[end.end() :] if end else b""
            head = _read_head(octets)
            if 100 <= head.status < 200:
                continue
            if head.status == 401:
                return self._challenged(head, ended=ended)
            return Done(self._judge(head.status))

    def _find_start(self) -> bool:
        """Drop what is left of the body of the answer before; tell whether a new one begins."""
        stripped = self._buffer.lstrip()
        if not _STATUS.match(stripped):
            behind = self._buffer[self._skip :].lstrip()
            if self._challenge is None or not behind:
                return False
            later = _LATER_STATUS.search(behind)
            if _STATUS.match(behind):
                stripped = behind
            elif later:
                stripped = behind[later.start(1) :]
            else:
                return False
        self._buffer, self._skip = stripped, 0
        return True

    def _speaks_http(self) -> bool:
        if self._challenge is not None:
            return True  # it did; this may be the body of its challenge
        begun = self._buffer.lstrip()[:64].upper()
        return _STARTS.startswith(begun[: len(_STARTS)]) and len(begun) < 64

    def _status(self) -> int:
        found = _STATUS.match(self._buffer.lstrip())
        return int(found[1]) if found else 0

    def _judge(self, status: int) -> Answer:
        if 200 <= status < 300:
            return Answer(Reply.ACCEPTED, f"it answered {status}")
        if status == 503:
            return Answer(Reply.BUSY, "it answered 503: it is busy")
        if status == 403:
            return Answer(Reply.UNAUTHORIZED, "it answered 403: it does not take calls from us")
        if 300 <= status < 400:
            return Answer(
                Reply.UNREACHABLE, f"it answered {status}: it sends us elsewhere, we do not follow"
            )
        return Answer(Reply.UNREACHABLE, f"it answered {status}")

    def _unreachable(self, text: str) -> Done:
        return Done(Answer(Reply.UNREACHABLE, text))

    # --- what is proven -------------------------------------------------------------------

    def _challenged(self, head: _Head, *, ended: bool) -> Action:
        challenges = read_challenges(head.all("www-authenticate"))
        digest = next((each for each in challenges if isinstance(each, Digest)), None)
        basic = next((each for each in challenges if isinstance(each, Basic)), None)
        chosen: Challenge | None = digest or basic
        if self._password is None:
            return self._unauthorized("it asks for a user name and password, and none are known")
        if chosen is None:
            return self._unauthorized("it asks for a proof of a kind that is not known")
        if isinstance(chosen, Basic) and not self._allow_basic:
            return self._unauthorized(
                "it wants the password in clear (Basic), which the settings do not allow"
            )
        if self._challenge is not None and not self._is_news(chosen):
            return self._unauthorized("it does not take our user name and password")
        self._challenge, self._count = chosen, 0
        self._challenges += 1
        self._skip = min(head.length or 0, MOST_OCTETS)
        return self._prove(fresh=ended or head.closes)

    def _is_news(self, challenge: Challenge) -> bool:
        """Tell whether to answer a challenge that follows our answer: its nonce is another."""
        if self._challenges >= _MOST_CHALLENGES:
            return False
        match self._challenge, challenge:
            case Digest() as before, Digest() as now:
                return now.stale or now.nonce != before.nonce
            case _:
                return False

    def _prove_again(self) -> Send:
        self._reconnected = True
        return self._prove(fresh=True)

    def _prove(self, *, fresh: bool) -> Send:
        assert self._challenge is not None
        assert self._password is not None
        self._count += 1
        self._heard = 0
        if fresh:
            self._buffer, self._skip = b"", 0
        match self._challenge:
            case Basic():
                proof = basic_answer(self._username, self._password)
            case Digest():
                proof = digest_answer(
                    self._challenge,
                    self._username,
                    self._password,
                    self._target.resource,
                    self._cnonce,
                    self._count,
                )
        return Send(self._request(proof), fresh=fresh)

    def _unauthorized(self, text: str) -> Done:
        return Done(Answer(Reply.UNAUTHORIZED, text))

    def _request(self, proof: str) -> bytes:
        lines = [f"GET {self._target.resource} HTTP/1.1", f"Host: {self._target.authority}"]
        if proof:
            lines.append(f"Authorization: {proof}")
        return ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8", "surrogateescape")


def _read_head(octets: bytes) -> _Head:
    found = _STATUS.match(octets)
    assert found is not None
    text = _FOLD.sub(" ", octets.decode("utf-8", "surrogateescape"))
    fields = (line.partition(":") for line in _LINE_END.split(text)[1:])
    return _Head(
        int(found[1]), tuple((name.strip().lower(), value.strip()) for name, _, value in fields)
    )
