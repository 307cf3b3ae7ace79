"""The CWMP session machine: one CPE, one conversation, no I/O (TR-069 3.7).

It is fed what the CPE posted and returns what the HTTP answer must be.  In between it drives
one flow (what we want of the device) by `.send()`, turning each operation the flow awaits into
RPCs.  A flow may also await something of the house, a database or ERPNext; the machine hands
such a wait out as `Hold` and goes on when `resume` is called.

    state        what may arrive                          what goes out
    ANNOUNCED    nothing: the flow weighs the Inform       InformResponse or a fault
    CPE_TURN     a CPE request, or an empty POST           its response; our first request or 204
    ASKING       the answer to our open request            our next request, or 204
    DONE         trailing empty POSTs                      204
                 a late CPE request                       its response, if the session ended well

What the table does not allow ends the session as `Reject`.  A CPE whose transfer ends while its
session does may report it after our last answer: that is kept, but the flow is not run again.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from enum import Enum
from typing import Any

from acs.cwmp import announcement
from acs.cwmp.dialect import Dialect
from acs.cwmp.messages import (
    Envelope,
    GetParameterNames,
    GetParameterValues,
    GetRPCMethods,
    GetRPCMethodsResponse,
    InformResponse,
    Message,
    SoapFault,
    UnknownMethod,
)
from acs.cwmp.rpc import INVALID_NAME, DeviceOperation, DeviceOutcome, Exchange, perform
from acs.model import (
    Accept,
    Get,
    Notice,
    Operation,
    Refuse,
    SessionLost,
    YourTurn,
)

Flow = Coroutine[Any, Any, None]


NO_SUCH_PATH = SoapFault(INVALID_NAME, "answered with an empty POST")


class State(Enum):
    """Whose turn it is."""

    ANNOUNCED = "announced"
    CPE_TURN = "CPE turn"
    ASKING = "asking"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Send:
    """Answer 200 with this message."""

    message: Message
    id: str
    hold_requests: bool | None = None
    use_version: str | None = None


@dataclass(frozen=True, slots=True)
class Finish:
    """Answer 204: nothing more from us."""


@dataclass(frozen=True, slots=True)
class Hold:
    """Keep the HTTP request open until ``awaited`` fires, then call `Session.resume`."""

    awaited: Any


@dataclass(frozen=True, slots=True)
class Reject:
    """Answer 400 and close: the CPE broke the rules, the session is over."""

    reason: str


Step = Send | Finish | Hold | Reject


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one session."""

    rpcs: int = 500
    """Requests of ours."""
    requests: int = 100
    """Requests of the CPE besides Inform."""


class Session:
    """One session. ``flow`` is what we do, ``on_notice`` keeps what the CPE reports meanwhile."""

    __slots__ = (
        "_asked",
        "_exchange",
        "_flow",
        "_hold_requests",
        "_inform_id",
        "_limits",
        "_next_id",
        "_noting",
        "_on_notice",
        "_release_path",
        "_request",
        "_use_version",
        "cpe_requests",
        "dialect",
        "fault",
        "namespace",
        "rpcs",
        "state",
    )

    def __init__(
        self,
        inform: Envelope,
        flow: Flow,
        on_notice: Callable[[Notice], Flow],
        *,
        root: str,
        dialect: Dialect,
        limits: Limits,
        use_version: str | None = None,
        hold_requests: bool = False,
    ) -> None:
        self.dialect = dialect
        self.namespace = inform.namespace
        self.state = State.ANNOUNCED
        self.rpcs = 0
        self.cpe_requests = 0
        self.fault: BaseException | None = None
        """A bug in the flow, for the log; the session ends cleanly all the same."""
        self._inform_id = inform.id or ""
        self._flow: Flow | None = flow
        self._on_notice: Callable[[Notice], Flow] | None = on_notice
        self._noting: Flow | None = None
        self._request: Send | None = None
        self._exchange: Exchange | None = None
        self._asked: Message | None = None
        self._limits = limits
        self._use_version = use_version
        self._hold_requests = hold_requests
        self._release_path = f"{root}ManagementServer.ParameterKey"
        self._next_id = 0

    # --- what arrives --------------------------------------------------------------

    def begin(self) -> Step:
        """Take the Inform the session was made from."""
        return self._drive(None)

    def empty_post(self) -> Step:
        """Take an empty POST."""
        match self.state:
            case State.CPE_TURN:
                return self._drive(YourTurn())
            case State.ASKING:
                # TR-069 has no such turn.  netcwmp answers so for a path it does not have, and
                # takes the next request all the same; any other answer may be lost.
                if isinstance(self._asked, GetParameterNames):
                    return self._answered(NO_SUCH_PATH)
                return self.lost("the CPE answered our request with an empty POST")
            case State.DONE:
                return Finish()
            case State.ANNOUNCED:
                return self._reject("empty POST before the Inform was answered")

    def message(self, envelope: Envelope) -> Step:
        """Take a message that is no Inform."""
        message = envelope.message
        if self.state is State.ASKING and not _is_request(message):
            return self._answered(message)
        if self.state in (State.CPE_TURN, State.DONE) and _is_request(message):
            return self._requested(message, envelope.id or "")
        return self._reject(f"{_name(message)} is out of turn ({self.state.value})")

    def resume(self, error: BaseException | None = None) -> Step:
        """Go on: what the flow was held for has come, or failed with ``error``.

        What has come is not handed in: the flow takes it from what it awaits.
        """
        if self._noting is not None:
            return self._note(error)
        return self._drive(None, error)

    def lost(self, reason: str) -> Step:
        """End the session now: the CPE went away, timed out or started anew."""
        self._stop(SessionLost(reason))
        self.state = State.DONE
        return Finish()

    # --- the CPE's requests ----------------------------------------------------------

    def _requested(self, message: Message, request_id: str) -> Step:
        self.cpe_requests += 1
        if self.cpe_requests > self._limits.requests:
            return self._reject("too many requests in one session")
        if isinstance(message, GetRPCMethods):
            return Send(GetRPCMethodsResponse(announcement.METHODS), request_id)
        if isinstance(message, UnknownMethod):
            text = f"Method not supported: {message.name}"
            return Send(SoapFault(8000, text, (), "Server"), request_id)
        if self._on_notice is None:
            return self._reject(f"{_name(message)} comes after the session was lost")
        notice = announcement.notice_of(message)
        answer = announcement.response_to(message)
        if notice is None or answer is None:
            return Send(SoapFault(8000, "Method not supported", (), "Server"), request_id)
        self._request = Send(answer, request_id)
        self._noting = self._on_notice(notice)
        return self._note()

    def _note(self, error: BaseException | None = None) -> Step:
        """Drive the keeping of a notice; it is answered when it is kept, not before."""
        assert self._noting is not None and self._request is not None
        try:
            return Hold(_advance(self._noting, None, error))
        except StopIteration:
            answer: Step = self._request
        except Exception as bug:
            self.fault = bug
            failed = SoapFault(8002, "Internal error, please report again", (), "Server")
            answer = Send(failed, self._request.id)
        self._noting = self._request = None
        return answer

    # --- the flow ----------------------------------------------------------------------

    def _answered(self, message: Message) -> Step:
        assert self._exchange is not None
        try:
            request = self._exchange.send(message)
        except StopIteration as done:
            self._exchange = None
            outcome: DeviceOutcome | None = done.value
            return self._drive(outcome)
        return self._ask(request)

    def _drive(self, value: object, error: BaseException | None = None) -> Step:
        if self._flow is None:
            return self._finish()
        try:
            wanted = _advance(self._flow, value, error)
        except StopIteration:
            self._flow = None
            return self._finish()
        except Exception as bug:
            self._flow = None
            self.fault = bug
            return self._finish()
        return self._wanted(wanted)

    def _wanted(self, wanted: Operation | Any) -> Step:
        match wanted:
            case Accept() if self.state is State.ANNOUNCED:
                return self._inform_response()
            case Refuse(reason) if self.state is State.ANNOUNCED:
                return self._refuse(reason)
            case _ if isinstance(wanted, DeviceOperation) and self.state in (
                State.CPE_TURN,
                State.ASKING,
            ):
                return self._start(wanted)
            case _ if isinstance(wanted, Operation):
                self.fault = RuntimeError(f"flow asked for {wanted!r} while {self.state.value}")
                return self._finish()
            case _:
                return Hold(wanted)

    def _start(self, operation: DeviceOperation) -> Step:
        self._exchange = perform(operation, self.dialect)
        try:
            request = next(self._exchange)
        except StopIteration as done:
            self._exchange = None
            return self._drive(done.value)
        return self._ask(request)

    def _ask(self, request: Message) -> Step:
        if self.rpcs >= self._limits.rpcs:
            return self.lost(f"more than {self._limits.rpcs} RPCs in one session")
        self.rpcs += 1
        self._next_id += 1
        self.state = State.ASKING
        self._asked = request
        release = False if self._hold_requests else None
        self._hold_requests = False
        return Send(request, str(self._next_id), hold_requests=release)

    # --- ends --------------------------------------------------------------------------

    def _inform_response(self) -> Step:
        self.state = State.CPE_TURN
        hold = True if self._hold_requests else None
        return Send(InformResponse(1), self._inform_id, hold, self._use_version)

    def _refuse(self, reason: str) -> Step:
        self._stop(None)
        self.state = State.DONE
        return Send(SoapFault(8001, reason, (), "Server"), self._inform_id)

    def _finish(self) -> Step:
        self._flow = None
        self._exchange = None
        if self.state is State.ANNOUNCED:
            if self.fault is not None:
                self.state = State.DONE
                # 8002 makes the CPE come again by its retry table; nothing it said is lost.
                return Send(SoapFault(8002, "Internal error", (), "Server"), self._inform_id)
            return self._inform_response()
        if self._hold_requests:
            # HoldRequests may not stay true to the end, and a 204 cannot carry the header.
            self._exchange = perform(Get((self._release_path,)), self.dialect)
            next(self._exchange)
            return self._ask(GetParameterValues((self._release_path,)))
        self.state = State.DONE
        return Finish()

    def _reject(self, reason: str) -> Step:
        self._stop(SessionLost(reason))
        self.state = State.DONE
        return Reject(reason)

    def _stop(self, error: SessionLost | None) -> None:
        for flow in (self._noting, self._flow):
            if flow is None:
                continue
            try:
                if error is None:
                    flow.close()
                else:
                    # The flow may post what it learned; it can await nothing any more.
                    flow.throw(error)
                    flow.close()
            except (StopIteration, SessionLost):
                pass
            except Exception as bug:
                self.fault = bug
        self._noting = self._flow = self._exchange = self._on_notice = None


def _advance(flow: Flow, value: object, error: BaseException | None) -> Any:
    return flow.send(value) if error is None else flow.throw(error)


def _is_request(message: Message) -> bool:
    """Whatever is no answer asks for one, a method of ours that a CPE cannot call included."""
    return not (isinstance(message, SoapFault) or _name(message).endswith("Response"))


def _name(message: Message) -> str:
    return message.name if isinstance(message, UnknownMethod) else type(message).__name__
