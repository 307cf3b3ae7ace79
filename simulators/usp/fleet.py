"""One run of many agents from the first connection to the summary."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from random import Random
from typing import Any

from twisted.internet.task import LoopingCall

from simulators.cpe import process
from simulators.cpe.alarms import Alarms
from simulators.cpe.arrivals import Arrivals

from .crowd import Crowd, Resident
from .files import Files
from .life import Retry
from .mischief import Mischief
from .setting_up import make_agent
from .tally import Tally

_GOODBYE_SECONDS = 0.5
_LOOK_SECONDS = 0.5
_ONBOARDED = "Device.LocalAgent.Controller.1.OnBoardingComplete"


class FleetRun:
    """A crowd, what it went through, and what it took.

    The arguments are those of `Crowd`.  Building it makes all agents, so that `kib_each` is known
    before any of them connects.
    """

    def __init__(
        self,
        residents: Sequence[Resident],
        *,
        reactor: Any,
        alarms: Alarms,
        seed: int,
        arrivals: Arrivals,
        retry: Retry,
        mischief: Mapping[int, Mischief],
        files: Files | None,
    ) -> None:
        for first in {each.unit.model: each for each in residents}.values():
            # What all agents of a model share counts for none of them.
            make_agent(first.unit, first.options, seed=seed, now=0.0)
        process.settle_memory()
        self._before = process.resident()
        self._reactor = reactor
        self._random = Random(seed)
        self._changes = 0
        self._processor = 0.0
        self.seconds = 0.0
        self.tally = Tally()
        self.crowd = Crowd(
            residents,
            reactor=reactor,
            alarms=alarms,
            seed=seed,
            observe=self._observe,
            arrivals=arrivals,
            retry=retry,
            mischief=mischief,
            files=files,
        )
        self._good = [life for n, life in enumerate(self.crowd.lives) if n not in mischief]
        wrong = (self.crowd.lives[number].agent.endpoint for number in mischief)
        self.tally = Tally(wrong)
        self.with_faults = len(mischief)
        process.settle_memory()
        self.kib_each = self._kib_each()
        """Memory of one agent that is not connected, all included."""
        self.kib_each_connected = 0.0

    @property
    def agents(self) -> int:
        """How many there are."""
        return len(self.crowd.lives)

    @property
    def unheard(self) -> list[str]:
        """Endpoints of honest agents that the controller said nothing to."""
        return [life.agent.endpoint for life in self._good if not self.tally.heard(life)]

    @property
    def onboarded(self) -> int:
        """How many honest agents were told that their onboarding is complete."""
        return sum(life.agent.value(_ONBOARDED) in ("1", "true") for life in self._good)

    def run(
        self,
        seconds: float | None,
        *,
        once: bool = False,
        power_cut: tuple[float, Arrivals] | None = None,
        changes: tuple[float, str] | None = None,
        progress: Iterator[None],
    ) -> None:
        """Run the reactor for ``seconds``, None: until it is interrupted.

        With ``once`` it ends before that when all honest agents are onboarded.  ``power_cut`` is
        when the power goes, and the curve along which all come back; ``changes`` how many values
        change a second, and their path.  ``progress`` is asked on each second.
        """
        process.allow_sockets()
        reactor = self._reactor
        began, used = reactor.seconds(), process.processor_seconds()
        ending = False

        def begin() -> None:
            self.crowd.run()
            if seconds is not None:
                reactor.callLater(seconds, end)
            if power_cut is not None:
                reactor.callLater(power_cut[0], self.crowd.power_cut, power_cut[1])
            if changes is not None:
                LoopingCall(self._change, changes[1]).start(1 / changes[0], now=False)
            if once:
                LoopingCall(end_when_onboarded).start(_LOOK_SECONDS, now=False)
            LoopingCall(next, progress).start(1.0, now=False)

        def end_when_onboarded() -> None:
            if self.onboarded == len(self._good):
                end()

        def end() -> None:
            nonlocal ending
            if ending:
                return
            ending = True
            self.kib_each_connected = self._kib_each()
            self.crowd.stop()
            reactor.callLater(_GOODBYE_SECONDS, reactor.stop)

        reactor.callWhenRunning(begin)
        reactor.run()
        self.seconds = reactor.seconds() - began
        self._processor = process.processor_seconds() - used
        if not ending:  # It was interrupted.
            self.kib_each_connected = self._kib_each()

    def counters(self) -> Counter[str]:
        """What all agents counted (see `agent.Agent.counters`)."""
        together: Counter[str] = Counter()
        for life in self.crowd.lives:
            together.update(life.agent.counters)
        return together

    def summary(self) -> dict[str, Any]:
        """What happened, for people and for programs; times in seconds, memory in KiB."""
        tally = self.tally
        return {
            "units": self.agents,
            "units_with_faults": self.with_faults,
            "unanswered": len(self.unheard),
            "onboarded": self.onboarded,
            "seconds": round(self.seconds, 1),
            "links": tally.links,
            "records_sent": tally.sent,
            "records_received": tally.received,
            "records_unsent": tally.unsent,
            "records_per_second": round(
                (tally.sent + tally.received) / max(self.seconds, 0.001), 1
            ),
            "octets_sent": tally.octets_sent,
            "octets_received": tally.octets_received,
            "values_changed": self._changes,
            "answer_seconds": tally.answered.summary(),
            "failures": dict(tally.lost),
            "with_faults": dict(tally.lost_of_wrong),
            "counters": dict(sorted(self.counters().items())),
            "processor_seconds": round(self._processor, 2),
            "kib": process.resident() // 1024,
            "kib_each": self.kib_each,
            "kib_each_connected": self.kib_each_connected,
        }

    def _change(self, path: str) -> None:
        """Let a value of one agent change that is connected."""
        up = [life for life in self._some() if life.up]
        if up:
            self._changes += 1
            up[0].change(path, f"change {self._changes}")

    def _some(self) -> list[Any]:
        return self._random.sample(self._good, min(len(self._good), 8))

    def _observe(self, *told: Any) -> None:
        self.tally.observe(*told)

    def _kib_each(self) -> float:
        return round((process.resident() - self._before) / self.agents / 1024, 1)
