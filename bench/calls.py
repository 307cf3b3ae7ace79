"""Many sessions under way at once in one thread, over epoll."""

from __future__ import annotations

import select
import ssl
import time
from collections.abc import Callable
from enum import StrEnum

from bench.dialogue import Dialogue, Late, Wrong
from bench.units import Unit
from bench.wire import Line

PATIENCE = 15.0
"""Seconds without any answer at all after which the load gives up."""


class Connections(StrEnum):
    """What a TCP connection is used for."""

    SESSION = "session"
    KEPT = "kept"
    """Sessions follow each other on it."""
    REQUEST = "request"


class Call:
    """One session under way."""

    __slots__ = ("answered", "asked", "began", "dialogue", "line", "request", "unit", "watched")

    def __init__(self, unit: Unit, dialogue: Dialogue, now: float) -> None:
        self.unit = unit
        self.dialogue = dialogue
        self.began = now
        self.line: Line | None = None
        self.asked = now
        """When it sent its last request."""
        self.answered = 0
        self.watched = 0
        self.request = b""
        """What it would say next, while it is held."""


class Calls:
    """Sessions with the server on loopback ``port``.

    ``ended`` hears of each session that came to its right end.  ``failed`` is asked about each
    that did not: False ends the load, which it always does without it.
    """

    def __init__(
        self,
        port: int,
        use: Connections,
        ended: Callable[[Call], None],
        *,
        context: ssl.SSLContext | None = None,
        failed: Callable[[Call, Wrong], bool] = lambda call, wrong: False,
    ) -> None:
        self._port = port
        self._use = use
        self._ended = ended
        self._failed = failed
        self._context = context
        self._epoll = select.epoll()
        self._calls: dict[int, Call] = {}
        self._last = time.monotonic()
        self.requests = 0
        self.hold_after = 0
        """Answers after which a session is held; 0: none is."""
        self.held: list[Call] = []

    @property
    def open(self) -> int:
        """Sessions that wait for an answer."""
        return len(self._calls)

    def begin(self, unit: Unit, dialogue: Dialogue, line: Line | None = None) -> None:
        """Begin a session, on ``line`` where one is kept."""
        now = time.monotonic()
        if not self._calls:
            self._last = now
        call = Call(unit, dialogue, now)
        call.line = line
        self._send(call, dialogue.begin())

    def step(self, seconds: float) -> None:
        """Wait for answers, ``seconds`` at most, and go on. Raises `Wrong`, `OSError`."""
        events = self._epoll.poll(max(seconds, 0.0))
        now = time.monotonic()
        if events:
            self._last = now
        elif self._calls and now - self._last > PATIENCE:
            raise Wrong(f"{self.open} sessions without an answer for {PATIENCE:.0f} s")
        for number, _ in events:
            call = self._calls[number]
            try:
                self._advance(call)
            except Wrong as wrong:
                self._hang_up(call)
                if not self._failed(call, wrong):
                    raise

    def give_up(self, after: float) -> None:
        """End sessions that have waited for an answer for more than ``after`` seconds."""
        since = time.monotonic() - after
        for call in [call for call in self._calls.values() if call.asked < since]:
            self._hang_up(call)
            late = Late(f"no answer within {after:.0f} s")
            if not self._failed(call, late):
                raise late

    def release(self) -> None:
        """Let the sessions that are held go on to their end."""
        held, self.held, self.hold_after = self.held, [], 0
        self._last = time.monotonic()
        for call in held:
            self._send(call, call.request)

    def _advance(self, call: Call) -> None:
        assert call.line is not None
        answer = call.line.advance()
        if answer is None:
            self._watch(call)
            return
        call.answered += 1
        request = call.dialogue.answer(*answer)
        if request is None:
            if self._use is Connections.KEPT:
                self._leave(call)
            else:
                self._hang_up(call)
            self._ended(call)
        elif call.answered == self.hold_after:
            self._leave(call)
            call.request = request
            self.held.append(call)
        else:
            if self._use is Connections.REQUEST:
                self._hang_up(call)
            self._send(call, request)

    def _send(self, call: Call, request: bytes) -> None:
        if call.line is None:
            own = "" if self._use is Connections.KEPT else call.unit.address
            call.line = Line(self._port, own, self._context)
        call.line.send(request)
        call.asked = time.monotonic()
        self.requests += 1
        self._watch(call)

    def _watch(self, call: Call) -> None:
        assert call.line is not None
        number = call.line.fileno()
        wanted = select.EPOLLIN | (select.EPOLLOUT if call.line.wants_to_write else 0)
        if number not in self._calls:
            self._calls[number] = call
            self._epoll.register(number, wanted)
        elif wanted != call.watched:
            self._epoll.modify(number, wanted)
        call.watched = wanted

    def _leave(self, call: Call) -> None:
        assert call.line is not None
        number = call.line.fileno()
        if self._calls.pop(number, None) is not None:
            self._epoll.unregister(number)

    def _hang_up(self, call: Call) -> None:
        if call.line is not None:
            self._leave(call)
            call.line.close()
            call.line = None
