"""How much a business system is asked: so many reads and writes a second, and who goes first.

A site has its own people to serve. Its load counts in calls, not in rows: a list of hundreds costs
it what a look-up of one does, a write three times as much. Token buckets bound the rate and let a
short burst through; devices that wait go before sweeps, sweeps before writes.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import IntEnum
from typing import Generic, TypeVar

W = TypeVar("W")

_ROUNDING = 1e-3
"""What a clock may lose of a token: who waited as told must not be told to wait again."""


class Turn(IntEnum):
    """Who asks; the lower goes first."""

    DEVICES = 0
    """Devices on the line, and documents that somebody has just changed."""
    SWEEP = 1
    """Reads ahead, for which nobody waits."""
    WRITE = 2
    """Writes: they wait in an outbox in any case."""


class Bucket:
    """Tokens that come at ``rate`` a second; as many as come in a second may be taken at once.

    Times are seconds of one clock that never goes back.
    """

    def __init__(self, rate: float, now: float) -> None:
        self._rate = rate
        self._most = max(1.0, rate)
        self._tokens = self._most
        self._at = now

    def wait(self, now: float) -> float:
        """Return the seconds until there is a token; 0 when there is one."""
        self._fill(now)
        missing = 1.0 - self._tokens
        return missing / self._rate if missing > _ROUNDING else 0.0

    def take(self, count: float, now: float) -> None:
        """Take tokens. More than there are is a debt, which is paid before the next one goes."""
        self._fill(now)
        self._tokens = min(self._most, self._tokens - count)

    def _fill(self, now: float) -> None:
        self._tokens = min(self._most, self._tokens + (now - self._at) * self._rate)
        self._at = now


@dataclass(frozen=True, slots=True)
class _Waiting(Generic[W]):
    who: W
    since: float


class Budget(Generic[W]):
    """Decides who may ask next. Times are seconds of one clock that never goes back.

    ``reads`` and ``writes`` are calls a second, ``at_once`` is how many may ask at the same time.
    """

    def __init__(self, reads: float, writes: float, at_once: int, now: float) -> None:
        read = Bucket(reads, now)
        self._buckets = {Turn.DEVICES: read, Turn.SWEEP: read, Turn.WRITE: Bucket(writes, now)}
        self._queues: dict[Turn, deque[_Waiting[W]]] = {turn: deque() for turn in Turn}
        self._free = at_once

    def join(self, turn: Turn, who: W, now: float) -> None:
        """Put ``who`` behind the others of the same turn."""
        self._queues[turn].append(_Waiting(who, now))

    def leave(self, who: W) -> None:
        """Take ``who`` out, if it still waits."""
        for turn, queue in self._queues.items():
            self._queues[turn] = deque(each for each in queue if each.who is not who)

    def next(self, now: float) -> W | None:
        """Let one go, if one may; each is to be answered by `ended`."""
        if not self._free:
            return None
        for turn in Turn:
            if self._queues[turn] and self._buckets[turn].wait(now) == 0:
                self._buckets[turn].take(1, now)
                self._free -= 1
                return self._queues[turn].popleft().who
        return None

    def pause(self, now: float) -> float | None:
        """Return the seconds until `next` may let one go; None: not before one joins or ends."""
        if not self._free:
            return None
        waits = [self._buckets[turn].wait(now) for turn in Turn if self._queues[turn]]
        return min(waits, default=None)

    def ended(self, turn: Turn, calls: int, now: float) -> None:
        """One has asked, and made so many calls; the first of them is paid."""
        self._free += 1
        self._buckets[turn].take(calls - 1, now)

    @property
    def waiting(self) -> int:
        """How many wait."""
        return sum(map(len, self._queues.values()))

    def waited(self, now: float) -> float:
        """Seconds that the one who waits longest has waited."""
        return max((now - queue[0].since for queue in self._queues.values() if queue), default=0.0)
