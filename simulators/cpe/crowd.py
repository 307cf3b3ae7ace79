"""Many units in one reactor: a street, a town, an attack."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any

from twisted.internet import defer

from .alarms import Alarms
from .arrivals import Arrivals, Once, times
from .fleet import Unit
from .http import Sessions
from .life import Life, Observer, Pace
from .misbehaviour import GOOD, Misbehaviour

AT_ONCE = Once()
Misbehaviours = Mapping[int, Misbehaviour] | Callable[[int], Misbehaviour]
"""What unit number n (from 0) does wrong; units without an entry do nothing wrong."""


class Crowd:
    """The lives of ``units``, which call first along ``arrivals`` and then by their own interval.

    All share one timer; between its calls a unit is a few values.  ``observe`` is told of each as
    `life.Observer` says.  ``seed`` fixes the times of arrival and the waits of retries.
    ``source`` gives the address that unit number n calls from, None leaves it to the system.
    Times of arrival are seconds of the clock: ``pace.scale`` does not apply to them.
    """

    def __init__(
        self,
        units: Sequence[Unit],
        *,
        sessions: Sessions,
        reactor: Any,
        pace: Pace,
        seed: int,
        observe: Observer,
        arrivals: Arrivals = AT_ONCE,
        misbehaviours: Misbehaviours | None = None,
        source: Callable[[int], str] | None = None,
        max_sessions: int | None = None,
        quit_when_done: bool = False,
    ) -> None:
        self._random = Random(seed)
        wrong = _by_number(misbehaviours)
        alarms = Alarms(reactor)
        first = times(arrivals, len(units), self._random)
        self._random.shuffle(first)
        self.lives = [
            Life(
                unit.build(wrong(number)),
                sessions,
                reactor,
                pace=pace,
                seed=seed,
                observe=observe,
                alarms=alarms,
                first_call=first[number],
                source=source(number) if source else None,
                max_sessions=max_sessions,
                quit_when_done=quit_when_done,
            )
            for number, unit in enumerate(units)
        ]

    def run(self) -> defer.Deferred[None]:
        """Start; fires when each life has ended, at the latest after `stop`."""
        lives = [life.run() for life in self.lives]
        return defer.gatherResults(lives, consumeErrors=True).addCallbacks(
            lambda _: None, lambda failure: failure.value.subFailure
        )

    def stop(self) -> None:
        """End each life after its running session; what does wrong is broken off."""
        for life in self.lives:
            life.stop()

    def call_all(self, arrivals: Arrivals, events: Sequence[str] = ("1 BOOT",)) -> None:
        """Let each unit call along ``arrivals``, counted from now, in an order of its own.

        With ``1 BOOT`` among ``events`` the power goes now, with the sessions that run, and comes
        back at each unit's time; else the events are what each has to say besides its own.
        """
        when = times(arrivals, len(self.lives), self._random)
        self._random.shuffle(when)
        for life, wait in zip(self.lives, when, strict=True):
            if "1 BOOT" in events:
                life.power_cut(wait)
            else:
                life.call(events, wait)


def _by_number(given: Misbehaviours | None) -> Callable[[int], Misbehaviour]:
    if given is None:
        return lambda _: GOOD
    if callable(given):
        return given
    mapping = given
    return lambda number: mapping.get(number, GOOD)
