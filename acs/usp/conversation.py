"""The conversation machine: one agent, one flow, one open request, no I/O (TR-369 Messages).

It drives a flow (what we want of the agent) by `.send()`, turning each operation the flow awaits
into messages, and hands out what is to be done next.

    the flow awaits               what goes out          goes on with
    a neutral operation, `Ask`    `Send`                 `answered`, the message with its id
    something of the house        `Hold`                 `resume`
    `Accept`                      nothing                at once, once the notices are kept
    nothing: it has ended         `Over`

An agent is asked one thing at a time: there are agents that handle messages one by one.  What is
no answer to the open request never gets here.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Generator, Sequence
from dataclasses import dataclass
from typing import Any

from acs.model import Accept, Notice, Operation, Refuse, SessionLost, YourTurn
from acs.usp.known import Known
from acs.usp.messages import Error, Message, Request, Response
from acs.usp.rpc import DeviceOperation, Exchange, perform

Flow = Coroutine[Any, Any, None]


@dataclass(frozen=True, slots=True)
class Ask:
    """Send one request as it is; the outcome is the agent's response or error."""

    request: Request

    def __await__(self) -> Generator[Ask, Any, Response | Error]:
        answer: Response | Error = yield self
        return answer


@dataclass(frozen=True, slots=True)
class Send:
    """Send this message, and wait for its answer."""

    message: Message


@dataclass(frozen=True, slots=True)
class Hold:
    """Wait until ``awaited`` fires, then call `Conversation.resume`."""

    awaited: Any


@dataclass(frozen=True, slots=True)
class Over:
    """The flow has ended."""


Step = Send | Hold | Over


class Conversation:
    """One flow with one agent."""

    __slots__ = (
        "_exchange",
        "_flow",
        "_limit",
        "_new_id",
        "_notices",
        "_noting",
        "_on_notice",
        "accepted",
        "fault",
        "known",
        "open_id",
        "requests",
    )

    def __init__(
        self,
        flow: Flow,
        known: Known,
        *,
        new_id: Callable[[], str],
        on_notice: Callable[[Notice], Flow] | None = None,
        limit: int = 500,
    ) -> None:
        """Take the flow.

        ``new_id`` makes message ids that were never used with this agent. ``on_notice`` keeps
        what is announced when the flow accepts it. ``limit``: most requests.
        """
        self.known = known
        self.requests = 0
        """Requests that were sent."""
        self.open_id = ""
        """Message id of the request that waits for its answer; empty: none does."""
        self.fault: BaseException | None = None
        """A bug in the flow, for the log."""
        self.accepted = False
        """What was announced is kept: the agent need not tell it again."""
        self._flow: Flow | None = flow
        self._noting: Flow | None = None
        self._notices: list[Notice] = []
        self._on_notice = on_notice
        self._exchange: Exchange | None = None
        self._new_id = new_id
        self._limit = limit

    def announce(self, notices: Sequence[Notice]) -> None:
        """Say what is to be kept when the flow accepts; the flow itself does, once it knows."""
        self._notices = list(notices)

    def begin(self) -> Step:
        """Start the flow."""
        return self._drive(None)

    def answered(self, answer: Response | Error) -> Step:
        """Take the answer to the open request."""
        self.open_id = ""
        if self._exchange is None:
            return self._drive(answer)
        return self._go_on(lambda exchange: exchange.send(answer))

    def resume(self, error: BaseException | None = None) -> Step:
        """Go on: what the flow was held for has come, or failed with ``error``.

        What has come is not handed in: the flow takes it from what it awaits.
        """
        if self._noting is not None:
            return self._note(error)
        return self._drive(None, error)

    def lost(self, reason: str) -> Step:
        """End it now: the agent went away, did not answer in time, or started anew."""
        self.open_id = ""
        for flow in (self._noting, self._flow):
            if flow is None:
                continue
            try:
                # The flow may post what it learned; it can await nothing any more.
                flow.throw(SessionLost(reason))
                flow.close()
            except (StopIteration, SessionLost):
                pass
            except Exception as bug:
                self.fault = bug
        self._noting = self._flow = self._exchange = None
        return Over()

    # --- the flow ------------------------------------------------------------------------

    def _drive(self, value: object, error: BaseException | None = None) -> Step:
        if self._flow is None:
            return Over()
        try:
            wanted = self._flow.send(value) if error is None else self._flow.throw(error)
        except StopIteration:
            self._flow = None
            return Over()
        except SessionLost:
            self._flow = None
            return Over()
        except Exception as bug:
            self._flow = None
            self.fault = bug
            return Over()
        return self._wanted(wanted)

    def _wanted(self, wanted: Operation | Ask | Any) -> Step:
        match wanted:
            case Accept():
                return self._note()
            case Refuse():
                # Nothing is said: what it announced is kept, and nothing is done for it.
                flow, self._flow = self._flow, None
                if flow is not None:
                    flow.close()
                return Over()
            case Ask(request):
                return self._ask(request)
            case _ if isinstance(wanted, DeviceOperation):
                self._exchange = perform(wanted, self.known)
                return self._go_on(next)
            case _:
                return Hold(wanted)

    def _go_on(self, move: Callable[[Exchange], Request]) -> Step:
        """Move the exchange of the operation under way; its outcome is the flow's."""
        assert self._exchange is not None
        try:
            request = move(self._exchange)
        except StopIteration as done:
            self._exchange = None
            return self._drive(done.value)
        except Exception as bug:
            self.lost("internal error")
            self.fault = bug
            return Over()
        return self._ask(request)

    def _note(self, error: BaseException | None = None) -> Step:
        """Keep the notices one after the other, then let the flow go on."""
        while True:
            if self._noting is None:
                if not self._notices or self._on_notice is None:
                    self.accepted = True
                    return self._drive(YourTurn())
                self._noting = self._on_notice(self._notices.pop(0))
            try:
                if error is None:
                    return Hold(self._noting.send(None))
                return Hold(self._noting.throw(error))
            except StopIteration:
                self._noting = None
                error = None
            except Exception as bug:
                self._noting = None
                self.lost("internal error")
                self.fault = bug
                return Over()

    def _ask(self, request: Request) -> Step:
        if self.requests >= self._limit:
            return self.lost(f"more than {self._limit} requests in one conversation")
        self.requests += 1
        self.open_id = self._new_id()
        return Send(Message(self.open_id, request))
