"""Measures how long sessions wait for their first answer, and says when new ones are held back."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass

from acs.api import Metrics, Part, State
from acs.cwmp.admission import Admission
from acs.log import get_logger

log = get_logger("acs.cwmp")

TICK_SECONDS = 0.1
_UNACKED = struct.Struct("=24xI")
"""Where tcp_info of linux/tcp.h says of a listening socket how many wait to be accepted."""


def unaccepted(listening: socket.socket) -> int:
    """How many connections the kernel holds until we accept them; 0 where it does not tell."""
    option = getattr(socket, "TCP_INFO", None)
    if option is None or listening.family not in (socket.AF_INET, socket.AF_INET6):
        return 0
    return int(_UNACKED.unpack(listening.getsockopt(socket.IPPROTO_TCP, option, 28))[0])


@dataclass(frozen=True, slots=True)
class Load:
    """What is looked at. All are asked at each tick."""

    store_delay: Callable[[], float]
    """Seconds the store lets a caller wait."""
    served: Callable[[], int]
    """Sessions that ended since the start."""
    accepted: Callable[[], int]
    """Connections accepted since the start."""
    unaccepted: Callable[[], int]
    """Connections that wait to be accepted."""
    sharers: int = 1
    """Processes that accept from that same queue, as fast as this one."""


class Pressure:
    """Feeds `Admission` with measurements; `tick` is called every `TICK_SECONDS`."""

    def __init__(self, admission: Admission, load: Load, clock: Callable[[], float]) -> None:
        """``clock`` is the reactor's: by how much a tick comes late is how long its turns are."""
        self._admission = admission
        self._load = load
        self._clock = clock
        self._last = clock()
        self._accepted = load.accepted()
        self._accept_rate = 0.0
        self._empty_at = self._last
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
        delay = self._delay(now)
        admission = self._admission
        if not admission.measured(delay, self._load.served(), now):
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

    def _delay(self, now: float) -> float:
        """Seconds from the call of a device to its first answer."""
        load = self._load
        lasted, self._last = now - self._last, now
        before, self._accepted = self._accepted, load.accepted()
        rate = (self._accepted - before) / max(lasted, TICK_SECONDS)
        self._accept_rate += 0.3 * (rate - self._accept_rate)
        unaccepted = load.unaccepted()
        if not unaccepted:
            self._empty_at = now
        # Nobody waits longer than there has been a queue, however few were accepted before.
        all_rates = load.sharers * max(self._accept_rate, 1.0)
        queue = min(unaccepted / all_rates, now - self._empty_at)
        # A new connection is accepted in one turn of the reactor and heard in the next.
        turns = 2 * max(0.0, lasted - TICK_SECONDS)
        return queue + turns + load.store_delay()

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
