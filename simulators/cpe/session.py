"""The CPE's side of one CWMP session (TR-069 3.7), as a machine of bytes in, bytes out.

It is strict on purpose: an envelope in another CWMP namespace, an InformResponse that
does not echo the ID, an empty answer to a request end the session as failed.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum, auto
from typing import Protocol

from . import asking, render
from .asking import Question
from .calls import Call, read_call
from .device import Ont
from .dialect import Ids, Unknown
from .faults import CpeFaultError, RefusedParameter
from .hostile import document
from .misbehaviour import PARAMETER_CODES
from .render import Event
from .report import End, Rpc, SessionReport, Told
from .rpc import Answer, carried, perform
from .transfers import Transfer
from .xml import SOAP, Element, Envelope, XmlError, read_envelope

_MAX_REPEATS = 3
_RETRY_REQUEST = "8005"


class SessionError(Exception):
    """The ACS broke a rule; the session has failed."""


class HangUpError(Exception):
    """The unit breaks off because it was told to; ``linger`` keeps the connection open."""

    def __init__(self, reason: str, *, linger: bool) -> None:
        self.linger = linger
        super().__init__(reason)


class Talk(Protocol):
    """The device's side of a session, as an `exchange.Exchange` drives it."""

    @property
    def report(self) -> SessionReport:
        """What has happened so far."""

    @property
    def thought(self) -> float:
        """Seconds the unit takes for what it says next."""

    def start(self) -> bytes:
        """Return the Inform."""

    def receive(self, body: bytes) -> bytes | Transfer | None:
        """Take an answer; return what to post next, None at the end."""

    def transferred(self) -> bytes:
        """Return the answer to a Download or Upload that was carried within the session."""

    def fail(self, reason: str) -> None:
        """End the session as failed, unless it has ended."""


class _Waiting(Enum):
    START = auto()
    ANSWER = auto()
    """A request of ours is open."""
    TURN = auto()
    """It is the ACS's turn."""
    OVER = auto()


class Session:
    """One session of ``ont``.

    `start` returns the Inform; `receive` takes the body of each answer and returns the
    next body to post (empty: the empty POST), or None when the session is complete.  It may
    return a transfer instead, which is to be carried before `transferred` gives the body.
    """

    def __init__(self, ont: Ont, events: Sequence[Event], now: float) -> None:
        self._ont = ont
        self._now = now
        self._questions = asking.questions(ont)
        self._question: Question | None = None
        """The one that is open."""
        self._carrying: tuple[str | None, Call, Transfer] | None = None
        self._hold = False
        self._closed = False
        """An empty POST went out while we were free to ask: no more questions of ours."""
        self._waiting = _Waiting.START
        self._open_id: str | None = None
        self._open_method = ""
        self._sent = b""
        self._repeats = 0
        self.thought = 0.0
        """Seconds the unit takes for what it says next."""
        self.report = SessionReport(ont.events_to_tell(events), ont.retry_count)

    def start(self) -> bytes:
        """Return the Inform."""
        ont = self._ont
        body = render.inform(
            ont.dialect,
            ont.device_id,
            self.report.events,
            ont.current_time(self._now),
            ont.retry_count,
            ont.inform_parameters(self._now),
        )
        inform = self._ask("Inform", body, render.inform_header(ont.dialect))
        if ont.misbehaviour.hostile:
            return document(ont.misbehaviour.hostile, inform)
        return inform

    def receive(self, body: bytes) -> bytes | Transfer | None:
        """Take the body of an answer; return what to post next, None at the end.

        Raises `SessionError` and `HangUpError`.
        """
        try:
            return self._receive(body)
        except SessionError as error:
            self.fail(str(error))
            raise
        except HangUpError as error:
            self._end(End.HUNG_UP, str(error))
            raise

    def fail(self, reason: str) -> None:
        """End the session as failed, unless it has ended."""
        if self._waiting is not _Waiting.OVER:
            self._end(End.FAILED, reason)

    def informed(self, answer: Element) -> None:
        """Take note of the answer to an Inform that was made elsewhere: it is the ACS's turn.

        Raises `SessionError` when it is no InformResponse.
        """
        if answer.name != "InformResponse":
            refused = (answer.namespace, answer.name) == (SOAP, "Fault")
            said = f"Inform refused with fault {fault_code(answer)}"
            self.fail(said if refused else f"{answer.name} instead of InformResponse")
            raise SessionError(self.report.reason)
        self.report.informed = True
        self._waiting = _Waiting.TURN

    def _receive(self, body: bytes) -> bytes | Transfer | None:
        self.thought = 0.0
        if not body:
            return self._empty_answer()
        if self._ont.dialect.refuses_declaration and body.startswith(b"<?xml"):
            raise SessionError("an XML declaration")
        try:
            envelope = read_envelope(body)
        except XmlError as error:
            return self._unreadable(error)
        self._hold = envelope.hold_requests
        match self._waiting:
            case _Waiting.ANSWER:
                return self._answer(envelope)
            case _Waiting.TURN:
                return self._request(envelope)
            case _:
                raise SessionError("an envelope outside the session")

    # --- the ACS answers us ---------------------------------------------------------------

    def _answer(self, envelope: Envelope) -> bytes | None:
        element, expected = envelope.body, self._open_method + "Response"
        if (element.namespace, element.name) == (SOAP, "Fault"):
            return self._refused(element)
        self._check_namespace(element)
        if element.name != expected:
            raise SessionError(f"{element.name} instead of {expected}")
        if self._open_id is not None and envelope.id != self._open_id:
            raise SessionError(f"{expected} has ID {envelope.id}, asked with {self._open_id}")
        if self._open_method == "Inform":
            if element.child("MaxEnvelopes") is None:
                raise SessionError("InformResponse without MaxEnvelopes")
            self.report.informed = True
            if self._ont.misbehaviour.silent:
                raise HangUpError("silent after the Inform", linger=True)
            if self._ont.misbehaviour.flood:
                raise HangUpError("left after the Inform", linger=False)
        self._settled()
        return self._go_on()

    def _settled(self, fault: str = "") -> None:
        """Take note that the ACS answered our question."""
        if self._question is not None:
            asking.answered(self._ont, self._question, refused=bool(fault))
            self.report.told.append(Told(self._question.method, self._question.key, fault))
            self._question = None

    def _refused(self, element: Element) -> bytes | None:
        code = fault_code(element)
        if code == _RETRY_REQUEST and self._repeats < _MAX_REPEATS:
            self._repeats += 1
            return self._sent
        if self._open_method == "Inform":
            raise SessionError(f"Inform refused with fault {code}")
        self._settled(code)
        return self._go_on()

    def _go_on(self) -> bytes:
        """Ask our next question, or hand the turn to the ACS."""
        if self._questions and not self._hold and not self._closed:
            self._question = self._questions.pop(0)
            return self._ask(self._question.method, self._question.body)
        self._waiting = _Waiting.TURN
        self._closed = self._closed or not self._hold
        return b""

    def _ask(self, method: str, body: str, header: str = "") -> bytes:
        ids, own = self._ont.dialect.ids, self._ont.take_id()
        nameless = ids is Ids.NONE or (ids is Ids.NOT_THE_INFORM and method == "Inform")
        self._open_id, self._open_method = None if nameless else own, method
        self._waiting = _Waiting.ANSWER
        self._sent = render.envelope(self._ont.dialect, self._open_id, body, header)
        return self._sent

    def _empty_answer(self) -> bytes | None:
        if self._waiting is not _Waiting.TURN:
            raise SessionError(f"empty answer to {self._open_method}")
        if self._questions and not self._hold and not self._closed:
            return self._go_on()
        self._end(End.COMPLETE, "")
        return None

    # --- the ACS asks us --------------------------------------------------------------------

    def _request(self, envelope: Envelope) -> bytes | Transfer:
        element, ont = envelope.body, self._ont
        self._check_namespace(element)
        if element.name.endswith("Response"):
            raise SessionError(f"{element.name} without a request")
        limit = ont.misbehaviour.hang_up_after
        if limit is not None and len(self.report.rpcs) >= limit:
            raise HangUpError(f"hung up at {element.name}", linger=False)
        call = Call(element.name)
        if element.name in ont.dialect.lacks and ont.dialect.unknown_method is not Unknown.FAULT:
            return self._unheard(call)
        try:
            if element.name in ont.dialect.lacks:
                raise CpeFaultError(9000)
            call = read_call(element)
            refusal = ont.misbehaviour.refusal(call.method, call.names)
            if refusal:
                raise CpeFaultError(refusal)
        except CpeFaultError as fault:
            return self._fault(envelope.id, call, fault)
        drawn = self._drawn(call)
        if drawn is not None:
            return self._fault(envelope.id, call, drawn, drawn=True)
        try:
            answer = perform(ont, call, self._now)
        except CpeFaultError as fault:
            return self._fault(envelope.id, call, fault)
        if answer.transfer is not None:
            self._carrying = envelope.id, call, answer.transfer
            return answer.transfer
        return self._response(envelope.id, call, answer)

    def transferred(self) -> bytes:
        """Return the answer to a Download or Upload that was carried within the session."""
        assert self._carrying is not None
        (request_id, call, transfer), self._carrying = self._carrying, None
        try:
            answer = carried(self._ont, transfer)
        except CpeFaultError as fault:
            return self._fault(request_id, call, fault)
        return self._response(request_id, call, answer)

    def _drawn(self, call: Call) -> CpeFaultError | None:
        """Return the fault that was ordered for this request, if any."""
        draw = self._ont.lot.draw(call.method, call.names)
        if draw is None:
            return None
        if not (call.changes and draw.path and draw.code in PARAMETER_CODES):
            return CpeFaultError(draw.code)
        hit = [name for name in call.names if draw.names(call.method, (name,))]
        return CpeFaultError(9003, tuple(RefusedParameter(name, draw.code) for name in hit))

    def _response(self, request_id: str | None, call: Call, answer: Answer) -> bytes:
        self._record(call, answer)
        count = max(len(call.names), answer.body.count("<Name>"))
        self.thought = self._ont.think.seconds(call.method, count)
        name = f"cwmp:{call.method}Response"
        return render.envelope(self._ont.dialect, request_id, f"<{name}>{answer.body}</{name}>")

    def _fault(
        self, request_id: str | None, call: Call, fault: CpeFaultError, *, drawn: bool = False
    ) -> bytes:
        self._record(call, Answer(), fault.code, drawn=drawn)
        self.thought = self._ont.think.seconds(call.method, len(call.names))
        body = render.fault(self._ont.dialect, fault)
        request_id = None if self._ont.dialect.ids is Ids.NOT_FAULTS else request_id
        return render.envelope(self._ont.dialect, request_id, body)

    def _unheard(self, call: Call) -> bytes:
        """Say nothing to a method the unit does not have, or go."""
        self._record(call, Answer(), 9000)
        if self._ont.dialect.unknown_method is Unknown.HANG_UP:
            raise HangUpError(f"it does not have {call.method}", linger=False)
        return b""

    def _record(self, call: Call, answer: Answer, fault: int = 0, *, drawn: bool = False) -> None:
        self.report.rpcs.append(
            Rpc(
                call.method,
                call.names,
                call.values,
                fault,
                answer.status,
                answer.instance,
                call.key,
                drawn,
            )
        )

    def _unreadable(self, error: XmlError) -> bytes:
        code = self._ont.dialect.unparsable
        if self._waiting is not _Waiting.TURN or not code:
            raise SessionError(str(error)) from None
        self.report.rpcs.append(Rpc("unreadable", (str(error),), fault=code))
        return render.envelope(
            self._ont.dialect, None, render.fault(self._ont.dialect, CpeFaultError(code))
        )

    def _check_namespace(self, element: Element) -> None:
        own = self._ont.dialect.namespace
        if element.namespace != own:
            raise SessionError(f"{element.name} in namespace {element.namespace!r}, not {own!r}")

    def _end(self, end: End, reason: str) -> None:
        self._waiting = _Waiting.OVER
        self.report.end, self.report.reason = end, reason


def fault_code(fault: Element) -> str:
    """Return the code in a SOAP Fault of CWMP, such as ``8001``; ``none`` where it has none."""
    detail = fault.child("detail")
    code = detail.children[0].child("FaultCode") if detail and detail.children else None
    return code.text if code is not None else "none"
