"""What a plan is made of: one leaf to write, one row to create, one step of a chain."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from acs.model import Change, Value
from acs.profiles.blueprint import Blueprint
from acs.profiles.compare import same, seal, switches_off
from acs.profiles.tree import Tree
from acs.profiles.wants import Want

_MASK = "***"
UNSURE = ""
"""Stands in `Snapshot.written` for a secret that was sent and may not be there."""


class Group(StrEnum):
    """Part of a plan; the order of these is the order of writing."""

    OFF = "off"
    """Switches that go off."""
    SET = "set"
    ON = "on"
    """Switches that go on."""
    MANAGEMENT = "management"
    MARK = "mark"


@dataclass(frozen=True, slots=True)
class PlannedChange:
    """One leaf to write, with what it holds now."""

    path: str
    """In a row that is still to be created, ``{ppp}`` stands for its instance number."""
    wanted: Value
    current: Value | None
    secret: bool
    why: str
    """``wifi 5 main: ssid``."""
    group: Group
    optional: bool = False
    """The rest is still worth writing when the device refuses this one."""
    fold: bool = False
    reference: bool = False
    """The value is the path of a row, which may be one that is still to be created."""
    works: bool = False
    """A secret of the account by which the device reaches us: what it holds is right."""

    @property
    def change(self) -> Change:
        """The change as an operation takes it."""
        return Change(self.path, self.wanted, self.secret)

    @property
    def shown(self) -> str:
        """The wanted text, masked when it is secret."""
        return _MASK if self.secret else self.wanted.text

    @property
    def shown_current(self) -> str | None:
        """What it holds now, masked; None when unknown."""
        if self.secret:
            return None if self.new else _MASK
        return self.current.text if self.current else None

    @property
    def new(self) -> bool:
        """True when its row is still to be created."""
        return "{" in self.path

    def holds(self, read: Value) -> bool:
        """Tell whether ``read`` is what was wanted."""
        return same(self.wanted, read, fold=self.fold, reference=self.reference)

    def bound(self, numbers: Mapping[str, str]) -> PlannedChange:
        """Return it with the instance numbers of created rows in place of their symbols."""
        wanted = self.wanted
        if self.reference:
            wanted = wanted._replace(text=bind(wanted.text, numbers))
        return replace(self, path=bind(self.path, numbers), wanted=wanted)

    def __repr__(self) -> str:
        return f"PlannedChange({self})"

    def __str__(self) -> str:
        if self.new:
            wanted = _MASK if self.secret else repr(self.wanted.text)
            return f"{self.path} = {wanted}  ({self.why})"
        if self.secret:
            return f"{self.path}: {_MASK}  ({self.why})"
        before = repr(self.current.text) if self.current else "unknown"
        return f"{self.path}: {before} -> {self.wanted.text!r}  ({self.why})"


@dataclass(frozen=True, slots=True)
class Creation:
    """A row to create. ``symbol`` stands for its number, which only the device can give."""

    table: str
    """Path with its final dot; it may name rows that are created before it."""
    symbol: str

    @property
    def row(self) -> str:
        """Path of the row: ``Device.PPP.Interface.{ppp}.``."""
        return f"{self.table}{{{self.symbol}}}."

    def __str__(self) -> str:
        return f"create {self.row}"


@dataclass(frozen=True, slots=True)
class Step:
    """One operation of a chain in which the order counts: a row that comes or goes, or a request.

    A request may follow upon a row that goes.
    """

    why: str
    create: Creation | None = None
    remove: str = ""
    """Path of a row of ours that nothing came to stand on; that it stays is no failure."""
    changes: tuple[PlannedChange, ...] = ()
    follows: bool = False
    """It tidies up behind a chain that works, and can wait until that is proven."""

    @property
    def shown(self) -> str:
        """A few words that name it in an outcome."""
        if self.create:
            return str(self.create)
        if self.remove and not self.changes:
            return f"remove {self.remove}"
        paths = sorted({change.path.rpartition(".")[0] + "." for change in self.changes})
        return f"set {', '.join(paths)}"


@dataclass(frozen=True, slots=True)
class Comparison:
    """Holds wanted leaves against what is known of a device."""

    blueprint: Blueprint
    tree: Tree
    written: Mapping[str, str]
    """Digests of the secrets that were last written, by path."""
    key: bytes
    rewrite: bool = False
    """Secrets count as not written."""

    def planned(self, want: Want) -> PlannedChange:
        """Return the change that ``want`` asks for, with its group."""
        current = self.tree.value(want.path)
        return PlannedChange(
            path=want.path,
            wanted=want.value,
            current=Value("", current.type) if want.secret and current else current,
            secret=want.secret,
            why=f"{want.where}: {want.setting}",
            group=self._group(want),
            optional=want.optional,
            fold=want.fold,
            reference=want.reference,
        )

    def settled(self, change: PlannedChange) -> bool:
        """Tell whether the device already has it."""
        if change.secret:
            sealed = seal_written(self.key, change.path, change.wanted)
            return not self.rewrite and self.written.get(change.path) == sealed
        return change.current is not None and change.holds(change.current)

    def never_written(self, change: PlannedChange) -> bool:
        """Tell whether we left what the device holds of a secret to others so far."""
        return not self.rewrite and change.path not in self.written

    def _group(self, want: Want) -> Group:
        if want.where == "marker":
            return Group.MARK
        if want.where == "management":
            return Group.MANAGEMENT
        if want.path.rpartition(".")[2] in self.blueprint.switches:
            return Group.OFF if switches_off(want.value.text) else Group.ON
        return Group.SET


def bind(text: str, numbers: Mapping[str, str]) -> str:
    """Put instance numbers in place of symbols."""
    for symbol, number in numbers.items():
        text = text.replace(f"{{{symbol}}}", number)
    return text


def in_order(changes: Iterable[PlannedChange]) -> tuple[PlannedChange, ...]:
    """Sort one request that touches a connection: what goes off first, what goes on last."""
    ranks = {Group.OFF: 0, Group.ON: 2}
    return tuple(sorted(changes, key=lambda change: ranks.get(change.group, 1)))


def seal_written(key: bytes, path: str, value: Value) -> str:
    """Digest a written secret for `Snapshot.written`, so that a new one is noticed."""
    return seal(key, (path, value.text))
