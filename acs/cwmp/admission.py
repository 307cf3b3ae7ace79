"""Whether a new session is let in, judged by how long sessions have to wait for us in all.

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

SOONEST = 2.0
"""Seconds after which the first of those who were sent away may come back."""
NARROWEST = 5.0
"""Seconds over which they come back, when they are few."""
WIDEST = 600.0
"""The same, however many they are."""
REMEMBERED = 20_000
"""Most addresses of which is known that they were sent away."""
_QUEUED = 0.25
"""Share of the target above which a delay is that of a queue, not of the work itself."""
_MORE = 1.25
"""By how much more is tried each interval while there is no queue. Who is let in is felt only as
his session goes on, so bigger steps would overshoot."""
_LESS = 0.8
"""By how much less is tried each interval while the queue is too long."""
_LEAST = 0.5
"""Share of what can be served that is let in at least: so a queue goes, and little is lost."""
_MOST = 1.5
"""Share of it that is let in at most."""
_TRICKLE = 0.2
"""Sessions a second that are let in while none ends: the database is locked, or gone."""
_STUCK = 2.0
"""Times the target in which none ends, from which that is believed."""
_BURST = 0.25
"""Seconds of the rate that may be used at once."""
_ROOMY = 1.25
"""Times as long as serving them takes, over which those who were sent away come back."""
_RETURNING = 0.5
"""Share of what may be used at once that is left to those who come back."""


@dataclass(frozen=True, slots=True)
class Aim:
    """What admission keeps to."""

    delay: float = 0.5
    """Seconds a session may wait for us, all its exchanges together."""
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
        "_let_in",
        "_let_in_before",
        "_measurements",
        "_progress_at",
        "_refused_before",
        "_sent_away",
        "_served",
        "_served_before",
        "_since",
        "_spread",
        "_total",
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
        self._total = 0.0
        self._measurements = 0
        self._let_in = 0
        self._let_in_before = 0
        self._served = 0.0
        self._served_before = 0.0
        self._progress_at = float("-inf")
        self._refused_before = 0

    def measured(self, delay: float, served: float, now: float) -> bool:
        """Take a measurement; tell whether `calm` has changed.

        ``delay``: seconds a session waits for us in all. ``served``: sessions since the start,
        those under way by the part that is done.
        """
        before, self.delay = self.delay, delay
        if self._since == float("-inf"):
            self._begin_interval(served, now)
            self._progress_at = now
        self._least = min(self._least, delay)
        self._total += delay
        self._measurements += 1
        if served != self._served:
            self._served, self._progress_at = served, now
        lasted = now - self._since
        # So long a queue does not go by itself: every moment more makes it longer. Measured once
        # only, it was a moment in which the machine did something else.
        if self.calm and min(before, delay) > 3 * self._aim.delay:
            self._hold_back(served, lasted, now)
            return True
        if lasted < self._aim.interval or self._measurements < 2:
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
        most = self._most_at_once()
        self._credit = min(most, self._credit + (now - self._credited_at) * self.rate)
        self._credited_at = now
        due = self._sent_away.get(who)
        if self._credit >= (1.0 if due is not None and now >= due else 1.0 + most * _RETURNING):
            self._credit -= 1.0
            self._let_in += 1
            if due is not None:
                del self._sent_away[who]
            return None
        self.refused += 1
        self._away += 1.0
        self._fit_window()
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

    def _begin_interval(self, served: float, now: float) -> None:
        self._since = now
        self._least, self._total, self._measurements = float("inf"), 0.0, 0
        self._let_in_before = self._let_in
        self._served_before = served
        self._refused_before = self.refused

    def _hold_back(self, served: float, lasted: float, now: float) -> None:
        """Limit the rate from now on; what was served while the queue grew can be served."""
        self.calm = False
        self._capacity = (served - self._served_before) / max(lasted, 0.1)
        self._set_rate(self.delay, now)
        # A few who call while little happens are not what makes the queue.
        self._credit, self._credited_at = self._most_at_once(), now
        self._begin_interval(served, now)

    def _follow(self, served: float, lasted: float, now: float) -> None:
        """Bring the rate nearer to what keeps the delay at its target."""
        delay = self._total / self._measurements
        if delay > self._aim.delay:
            # What is served now is all that can be served, if more was let in. If not, waiting is
            # what each session has to do (a slow disk), and nothing is gained with fewer of them.
            let_in = (self._let_in - self._let_in_before) / lasted
            least = _LESS if served < let_in else 1.0
            self._capacity = max(served, least * self._capacity)
        elif delay > _QUEUED * self._aim.delay:
            self._capacity = max(served, self._capacity)
        elif self.refused == self._refused_before:
            self._let_all_in()
            return
        else:
            self._capacity *= _MORE
        self._set_rate(delay, now)
        # By the time they are away, which is half the window in the mean.
        self._away -= self._away * min(1.0, lasted / (SOONEST + self.window / 2))
        self._fit_window()

    def _fit_window(self) -> None:
        self.window = min(max(NARROWEST, _ROOMY * self._away / self._capacity), WIDEST)

    def _most_at_once(self) -> float:
        return max(2.0, self.rate * _BURST)

    def _set_rate(self, delay: float, now: float) -> None:
        # In proportion to what is missing or too much, and not more each time: that would swing.
        share = 1.0 + (self._aim.delay - delay) / self._aim.delay
        self._capacity = max(self._aim.least_rate, self._capacity)
        self.rate = max(self._aim.least_rate, self._capacity * min(max(share, _LEAST), _MOST))
        if delay > self._aim.delay and now - self._progress_at > _STUCK * self._aim.delay:
            self.rate = _TRICKLE

    def _let_all_in(self) -> None:
        self.calm = True
        self.rate = float("inf")
        self.window = NARROWEST
        self._away = 0.0
        self._sent_away.clear()
