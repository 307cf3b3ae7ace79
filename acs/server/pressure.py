"""Measures how long sessions wait for their first answer, and says when new ones are held back."""

from __future__ import annotations

from collections.abc import Callable

from acs.api import Metrics, Part, State
from acs.cwmp.admission import Admission
from acs.log import get_logger

log = get_logger("acs.cwmp")

TICK_SECONDS = 0.1


class Pressure:
    """Feeds `Admission` with measurements; `tick` is called every `TICK_SECONDS`."""

    def __init__(
        self,
        admission: Admission,
        *,
        clock: Callable[[], float],
        store_delay: Callable[[], float],
        served: Callable[[], int],
    ) -> None:
        """``store_delay``: seconds the store lets a caller wait; ``served``: sessions that ended.

        ``clock`` is the reactor's: by how much a tick comes late is how long the reactor's turns
        are.
        """
        self._admission = admission
        self._clock = clock
        self._store_delay = store_delay
        self._served = served
        self._last = clock()
        self._held_since = 0.0
        self._refused_before = 0

    def watch(self, metrics: Metrics) -> None:
        """Show the figures."""
        admission = self._admission
        metrics.watch(
            "first_answer_delay_seconds",
            "How long the first answer of a session waits.",
            lambda: admission.delay,
        )
        metrics.watch(
            "admission_holds_back",
            "1 while new sessions are told to come back later.",
            lambda: not admission.calm,
        )
        metrics.watch(
            "admission_rate", "Sessions a second that are let in.", lambda: admission.rate
        )

    def tick(self) -> None:
        """Measure, and log when that changes who is let in."""
        now = self._clock()
        late, self._last = max(0.0, now - self._last - TICK_SECONDS), now
        # A new connection is accepted in one turn of the reactor and heard in the next.
        delay = 2 * late + self._store_delay()
        admission = self._admission
        if not admission.measured(delay, self._served(), now):
            return
        if admission.calm:
            log.warning(
                "all sessions are let in again",
                refused=admission.refused - self._refused_before,
                seconds=round(now - self._held_since, 1),
            )
            return
        self._held_since, self._refused_before = now, admission.refused
        log.warning("new sessions are held back", delay=round(delay, 2), rate=round(admission.rate))

    def health(self) -> Part:
        """Degraded while sessions are sent away."""
        admission = self._admission
        if admission.calm:
            return Part(State.OK, "all sessions are let in")
        return Part(
            State.DEGRADED,
            f"too many call at once: first answers wait {admission.delay:.1f} s, "
            f"{admission.rate:.0f} new sessions a second are let in, the rest is told to come back "
            f"within {admission.window:.0f} s",
        )
