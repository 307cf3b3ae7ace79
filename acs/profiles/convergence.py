"""Converge: read, compare, write what differs, read back, and say what came of it.

A flow over the operations of `acs.model.DataModel`: whoever drives it knows the protocol,
this does not.  Nothing is replayed and nothing loops: at most one plan is written per run,
and at most once more without optional leaves the device refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from acs.devices.record import ProofLine, Snapshot, Unfinished, Verdict
from acs.model import DataModel, Fault, ParameterFault, SessionLost, Value, Written
from acs.profiles.blueprint import Verify
from acs.profiles.building import Construction
from acs.profiles.changes import UNSURE, Group, PlannedChange, seal_written
from acs.profiles.outcome import Outcome, OutcomeKind, Task, WriteLost
from acs.profiles.plan import Plan, make_plan, marker_of
from acs.profiles.proving import (
    as_fault,
    by_role,
    first_difference,
    how_many,
    how_many_changes,
    how_many_differ,
    line_of,
    shows,
)
from acs.profiles.reading import Reading, read
from acs.profiles.tree import Tree, row_pattern


async def converge(device: DataModel, task: Task) -> Outcome:
    """Bring the device to the intent of ``task``, as far as one session can.

    Raises `SessionLost` when the device goes away, `WriteLost` when that is in the middle of
    writing: the next run finds out by comparing, but for secrets, which are to be written again.
    """
    if task.intent.empty:
        text = "nothing is wanted of this device"
        return Outcome(OutcomeKind.NOTHING, text, Plan(), task.snapshot)
    run = _Run(device, task)
    if isinstance(fault := await run.learn(), Fault):
        return run.outcome(OutcomeKind.FAILED, f"could not be read: {fault}", fault=fault)
    plan = run.plan
    if not plan and not plan.kept and plan.problems:
        return run.outcome(OutcomeKind.FAILED, f"nothing can be applied: {plan.problems[0]}")
    if task.verifying and not task.fresh and not task.reset and not (plan and plan.tidying):
        return run.verified()
    if not plan:
        return run.outcome(OutcomeKind.IN_ORDER, "everything is as wanted", run.seen())
    if not (task.fresh or task.reset or task.rewrite or task.heal):
        paths = (change.path for change in plan.writes)
        first = (*paths, *map(str, plan.creations), *plan.removals)[0]
        text = f"{how_many_differ(plan.size)} from what is wanted, first {first}"
        return run.outcome(OutcomeKind.DRIFTED, text, run.differing())
    if reason := task.withheld(plan):
        text = f"{how_many_changes(plan.size)} planned, nothing sent: {reason}"
        return run.outcome(OutcomeKind.PLANNED, text, run.differing())
    if plan.size > task.max_changes:
        text = (
            f"the plan has {plan.size} changes, more than the {task.max_changes} "
            "allowed; nothing was written"
        )
        return run.outcome(OutcomeKind.FAILED, text)
    return await run.apply()


def _is_about_leaf(fault: Fault | ParameterFault) -> bool:
    """Tell whether the rest of a plan can do without what is refused: it is not there for us."""
    return fault.says_absent or fault.says_not_writable or fault.says_denied


def _awaited(line: ProofLine) -> ProofLine:
    is_open = line.verdict is Verdict.MISMATCH
    return replace(line, read=None, verdict=Verdict.AWAITED) if is_open else line


class _Run:
    """One run of converge: what is known so far."""

    def __init__(self, device: DataModel, task: Task) -> None:
        self._device = device
        self._task = task
        self._snapshot = Snapshot() if task.reset else task.snapshot
        self._missing: set[str] = set()
        self._in_flight: tuple[str, ...] = ()
        self._adopted: frozenset[str] = frozenset()
        self._open: frozenset[str] = frozenset()
        self._unseen: tuple[str, ...] = ()
        self._listed: Mapping[str, frozenset[str]] = {}
        self.plan = Plan()

    async def learn(self) -> Fault | None:
        """Read what the comparison needs, and plan."""
        task = self._task
        reading = task.reading
        if reading is None:
            fresh = await read(
                self._device,
                task.blueprint,
                task.intent,
                task.missing,
                task.rows,
                shows_all=task.shows_all,
            )
            if isinstance(fresh, Fault):
                return fresh
            reading = fresh
        self._unseen = reading.unseen
        self._open = reading.asked - reading.secret
        self._listed = reading.listed
        self._missing.update(reading.missing)
        values = self._remembered(reading) | dict(reading.values)
        self._snapshot = replace(self._snapshot, at=task.now, values=values)
        self.plan = make_plan(
            task.intent,
            task.blueprint,
            self._snapshot,
            key=task.key,
            rewrite=task.rewrite,
            marker=self._marker,
            carrier=task.carrier,
            change_carrier=task.change_carrier,
            hidden=reading.hidden,
            shows_all=task.shows_all,
        )
        working = [change for change in self.plan.kept if change.works]
        before = self._snapshot.written
        self._adopted = frozenset(c.path for c in working if c.path not in before)
        # From now on another password in the wish is a new one, and is written.
        self._remember_written(working)
        return None

    def verified(self) -> Outcome:
        """Compare with what an earlier session wrote and the device applied since."""
        wrong = [change for change in self.plan.writes if change.group is not Group.MARK]
        differing = [change for change in wrong if not change.secret]
        if not wrong:
            # The mark is our own wish: a device that does not keep it is as wanted all the same.
            return self.outcome(OutcomeKind.PROVEN, "what was written is seen", self.seen())
        if not differing:
            # Only secrets are open: the session that wrote them was lost before we knew.
            text = f"{wrong[0].path} is not known to be written"
            return self._mismatch(text, ())
        return self._mismatch(first_difference(differing), self.differing())

    async def apply(self) -> Outcome:
        """Write the plan, then read it back where that can be done at once."""
        task = self._task
        written: list[PlannedChange] = []
        later = task.blueprint.verify_later
        for batch in self._batches():
            try:
                outcome, sent = await self._write(batch)
            except SessionLost as lost:
                raise self._lost(lost, self._snapshot.unfinished) from lost
            if isinstance(outcome, Fault):
                lines = self._lines(written, {})
                text = f"refused: {outcome}"
                return self.outcome(OutcomeKind.FAILED, text, lines, fault=outcome)
            later = later or outcome
            written.extend(sent)
        if self.plan.steps:
            work = self._construction()
            try:
                refusal = await work.run()
            except SessionLost as lost:
                raise self._lost(lost, work.unfinished) from lost
            if refusal is not None:
                self._snapshot = replace(self._snapshot, unfinished=work.unfinished)
                lines = self._lines(written, {})
                return self.outcome(OutcomeKind.FAILED, refusal.text, lines, fault=refusal.fault)
            later = later or work.pending
            written.extend({change.path: change for change in work.written}.values())
            values = {**self._snapshot.values, **work.accepted}
            self._snapshot = replace(self._snapshot, values=values, unfinished=None)
        if later:
            text = f"{how_many(written)} accepted; the next session verifies"
            return self.outcome(OutcomeKind.AWAITING, text, self._lines(written, {}))
        return await self._prove(written, patient=task.blueprint.verify is Verify.NOW_OR_LATER)

    async def _write(self, batch: list[PlannedChange]) -> tuple[bool | Fault, list[PlannedChange]]:
        """Write one request; once more without optional leaves when these are refused.

        Returns whether the effect is pending, or the refusal, and what was sent.
        """
        self._in_flight = tuple(change.path for change in batch if change.secret)
        outcome, sent = await self._send(batch)
        self._in_flight = ()
        if not isinstance(outcome, Fault):
            self._remember_written(sent)
        return outcome, sent

    async def _send(self, batch: list[PlannedChange]) -> tuple[bool | Fault, list[PlannedChange]]:
        outcome = await self._device.set(*(change.change for change in batch))
        if isinstance(outcome, Fault):
            refused = {p.path for p in outcome.parameters if _is_about_leaf(p)}
            if not outcome.parameters and _is_about_leaf(outcome):
                refused = {change.path for change in batch}
            dropped = [change for change in batch if change.optional and change.path in refused]
            if not dropped:
                return outcome, batch
            batch = [change for change in batch if change not in dropped]
            if batch:
                outcome = await self._device.set(*(change.change for change in batch))
                if isinstance(outcome, Fault):
                    return outcome, batch
            self._missing.update(self._general(change.path) for change in dropped)
        return isinstance(outcome, Written) and outcome.pending, batch

    def _construction(self) -> Construction:
        return Construction(
            self._device,
            self.plan.steps,
            Tree(self._task.blueprint, self._snapshot.values),
            self._write,
            self._keep,
            self._snapshot.unfinished or Unfinished(),
            names_types=self._task.blueprint.names_types,
            alias=self._task.blueprint.given_alias,
        )

    async def _keep(self, under_way: Unfinished) -> None:
        """Remember rows that are being created, and nothing else of a run that may not end."""
        before = Snapshot() if self._task.reset else self._task.snapshot
        await self._task.keep(replace(before, unfinished=under_way))

    def _lost(self, lost: SessionLost, unfinished: Unfinished | None) -> WriteLost:
        """Say what is to be kept of a run that was cut: nobody knows of secrets on their way."""
        written = {**self._snapshot.written, **dict.fromkeys(self._in_flight, UNSURE)}
        return WriteLost(str(lost), replace(self._snapshot, written=written, unfinished=unfinished))

    async def _prove(self, written: list[PlannedChange], *, patient: bool) -> Outcome:
        """Read back what was written; ``patient``: what is not seen yet may come later."""
        readable = [change.path for change in written if not change.secret]
        values: dict[str, Value] = {}
        if readable:
            answer = await self._device.get(*readable)
            if isinstance(answer, Fault):
                text = f"{how_many(written)} written, but not read back ({answer})"
                return self.outcome(OutcomeKind.AWAITING, text, self._lines(written, {}))
            values.update(answer.values)
        self._snapshot = replace(self._snapshot, values={**self._snapshot.values, **values})
        written = [c for c in written if c.group is not Group.MARK or shows(c, values)]
        lines = self._lines(written, values, read_back=True)
        differing = [
            replace(change, current=values.get(change.path))
            for change, line in zip(written, lines, strict=True)
            if line.verdict is Verdict.MISMATCH
        ]
        if differing and patient:
            text = f"{how_many(written)} accepted; {how_many(differing)} not seen yet"
            lines = tuple(_awaited(line) for line in lines)
            return self.outcome(OutcomeKind.AWAITING, f"{text}: the next session verifies", lines)
        if differing:
            return self._mismatch(first_difference(differing), lines, differing)
        text = f"{how_many(written)} written and read back"
        return self.outcome(OutcomeKind.PROVEN, text, lines)

    def outcome(
        self,
        kind: OutcomeKind,
        text: str,
        lines: tuple[ProofLine, ...] = (),
        fault: Fault | None = None,
    ) -> Outcome:
        """Put together what came of the run."""
        problems = len(self.plan.problems)
        met = (OutcomeKind.IN_ORDER, OutcomeKind.PROVEN, OutcomeKind.AWAITING)
        if problems and kind in met and not self.plan.serves:
            # Our own management may be in order; the customer has nothing of it.
            kind, text = OutcomeKind.FAILED, f"no wish can be met: {self.plan.problems[0]}"
        if problems and kind is not OutcomeKind.FAILED:
            wishes = "1 wish" if problems == 1 else f"{problems} wishes"
            text += f"; {wishes} cannot be met: {self.plan.problems[0]}"
        if problems and self._unseen:
            text += f"; {by_role(self._unseen)}"
        seen = kind in (OutcomeKind.IN_ORDER, OutcomeKind.PROVEN)
        if seen:
            self._snapshot = replace(self._snapshot, unfinished=None)
        carried = self._snapshot.values.get(self._task.blueprint.marker)
        marked = seen and carried is not None and carried.text == self._marker
        return Outcome(
            kind=kind,
            text=text,
            plan=self.plan,
            snapshot=self._snapshot,
            lines=lines,
            fault=fault,
            missing=tuple(sorted(self._missing)),
            marker=self._marker if marked else "",
            listed=self._listed,
            grounds=self._grounds(),
        )

    def _grounds(self) -> tuple[str, ...]:
        compared = {change.path for change in (*self.plan.kept, *self.plan.writes)}
        grounds = self.plan.grounds & self._open & self._snapshot.values.keys()
        return tuple(sorted(grounds - compared))

    def seen(self) -> tuple[ProofLine, ...]:
        """Return a line for everything that is as wanted."""
        return tuple(
            ProofLine(
                change.path,
                change.shown,
                None if change.secret else change.shown_current,
                Verdict.WRITTEN if change.secret else Verdict.PROVEN,
            )
            for change in self.plan.kept
            if change.path not in self._adopted
        )

    def differing(self) -> tuple[ProofLine, ...]:
        """Return a line for everything that is not as wanted."""
        return tuple(
            ProofLine(change.path, change.shown, change.shown_current, Verdict.MISMATCH)
            for change in self.plan.writes
        )

    @property
    def _marker(self) -> str:
        return marker_of(self._task.fingerprint) if self._task.mark else ""

    def _mismatch(
        self,
        text: str,
        lines: tuple[ProofLine, ...],
        differing: Sequence[PlannedChange] | None = None,
    ) -> Outcome:
        # What the device lost it may have lost with the secrets: they are written again next time.
        works = {change.path for change in self.plan.kept if change.works}
        written = {
            path: sealed if path in works else UNSURE
            for path, sealed in self._snapshot.written.items()
        }
        self._snapshot = replace(self._snapshot, written=written)
        wrong = self.plan.writes if differing is None else differing
        fault = Fault(0, "read back otherwise", tuple(map(as_fault, wrong)))
        return self.outcome(OutcomeKind.MISMATCH, text, lines, fault=fault)

    def _remembered(self, reading: Reading) -> dict[str, Value]:
        """Return what was known and still holds: of this root, and not outdated."""
        root, missing = self._task.blueprint.root, self._task.missing
        # A look at the last name spares most paths the search for their table.
        leaves = {name.rpartition(".")[2] for name in missing}
        return {
            path: value
            for path, value in self._snapshot.values.items()
            if path.startswith(root)
            and not reading.outdates(path)
            and not (
                path.rpartition(".")[2] in leaves
                and not missing.isdisjoint((path, self._general(path)))
            )
        }

    def _remember_written(self, sent: list[PlannedChange]) -> None:
        sealed = {
            change.path: seal_written(self._task.key, change.path, change.wanted)
            for change in sent
            if change.secret
        }
        written = {**self._snapshot.written, **sealed}
        self._snapshot = replace(self._snapshot, written=written)

    def _batches(self) -> list[list[PlannedChange]]:
        """Split the plan into requests: one, unless a group asks for its own."""
        separate = self._task.blueprint.separate
        batches: list[list[PlannedChange]] = []
        before: Group | None = None
        for change in self.plan.changes:
            alone = change.group.value in separate or (before and before.value in separate)
            if not batches or (change.group is not before and alone):
                batches.append([])
            batches[-1].append(change)
            before = change.group
        return batches

    def _lines(
        self, written: list[PlannedChange], values: dict[str, Value], *, read_back: bool = False
    ) -> tuple[ProofLine, ...]:
        return tuple(line_of(change, values.get(change.path), read_back) for change in written)

    def _general(self, path: str) -> str:
        """Return ``path`` with ``{i}`` for the instance numbers of its table."""
        for table in sorted(self._task.blueprint.tables.values(), key=len, reverse=True):
            if row := row_pattern(table).match(path):
                return table + path[row.end() :]
        return path
