"""From a wish and the rule of a blueprint to wanted values of a device's leaves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from acs.model import Secret, Value, ValueType
from acs.profiles.blueprint import Blueprint, Constant, Place, Setting
from acs.profiles.intent import Problem
from acs.profiles.supported import refusal
from acs.profiles.tree import Row, Tree

Wish = bool | int | str | Secret


@dataclass(frozen=True, slots=True)
class Want:
    """One leaf and the value it should have."""

    path: str
    value: Value
    where: str
    """Part of the intent it comes from."""
    setting: str
    secret: bool = False
    optional: bool = False
    """The device may do without it."""
    fold: bool = False
    reference: bool = False

    def __repr__(self) -> str:
        shown = "***" if self.secret else repr(self.value.text)
        return f"Want({self.path} = {shown})"


@dataclass(frozen=True, slots=True)
class Spot:
    """Where on a device a wish applies: a row of a table, or the device when there is none."""

    blueprint: Blueprint
    tree: Tree
    base: str = ""
    row: Row | None = None
    rows: Mapping[str, Row] = field(default_factory=dict)
    """All rows that belong here, by table; empty: they are found from ``row``."""

    def path(self, place: Place) -> str | None:
        """Return the path of ``place`` from here; None when there is no such row."""
        if self.rows and place.table:
            row = self.rows.get(place.table)
            return row.path + place.leaf if row else None
        return self.tree.locate(place, self.base, self.row)

    def text(self, place: Place) -> str | None:
        """Return what the device holds at ``place``."""
        path = self.path(place)
        value = self.tree.value(path) if path else None
        return value.text if value else None

    def present(self, place: Place) -> str | None:
        """Return the path of ``place`` when the device has it."""
        path = self.path(place)
        return path if path and self.tree.value(path) is not None else None

    def reported(self, path: str) -> ValueType:
        """Return the type the device names for ``path``; a string when it names none."""
        current = self.tree.value(path)
        return current.type if current else ValueType.STRING


def want_setting(
    wish: Wish, setting: Setting | None, spot: Spot, where: str, name: str
) -> Iterator[Want | Problem]:
    """Yield what ``wish`` means for the leaves of ``setting``, or why it cannot be written."""
    if setting is None:
        yield Problem(where, name, "this blueprint has no place for it")
        return
    if reason := refusal(
        wish, setting, spot.text(setting.supported) if setting.supported else None
    ):
        yield Problem(where, name, reason)
        return
    targets: list[tuple[str, bool]] = []
    for place in setting.write:
        if path := spot.present(place):
            targets.append((path, False))
        else:
            yield Problem(where, name, f"the device has no {spot.path(place) or place}")
            return
    if setting.first_of:
        path = next(filter(None, map(spot.present, setting.first_of)), None)
        if path is None:
            yield Problem(where, name, f"the device has none of {_named(setting.first_of, spot)}")
            return
        targets.append((path, False))
    targets.extend((path, True) for place in setting.if_present if (path := spot.present(place)))
    if not targets and not setting.if_present:
        yield Problem(where, name, "this blueprint has no place for it")
        return
    for path, optional in targets:
        yield Want(
            path=path,
            value=spell(wish, setting, spot.reported(path), spot.blueprint),
            where=where,
            setting=name,
            secret=setting.secret or isinstance(wish, Secret),
            optional=optional,
            fold=setting.fold,
            reference=setting.reference,
        )
    yield from want_constants(setting.also, spot, where, name)


def _named(places: Iterable[Place], spot: Spot) -> str:
    """Name the paths that were looked for, a row once: ``Device.A.1.X, Y, Device.B.X``.

    Places in tables that lead nowhere from here are left out, unless there are no others.
    """
    named: list[str] = []
    before = ""
    for path in filter(None, map(spot.path, places)):
        row, _, leaf = path.rpartition(".")
        named.append(leaf if row == before else path)
        before = row
    return ", ".join(named or map(str, places))


def want_constants(
    constants: Iterable[Constant], spot: Spot, where: str, name: str
) -> Iterator[Want]:
    """Yield the constants that go with a setting, on leaves the device has."""
    for constant in constants:
        if path := spot.present(constant.place):
            kind = spot.reported(path)
            value = spell(constant.value, Setting(), kind, spot.blueprint)
            yield Want(path, value, where, name, optional=True)


def want_text(
    text: str, kind: ValueType, place: Place, spot: Spot, where: str, name: str
) -> Iterator[Want | Problem]:
    """Yield one leaf with a word already chosen."""
    if path := spot.present(place):
        yield Want(path, Value(text, kind), where, name)
    else:
        yield Problem(where, name, f"the device has no {spot.path(place) or place}")


def spell(wish: Wish, setting: Setting, reported: ValueType, blueprint: Blueprint) -> Value:
    """Write ``wish`` as a leaf of type ``reported`` takes it: from the tree, not from the name.

    An ``Enable`` may be a boolean, a number or the word ``Enabled``.
    """
    if isinstance(wish, Secret):
        return Value(wish.reveal(), reported)
    if isinstance(wish, bool):
        on = wish is not setting.invert
        word = setting.words.get("true" if on else "false")
        if reported is not ValueType.BOOLEAN and word is not None:
            return Value(word, _kind(reported, setting.type, ValueType.STRING))
        true, false = blueprint.true_false
        return Value(true if on else false, ValueType.BOOLEAN)
    text = setting.words.get(str(wish), str(wish))
    natural = ValueType.UNSIGNED_INT if isinstance(wish, int) else ValueType.STRING
    return Value(text, _kind(reported, setting.type, natural))


def _kind(reported: ValueType, ruled: ValueType | None, natural: ValueType) -> ValueType:
    # USP names no types: everything comes as a string there.
    return reported if reported is not ValueType.STRING else ruled or natural
