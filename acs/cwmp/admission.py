"""Whether a new session is let in, judged by how long a session's first answer has to wait.

While the measured delay stays under its target everybody is let in, and nothing is counted. A
delay that stays above it for a whole interval (CoDel's idea, RFC 8289: a queue that empties now
and then is no queue) makes a rate: about as many sessions as were served lately. From then on the
rate follows the delay in proportion, so that it settles rather than swings, and what comes beyond
it is told to come back at a time that is spread over a window. The window grows with how many were
sent away, so that they come back no faster than they can be served. Whoever was sent away and
comes back when he was told to goes before those who call for the first time.

Nothing here knows a socket or a clock: times are seconds that only grow.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass

SOONEST = 5.0
"""Seconds after which the first of those who were sent away may come back."""
NARROWEST = 30.0
"""Seconds over which they come back, when they are few."""
WIDEST = 600.0
"""The same, however many they are."""
REMEMBERED = 20_000
"""Most addresses of which is known that they were sent away."""
_QUEUED = 0.25
"""Share of the target above which a delay is that of a queue, not of the work itself."""
_MORE = 1.5
"""By how much more is tried each interval while there is no queue."""
_LESS = 0.8
"""By how much less is tried each interval while the queue is too long."""
_TRICKLE = 0.2
"""Sessions a second that are let in while none ends: the database is locked, or gone."""
_STUCK = 2.0
"""Times the target in which none ends, from which that is believed."""
_BURST = 0.25
"""Seconds of the rate that may be used at once."""
_RETURNING = 0.5
"""Share of what may be used at once that is left to those who come back."""


@dataclass(frozen=True, slots=True)
class Aim:
    """What admission keeps to."""

    delay: float = 1.0
    """Seconds a session's first answer may wait."""
    interval: float = 0.5
    """Seconds over which a delay is judged."""
    least_rate: float = 25.0
    """Sessions a second that are let in whatever the delay, so that a slow disk stops nobody."""


class Admission:
    """Lets sessions in. Feed it with `measured` about ten times an interval, and ask `wait`."""

    __slots__ = (
        "_aim",
        "_away",
        "_capacity",
        "_credit",
        "_credited_at",
        "_least",
        "_progress_at",
        "_refused_before",
        "_sent_away",
        "_served",
        "_served_before",
        "_since",
        "_spread",
        "calm",
        "delay",
        "rate",
        "refused",
        "window",
    )

    def __init__(self, aim: Aim, *, spread: Callable[[], float]) -> None:
        """``spread`` gives random numbers in 0..1."""
        self._aim = aim
        self._spread = spread
        self.calm = True
        """Everybody is let in. Whoever serves sessions looks here before anything else."""
        self.delay = 0.0
        """As measured last, in seconds."""
        self.rate = float("inf")
        """Sessions a second that are let in."""
        self.refused = 0
        """How many were sent away since the start."""
        self.window = NARROWEST
        self._capacity = 0.0
        self._away = 0.0
        # Who was sent away, and when he may come back.
        self._sent_away: OrderedDict[Hashable, float] = OrderedDict()
        self._credit = 0.0
        self._credited_at = 0.0
        self._since = float("-inf")
        self._least = float("inf")
        self._served = 0
        self._served_before = 0
        self._progress_at = float("-inf")
        self._refused_before = 0

    def measured(self, delay: float, served: int, now: float) -> bool:
        """Take a measurement; tell whether `calm` has changed.

        ``delay``: seconds a first answer waits. ``served``: sessions that ended since the start.
        """
        before, self.delay = self.delay, delay
        if self._since == float("-inf"):
            self._begin_interval(served, now)
        self._least = min(self._least, delay)
        if served != self._served:
            self._served, self._progress_at = served, now
        lasted = now - self._since
        # So long a queue does not go by itself: every moment more makes it longer. Measured once
        # only, it was a moment in which the machine did something else.
        if self.calm and min(before, delay) > 3 * self._aim.delay:
            self._hold_back(served, lasted, now)
            return True
        if lasted < self._aim.interval:
            return False
        was_calm = self.calm
        if self.calm:
            if self._least > self._aim.delay:
                self._hold_back(served, lasted, now)
        else:
            self._follow((served - self._served_before) / lasted, lasted, now)
        self._begin_interval(served, now)
        return self.calm is not was_calm

    def wait(self, who: Hashable, now: float) -> float | None:
        """Let a session of ``who`` in (None), or say after how many seconds he may come back.

        ``who`` is what is known of a caller before he is heard: his address.
        """
        if self.calm:
            return None
        most = max(2.0, self.rate * _BURST)
        self._credit = min(most, self._credit + (now - self._credited_at) * self.rate)
        self._credited_at = now
        due = self._sent_away.get(who)
        if self._credit >= (1.0 if due is not None and now >= due else 1.0 + most * _RETURNING):
            self._credit -= 1.0
            if due is not None:
                del self._sent_away[who]
            return None
        self.refused += 1
        self._away += 1.0
        seconds = self.retry_after()
        if due is None:
            # One who comes too early keeps his turn; behind one address there may be many.
            self._sent_away[who] = now + seconds
            if len(self._sent_away) > REMEMBERED:
                self._sent_away.popitem(last=False)
        elif now >= due:
            self._sent_away[who] = now + 0.5 * seconds
        return seconds

    def retry_after(self) -> float:
        """Seconds after which somebody may come back, spread over the window."""
        return SOONEST + self.window * self._spread()

    def _begin_interval(self, served: int, now: float) -> None:
        self._since = now
        self._least = float("inf")
        self._served_before = served
        self._refused_before = self.refused

    def _hold_back(self, served: int, lasted: float, now: float) -> None:
        """Limit the rate from now on; what was served while the queue grew can be served."""
        self.calm = False
        self._capacity = (served - self._served_before) / max(lasted, 0.1)
        self._credit, self._credited_at = 0.0, now
        self._set_rate(self.delay, now)
        self._begin_interval(served, now)

    def _follow(self, served: float, lasted: float, now: float) -> None:
        """Bring the rate nearer to what keeps the delay at its target."""
        if self._least > self._aim.delay:
            # What is served now is all that can be served, unless too little was let in before.
            self._capacity = max(served, _LESS * self._capacity)
        elif self._least > _QUEUED * self._aim.delay:
            self._capacity = max(served, self._capacity)
        elif self.refused == self._refused_before:
            self._let_all_in()
            return
        else:
            self._capacity *= _MORE
        self._set_rate(self._least, now)
        self._away -= self._away * min(1.0, lasted / (SOONEST + self.window))
        # Half of what can be served is for those who come back, half for those who call anew.
        self.window = min(max(NARROWEST, 2.0 * self._away / self._capacity), WIDEST)

    def _set_rate(self, delay: float, now: float) -> None:
        # In proportion to what is missing or too much, and not more each time: that would swing.
        share = 1.0 + (self._aim.delay - delay) / self._aim.delay
        self._capacity = max(self._aim.least_rate, self._capacity)
        self.rate = max(self._aim.least_rate, self._capacity * min(max(share, 0.1), 1.5))
        if delay > self._aim.delay and now - self._progress_at > _STUCK * self._aim.delay:
            self.rate = _TRICKLE

    def _let_all_in(self) -> None:
        self.calm = True
        self.rate = float("inf")
        self.window = NARROWEST
        self._away = 0.0
        self._sent_away.clear()
