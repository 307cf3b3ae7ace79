"""The session context between two endpoints (TR-369, USP Record End to End Exchange).

It numbers the records of each side, so that what was lost is sent again, what comes twice counts
once, and a payload larger than a record goes in parts. `SessionContext` is one side of it: it
takes segments and payloads and gives back segments to send and payloads to act on. It draws no
ids, keeps no time and sends nothing: fresh session ids are handed in, and what it returns has to
be sent in that order.

    context = SessionContext()
    context.start(fresh_id)                       # or the peer starts it, by its first record
    for segment in context.send(payload, room):   # a request of ours
        ...
    received = context.receive(segment, tls)      # a record came
    for payload in received.payloads: ...         # whole messages, in order, each once
    for segment in received.send: ...             # sent again, or asking for what is missing
    if received.failure:                          # the context is over
        for segment in context.restart(fresh_id): ...

There is no record that does nothing but acknowledge, as such a one would have to be acknowledged
itself. When an answer does not come in time, `SessionContext.repeat` gives what to send again;
when that fails too, `restart`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace

from acs.usp.errors import Code
from acs.usp.records import FIRST_SESSION, Sar, Segment

LAST_SEQUENCE = 2**64 - 1 - 10_000
"""Beyond it a new context has to be started (R-E2E.8)."""

_ENDED_KEPT = 4


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much a context keeps. What goes beyond ends it (R-E2E.21)."""

    records: int = 4096
    """That came before their turn; and of ours that the peer has not acknowledged. A large
    answer of an agent with small records is of many."""
    octets: int = 8 * 1024 * 1024
    """Of a reassembled payload; of what came before its turn; of what is not acknowledged."""
    tries: int = 3
    """How often one record is sent again (``E2ESession.MaxRetransmitTries``)."""


DEFAULT_BOUNDS = Bounds()


@dataclass(frozen=True, slots=True)
class Failed:
    """The context is over.

    With `Code.SESSION_CONTEXT_TERMINATED` a new one may be started at once; with
    `Code.SECURE_SESSION_NOT_SUPPORTED` the peer wants what we cannot, and is told so by a
    Disconnect record.
    """

    code: Code
    text: str


@dataclass(frozen=True, slots=True)
class Received:
    """What came of a segment."""

    payloads: tuple[bytes, ...] = ()
    """Whole messages, in the order they were sent."""
    send: tuple[Segment, ...] = ()
    """Segments to send now."""
    failure: Failed | None = None


class ContextOver(Exception):  # noqa: N818 - what became of the context
    """Nothing can be sent in this context: start another."""


class _Broken(Exception):  # noqa: N818 - what the peer did
    """The peer did what ends a context; the text says what."""


@dataclass(slots=True)
class _Sent:
    """A record of ours that may have to be sent again."""

    sar: Sar
    payload: bytes
    retransmit_id: int
    tries: int = 0


class SessionContext:
    """Our side of the session context with one endpoint; there is one at most (R-E2E.5)."""

    def __init__(self, bounds: Bounds = DEFAULT_BOUNDS) -> None:
        self._bounds = bounds
        self._ended: deque[int] = deque(maxlen=_ENDED_KEPT)
        self.session_id = 0
        """Of the context; 0: there is none."""
        self._begin(0)

    # --- beginning and end ---------------------------------------------------------------

    def start(self, session_id: int) -> None:
        """Begin a context of ours; the next `send` tells the peer of it.

        Raises `ValueError` for an id that is not greater than 1 (R-E2E.3) or is in use.
        """
        if session_id < FIRST_SESSION or session_id == self.session_id:
            raise ValueError(f"{session_id} cannot be the id of a new session context")
        self._leave()
        self._begin(session_id)

    def restart(self, session_id: int) -> tuple[Segment, ...]:
        """Begin anew and say so (R-E2E.21): an empty record goes out.

        What the peer had not acknowledged is forgotten; who asked for an answer asks again.
        """
        self.start(session_id)
        return self.send(b"")

    def end(self) -> None:
        """A Disconnect record came or goes: forget that there was a context (R-MTP.7)."""
        self._ended.clear()
        self._begin(0)

    def _begin(self, session_id: int) -> None:
        self.session_id = session_id
        self._next = 1
        self._sent: dict[int, _Sent] = {}
        self._sent_octets = 0
        self._expected = 1
        self._first = 0
        self._asked = 0
        self._ahead: dict[int, Segment] = {}
        self._ahead_octets = 0
        self._parts: list[bytes] | None = None
        self._parts_octets = 0

    def _leave(self) -> None:
        if self.session_id:
            self._ended.append(self.session_id)
        self._begin(0)

    # --- out -----------------------------------------------------------------------------

    def send(self, payload: bytes, limit: int = 0) -> tuple[Segment, ...]:
        """Put a message into as many segments as it needs.

        ``limit``: octets of payload that one segment may have, see `records.payload_room`; 0: no
        limit. Raises `ContextOver` where there is no context, its numbers are used up (R-E2E.9),
        the peer acknowledges nothing, or the payload alone is beyond the bounds.
        """
        if not limit or len(payload) <= limit:
            return (self._emit(Sar.NONE, payload),)
        parts = [payload[at : at + limit] for at in range(0, len(payload), limit)]
        self._check_room(len(parts), len(payload))
        last = len(parts) - 1
        return tuple(self._emit(_position(number, last), part) for number, part in enumerate(parts))

    def repeat(self) -> tuple[Segment, ...]:
        """What was awaited did not come: send again what is not acknowledged, and ask again for
        what is missing. Raises `ContextOver` when that was done often enough."""
        if any(each.tries >= self._bounds.tries for each in self._sent.values()):
            raise ContextOver("the peer does not acknowledge what was sent to it again")
        again = [self._again(number) for number in self._sent]
        if self._ahead and not any(each.retransmit_id == self._expected for each in again):
            again.append(self._emit(Sar.NONE, b"", self._expected))
        return tuple(again)

    def _emit(self, sar: Sar, payload: bytes, retransmit_id: int = 0) -> Segment:
        self._check_room(1, len(payload))
        number = self._next
        self._next += 1
        self._sent[number] = _Sent(sar, payload, retransmit_id)
        self._sent_octets += len(payload)
        return self._segment(number)

    def _check_room(self, records: int, octets: int) -> None:
        if not self.session_id:
            raise ContextOver("there is no session context")
        if self._next + records - 1 > LAST_SEQUENCE:
            raise ContextOver("the sequence numbers are used up")
        if (
            len(self._sent) + records > self._bounds.records
            or self._sent_octets + octets > self._bounds.octets
        ):
            raise ContextOver("more is not acknowledged than is kept to be sent again")

    def _segment(self, number: int) -> Segment:
        sent = self._sent[number]
        # A record that goes again may ask for what came since.
        retransmit_id = sent.retransmit_id if sent.retransmit_id >= self._expected else 0
        # An empty one, too, is there: OB-USP-AGENT ends the context over a record without payload.
        payloads = (sent.payload,)
        return Segment(
            self.session_id, number, self._expected, retransmit_id, sent.sar, sent.sar, payloads
        )

    def _again(self, number: int) -> Segment:
        self._sent[number].tries += 1
        return self._segment(number)

    # --- in ------------------------------------------------------------------------------

    def receive(self, segment: Segment, tls: bool = False) -> Received:
        """Take a record of the session context. ``tls``: its payload is secured (`Record.tls`)."""
        payloads: list[bytes] = []
        try:
            if tls and segment.session_id != self.session_id:
                self._leave()
                text = "payloads secured by TLS are not supported"
                return Received(failure=Failed(Code.SECURE_SESSION_NOT_SUPPORTED, text))
            if tls:
                raise _Broken("payload_security changed within the context")  # R-E2E.19
            if not self._follow(segment):
                return Received()
            self._acknowledge(segment.expected_id)
            if segment.sequence_id < self._expected or segment.sequence_id in self._ahead:
                return Received()  # R-E2E.20, R-E2E.25
            self._keep(segment)
            payloads.extend(self._in_order())
            return Received(tuple(payloads), tuple(self._answers(segment.retransmit_id)))
        except (_Broken, ContextOver) as problem:
            self._leave()
            failure = Failed(Code.SESSION_CONTEXT_TERMINATED, str(problem))
            return Received(tuple(payloads), failure=failure)

    def _follow(self, segment: Segment) -> bool:
        """Begin another context where the segment is of one; False: it is of one that is over."""
        first = segment.sequence_id == 1
        if segment.session_id != self.session_id:
            if segment.session_id in self._ended and not first:
                return False  # It was late on its way: no sign of a new context.
            self._leave()
            self._begin(segment.session_id)  # R-E2E.4, R-E2E.6
        elif first and self._expected > 1 and hash(segment.payloads) != self._first:
            # No duplicate: the peer lost its memory, and takes the same id as before.
            self._begin(segment.session_id)
        if first:
            self._first = hash(segment.payloads)
        return True

    def _acknowledge(self, expected_id: int) -> None:
        """Forget what the peer has (R-E2E.17)."""
        if expected_id > self._next:
            raise _Broken(f"the peer has {expected_id - 1} records of ours, of {self._next - 1}")
        for number in [each for each in self._sent if each < expected_id]:
            self._sent_octets -= len(self._sent.pop(number).payload)

    def _keep(self, segment: Segment) -> None:
        if segment.sequence_id > LAST_SEQUENCE:
            raise _Broken("the peer's sequence numbers are used up")
        # A payload of many empty parts takes room, and has no octets.
        segment = replace(segment, payloads=(b"".join(segment.payloads),))
        octets = len(segment.payloads[0])
        if (
            len(self._ahead) >= self._bounds.records
            or segment.sequence_id - self._expected > self._bounds.records
            or self._ahead_octets + octets > self._bounds.octets
        ):
            raise _Broken("more came before its turn than is kept")
        self._ahead[segment.sequence_id] = segment
        self._ahead_octets += octets

    def _in_order(self) -> Iterator[bytes]:
        """Whole messages up to the next gap."""
        while (segment := self._ahead.pop(self._expected, None)) is not None:
            self._ahead_octets -= sum(map(len, segment.payloads))
            self._expected += 1
            payload = self._assemble(segment.sar, b"".join(segment.payloads))
            if payload:
                yield payload

    def _assemble(self, sar: Sar, payload: bytes) -> bytes:
        """The whole message that ends here; empty: none does."""
        if sar is Sar.NONE:
            if payload and self._parts is not None:
                raise _Broken("a message comes within a segmented one")
            return payload
        if (self._parts is None) != (sar is Sar.BEGIN):
            raise _Broken(f"a segment is {sar.name} at the wrong place")
        if self._parts is None:
            self._parts, self._parts_octets = [], 0
        self._parts.append(payload)
        self._parts_octets += len(payload)
        if self._parts_octets > self._bounds.octets:
            raise _Broken("a segmented message is larger than is taken")
        if sar is not Sar.COMPLETE:
            return b""
        whole, self._parts = b"".join(self._parts), None
        return whole

    def _answers(self, retransmit_id: int) -> Iterator[Segment]:
        # Also to a record that came before its turn: two sides that each wait for a record of
        # the other would else wait for ever.
        if retransmit_id >= self._next:
            raise _Broken("the peer asks for a record that was never sent")
        if retransmit_id in self._sent:
            if self._sent[retransmit_id].tries >= self._bounds.tries:
                raise _Broken("a record was asked for too often")
            yield self._again(retransmit_id)
        if self._ahead and self._asked < self._expected:
            self._asked = self._expected
            yield self._emit(Sar.NONE, b"", self._expected)


def _position(number: int, last: int) -> Sar:
    if number == 0:
        return Sar.BEGIN
    return Sar.COMPLETE if number == last else Sar.INPROCESS
