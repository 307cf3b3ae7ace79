"""The sessions that are open now, found by cookie, by connection or by device."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from acs.cwmp.recording import Tape
from acs.cwmp.session import Session
from acs.devices.visit import Visit


@dataclass(slots=True, eq=False)
class Line:
    """One open session with what the edge needs to serve it."""

    cookie: str
    name: str
    """Name of the session in logs, timeline and proofs."""
    key: str
    """Key of the device."""
    session: Session
    visit: Visit
    cookie_path: str
    started: float
    touched: float
    timeout: float
    """Seconds of silence after which the session is lost."""
    posts: int = 1
    waiting: bool = False
    """A request of the CPE is held until something of the house has come."""
    cookie_returned: bool = False
    """The CPE knows cookies, so that its session is not looked for by connection."""
    ended: str = ""
    """How the session ended; empty while it is open."""
    tape: Tape | None = None
    """Takes down what is said, where that was asked for."""


class Ended(NamedTuple):
    """What is known of a session that ended lately."""

    at: float
    line: Line | None
    """Only where the CPE may have a report for it: sessions are many, and memory is not."""


@dataclass(slots=True)
class Lines:
    """Open sessions, oldest activity first; those that ended lately answer what comes late."""

    by_cookie: OrderedDict[str, Line] = field(default_factory=OrderedDict)
    by_device: dict[str, Line] = field(default_factory=dict)
    ended: OrderedDict[str, Ended] = field(default_factory=OrderedDict)

    REMEMBERED = 10_000

    def __len__(self) -> int:
        return len(self.by_cookie)

    def add(self, line: Line) -> None:
        """Open a session."""
        self.by_cookie[line.cookie] = line
        self.by_device[line.key] = line

    def touch(self, line: Line, now: float) -> None:
        """Note that the CPE was heard."""
        line.touched = now
        if line.cookie in self.by_cookie:
            self.by_cookie.move_to_end(line.cookie)

    def end(self, line: Line, now: float, *, reports: bool) -> None:
        """Close a session; its cookie is known a little longer, all of it where ``reports``."""
        if self.by_cookie.pop(line.cookie, None) is None:
            return
        if self.by_device.get(line.key) is line:
            del self.by_device[line.key]
        self.ended[line.cookie] = Ended(now, line if reports else None)
        while len(self.ended) > self.REMEMBERED:
            self.ended.popitem(last=False)

    def forget(self, before: float) -> None:
        """Know those no longer that ended before a time."""
        while self.ended and next(iter(self.ended.values())).at < before:
            self.ended.popitem(last=False)

    def silent(self, now: float, shortest: float) -> Iterator[Line]:
        """Sessions whose CPE was not heard for their time-out; none is below ``shortest``.

        While we keep a CPE waiting, it is not the CPE that is silent.
        """
        for line in list(self.by_cookie.values()):
            quiet = now - line.touched
            if quiet < shortest:
                return
            if quiet >= line.timeout and not line.waiting:
                yield line
