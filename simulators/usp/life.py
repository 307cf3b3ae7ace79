"""The days of one agent in a reactor: it connects, is carried, goes away and comes back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Any

from simulators.cpe.alarms import Alarms
from simulators.cpe.backoff import retry_wait

from .files import Files
from .links import Link, Way
from .outgoing import BulkReport, LinkWish, Transfer, Transferred

if TYPE_CHECKING:
    from .agent import Agent

Observer = Callable[["Life", str, dict[str, Any]], None]
"""Told what happens: (life, kind, fields). Kinds: ``connecting``, ``up``, ``received``, ``sent``,
``unsent``, ``down``, ``off``, ``hung``.  Octets of records are in ``octets``, secrets in clear."""


@dataclass(frozen=True, slots=True)
class Retry:
    """How long a failed link waits: uniform between ``minimum`` and twice that, then twice as long
    each time, from the tenth on the same (R-WS.19; MQTT: ConnectRetry…)."""

    minimum: float = 5.0
    scale: float = 1.0

    def wait(self, attempt: int, random: Random) -> float:
        """Seconds before attempt ``attempt`` (from 1)."""
        return retry_wait(attempt, 1, 2000, random) * self.minimum * self.scale


class Life:
    """One agent with its link from power-on to `stop`.

    ``first`` is the time of the reactor's clock when it connects first, None: not before
    `call`.  ``seed`` fixes its waits, whatever others do.  Without ``files`` its transfers are
    pretended.
    """

    __slots__ = (
        "_alarm", "_back_at", "_drawn", "_failed", "_files", "_link", "_observe", "_retry",
        "_seed", "_stopped", "_way", "agent", "clock", "frozen", "up",
    )  # fmt: skip

    def __init__(
        self,
        agent: Agent,
        way: Way,
        *,
        clock: Callable[[], float],
        alarms: Alarms,
        observe: Observer,
        retry: Retry,
        seed: int,
        first: float | None,
        files: Files | None = None,
    ) -> None:
        self.agent = agent
        self.clock = clock
        self.up = False
        self.frozen = False
        self._way = way
        self._observe = observe
        self._retry = retry
        self._seed = seed
        self._drawn = 0
        self._failed = 0
        self._link: Link | None = None
        self._stopped = False
        self._alarm = alarms.make(self._rang)
        self._back_at: float | None = first
        """When it connects next; None: it is connected, or about to be."""
        self._alarm.set(first)
        self._files = files
        if files is not None:
            agent.fetch = self._fetch
            agent.collect = self._report

    @property
    def mtp(self) -> str:
        """How it speaks: ``mqtt5``, ``mqtt3`` or ``websocket``."""
        return self._way.mtp

    def stop(self) -> None:
        """Leave, with a goodbye."""
        self._stopped = True
        self._alarm.set(None)
        if self._link is not None:
            self._link.close()

    def call(self, at: float) -> None:
        """Connect at second ``at`` of the clock, unless it is connected."""
        if self._link is None:
            self._back_at = at
            self._rest()

    def cut(self, back_at: float) -> None:
        """Lose the link without a word, and the way to it until ``back_at`` of the clock."""
        self._failed = 0
        self._back_at = back_at
        if self._link is not None:
            self._link.cut()
        self._rest()

    def power_cut(self, back_at: float) -> None:
        """Lose the power now; it boots and connects at ``back_at`` of the clock."""
        self.cut(back_at)
        self.agent.reboot(self.clock())
        self.agent.take()

    def change(self, path: str, text: str) -> None:
        """Change a value of the device, on its own account. Raises `KeyError`."""
        self.agent.change(path, text, self.clock())
        self._carry()

    # --- links.Listener ---------------------------------------------------------------------------

    def link_up(self, topic: str) -> None:
        """See `links.Listener`."""
        self._failed = 0
        self.up = True
        self._observe(self, "up", {"mtp": self._way.mtp, "topic": topic})
        self.agent.opened(self._way.mtp, topic, self.clock())
        self._carry()

    def link_record(self, octets: bytes, reply_to: str | None) -> None:
        """See `links.Listener`."""
        self._observe(self, "received", {"octets": octets, "topic": reply_to})
        self.agent.received(octets, reply_to, self.clock())
        self._carry()

    def link_down(self, why: str) -> None:
        """See `links.Listener`."""
        self._link = None
        self.frozen = False
        was_up, self.up = self.up, False
        if was_up:
            self.agent.closed(self.clock())
        if self._stopped:
            return
        wait = None
        if self._back_at is None:
            self._failed += 1
            wait = self._retry.wait(self._failed, self._chance())
            self._back_at = self.clock() + wait
        self._observe(self, "down", {"why": why, "was_up": was_up, "wait": wait})
        self._rest()

    # --- behind that ----------------------------------------------------------------------------

    def _rang(self) -> None:
        now = self.clock()
        if self._link is None and self._back_at is not None and now >= self._back_at:
            self._back_at = None
            self._observe(self, "connecting", {"mtp": self._way.mtp})
            self._link = self._way.open(self.agent.endpoint, self)
        due = self.agent.due()
        if due is not None and now >= due:
            self.agent.tick(now)
        self._carry()

    def _carry(self) -> None:
        link = self._link
        for outgoing in self.agent.take():
            sent = link is not None and self.up and link.send(outgoing.octets, outgoing.to)
            told = {"octets": outgoing.octets, "topic": outgoing.to}
            self._observe(self, "sent" if sent else "unsent", told)
        match self.agent.wants:
            case LinkWish.RECONNECT if self.up and self._link is not None:
                self._back_at = self.agent.back_at
                self._observe(self, "off", {"seconds": self._back_at - self.clock()})
                self._link.hang_up()
            case LinkWish.SILENT if self._link is not None and not self.frozen:
                self.frozen = True
                self._observe(self, "hung", {})
                self._link.freeze()
        self._rest()

    def _fetch(self, transfer: Transfer) -> None:
        assert self._files is not None
        boots = self.agent.counters["boots"]

        def done(result: Transferred) -> None:
            if self.agent.counters["boots"] == boots and not self._stopped:
                self.agent.transferred(transfer.request, result, self.clock())
                self._carry()

        self._files.carry(transfer, done)

    def _report(self, report: BulkReport) -> None:
        assert self._files is not None

        def done(taken: bool) -> None:
            self.agent.reported(report.number, 200 if taken else 0, self.clock())
            self._rest()

        if report.method:  # What goes over MQTT is taken for sent.
            self._files.report(report, done)

    def _rest(self) -> None:
        """Wait for what comes next."""
        if self._stopped:
            return
        times = [at for at in (self._back_at, self.agent.due()) if at is not None]
        self._alarm.set(min(times, default=None))

    def _chance(self) -> Random:
        """What draws the next wait: its own, and nothing to keep while it is idle."""
        self._drawn += 1
        return Random(f"{self._seed}/{self.agent.endpoint}/{self._drawn}")
