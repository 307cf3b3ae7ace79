"""The form of a recording: a line of JSON for the session, then one for each message."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")

VERSION = 1
CURRENT = "current"
"""Stands for a keyed digest that was the one of the session's own wish."""
MARKER = "gf-current"
"""Stands for the mark that the session's own wish leaves on a device."""


class UnreadableRecording(ValueError):  # noqa: N818 - a word about the file
    """A file is no recording of this release; the text says where."""


class Speaker(StrEnum):
    """Who says something."""

    CPE = "cpe"
    ACS = "acs"


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """What a session began with, and what the house answered in its course."""

    version: int = VERSION
    device: str
    """Key of the device."""
    at: float
    """Epoch seconds of its Inform."""
    address: str = ""
    credential: str = "none"
    account: str = ""
    session: str = ""
    blueprint: str = ""
    blueprint_digest: str = ""
    facts: Mapping[str, str] = {}
    """By what the blueprint was chosen."""
    policy: Mapping[str, Any] = {}
    limits: Mapping[str, int] = {}
    hold_requests: bool = False
    answers: Mapping[str, list[Any]] = {}
    """What each service of the house answered, in order; ``source.`` before those of the source."""


class Exchange(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One HTTP message."""

    at: float
    """Seconds since the first one."""
    speaker: Speaker = msgspec.field(name="from")
    status: int = 0
    """Of an answer of ours."""
    headers: Mapping[str, str] = {}
    body: str = ""
    unreadable: int = 0
    """Octets of a body that is not kept because it could not be read, hence not masked."""


class _End(msgspec.Struct, frozen=True, kw_only=True):
    ended: str
    cut: bool


class Recording(msgspec.Struct, frozen=True, kw_only=True):
    """One session."""

    header: Header
    exchanges: tuple[Exchange, ...]
    ended: str
    """How it ended, in a word."""
    cut: bool = False
    """It was longer than a recording may be: the rest is missing."""

    def dump(self) -> bytes:
        """Write it as lines of JSON."""
        lines = (self.header, *self.exchanges, _End(ended=self.ended, cut=self.cut))
        return b"".join(msgspec.json.encode(line) + b"\n" for line in lines)

    @classmethod
    def load(cls, content: bytes) -> Recording:
        """Read what `dump` made. Raises `UnreadableRecording`."""
        lines = [line for line in content.splitlines() if line.strip()]
        if len(lines) < 2:
            raise UnreadableRecording("it has less than two lines: it is empty or cut short")
        header = _line(lines[0], 1, Header)
        if header.version != VERSION:
            raise UnreadableRecording(f"it has version {header.version}; {VERSION} can be read")
        exchanges = [
            _line(line, number, Exchange) for number, line in enumerate(lines[1:-1], start=2)
        ]
        end = _line(lines[-1], len(lines), _End)
        return cls(header=header, exchanges=tuple(exchanges), ended=end.ended, cut=end.cut)


def _line(line: bytes, number: int, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(line, type=kind)
    except msgspec.DecodeError as error:
        raise UnreadableRecording(f"line {number}: {error}") from error
