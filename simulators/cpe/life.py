"""The days of one unit in a reactor: when it calls, what happens between its calls."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from twisted.internet import defer
from twisted.python.failure import Failure

from .alarms import Alarms
from .backoff import retry_wait
from .beside import Beside
from .device import CONNECTION_REQUEST, PERIODIC, SCHEDULED, Ont
from .http import Sessions
from .misbehaviour import GOOD
from .render import Event
from .report import End, Lost, SessionReport
from .telling import session_told, transfer_told
from .transfers import Transfer

Observer = Callable[[Ont, str, dict[str, Any]], None]
"""Told what happens: (unit, kind, fields). No field holds a secret."""

_WRITING = frozenset({"SetParameterValues", "AddObject", "DeleteObject"})
FLOOD_MOST = 200
"""Informs of one flooding unit that may be under way at a time."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How long things take, in seconds before ``scale`` is applied (0.1: ten times faster)."""

    scale: float = 1.0
    apply: float = 40.0
    """Until accepted values take effect (Status 1)."""
    reboot: float = 130.0
    periodic: float | None = None
    """Overrides PeriodicInformInterval."""
    start_within: float = 0.0
    """Units of a fleet begin spread over this time."""
    test: float = 5.0
    """How long a diagnostic runs."""


class Life:
    """One unit from power-on until `stop`.

    ``quit_when_done`` ends it once the ACS has written something in one session and found
    nothing to change in a later one, or after ``max_sessions`` sessions.  ``alarms`` are those
    that many lives share.  ``first_call`` is when it calls first, in seconds of the clock;
    without it the pace says.  ``source`` is the address it calls from.  ``seed`` fixes its waits,
    whatever other units do.
    """

    def __init__(
        self,
        ont: Ont,
        sessions: Sessions,
        reactor: Any,
        *,
        pace: Pace,
        seed: int,
        observe: Observer,
        save: Callable[[Ont], None] | None = None,
        quit_when_done: bool = False,
        max_sessions: int | None = None,
        alarms: Alarms | None = None,
        first_call: float | None = None,
        source: str | None = None,
    ) -> None:
        ont.think = ont.think.scaled(pace.scale)
        self.ont = ont
        self.provisioned = False
        """The ACS wrote something, and in a later session had nothing to change."""
        self._written = False
        self._sessions = sessions
        self._reactor = reactor
        self._pace = pace
        self._seed = seed
        self._drawn = 0
        """Random waits so far."""
        self._failed = 0
        """Failed sessions since it started: by them it waits; RetryCount outlives a restart."""
        self._observe = observe
        self._save = save or _keep_nothing
        self._quit_when_done = quit_when_done
        self._left = max_sessions
        self._first_call = first_call
        self._source = source
        self._stopped = False
        self._alarm = (alarms or Alarms(reactor)).make(self._rang)
        self._agenda: dict[str, float] = {}
        """When something is due, by what it is, on the reactor's clock."""
        self._scheduled: list[tuple[float, str]] = []
        self._said: list[tuple[float, Event]] = []
        """Events that are put into its mouth, and when."""
        self.after_session: Callable[[], None] = _nothing_more
        """Called when a session is over: the unit may have other settings."""
        self._ended: defer.Deferred[None] | None = None
        self._running: defer.Deferred[Any] | None = None
        """The session that runs."""
        self._flooding: set[defer.Deferred[Any]] = set()
        self._beside = Beside(
            ont,
            sessions,
            reactor,
            scale=pace.scale,
            tell=self._tell_transfer,
            after=self._after_task,
        )

    def run(self) -> defer.Deferred[None]:
        """Start; fires when the life is over."""
        ended = self._ended = defer.Deferred()
        self._tell("boot", events=[event.code for event in self.ont.next_events()])
        if self._first_call is None:
            self._due("call", self._chance().uniform(0, self._pace.start_within))
        else:
            self._agenda["call"] = self._reactor.seconds() + self._first_call
        self._beside.begin()
        self._rest()
        return ended

    def stop(self) -> None:
        """End after the running session, at once where it means no good; transfers are given up."""
        self._stopped = True
        self._beside.give_up()
        if self.ont.misbehaviour != GOOD:
            self._go_off()
        if self._running is None:
            self._rest()

    def request_connection(self) -> None:
        """Call soon, with ``6 CONNECTION REQUEST``."""
        self.ont.report(CONNECTION_REQUEST)
        self._agenda["call"] = self._reactor.seconds()
        self._wake()

    def call(self, events: Sequence[str], wait: float = 0.0) -> None:
        """Call in ``wait`` seconds of the clock with these events, besides its own."""
        at = self._reactor.seconds() + wait
        self._said += [(at, Event(code)) for code in events]
        self._agenda["said"] = min(moment for moment, _ in self._said)
        self._wake()

    def power_cut(self, seconds: float) -> None:
        """Lose the power now, with all that is under way, and start ``seconds`` later."""
        self._beside.give_up()
        self._agenda.clear()
        self._scheduled.clear()
        self._said.clear()
        self._agenda["restart"] = self._reactor.seconds() + seconds
        self._go_off()
        self._wake()

    def _go_off(self) -> None:
        """Break off the sessions that run."""
        for running in list(self._flooding):
            running.cancel()
        if self._running is not None:
            self._running.cancel()

    @property
    def _over(self) -> bool:
        done = self._quit_when_done and self.provisioned
        return self._stopped or done or self._left == 0

    def _rest(self) -> None:
        """Wait for the next entry of the agenda; end where the life is over."""
        if not self._over:
            self._alarm.set(min(self._agenda.values(), default=None))
            return
        self._stopped = True
        self._alarm.set(None)
        self._beside.give_up()
        self._go_off()
        self._end(None)

    def _wake(self) -> None:
        """Look at a changed agenda, unless a session runs: it looks at its end."""
        if self._running is None and self._ended is not None:
            self._rest()

    def _end(self, result: Failure | None) -> None:
        ended, self._ended = self._ended, None
        if ended is not None:
            ended.callback(result)

    def _rang(self) -> None:
        try:
            events = self._act()
            if events:
                self._call(events)
            else:
                self._rest()
        except Exception:
            self._end(Failure())

    def _act(self) -> tuple[Event, ...]:
        """Do what is due; return the events of the session that is due too, if one is."""
        due = self._take_due()
        if "restart" in due:
            self._failed = 0
            self.ont.restart()
            self._tell("boot", events=[event.code for event in self.ont.next_events()])
            due.add("call")
        elif "apply" in due:
            self._tell("applied", parameters=self.ont.apply())
            self._save(self.ont)
        if "test" in due:
            self._tell("tested", objects=self.ont.end_tests(self._reactor.seconds()))
        if "periodic" in due:
            self.ont.report(PERIODIC)
        if "schedule" in due:
            self._take_scheduled()
        if "said" in due:
            self._take_said()
            due.add("call")
        if "flood" in due:
            self._flood()
        waiting_to_retry = "call" in self._agenda
        if self.ont.restart_due:
            return ()
        if "call" in due or (self.ont.next_events() and not waiting_to_retry):
            return self.ont.next_events() or (PERIODIC,)
        return ()

    # --- a session ------------------------------------------------------------------------

    def _call(self, events: tuple[Event, ...]) -> None:
        at_once = self.ont.misbehaviour.at_once
        sessions = [self._session(events) for _ in range(at_once)]
        if at_once > 1:
            running = defer.gatherResults(sessions, consumeErrors=True)
        else:
            running = sessions[0].addCallback(lambda report: [report])
        running.addCallback(self._called)
        self._running = None if running.called else running
        running.addErrback(self._broken_off).addErrback(self._end)

    def _session(self, events: tuple[Event, ...]) -> defer.Deferred[SessionReport]:
        self._tell("session-start", events=[event.code for event in events])
        return self._sessions.run(self.ont, events, self._source)

    def _called(self, reports: list[SessionReport]) -> None:
        self._running = None
        for report in reports:
            self._tell_session(report)
        self._left = None if self._left is None else self._left - 1
        self._save(self.ont)
        self._judge(reports[0])
        self._plan(reports[0])
        self.after_session()
        self._rest()

    def _broken_off(self, failure: Failure) -> None:
        """Go on after the power went in a session."""
        self._running = None
        first = failure.value
        cause = first.subFailure if isinstance(first, defer.FirstError) else failure
        cause.trap(defer.CancelledError)
        for _ in range(self.ont.misbehaviour.at_once):
            self._tell_session(_cut_off())
        self._rest()

    def _plan(self, report: SessionReport) -> None:
        """Put on the agenda what follows from a session."""
        self._agenda.pop("call", None)
        if report.end is End.COMPLETE:
            self._failed = 0
        else:
            self._retry(report)
        for delay, key in self.ont.scheduled:
            at = self._reactor.seconds() + delay * self._pace.scale
            self._scheduled.append((at, key))
        self.ont.scheduled.clear()
        if self._scheduled:
            self._agenda["schedule"] = min(at for at, _ in self._scheduled)
        if self.ont.restart_due:
            self._agenda.clear()
            self._due("restart", self._pace.reboot)
            return
        self._beside.begin()
        if self.ont.apply_due and "apply" not in self._agenda:
            self._due("apply", self._pace.apply)
        if self.ont.tests and "test" not in self._agenda:
            self._due("test", self._pace.test)
        interval = self._pace.periodic or self.ont.periodic_interval
        if interval is None:
            self._agenda.pop("periodic", None)
        else:
            self._due("periodic", interval)
        if self.ont.misbehaviour.flood:
            self._agenda.setdefault("flood", self._reactor.seconds())
        if self.ont.misbehaviour.restless or (report.complete and self.ont.next_events()):
            self._due("call", 0)

    def _retry(self, report: SessionReport) -> None:
        """Wait by the table; where the ACS named a time to come back, at least as long."""
        self._failed += 1
        wait = retry_wait(self._failed, *self.ont.retry_pace, self._chance())
        wait = max(wait * self._pace.scale, report.retry_after)
        self._tell("retry", count=self._failed, seconds=round(wait, 1))
        self._agenda["call"] = self._reactor.seconds() + wait

    def _chance(self) -> Random:
        """Return what draws the next wait: its own, and nothing to keep while it is idle."""
        self._drawn += 1
        return Random(f"{self._seed}/{self.ont.identity.serial}/{self._drawn}")

    def _flood(self) -> None:
        """Begin the Inform that is due, on a connection of its own, and say when the next is."""
        if len(self._flooding) < FLOOD_MOST:
            flooding = self._session(self.ont.next_events() or (PERIODIC,))
            if not flooding.called:
                self._flooding.add(flooding)
                flooding.addBoth(self._flooded, flooding)
        self._agenda["flood"] = self._reactor.seconds() + 1 / self.ont.misbehaviour.flood

    def _flooded(self, result: SessionReport | Failure, flooding: defer.Deferred[Any]) -> None:
        self._flooding.discard(flooding)
        if isinstance(result, Failure):
            result.trap(defer.CancelledError)
            result = _cut_off()
        self._tell_session(result)

    def _judge(self, report: SessionReport) -> None:
        if any(rpc.method in _WRITING and not rpc.fault for rpc in report.rpcs):
            self._written = True
        elif report.complete and self._written and not self.ont.apply_due:
            self.provisioned = True

    # --- between sessions -----------------------------------------------------------------

    def _after_task(self) -> None:
        """Call to tell of it, after the restart where it needs one."""
        if self._stopped:
            return
        if not self.ont.restart_due:
            if self.ont.next_events():
                self._agenda.setdefault("call", self._reactor.seconds())
        elif "restart" not in self._agenda:
            self._due("restart", self._pace.reboot)
        self._save(self.ont)
        self._wake()

    def _take_scheduled(self) -> None:
        now = self._reactor.seconds()
        for at, key in [entry for entry in self._scheduled if entry[0] <= now]:
            self._scheduled.remove((at, key))
            self.ont.report(SCHEDULED)
            self.ont.report(Event("M ScheduleInform", key))
        if self._scheduled:
            self._agenda["schedule"] = min(at for at, _ in self._scheduled)

    def _take_said(self) -> None:
        now = self._reactor.seconds()
        for at, event in [entry for entry in self._said if entry[0] <= now]:
            self._said.remove((at, event))
            self.ont.report(event)
        if self._said:
            self._agenda["said"] = min(at for at, _ in self._said)

    def _due(self, what: str, seconds: float) -> None:
        self._agenda[what] = self._reactor.seconds() + seconds * self._pace.scale

    def _take_due(self) -> set[str]:
        now = self._reactor.seconds()
        due = {what for what, at in self._agenda.items() if at <= now}
        for what in due:
            del self._agenda[what]
        return due

    # --- telling --------------------------------------------------------------------------

    def _tell_session(self, report: SessionReport) -> None:
        for kind, fields in session_told(report, self.ont.tree.hidden):
            self._tell(kind, **fields)

    def _tell_transfer(self, transfer: Transfer) -> None:
        kind, fields = transfer_told(transfer)
        self._tell(kind, **fields)

    def _tell(self, what: str, /, **fields: Any) -> None:
        self._observe(self.ont, what, fields)


def _cut_off() -> SessionReport:
    return SessionReport((), end=End.FAILED, lost=Lost.STOPPED, reason="the unit went off")


def _keep_nothing(_: Ont) -> None:
    """The state of this unit is not kept."""


def _nothing_more() -> None:
    """Nothing of this unit follows its settings besides its life."""
