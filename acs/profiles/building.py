"""Carrying out the steps of a chain on the device, and taking back what a refusal leaves half done.

Where a step is refused, rows that this run created are deleted in reverse order and leaves of
rows that were there are put back as they were; nothing else is touched.  Where the line is cut,
what was created is remembered, so that the next session goes on with it; before each row that is
asked for this is made durable, since we may be cut short as well.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from acs.devices.record import Unfinished
from acs.model import Change, DataModel, Fault, Value, ValueType
from acs.profiles.changes import Creation, Group, PlannedChange, Step, bind, in_order
from acs.profiles.tree import Tree

Write = Callable[[list[PlannedChange]], Awaitable[tuple[bool | Fault, list[PlannedChange]]]]
"""Writes one request; returns whether its effect is pending, or the refusal, and what was sent."""
Keep = Callable[[Unfinished], Awaitable[None]]
"""Makes durable what is under way."""
NOT_NEW = 9002
"""Internal error (TR-069 A.5): what we call a row that is said to be new and was there before."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A step the device refused, and the state it was left in."""

    fault: Fault
    text: str
    """One sentence for people."""


@dataclass(slots=True)
class Construction:
    """The work on one chain, with what is done so far."""

    device: DataModel
    steps: Sequence[Step]
    tree: Tree
    write: Write
    keep: Keep
    earlier: Unfinished
    """Rows that an earlier session created."""
    names_types: bool = True
    """The device says of what type a value is; else all it shows may be a text."""
    alias: str = ""
    """Leaf that a new row must be given as it is created; empty: all can be set later."""
    pending: bool = False
    """The device applies some of it later."""
    written: list[PlannedChange] = field(default_factory=list)
    """What it accepted, with the numbers of created rows."""
    rows: dict[str, str] = field(default_factory=dict)
    """Rows this run created and that are still there, by symbol."""
    _adding: str = ""
    _made: tuple[str, ...] = ()
    _gone: tuple[str, ...] = ()
    _numbers: dict[str, str] = field(default_factory=dict)
    _new: dict[str, Value] = field(default_factory=dict)
    _read: tuple[str, ...] = ()
    _held: set[str] = field(default_factory=set)
    """What new rows were given as they were created."""

    @property
    def unfinished(self) -> Unfinished | None:
        """What is to be remembered when the work ends here; None: nothing was created."""
        earlier = {s: row for s, row in self.earlier.rows.items() if row not in self._gone}
        rows = {**earlier, **self.rows}
        if not rows and not self._adding:
            return None
        before = self.tree.rows(self._adding) if self._adding else ()
        return Unfinished(rows, self._adding, tuple(row.path for row in before))

    @property
    def accepted(self) -> Mapping[str, Value]:
        """What rows this run created hold now, as far as it was accepted."""
        new = tuple(self.rows.values())
        return {
            change.path: Value("", change.wanted.type) if change.secret else change.wanted
            for change in self.written
            if change.path.startswith(new)
        }

    async def run(self) -> Refusal | None:
        """Carry out every step. Raises `SessionLost`; `unfinished` then says how far it came."""
        for number, step in enumerate(self.steps, 1):
            if step.remove:
                await self._remove(step.remove)
            fault = await (self._create(step.create) if step.create else self._set(step))
            if fault is not None:
                left = await self._take_back()
                where = f"refused at step {number} of {len(self.steps)} ({step.shown})"
                return Refusal(fault, f"{where}: {fault}; {left}")
        return None

    async def _remove(self, row: str) -> None:
        """Remove a row of ours that nothing stands on; one that cannot be is left as it is, off."""
        outcome = await self.device.delete(row)
        if not isinstance(outcome, Fault):
            self.pending = self.pending or outcome.pending
            self._gone += (row,)

    async def _create(self, creation: Creation) -> Fault | None:
        self._adding = creation.symbol
        if (under_way := self.unfinished) is not None:
            await self.keep(under_way)
        named = self._alias_of(creation)
        given = (Change(self.alias, change.wanted) for change in named)
        outcome = await self.device.add(bind(creation.table, self._numbers), *given)
        self._adding = ""
        if isinstance(outcome, Fault):
            return outcome
        if outcome.row in self._there(creation.symbol):
            # Nothing is written to it, and it is never deleted: it is somebody else's.
            return Fault(NOT_NEW, f"the row it says it created, {outcome.row}, was there before")
        self.pending = self.pending or outcome.pending
        self.rows[creation.symbol] = outcome.row
        self._made += (outcome.row,)
        self._numbers[creation.symbol] = outcome.row.rstrip(".").rpartition(".")[2]
        # A new row shows which of the leaves that only some models have are there, and of what
        # type each is. One that shows nothing yet is written as planned.
        shown = await self.device.get(outcome.row)
        if not isinstance(shown, Fault) and shown.values:
            self._read += (outcome.row,)
            self._new.update(shown.values)
        for change in (each.bound(self._numbers) for each in named):
            if change.path in self._new and change.holds(self._new[change.path]):
                self.written.append(change)
                self._held.add(change.path)
        return None

    def _alias_of(self, creation: Creation) -> list[PlannedChange]:
        """What is to be written to the alias of a row that is created."""
        path = creation.row + self.alias
        changes = (change for step in self.steps for change in step.changes)
        return [change for change in changes if self.alias and change.path == path]

    def _there(self, table: str) -> frozenset[str]:
        known = {row.path for row in self.tree.rows(table)}
        return frozenset(known.difference(self._gone).union(self._made))

    async def _set(self, step: Step) -> Fault | None:
        changes = [change.bound(self._numbers) for change in step.changes]
        batch = [self._typed(change) for change in changes if self._worth_sending(change)]
        if not batch:
            return None
        outcome, sent = await self.write(batch)
        if isinstance(outcome, Fault):
            return outcome
        self.pending = self.pending or outcome
        self.written.extend(sent)
        return None

    def _worth_sending(self, change: PlannedChange) -> bool:
        return change.path not in self._held and (
            not change.optional
            or change.path in self._new
            or not change.path.startswith(self._read)
        )

    def _typed(self, change: PlannedChange) -> PlannedChange:
        known = self._new.get(change.path)
        if known is None or (known.type is ValueType.STRING and not self.names_types):
            return change
        return replace(change, wanted=change.wanted._replace(type=known.type))

    async def _take_back(self) -> str:
        """Undo what was done, last first, and say in what state the device is left."""
        said = [await self._put_back()]
        remains: list[str] = []
        created = len(self.rows)
        for symbol, row in reversed(list(self.rows.items())):
            outcome = await self.device.delete(row)
            if isinstance(outcome, Fault):
                remains.append(f"{row} ({outcome})")
            else:
                del self.rows[symbol]
        if gone := created - len(remains):
            rows = "row created was" if gone == 1 else f"{gone} rows created were"
            said.append(f"the {rows} removed")
        if remains:
            said.append(f"could not be removed: {', '.join(remains)}")
        text = "; ".join(filter(None, said)) or "nothing was changed"
        if stands := self._of_earlier():
            text += f"; of an earlier attempt there is still: {', '.join(stands)}"
        return text

    def _of_earlier(self) -> list[str]:
        """Rows that an earlier attempt created, and that the device still has."""
        return [
            row
            for symbol, row in self.earlier.rows.items()
            if row not in self._gone and any(row == there.path for there in self.tree.rows(symbol))
        ]

    async def _put_back(self) -> str:
        """Give the rows that were there before their old values again."""
        first: dict[str, PlannedChange] = {}
        for change in self.written:
            if not change.path.startswith(self._made):
                first.setdefault(change.path, change)
        old = [
            replace(change, wanted=change.current, group=_opposite(change.group))
            for change in first.values()
            if change.current is not None and not change.secret
        ]
        if not first:
            return ""
        secret = [change.path for change in first.values() if change.secret]
        but = f", but for {', '.join(secret)}, which cannot be read" if secret else ""
        if old:
            outcome, _ = await self.write(list(in_order(old)))
            if isinstance(outcome, Fault):
                paths = ", ".join(change.path for change in old)
                return f"could not be put back as it was: {paths} ({outcome})"
        return f"what was there is as before{but}"


def _opposite(group: Group) -> Group:
    return {Group.OFF: Group.ON, Group.ON: Group.OFF}.get(group, group)
