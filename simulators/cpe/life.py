"""The days of one unit in a reactor: when it calls, what happens between its calls."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from random import Random
from typing import Any

from twisted.internet import defer
from twisted.internet.task import deferLater
from twisted.python.failure import Failure

from .backoff import retry_wait
from .device import CONNECTION_REQUEST, PERIODIC, SCHEDULED, Ont
from .http import Sessions
from .render import Event
from .report import End, SessionReport
from .transfers import State, Transfer

Observer = Callable[[Ont, str, dict[str, Any]], None]
"""Told what happens: (unit, kind, fields). No field holds a secret."""


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
    nothing to change in a later one, or after ``max_sessions`` sessions.
    """

    def __init__(
        self,
        ont: Ont,
        sessions: Sessions,
        reactor: Any,
        *,
        pace: Pace,
        random: Random,
        observe: Observer,
        save: Callable[[Ont], None] | None = None,
        quit_when_done: bool = False,
        max_sessions: int | None = None,
    ) -> None:
        self.ont = ont
        self.provisioned = False
        """The ACS wrote something, and in a later session had nothing to change."""
        self._written = False
        self._sessions = sessions
        self._reactor = reactor
        self._pace = pace
        self._random = random
        self._observe = observe
        self._save = save or (lambda _: None)
        self._quit_when_done = quit_when_done
        self._left = max_sessions
        self._stopped = False
        self._sleep: defer.Deferred[None] | None = None
        self._agenda: dict[str, float] = {}
        """When something is due, by what it is, on the reactor's clock."""
        self._scheduled: list[tuple[float, str]] = []
        self._tasks: dict[object, defer.Deferred[None]] = {}
        """What goes on beside the sessions: transfers, changes of software."""

    def run(self) -> defer.Deferred[None]:
        """Start; fires when the life is over."""
        return defer.Deferred.fromCoroutine(self._run())

    def stop(self) -> None:
        """End after the running session; transfers are given up."""
        self._stopped = True
        for task in list(self._tasks.values()):
            task.cancel()
        self._wake()

    def request_connection(self) -> None:
        """Call soon, with ``6 CONNECTION REQUEST``."""
        self.ont.report(CONNECTION_REQUEST)
        self._agenda["call"] = self._reactor.seconds()
        self._wake()

    async def _run(self) -> None:
        self._tell("boot", events=[event.code for event in self.ont.next_events()])
        self._due("call", self._random.uniform(0, self._pace.start_within))
        self._begin_tasks()
        while not self._over:
            await self._rest()
            if not self._over:
                await self._act()
        self.stop()

    @property
    def _over(self) -> bool:
        done = self._quit_when_done and self.provisioned
        return self._stopped or done or self._left == 0

    async def _act(self) -> None:
        """Do what is due, the call last."""
        due = self._take_due()
        if "restart" in due:
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
        waiting_to_retry = "call" in self._agenda
        if self.ont.restart_due:
            return
        if "call" in due or (self.ont.next_events() and not waiting_to_retry):
            await self._session()

    async def _session(self) -> None:
        events = self.ont.next_events() or (PERIODIC,)
        self._tell("session-start", events=[event.code for event in events])
        report = await self._sessions.run(self.ont, events)
        self._left = None if self._left is None else self._left - 1
        for rpc in report.rpcs:
            self._tell(
                "rpc",
                method=rpc.method,
                names=list(rpc.names),
                fault=rpc.fault,
                drawn=rpc.drawn,
                key=rpc.key,
            )
            for name, text in rpc.values.items():
                shown = "***" if self.ont.tree.hidden(name) else text
                if not rpc.fault:
                    self._tell("set", name=name, value=shown, status=rpc.status)
        for told in report.told:
            self._tell("told", method=told.method, key=told.key, fault=told.fault)
        self._tell(
            "session-end",
            end=report.end.value,
            reason=report.reason,
            rpcs=len(report.rpcs),
            authentication=report.authentication,
        )
        self._save(self.ont)
        self._judge(report)
        self._plan(report)

    def _plan(self, report: SessionReport) -> None:
        """Put on the agenda what follows from a session."""
        self._agenda.pop("call", None)
        if report.end is not End.COMPLETE:
            pace = self.ont.retry_pace
            wait = retry_wait(self.ont.retry_count, *pace, self._random)
            self._tell("retry", count=self.ont.retry_count, seconds=round(wait, 1))
            self._due("call", wait)
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
        self._begin_tasks()
        if self.ont.apply_due and "apply" not in self._agenda:
            self._due("apply", self._pace.apply)
        if self.ont.tests and "test" not in self._agenda:
            self._due("test", self._pace.test)
        interval = self._pace.periodic or self.ont.periodic_interval
        if interval is None:
            self._agenda.pop("periodic", None)
        else:
            self._due("periodic", interval)
        if report.complete and self.ont.next_events():
            self._due("call", 0)

    # --- beside the sessions ------------------------------------------------------------

    def _begin_tasks(self) -> None:
        """Begin the transfers and changes of software that were asked for."""
        for transfer in self.ont.transfers.within(State.WAITING):
            if transfer not in self._tasks:
                self._task(transfer, self._transfer(transfer))
        changes, self.ont.changes[:] = list(self.ont.changes), []
        for change in changes:
            self._task(change, self._sessions.change(self.ont, change))

    def _task(self, what: object, work: Coroutine[Any, Any, None]) -> None:
        def over(result: Any) -> None:
            self._tasks.pop(what, None)
            if isinstance(result, Failure):
                result.trap(defer.CancelledError)
            elif not self._stopped:
                self._after_task()

        self._tasks[what] = defer.Deferred()  # holds the place while the work begins
        running = defer.Deferred.fromCoroutine(work)
        if what in self._tasks:
            self._tasks[what] = running
        running.addBoth(over)

    def _after_task(self) -> None:
        """Call to tell of it, after the restart where it needs one."""
        if not self.ont.restart_due:
            if self.ont.next_events():
                self._agenda.setdefault("call", self._reactor.seconds())
        elif "restart" not in self._agenda:
            self._due("restart", self._pace.reboot)
        self._save(self.ont)
        self._wake()

    async def _transfer(self, transfer: Transfer) -> None:
        asked = self._reactor.seconds()
        if transfer.windows:
            await self._scheduled_download(transfer, asked)
        else:
            await deferLater(self._reactor, transfer.delay * self._pace.scale)
            await self._carry(transfer)
        if transfer.state is State.DONE:
            self._tell(
                "transfer",
                method=transfer.method,
                key=transfer.key,
                file_type=transfer.file_type,
                fault=transfer.fault,
                reason=transfer.text,
            )

    async def _carry(self, transfer: Transfer) -> None:
        if transfer in self.ont.transfers.queue:
            await self._sessions.transfer(self.ont, transfer)

    async def _scheduled_download(self, transfer: Transfer, asked: float) -> None:
        """Try in each window until the file has come; what is under way at its end is given up."""
        scale, reactor = self._pace.scale, self._reactor
        tries = [w for w in transfer.windows for _ in range(1 + max(0, w.retries))]
        for number, window in enumerate(tries, 1):
            await deferLater(reactor, max(0.0, asked + window.start * scale - reactor.seconds()))
            left = asked + window.end * scale - reactor.seconds()
            if left <= 0:
                continue
            carrying = defer.Deferred.fromCoroutine(self._carry(transfer))
            try:
                await carrying.addTimeout(left, reactor)
            except defer.TimeoutError:
                transfer.state = State.WAITING
            if transfer not in self.ont.transfers.queue:
                return
            if transfer.state is State.DONE and (not transfer.fault or number == len(tries)):
                return
            transfer.state = State.WAITING
        self._sessions.expire(self.ont, transfer)

    def _judge(self, report: SessionReport) -> None:
        writing = {"SetParameterValues", "AddObject", "DeleteObject"}
        wrote = any(rpc.method in writing and not rpc.fault for rpc in report.rpcs)
        if wrote:
            self._written = True
        elif report.complete and self._written and not self.ont.apply_due:
            self.provisioned = True

    def _take_scheduled(self) -> None:
        now = self._reactor.seconds()
        for at, key in [entry for entry in self._scheduled if entry[0] <= now]:
            self._scheduled.remove((at, key))
            self.ont.report(SCHEDULED)
            self.ont.report(Event("M ScheduleInform", key))
        if self._scheduled:
            self._agenda["schedule"] = min(at for at, _ in self._scheduled)

    def _due(self, what: str, seconds: float) -> None:
        self._agenda[what] = self._reactor.seconds() + seconds * self._pace.scale

    def _take_due(self) -> set[str]:
        now = self._reactor.seconds()
        due = {what for what, at in self._agenda.items() if at <= now}
        for what in due:
            del self._agenda[what]
        return due

    async def _rest(self) -> None:
        """Wait for the next entry of the agenda, or `_wake`."""
        if not self._agenda:
            self._sleep = defer.Deferred()
        else:
            wait = max(0.0, min(self._agenda.values()) - self._reactor.seconds())
            self._sleep = deferLater(self._reactor, wait)
        try:
            await self._sleep
        except defer.CancelledError:
            return
        finally:
            self._sleep = None

    def _wake(self) -> None:
        if self._sleep is not None:
            self._sleep.cancel()

    def _tell(self, kind: str, **fields: Any) -> None:
        self._observe(self.ont, kind, fields)
