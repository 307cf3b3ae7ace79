"""Ask ERPNext in a thread, under circuit breaker and budget: the one way for whoever asks."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, TypeVar

from twisted.internet.defer import CancelledError, Deferred

from erp_bridge.breaker import Breaker, State
from erp_bridge.budget import Budget, Turn
from erp_bridge.errors import (
    ErpBusy,
    ErpError,
    ErpForbidden,
    ErpMisconfigured,
    ErpUnauthorized,
    ErpUnavailable,
)

T = TypeVar("T")


class Turns:
    """Has those who ask wait for their turn. Belongs to the reactor's thread, but for `called`.

    ``reactor`` is an IReactorTime, by whose clock ``budget`` runs.
    """

    def __init__(self, reactor: Any, budget: Budget[Deferred[None]]) -> None:
        self._reactor = reactor
        self._budget = budget
        self._timer: Any = None
        self._calls = threading.local()

    @property
    def waiting(self) -> int:
        """How many wait for their turn."""
        return self._budget.waiting

    @property
    def waited(self) -> float:
        """Seconds that the one who waits longest has waited."""
        return self._budget.waited(self._reactor.seconds())

    async def begin(self, turn: Turn) -> None:
        """Return when it is the caller's turn; `end` must follow."""
        mine: Deferred[None] = Deferred(self._budget.leave)
        self._budget.join(turn, mine, self._reactor.seconds())
        self._go_on()
        await mine

    def end(self, turn: Turn, calls: int) -> None:
        """The caller has asked, and made so many calls."""
        self._budget.ended(turn, calls, self._reactor.seconds())
        self._go_on()

    def called(self) -> None:
        """Note, in the asking thread, that a call was made."""
        self._calls.made = self.made + 1

    @property
    def made(self) -> int:
        """Calls that this thread has made until now."""
        made: int = getattr(self._calls, "made", 0)
        return made

    def _go_on(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while (who := self._budget.next(self._reactor.seconds())) is not None:
            who.callback(None)
        pause = self._budget.pause(self._reactor.seconds())
        # Who was just let go may have ended or asked again, and set a timer of its own.
        if pause is not None and self._timer is None:
            self._timer = self._reactor.callLater(pause, self._on_time)

    def _on_time(self) -> None:
        self._timer = None
        self._go_on()


class Asker:
    """Runs blocking work that asks ERPNext; belongs to the reactor's thread.

    ``in_thread`` runs a function elsewhere and returns a Deferred of its result. ``failed`` hears
    of work that failed, ``changed`` of the breaker: state, reason, whether a person must act.
    ``turns`` has it keep to a budget, as one whose ``turn`` it is; None: it never waits.
    """

    def __init__(
        self,
        breaker: Breaker,
        in_thread: Callable[[Callable[[], Any]], Deferred[Any]],
        *,
        failed: Callable[[Exception], None] = lambda error: None,
        changed: Callable[[State, str, bool], None] = lambda state, reason, alarm: None,
        turns: Turns | None = None,
        turn: Turn = Turn.DEVICES,
    ) -> None:
        self._breaker = breaker
        self._in_thread = in_thread
        self._failed = failed
        self._changed = changed
        self._turns = turns
        self._turn = turn

    def as_turn(self, turn: Turn) -> Asker:
        """Return one under the same breaker and budget, for others who ask."""
        return Asker(
            self._breaker,
            self._in_thread,
            failed=self._failed,
            changed=self._changed,
            turns=self._turns,
            turn=turn,
        )

    @property
    def is_ready(self) -> bool:
        """True when `ask` would ask; changes nothing."""
        return self._breaker.ready

    @property
    def reason(self) -> str:
        """Why not, for people."""
        return self._breaker.reason

    async def ask(self, work: Callable[[], T], *, writes: bool = False) -> T:
        """Return what ``work`` returns, once it was its turn; ``writes``: it changes something.

        Raises what it raises, `ErpUnavailable` without trying.
        """
        self._must_be_ready()
        if self._turns is None:
            return await self._asked(work)
        turn = Turn.WRITE if writes else self._turn
        await self._turns.begin(turn)
        counted = _Counted(work, self._turns)
        try:
            return await self._asked(counted.run)
        finally:
            self._turns.end(turn, counted.calls)

    def _must_be_ready(self) -> None:
        if not self._breaker.ready:
            raise ErpUnavailable("ERPNext is not asked for now", self._breaker.reason)

    async def _asked(self, work: Callable[[], T]) -> T:
        self._must_be_ready()
        self._breaker.allow()
        before = self._breaker.state
        try:
            answer: T = await self._in_thread(work)
        except CancelledError:
            # Nobody knows what the site would have answered; who asked has lost interest.
            self._breaker.failure("the question was given up")
            raise
        except Exception as error:
            self._note(error)
            self._failed(error)
            raise
        else:
            self._breaker.success()
            return answer
        finally:
            if self._breaker.state is not before:
                self._changed(self._breaker.state, self._breaker.reason, self._breaker.alarm)

    def _note(self, error: Exception) -> None:
        match error:
            case ErpUnauthorized() | ErpForbidden() | ErpMisconfigured():
                self._breaker.refuse(str(error))
            case ErpBusy(retry_after=seconds) if seconds > 1:
                self._breaker.hold(str(error), seconds)
            case ErpBusy() | ErpUnavailable():
                self._breaker.failure(str(error))
            case ErpError():
                self._breaker.success()
            case _:
                self._breaker.failure(f"the look-up failed ({type(error).__name__})")


class _Counted:
    """Work, and how many calls it made; at least one, where it is not known."""

    def __init__(self, work: Callable[[], Any], turns: Turns) -> None:
        self._work = work
        self._turns = turns
        self.calls = 1

    def run(self) -> Any:
        before = self._turns.made
        try:
            return self._work()
        finally:
            self.calls = max(1, self._turns.made - before)
