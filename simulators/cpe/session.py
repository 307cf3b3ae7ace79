"""The CPE's side of one CWMP session (TR-069 3.7), as a machine of bytes in, bytes out.

It is strict on purpose: an envelope in another CWMP namespace, an InformResponse that
does not echo the ID, an empty answer to a request end the session as failed.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum, auto

from . import render
from .device import Ont
from .faults import CpeFaultError
from .render import Event
from .report import End, Rpc, SessionReport
from .rpc import Answer, Call, perform, read_call
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
    next body to post (empty: the empty POST), or None when the session is complete.
    """

    def __init__(self, ont: Ont, events: Sequence[Event], now: float) -> None:
        self._ont = ont
        self._now = now
        self._questions = list(ont.questions)
        self._hold = False
        self._closed = False
        """An empty POST went out while we were free to ask: no more questions of ours."""
        self._waiting = _Waiting.START
        self._open_id = ""
        self._open_method = ""
        self._sent = b""
        self._repeats = 0
        self.report = SessionReport(tuple(events), ont.retry_count)

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
        inform = self._ask("Inform", body)
        if ont.misbehaviour.broken_xml:
            return inform.replace(b"</DeviceId>", b"")
        return inform

    def receive(self, body: bytes) -> bytes | None:
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

    def _receive(self, body: bytes) -> bytes | None:
        if not body:
            return self._empty_answer()
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
        if envelope.id != self._open_id:
            raise SessionError(f"{expected} has ID {envelope.id}, asked with {self._open_id}")
        if self._open_method == "Inform":
            if element.child("MaxEnvelopes") is None:
                raise SessionError("InformResponse without MaxEnvelopes")
            self.report.informed = True
            if self._ont.misbehaviour.silent:
                raise HangUpError("silent after the Inform", linger=True)
        return self._go_on()

    def _refused(self, element: Element) -> bytes | None:
        detail = element.child("detail")
        inner = detail.children[0] if detail and detail.children else None
        code = inner.value("FaultCode") if inner and inner.child("FaultCode") else "none"
        if code == _RETRY_REQUEST and self._repeats < _MAX_REPEATS:
            self._repeats += 1
            return self._sent
        if self._open_method == "Inform":
            raise SessionError(f"Inform refused with fault {code}")
        return self._go_on()

    def _go_on(self) -> bytes:
        """Ask our next question, or hand the turn to the ACS."""
        if self._questions and not self._hold and not self._closed:
            method = self._questions.pop(0)
            self._ont.questions.remove(method)
            return self._ask(method, f"<cwmp:{method}></cwmp:{method}>")
        self._waiting = _Waiting.TURN
        self._closed = self._closed or not self._hold
        return b""

    def _ask(self, method: str, body: str) -> bytes:
        self._open_id, self._open_method = self._ont.take_id(), method
        self._waiting = _Waiting.ANSWER
        self._sent = render.envelope(self._ont.dialect, self._open_id, body)
        return self._sent

    def _empty_answer(self) -> bytes | None:
        if self._waiting is not _Waiting.TURN:
            raise SessionError(f"empty answer to {self._open_method}")
        if self._questions and not self._hold and not self._closed:
            return self._go_on()
        self._end(End.COMPLETE, "")
        return None

    # --- the ACS asks us --------------------------------------------------------------------

    def _request(self, envelope: Envelope) -> bytes:
        element, ont = envelope.body, self._ont
        self._check_namespace(element)
        if element.name.endswith("Response"):
            raise SessionError(f"{element.name} without a request")
        limit = ont.misbehaviour.hang_up_after
        if limit is not None and len(self.report.rpcs) >= limit:
            raise HangUpError(f"hung up at {element.name}", linger=False)
        call = Call(element.name)
        try:
            call = read_call(element)
            refusal = ont.misbehaviour.refusal(call.method, call.names)
            if refusal:
                raise CpeFaultError(refusal)
            answer = perform(ont, call)
            name = f"cwmp:{call.method}Response"
            body = f"<{name}>{answer.body}</{name}>"
            self._record(call, answer)
        except CpeFaultError as fault:
            body = render.fault(ont.dialect, fault)
            self._record(call, Answer(), fault.code)
        return render.envelope(ont.dialect, envelope.id, body)

    def _record(self, call: Call, answer: Answer, fault: int = 0) -> None:
        self.report.rpcs.append(
            Rpc(call.method, call.names, call.values, fault, answer.status, answer.instance)
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
