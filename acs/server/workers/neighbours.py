"""Asking another worker over its local socket, and being asked.

One connection for each pair is made when it is first needed; questions and answers are frames
(`acs.server.workers.messages`), many at a time.  Whoever does not answer in time, or dies, is an
error of the question; nobody waits for ever.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import msgspec
from twisted.internet.defer import Deferred, fail
from twisted.internet.endpoints import UNIXClientEndpoint
from twisted.internet.error import ConnectError, ConnectionClosed
from twisted.internet.protocol import Factory
from twisted.protocols.basic import Int32StringReceiver
from twisted.python.failure import Failure

from acs.log import get_logger
from acs.server.workers.messages import Answer, Hung, Question, answered, encode, heard

log = get_logger("acs.workers")

CONNECT_SECONDS = 2.0
MOST_WAITING = 2000
"""Questions to one worker that may be open: whoever is so slow gets no more."""
FRAME_ROOM = 256 * 1024
"""Octets of a frame besides a request's body: its headers, and the metrics of a worker."""


class NeighbourGone(Exception):  # noqa: N818 - what happened
    """The worker is not there, or did not answer."""


class _Frames(Int32StringReceiver):
    """What both sides do."""

    def say(self, frame: bytes) -> None:
        """Send one frame."""
        self.sendString(frame)  # type: ignore[no-untyped-call]

    def hang_up(self) -> None:
        """End the connection."""
        transport: Any = self.transport
        if transport is not None:
            transport.loseConnection()


class _Asking(_Frames):
    """The asker's side."""

    def __init__(self, lost: Callable[[], None], longest: int) -> None:
        self.MAX_LENGTH = longest
        self._lost = lost
        self.waiting: dict[int, Deferred[Answer]] = {}

    def stringReceived(self, string: bytes) -> None:  # noqa: N802
        answer = answered(string)
        deferred = self.waiting.pop(answer.id, None)
        if deferred is not None:
            deferred.callback(answer)

    def connectionLost(self, reason: Failure = Failure(ConnectionClosed())) -> None:  # noqa: N802, B008
        waiting, self.waiting = self.waiting, {}
        self._lost()
        for deferred in waiting.values():
            deferred.errback(NeighbourGone("it has ended"))


class Neighbour:
    """Another worker, as the one that asks sees it."""

    def __init__(self, reactor: Any, path: Path, longest: int) -> None:
        """``path``: its local socket; ``longest``: octets of the longest request's body."""
        self._reactor = reactor
        self._longest = longest + FRAME_ROOM
        self._endpoint = UNIXClientEndpoint(reactor, str(path), CONNECT_SECONDS)
        self._ids = count(1)
        self._link: _Asking | None = None
        self._held: list[tuple[int, bytes, Deferred[Answer]]] | None = None
        """Questions that wait for the connection while it is being made."""

    def ask(self, make: Callable[[int], Question], seconds: float) -> Deferred[Answer]:
        """Ask, with a question made of its id; fails with `NeighbourGone`."""
        asked = next(self._ids)
        link = self._link
        open_now = len(link.waiting) if link else len(self._held or ())
        if open_now >= MOST_WAITING:
            return fail(NeighbourGone("too many questions are open"))
        answer: Deferred[Answer] = Deferred(lambda _: self._forget(asked))
        frame = encode(make(asked))
        if link is not None:
            link.waiting[asked] = answer
            link.say(frame)
        else:
            self._hold(asked, frame, answer)
        answer.addTimeout(seconds, self._reactor, onTimeoutCancel=_silent)
        return answer

    def hung(self, connection: int) -> None:
        """Say that a CPE's connection has ended."""
        if self._link is not None:
            self._link.say(encode(Hung(connection)))

    def close(self) -> None:
        """Hang up."""
        if self._link is not None:
            self._link.hang_up()

    def _forget(self, asked: int) -> None:
        if self._link is not None:
            self._link.waiting.pop(asked, None)

    def _hold(self, asked: int, frame: bytes, answer: Deferred[Answer]) -> None:
        if self._held is None:
            self._held = []
            factory = Factory.forProtocol(lambda: _Asking(self._lost, self._longest))
            factory.noisy = False
            self._endpoint.connect(factory).addCallbacks(self._connected, self._unreached)
        self._held.append((asked, frame, answer))

    def _connected(self, link: Any) -> None:
        held, self._held = self._held or [], None
        self._link = link
        for asked, frame, answer in held:
            if not answer.called:
                link.waiting[asked] = answer
                link.say(frame)

    def _unreached(self, failure: Failure) -> None:
        held, self._held = self._held or [], None
        for _, _, answer in held:
            if not answer.called:
                answer.errback(NeighbourGone(f"it cannot be reached: {failure.getErrorMessage()}"))
        failure.trap(ConnectError, OSError)

    def _lost(self) -> None:
        self._link = None


def _silent(result: object, seconds: float) -> None:
    raise NeighbourGone(f"no answer in {seconds:g} s")


class Neighbours:
    """The other workers of one supervisor, found by name in its directory."""

    def __init__(self, reactor: Any, folder: Path, longest: int) -> None:
        """``longest``: octets of the longest request's body."""
        self._reactor = reactor
        self._folder = folder
        self._longest = longest
        self._known: dict[str, Neighbour] = {}

    def named(self, name: str) -> Neighbour | None:
        """The worker of this name; None: there is none now."""
        path = socket_of(self._folder, name)
        if not path.exists():
            # Who died without a word leaves it, and his supervisor takes it away.
            self._known.pop(name, None)
            return None
        known = self._known.get(name)
        if known is None:
            known = self._known[name] = Neighbour(self._reactor, path, self._longest)
        return known

    def close(self) -> None:
        """Hang up everywhere."""
        for each in self._known.values():
            each.close()


def socket_of(folder: Path, name: str) -> Path:
    """The local socket of the worker of this name, in its supervisor's directory."""
    return folder / f"{name}.sock"


Respond = Callable[["Hearing", Question], Deferred[Answer]]
"""Answers one question that came on a connection."""


class Hearing(_Frames):
    """The side that is asked.

    ``twins`` is for what belongs to the asker's connections, by their number; ``hung`` is told of
    each whose end has come.
    """

    def __init__(self, respond: Respond, longest: int) -> None:
        self.MAX_LENGTH = longest + FRAME_ROOM
        self._respond = respond
        self.twins: dict[int, Any] = {}
        self.hung: Callable[[Any], None] = lambda _twin: None

    def stringReceived(self, string: bytes) -> None:  # noqa: N802
        """One frame has come."""
        try:
            said = heard(string)
        except msgspec.DecodeError as error:
            log.error("a neighbour is not understood", error=str(error))
            self.hang_up()
            return
        if isinstance(said, Hung):
            twin = self.twins.pop(said.connection, None)
            if twin is not None:
                self.hung(twin)
            return
        self._respond(self, said).addCallbacks(self._say, self._failed)

    def connectionLost(self, reason: Failure = Failure(ConnectionClosed())) -> None:  # noqa: N802, B008
        """The asker has gone, and all its connections for us."""
        twins, self.twins = self.twins, {}
        for twin in twins.values():
            self.hung(twin)

    def _say(self, answer: Answer) -> None:
        if self.connected:
            self.say(encode(answer))

    def _failed(self, failure: Failure) -> None:
        # The asker must not wait for what will not come; its own questions fail with the link.
        log.error("a neighbour's question failed", exc_info=failure.value)
        self.hang_up()


def listen(reactor: Any, path: Path, respond: Respond, longest: int) -> Any:
    """Listen on the local socket ``path``, for nobody else's eyes. Raises `CannotListenError`."""
    factory = Factory.forProtocol(lambda: Hearing(respond, longest))
    factory.noisy = False
    return reactor.listenUNIX(str(path), factory, mode=0o600)
