"""How an agent speaks over its link: records, session contexts, and what goes wrong on purpose."""

from __future__ import annotations

from functools import partial

from acs.usp.pb import usp_record_pb2 as pb

from . import records
from .errors import text_of
from .misdeeds import Misdeeds
from .outgoing import Outgoing
from .session_context import Context
from .unit import Controller, Unit

_MARGIN = 96
"""Octets of a record that are not payload, besides its endpoint ids."""


class Speaker:
    """What one agent sends; `take` hands it to the link."""

    __slots__ = ("_contexts", "_misdeeds", "_out", "_unit", "is_up")

    def __init__(self, unit: Unit) -> None:
        self._unit = unit
        self._misdeeds = Misdeeds(unit.options.mischief, unit.random)
        self._contexts: dict[str, Context] = {}
        self._out: list[Outgoing] = []
        self.is_up = False
        """Whether something may be sent at all."""

    def take(self) -> list[Outgoing]:
        """Return the records to send, and forget them."""
        out, self._out = self._out, []
        return out

    def fall_silent(self) -> None:
        """Send nothing more: the link has closed, or the agent hangs."""
        self.is_up = False
        self._out.clear()
        self.forget_contexts()

    def connect(self, mtp: str, topic: str, now: float) -> None:
        """Begin with a Connect record for each controller; agents before 1.2 have none."""
        self.is_up = True
        self.forget_contexts()
        if self._unit.version in ("1.0", "1.1"):
            return
        for controller in self._unit.controllers():
            if controller.reachable:
                self._emit(records.connect(self._ends(controller), mtp, topic), controller, now)

    def disconnect(self, controller: Controller, code: int, now: float) -> None:
        """Send a Disconnect record."""
        self._unit.counters[f"disconnect.{code}"] += 1
        record = records.disconnect(self._ends(controller), code, text_of(code))
        self._emit(record, controller, now)

    def notify(self, controller: Controller, payload: bytes, now: float) -> bool:
        """Send a Notify; see `reporting.Deliver`."""
        if not self.is_up or not controller.reachable:
            return False
        self._message(
            controller, payload, now, in_context=self._unit.options.session_context, answer=False
        )
        return True

    def answer(
        self, controller: Controller, payload: bytes, now: float, *, in_context: bool
    ) -> None:
        """Send a response or an Error in the kind of record its request came in (R-MSG.0a)."""
        self._message(controller, payload, now, in_context=in_context, answer=True)

    # --- session contexts -------------------------------------------------------------------

    def hear(
        self, segment: pb.SessionContextRecord, controller: Controller, now: float
    ) -> tuple[bytes, ...]:
        """Take a segment; return the messages that are whole now."""
        taken = self._context(controller).receive(segment)
        for each in taken.send:
            self._emit(records.segment(self._ends(controller), each), controller, now)
        return taken.payloads

    def forget_contexts(self) -> None:
        """Begin anew with every controller."""
        self._contexts.clear()

    def _context(self, controller: Controller) -> Context:
        known = self._contexts.get(controller.endpoint)
        if known is None:
            known = Context(lambda: self._unit.random.randrange(2, 2**32))
            self._contexts[controller.endpoint] = known
        return known

    # --- behind that ------------------------------------------------------------------------

    def _ends(self, controller: Controller) -> records.Ends:
        return records.Ends(self._unit.version, self._unit.endpoint, controller.endpoint)

    def _message(
        self,
        controller: Controller,
        payload: bytes,
        now: float,
        *,
        in_context: bool,
        answer: bool,
    ) -> None:
        ends = self._ends(controller)
        if not in_context:
            self._emit(records.message(ends, payload), controller, now, answer=answer)
            return
        largest = self._unit.options.max_record
        room = max(1, largest - _MARGIN - len(ends.own) - len(ends.peer)) if largest else 0
        for segment in self._context(controller).send(payload, room):
            self._emit(records.segment(ends, segment), controller, now, answer=answer)

    def _emit(
        self,
        record: pb.Record,
        controller: Controller,
        now: float,
        *,
        answer: bool | None = None,
    ) -> None:
        """Send a record, with what the agent does wrong; ``answer`` None: it is no message."""
        self._unit.counters["sent"] += 1
        if answer is None or self._unit.options.mischief.good:
            self._out.append(Outgoing(record.SerializeToString(), controller.topic))
            return
        for delay, octets in self._misdeeds.of(record, answer=answer):
            outgoing = Outgoing(octets, controller.topic)
            if delay:
                self._unit.timers.at(now + delay, partial(self._late, outgoing))
            else:
                self._out.append(outgoing)

    def _late(self, outgoing: Outgoing, _now: float) -> None:
        if self.is_up:
            self._out.append(outgoing)
