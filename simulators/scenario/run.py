"""A scenario is played: phases follow each other, steps are done, the server is watched."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet import defer
from twisted.internet.task import LoopingCall, deferLater
from twisted.internet.threads import deferToThread

from .evidence import Ending, Evidence, JobState, Sample, Stretch
from .house import House
from .ports import NOWHERE
from .progress import Progress, progress
from .reading import RunError
from .scenario import PhaseTable, Power, Scenario, Step, Until
from .town import Town

POLL_SECONDS = 0.25
SAMPLES = 600
"""About so many are taken of a run."""
SETTLE_SECONDS = 1.5
"""Longer than what a session leaves to be written waits in the server."""
TELL_SECONDS = 1.0
_STEP_SECONDS = 300.0
_TOLD_AT_END = 5


class Run:
    """One run of ``scenario``. ``house`` None: the server at ``acs`` is somebody else's.

    ``tell`` is shown how it goes, ``note`` what is done.
    """

    def __init__(
        self,
        scenario: Scenario,
        *,
        acs: str,
        account: tuple[str, str],
        house: House | None,
        reactor: Any,
        tell: Callable[[Progress], None],
        note: Callable[[float, str], None],
    ) -> None:
        self._scenario = scenario
        self._house = house
        self._reactor = reactor
        self._tell = tell
        self._show = note
        self._began = reactor.seconds()
        self._town = Town(
            scenario,
            acs=acs,
            account=account,
            own_server=house is not None,
            ports=house.usp if house is not None else NOWHERE,
            reactor=reactor,
            clock=self._now,
        )
        self._seen = self._town.seen
        steps = [step for phase in scenario.phase for step in phase.do]
        self._commands = {step.command[0] for step in steps if step.command}
        self._steps: set[defer.Deferred[None]] = set()
        self._power = 0
        """Orders for the server under way: meanwhile it may be down."""
        self._down_wanted = False
        self._problem: BaseException | None = None
        self._phase = scenario.phase[0]
        self._phase_began = 0.0

    def play(self) -> defer.Deferred[Evidence]:
        """Play it; fires with what was seen, or fails with `RunError`, `ChildError` …"""
        return defer.Deferred.fromCoroutine(self._play())

    async def _play(self) -> Evidence:
        self._began = self._reactor.seconds()
        every = max(0.5, self._scenario.length / SAMPLES)
        loops = [LoopingCall(self._sample), LoopingCall(self._report)]
        for loop, seconds in zip(loops, (every, TELL_SECONDS), strict=True):
            loop.clock = self._reactor
            # A failed look is a failed run, not a silent end of looking.
            loop.start(seconds).addErrback(self._failed)
        try:
            for phase in self._scenario.phase:
                await self._play_phase(phase)
            await self._town.stop()
            self._sample()
            self._seen.ending = await self._end()
        finally:
            for loop in loops:
                if loop.running:
                    loop.stop()
            await self._town.stop()
        return self._seen

    # --- phases ----------------------------------------------------------------------------------

    async def _play_phase(self, phase: PhaseTable) -> None:
        began = self._now()
        self._phase, self._phase_began = phase, began
        self._note(f"phase: {phase.name}")
        self._town.begin(phase)
        await self._record(phase)
        pending = [
            deferLater(self._reactor, step.at + step.every * turn, self._begin_step, step)
            for step in phase.do
            for turn in range(step.times)
        ]
        try:
            while self._now() - began < phase.length:
                self._raise_problem()
                if all(each.called for each in pending) and await self._is_over(phase):
                    break
                await deferLater(self._reactor, POLL_SECONDS)
            await self._finish_steps()
        finally:
            for each in pending:
                each.addErrback(lambda failure: failure.trap(defer.CancelledError))
                each.cancel()
        self._seen.stretches.append(Stretch(phase.name, began, self._now()))

    async def _record(self, phase: PhaseTable) -> None:
        recorded = self._town.recorded(phase)
        if not recorded:
            return
        if self._house is None:
            raise RunError("with --acs there is no ERPNext of our own to record units in")
        self._note(f"{len(recorded)} units are recorded in ERPNext")
        for member, wish in recorded:
            self._town.changed(member.number)
            await deferToThread(self._house.record, member, wish)

    async def _is_over(self, phase: PhaseTable) -> bool:
        if phase.until is Until.TIME or self._steps or not self._town.all_served:
            return False
        house = self._house
        if house is None:
            return True
        asked = self._now()
        over = phase.until is not Until.QUIET or await self._is_quiet(house)
        over = over and not self._town.failing(await deferToThread(house.standings))
        if not over:
            # Asking costs the machine something: not more than half of its time.
            await deferLater(self._reactor, self._now() - asked)
        return over

    async def _is_quiet(self, house: House) -> bool:
        jobs = await self._jobs(house)
        if any(job.state in ("queued", "sent") for job in jobs.values()):
            return False
        return not await self._of_campaigns(house.campaigns_waiting)

    async def _finish_steps(self) -> None:
        until = self._now() + _STEP_SECONDS
        while self._steps:
            if self._now() > until:
                raise RunError(f"a step of phase {self._phase.name!r} took too long")
            await deferLater(self._reactor, POLL_SECONDS)
        self._raise_problem()

    # --- steps -----------------------------------------------------------------------------------

    def _begin_step(self, step: Step) -> None:
        doing = defer.Deferred.fromCoroutine(self._do(step))
        self._steps.add(doing)

        def over(result: Any) -> None:
            self._steps.discard(doing)
            if result is not None:
                self._failed(result)

        doing.addBoth(over)

    async def _do(self, step: Step) -> None:
        house = self._house
        if house is None:
            raise RunError("with --acs there is no server of our own to do this to")
        if step.server is not None:
            await self._do_power(house, step.server)
        elif step.erpnext is not None:
            self._note(f"ERPNext: {step.erpnext}")
            await deferToThread(house.order_fault, step.erpnext)
        elif step.database is not None:
            self._note(f"the database is locked for {step.database.seconds:g} s")
            await deferToThread(house.hold_database, step.database.seconds)
        elif step.image is not None:
            await deferToThread(house.make_image, step.image)
        elif step.wish is not None:
            chosen = [member.number for member in self._town.chosen(step.share)]
            self._note(f"new wishes of {len(chosen)} units: {step.wish}")
            for number, wish in self._town.rewish(chosen, step.wish):
                self._town.changed(number)
                await deferToThread(house.change_wish, number, wish)
        elif step.command is not None:
            await self._do_command(house, step.command, step.share)

    async def _do_power(self, house: House, power: Power) -> None:
        self._note(f"server: {power}")
        self._power += 1
        self._down_wanted = power is Power.STOP
        try:
            await deferToThread(house.power, power)
        finally:
            self._power -= 1

    async def _do_command(self, house: House, command: tuple[str, ...], share: float) -> None:
        self._note(f"acs {' '.join(command)}")
        if not any("{serial}" in word for word in command):
            await deferToThread(house.command, command)
            return
        for member in self._town.chosen(share):
            serial = self._town.serial(member)
            words = [word.replace("{serial}", serial) for word in command]
            await deferToThread(house.command, words)

    # --- watching --------------------------------------------------------------------------------

    def _now(self) -> float:
        return float(self._reactor.seconds() - self._began)

    def _sample(self) -> None:
        house = self._house
        if house is None:
            return
        if not self._power and not self._down_wanted and (told := house.crashed()):
            self._seen.failed_restarts += 1
            self._note(f"{told}; it is started again")
            self._begin_step(Step(server=Power.START))
            return
        used = house.usage()
        log, disk = house.sizes()
        self._seen.samples.append(
            Sample(self._now(), used.rss, used.cpu, log, disk, self._town.open_sessions)
        )

    def _report(self) -> None:
        now = self._now()
        self._tell(
            progress(
                self._seen,
                at=now,
                phase=self._phase.name,
                left=max(0.0, self._phase_began + self._phase.length - now),
                served=self._town.served,
                open_sessions=self._town.open_sessions,
            )
        )

    async def _end(self) -> Ending:
        house = self._house
        if house is None:
            return Ending(self._town.stands({}), watched=False)
        await deferLater(self._reactor, SETTLE_SECONDS)
        standings = await deferToThread(house.standings)
        for line in self._town.failing(standings)[:_TOLD_AT_END]:
            self._note(f"not live: {line}")
        stands = self._town.stands(standings)
        for stand in stands:
            if stand.standing == "live" and not stand.right:
                self._note(f"live and wrong: unit {stand.member.number}: {', '.join(stand.wrong)}")
        return Ending(
            stands=stands,
            jobs=await self._jobs(house),
            asked=frozenset(house.asked),
            promised=sum(house.promised.values()),
            campaigns_unmet=await self._of_campaigns(house.campaigns_unmet),
            faults=sum(standing == "faulted" for standing, _, _ in standings.values()),
            queries=await deferToThread(house.queries),
        )

    async def _jobs(self, house: House) -> dict[int, JobState]:
        """Return how the jobs stand, which only commands ask for."""
        return await deferToThread(house.jobs) if self._commands else {}

    async def _of_campaigns(self, ask: Callable[[], int]) -> int:
        """Return a figure of the campaigns, which only ``bulk`` makes."""
        return await deferToThread(ask) if "bulk" in self._commands else 0

    def _note(self, text: str) -> None:
        self._seen.notes.append((self._now(), text))
        self._show(self._now(), text)

    def _failed(self, failure: Any) -> None:
        self._problem = self._problem or failure.value

    def _raise_problem(self) -> None:
        if self._problem is not None:
            raise self._problem
