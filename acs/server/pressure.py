"""Measures how long sessions wait for us, and says when new ones are held back."""

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
_USUAL_EXCHANGES = 10.0
"""Exchanges of a session while none has ended: a first boot."""
_MOST_EXCHANGES = 20.0
"""Of a session: one that asks for all of a device may take long."""
_NEWEST = 0.3
"""Weight of the newest of the figures that are smoothed."""


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
    """Seconds a caller of the store waits for others."""
    asked: Callable[[], int]
    """Calls of the store since the start."""
    answered: Callable[[], int]
    """Exchanges of sessions that were answered since the start."""
    ended: Callable[[], tuple[int, int]]
    """Sessions that ended since the start, and how many exchanges they had."""
    accepted: Callable[[], int]
    """Connections accepted since the start."""
    unaccepted: Callable[[], int]
    """Connections that wait to be accepted."""
    sharers: int = 1
    """Processes that accept from that same queue, as fast as this one."""


class Pressure:
    """Feeds `Admission` with measurements; `tick` is called every `TICK_SECONDS`."""

    def __init__(
        self,
        admission: Admission,
        load: Load,
        clock: Callable[[], float],
        next_turn: Callable[[Callable[[], None]], object],
    ) -> None:
        """``clock`` is the reactor's; ``next_turn`` calls a function in its next turn.

        A turn sees to every request that has come: it is as long as the queue.
        """
        self._admission = admission
        self._load = load
        self._clock = clock
        self._next_turn = next_turn
        self._last = clock()
        self._accepted = load.accepted()
        self._accept_rate = 0.0
        self._empty_at = self._last
        self._answered = load.answered()
        self._ended = load.ended()
        self._exchanges = _USUAL_EXCHANGES
        self._asked = load.asked()
        self._asking = self._answering = 0.0
        self._served = 0.0
        self._held_since = 0.0
        self._refused_before = 0

    def watch(self, metrics: Metrics) -> None:
        """Show the figures."""
        admission = self._admission
        metrics.watch(
            "session_delay_seconds",
            "How long a session waits for the server, all its exchanges together.",
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
        began = self._clock()
        self._next_turn(lambda: self._judge(self._clock() - began))

    def _judge(self, turn: float) -> None:
        now = self._clock()
        self._count()
        # A new connection is accepted in one turn of the reactor, and heard in the next.
        delay = self._queue(now) + (self._exchanges + 1.0) * turn
        calls = self._asking / max(1.0, self._answering)
        delay += self._exchanges * calls * self._load.store_delay()
        admission = self._admission
        if not admission.measured(delay, self._served, now):
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

    def _count(self) -> None:
        """Count sessions by the exchanges that were answered: they are long, and end late."""
        (ended, exchanges), before = self._load.ended(), self._ended
        if ended > before[0]:
            mean = (exchanges - before[1]) / (ended - before[0])
            self._exchanges += _NEWEST * (min(max(1.0, mean), _MOST_EXCHANGES) - self._exchanges)
            self._ended = ended, exchanges
        answered, asked = self._load.answered(), self._load.asked()
        self._served += (answered - self._answered) / self._exchanges
        self._answering += _NEWEST * (answered - self._answered - self._answering)
        self._asking += _NEWEST * (asked - self._asked - self._asking)
        self._answered, self._asked = answered, asked

    def _queue(self, now: float) -> float:
        """Seconds until a connection that comes now is accepted."""
        load = self._load
        lasted, self._last = now - self._last, now
        before, self._accepted = self._accepted, load.accepted()
        rate = (self._accepted - before) / max(lasted, TICK_SECONDS)
        self._accept_rate += _NEWEST * (rate - self._accept_rate)
        unaccepted = load.unaccepted()
        if not unaccepted:
            self._empty_at = now
        # Nobody waits longer than there has been a queue, however few were accepted before.
        all_rates = load.sharers * max(self._accept_rate, 1.0)
        return min(unaccepted / all_rates, now - self._empty_at)

    def health(self) -> Part:
        """Degraded while sessions are sent away."""
        admission = self._admission
        if admission.calm:
            return Part(State.OK, "all sessions are let in")
        return Part(
            State.DEGRADED,
            f"too many call at once: sessions wait {admission.delay:.1f} s for the server, "
            f"{admission.rate:.0f} new ones a second are let in, the rest is told to come back "
            f"within {admission.window:.0f} s",
        )
