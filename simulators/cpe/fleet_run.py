"""One run of a fleet from its first call to its summary."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from twisted.internet.task import LoopingCall
from twisted.python.failure import Failure

from .arrivals import Arrivals
from .connreq import Quirk
from .crowd import Crowd
from .device import Ont
from .fleet import Unit
from .http import Sessions
from .life import Pace
from .listening import listen
from .misbehaviour import Misbehaviour
from .process import allow_sockets, processor_seconds, resident, settle_memory
from .report import End
from .tally import Tally


class FleetRun:
    """A crowd, what it went through, and what it took.

    ``wrongs`` say which units, by number, do what wrong; the arguments are those of `Crowd`.
    Building it makes all units, so that `kib_each` is known before any of them calls.
    """

    def __init__(
        self,
        units: Sequence[Unit],
        sessions: Sessions,
        reactor: Any,
        *,
        pace: Pace,
        seed: int,
        arrivals: Arrivals,
        wrongs: Mapping[int, Misbehaviour],
        source: Callable[[int], str] | None,
        max_sessions: int | None,
    ) -> None:
        for unit in {unit.model: unit for unit in units}.values():
            unit.build()  # What all units of a model share counts for none of them.
        settle_memory()
        self._before = resident()
        self._reactor = reactor
        self._wrongs = wrongs
        self._answered: set[int] = set()
        self.tally = Tally()
        self.units = len(units)
        self.seconds = 0.0
        self._processor = 0.0
        self._crowd = Crowd(
            units,
            sessions=sessions,
            reactor=reactor,
            pace=pace,
            seed=seed,
            observe=self._observe,
            arrivals=arrivals,
            misbehaviours=wrongs,
            source=source,
            max_sessions=max_sessions,
        )
        self._ended = self._crowd.run()
        settle_memory()
        self.kib_each = self._kib_each()
        """Memory of one idle unit, all included."""

    @property
    def kib(self) -> int:
        """Memory of the whole process."""
        return resident() // 1024

    @property
    def unanswered(self) -> list[str]:
        """Serials of the units without a fault that had no complete session."""
        good = (life.ont for n, life in enumerate(self._crowd.lives) if n not in self._wrongs)
        return [ont.identity.serial for ont in good if id(ont) not in self._answered]

    def listen(self, address: str, nonce: Callable[[], str], quirks: frozenset[Quirk]) -> None:
        """Let each unit answer connection requests. Raises `listening.ListenError`."""
        allow_sockets()
        for life in self._crowd.lives:
            listen(self._reactor, life, address, nonce, quirks)

    def run(
        self,
        seconds: float | None,
        power_cut: tuple[float, Arrivals] | None,
        progress: Iterator[None],
    ) -> None:
        """Run the reactor until all lives have ended, at the latest for ``seconds``.

        ``power_cut`` is when the power goes, and the curve along which all come back.
        ``progress`` is asked on each second.  Raises what went wrong in a life.
        """
        allow_sockets()
        reactor, failures = self._reactor, list[BaseException]()
        began, used = reactor.seconds(), processor_seconds()

        def over(failure: Failure | None) -> None:
            if failure is not None and failure.value is not None:
                failures.append(failure.value)
            if reactor.running:
                reactor.stop()

        def begin() -> None:
            self._ended.addBoth(over)
            if seconds is not None:
                reactor.callLater(seconds, self._crowd.stop)
            if power_cut is not None:
                reactor.callLater(power_cut[0], self._crowd.call_all, power_cut[1])
            LoopingCall(next, progress).start(1.0, now=False)

        reactor.callWhenRunning(begin)
        reactor.run()
        self.seconds = reactor.seconds() - began
        self._processor = processor_seconds() - used
        if failures:
            raise failures[0]

    def summary(self) -> dict[str, Any]:
        """What happened, for people and for programs; times in seconds, memory in KiB."""
        tally = self.tally
        return {
            "units": self.units,
            "units_with_faults": len(self._wrongs),
            "unanswered": len(self.unanswered),
            "provisioned": sum(life.provisioned for life in self._crowd.lives),
            "seconds": round(self.seconds, 1),
            "sessions": tally.ended,
            "sessions_per_second": round(tally.ended / max(self.seconds, 0.001), 1),
            "complete": tally.complete,
            "failures": dict(tally.failures),
            "with_faults": dict(tally.wrongs),
            "session_seconds": tally.sessions.summary(),
            "inform_seconds": tally.informs.summary(),
            "processor_seconds": round(self._processor, 2),
            "kib": self.kib,
            "kib_each": self.kib_each,
            "kib_each_at_end": self._kib_each(),
        }

    def _kib_each(self) -> float:
        return round((resident() - self._before) / self.units / 1024, 1)

    def _observe(self, ont: Ont, kind: str, fields: dict[str, Any]) -> None:
        self.tally.observe(ont, kind, fields)
        if kind == "session-end" and fields["end"] == End.COMPLETE:
            self._answered.add(id(ont))
