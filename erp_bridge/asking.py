"""Ask ERPNext in a thread, under the circuit breaker: the one way for whoever asks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from twisted.internet.defer import CancelledError, Deferred

from erp_bridge.breaker import Breaker, State
from erp_bridge.errors import (
    ErpBusy,
    ErpError,
    ErpForbidden,
    ErpMisconfigured,
    ErpUnauthorized,
    ErpUnavailable,
)

T = TypeVar("T")


class Asker:
    """Runs blocking work that asks ERPNext; belongs to the reactor's thread.

    ``in_thread`` runs a function elsewhere and returns a Deferred of its result. ``failed`` hears
    of work that failed, ``changed`` of the breaker: state, reason, whether a person must act.
    """

    def __init__(
        self,
        breaker: Breaker,
        in_thread: Callable[[Callable[[], Any]], Deferred[Any]],
        *,
        failed: Callable[[Exception], None] = lambda error: None,
        changed: Callable[[State, str, bool], None] = lambda state, reason, alarm: None,
    ) -> None:
        self._breaker = breaker
        self._in_thread = in_thread
        self._failed = failed
        self._changed = changed

    @property
    def is_ready(self) -> bool:
        """True when `ask` would ask; changes nothing."""
        return self._breaker.ready

    @property
    def reason(self) -> str:
        """Why not, for people."""
        return self._breaker.reason

    async def ask(self, work: Callable[[], T]) -> T:
        """Return what ``work`` returns. Raises what it raises, `ErpUnavailable` without trying."""
        if not self._breaker.allow():
            raise ErpUnavailable("ERPNext is not asked for now", self._breaker.reason)
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
