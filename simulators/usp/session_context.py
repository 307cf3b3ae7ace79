"""The session context of an agent with one controller (TR-369, R-E2E.3 to R-E2E.25).

Payloads are plaintext; a failure starts a new context, with a session id that is handed in.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from acs.usp.pb import usp_record_pb2 as pb

Segment = pb.SessionContextRecord
_MOST_BUFFERED = 64
_MOST_RESENDS = 3
_LARGEST = 5 * 1024 * 1024


class Taken(NamedTuple):
    """What came of a segment."""

    payloads: tuple[bytes, ...] = ()
    """Whole messages, in order."""
    send: tuple[pb.SessionContextRecord, ...] = ()
    """Segments to send because of it."""


class Context:
    """One side of the context. ``new_id`` gives session ids above 1."""

    def __init__(self, new_id: Callable[[], int]) -> None:
        self._new_id = new_id
        self.session = 0
        """Id of the context; 0: there is none."""
        self._forget()

    def reset(self) -> None:
        """Forget the context, as after a Disconnect record (R-MTP.7)."""
        self.session = 0
        self._forget()

    def _forget(self) -> None:
        self._next = 1
        self._expected = 1
        self._sent: dict[int, pb.SessionContextRecord] = {}
        self._resent: dict[int, int] = {}
        self._early: dict[int, pb.SessionContextRecord] = {}
        self._parts = bytearray()

    def send(self, payload: bytes, limit: int) -> tuple[pb.SessionContextRecord, ...]:
        """Cut a message into segments of at most ``limit`` octets of payload; 0: one."""
        if not self.session:
            self._start(self._new_id())
        size = limit or len(payload) or 1
        pieces = [payload[at : at + size] for at in range(0, len(payload), size)] or [b""]
        last = len(pieces) - 1
        segments = []
        for number, piece in enumerate(pieces):
            state = Segment.INPROCESS
            if not last:
                state = Segment.NONE
            elif number == 0:
                state = Segment.BEGIN
            elif number == last:
                state = Segment.COMPLETE
            segments.append(self._segment(piece, state))
        return tuple(segments)

    def receive(self, segment: pb.SessionContextRecord) -> Taken:
        """Take a segment."""
        if segment.session_id <= 1:
            return Taken()
        if segment.session_id != self.session:
            if segment.sequence_id != 1:  # A piece of a context that is over (R-E2E.24).
                return Taken()
            self._start(segment.session_id)
        for number in [n for n in self._sent if n < segment.expected_id]:
            del self._sent[number]
        if segment.sequence_id < self._expected:
            return Taken()
        if segment.sequence_id > self._expected:
            return self._too_early(segment)
        payloads: list[bytes] = []
        send: list[pb.SessionContextRecord] = []
        following: pb.SessionContextRecord | None = segment
        while following is not None:
            self._expected += 1
            if not self._take(following, payloads) or not self._resend(following, send):
                return Taken(tuple(payloads), self._restart())
            following = self._early.pop(self._expected, None)
        return Taken(tuple(payloads), tuple(send))

    def _start(self, session: int) -> None:
        self._forget()
        self.session = session

    def _restart(self) -> tuple[pb.SessionContextRecord, ...]:
        """Begin anew after a failure, with a segment that says so (R-E2E.21)."""
        self._start(self._new_id())
        return (self._segment(b"", Segment.NONE),)

    def _segment(self, payload: bytes, state: int) -> pb.SessionContextRecord:
        segment = Segment(
            session_id=self.session,
            sequence_id=self._next,
            expected_id=self._expected,
            payload_sar_state=Segment.PayloadSARState.Name(state),
            payloadrec_sar_state=Segment.PayloadSARState.Name(state),
        )
        segment.payload.append(payload)
        self._sent[self._next] = segment
        self._next += 1
        return segment

    def _too_early(self, segment: pb.SessionContextRecord) -> Taken:
        if len(self._early) >= _MOST_BUFFERED:
            return Taken((), self._restart())
        self._early[segment.sequence_id] = segment
        ask = Segment(
            session_id=self.session,
            sequence_id=self._next,
            expected_id=self._expected,
            retransmit_id=self._expected,
            payload=[b""],
        )
        self._sent[self._next] = ask
        self._next += 1
        return Taken((), (ask,))

    def _take(self, segment: pb.SessionContextRecord, payloads: list[bytes]) -> bool:
        """Reassemble; False when that failed."""
        piece = b"".join(segment.payload)
        if len(self._parts) + len(piece) > _LARGEST:
            return False
        match segment.payload_sar_state:
            case Segment.NONE:
                if self._parts:
                    return False
                if piece:
                    payloads.append(piece)
            case Segment.BEGIN:
                self._parts = bytearray(piece)
            case Segment.INPROCESS:
                self._parts += piece
            case _:
                payloads.append(bytes(self._parts + piece))
                self._parts = bytearray()
        return True

    def _resend(
        self, segment: pb.SessionContextRecord, send: list[pb.SessionContextRecord]
    ) -> bool:
        wanted = segment.retransmit_id
        if not wanted:
            return True
        self._resent[wanted] = self._resent.get(wanted, 0) + 1
        if wanted not in self._sent or self._resent[wanted] > _MOST_RESENDS:
            return False
        send.append(self._sent[wanted])
        return True
