"""Many agents in one reactor: a street, a town after a power cut."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from simulators.cpe.alarms import Alarms
from simulators.cpe.arrivals import Arrivals, times
from simulators.cpe.fleet import Unit

from .files import Files
from .life import Life, Observer, Retry
from .links import Way
from .mischief import GOOD, Mischief
from .options import AgentOptions
from .setting_up import make_agent


@dataclass(frozen=True, slots=True)
class Resident:
    """One agent of a crowd: who it is, how it is set up, and how it connects."""

    unit: Unit
    options: AgentOptions
    way: Way


class Crowd:
    """The lives of ``residents``, which connect first along ``arrivals``.

    All share one timer.  ``seed`` fixes times of arrival and waits of retries.  ``mischief`` says
    what each does wrong, by its number; those without an entry are honest.
    """

    def __init__(
        self,
        residents: Sequence[Resident],
        *,
        reactor: Any,
        alarms: Alarms,
        seed: int,
        observe: Observer,
        arrivals: Arrivals,
        retry: Retry,
        mischief: Mapping[int, Mischief] | Callable[[int], Mischief] = lambda _: GOOD,
        files: Files | None = None,
    ) -> None:
        self._reactor = reactor
        self._random = Random(seed)
        wrong = mischief if callable(mischief) else lambda number: mischief.get(number, GOOD)
        now = reactor.seconds()
        self._first = self._times(arrivals, len(residents))
        self.lives = [
            Life(
                make_agent(
                    resident.unit,
                    _spoilt(resident.options, wrong(number)),
                    seed=seed,
                    now=now,
                ),
                resident.way,
                clock=reactor.seconds,
                alarms=alarms,
                observe=observe,
                retry=retry,
                seed=seed,
                first=None,
                files=files,
            )
            for number, resident in enumerate(residents)
        ]

    def run(self) -> None:
        """Let each connect at its time, counted from now."""
        now = self._reactor.seconds()
        for life, wait in zip(self.lives, self._first, strict=True):
            life.call(now + wait)

    def stop(self) -> None:
        """Have all leave, with a goodbye."""
        for life in self.lives:
            life.stop()

    def power_cut(self, arrivals: Arrivals) -> None:
        """Take the power from all; it comes back to each along ``arrivals``, counted from now."""
        now = self._reactor.seconds()
        for life, wait in zip(self.lives, self._times(arrivals, len(self.lives)), strict=True):
            life.power_cut(now + wait)

    def _times(self, arrivals: Arrivals, count: int) -> list[float]:
        """Return when each comes, in an order of its own."""
        drawn = times(arrivals, count, self._random)
        self._random.shuffle(drawn)
        return drawn


def _spoilt(options: AgentOptions, mischief: Mischief) -> AgentOptions:
    return options if mischief == GOOD else replace(options, mischief=mischief)
