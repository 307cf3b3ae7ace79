"""Plan: the ordered changes that take a device from what it reports to what is wanted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any

from acs.devices.record import Snapshot
from acs.model import Change, Secret, Value
from acs.profiles.blueprint import Blueprint
from acs.profiles.compare import same, seal, switches_off
from acs.profiles.intent import Intent, Problem, check
from acs.profiles.intent_mapping import intent_to_mapping
from acs.profiles.tree import Tree
from acs.profiles.voice import voice_notes, want_voice
from acs.profiles.wants import Spot, Want, want_setting
from acs.profiles.wifi import want_wifi

_MASK = "***"


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
            return _MASK
        return self.current.text if self.current else None

    def holds(self, read: Value) -> bool:
        """Tell whether ``read`` is what was wanted."""
        return same(self.wanted, read, fold=self.fold, reference=self.reference)

    def __repr__(self) -> str:
        return f"PlannedChange({self})"

    def __str__(self) -> str:
        if self.secret:
            return f"{self.path}: {_MASK}  ({self.why})"
        before = repr(self.current.text) if self.current else "unknown"
        return f"{self.path}: {before} -> {self.wanted.text!r}  ({self.why})"


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be written; empty, hence false, when all is well."""

    changes: tuple[PlannedChange, ...] = ()
    problems: tuple[Problem, ...] = ()
    """Wishes that cannot be met; the rest is applied."""
    notes: tuple[str, ...] = ()
    kept: tuple[PlannedChange, ...] = ()
    """What is wanted and already so."""
    digest: str = ""
    """16 hex digits over the changes; secrets count by keyed digest. Empty plans have one too."""

    def __bool__(self) -> bool:
        return bool(self.changes)

    @property
    def serves(self) -> bool:
        """True when the customer gets something of it: more than our own management and mark."""
        own = (Group.MANAGEMENT, Group.MARK)
        return any(change.group not in own for change in (*self.changes, *self.kept))

    def render(self) -> list[str]:
        """Return the plan as lines for people, secrets masked."""
        return [
            *(str(change) for change in self.changes),
            *(f"problem: {problem}" for problem in self.problems),
            *(f"note: {note}" for note in self.notes),
        ]

    def as_mapping(self) -> dict[str, Any]:
        """Return the plan as plain data for JSON, secrets masked."""
        return {
            "digest": self.digest,
            "changes": [
                {
                    "path": change.path,
                    "wanted": change.shown,
                    "current": change.shown_current,
                    "type": change.wanted.type.value,
                    "secret": change.secret,
                    "why": change.why,
                    "group": change.group.value,
                }
                for change in self.changes
            ],
            "problems": [
                {"where": p.where, "setting": p.setting, "reason": p.reason} for p in self.problems
            ],
            "notes": list(self.notes),
            "kept": len(self.kept),
        }


def fingerprint(intent: Intent, blueprint: Blueprint, key: bytes) -> str:
    """Name an intent under a blueprint: HMAC-SHA256 under ``key``, 32 hex digits.

    It changes with any setting, secrets included, and with what the blueprint would write.
    """
    return seal(key, (blueprint.name, blueprint.digest, *_flatten(intent_to_mapping(intent))))


def marker_of(print_: str) -> str:
    """Return the mark left on a device that was written under fingerprint ``print_``."""
    return f"gf-{print_[:8]}"


def seal_written(key: bytes, path: str, value: Value) -> str:
    """Digest a written secret for `Snapshot.written`, so that a new one is noticed."""
    return seal(key, (path, value.text))


def make_plan(
    intent: Intent,
    blueprint: Blueprint,
    snapshot: Snapshot,
    *,
    key: bytes,
    rewrite: bool = False,
    marker: str = "",
) -> Plan:
    """Compare ``intent`` with ``snapshot`` and return what is to be written.

    Pure: works as well on the stored snapshot of a device that is not on the line.  Secrets
    are compared with what was last written (``key`` seals both); ``rewrite`` writes them
    again whatever was.  ``marker``: text to leave at the blueprint's marker path, or empty.
    """
    checked = check(intent)
    tree = Tree(blueprint, snapshot.values)
    problems = list(checked.problems)
    wants: dict[str, Want] = {}
    for found in _wants(checked.intent, blueprint, tree):
        if isinstance(found, Problem):
            problems.append(found)
        elif (first := wants.setdefault(found.path, found)).value != found.value:
            reason = f"{first.where} wants another value in the same place, {found.path}"
            problems.append(Problem(found.where, found.setting, reason))
    if wants and marker and blueprint.marker and tree.value(blueprint.marker) is not None:
        value = Value(marker)
        wants[blueprint.marker] = Want(
            blueprint.marker, value, "marker", "notices a reset", optional=True
        )
    changes: list[PlannedChange] = []
    kept: list[PlannedChange] = []
    for want in wants.values():
        planned = _planned(want, blueprint, tree)
        if want.secret:
            sealed = seal_written(key, want.path, want.value)
            settled = not rewrite and snapshot.written.get(want.path) == sealed
        else:
            settled = planned.current is not None and planned.holds(planned.current)
        (kept if settled else changes).append(planned)
    order = list(Group)
    changes.sort(key=lambda change: order.index(change.group))
    notes = list(voice_notes(checked.intent.voice, blueprint))
    if checked.intent.wan is not None:
        notes.append("WAN is not managed by this blueprint")
    return Plan(tuple(changes), tuple(problems), tuple(notes), tuple(kept), _digest(changes, key))


def _wants(intent: Intent, blueprint: Blueprint, tree: Tree) -> Iterator[Want | Problem]:
    yield from want_wifi(intent, blueprint, tree)
    yield from want_voice(intent.voice, blueprint, tree)
    spot = Spot(blueprint, tree)
    for name, wish in management_wishes(intent):
        setting = blueprint.management.get(name)
        yield from want_setting(wish, setting, spot, "management", name)
    if intent.admin_password is not None:
        yield from want_setting(intent.admin_password, blueprint.admin, spot, "admin", "password")


def management_wishes(intent: Intent) -> Iterator[tuple[str, bool | int | str | Secret]]:
    """Yield the management settings that are wanted."""
    if intent.management is None:
        return
    for item in fields(intent.management):
        wish = getattr(intent.management, item.name)
        if wish is not None:
            yield item.name, wish


def _planned(want: Want, blueprint: Blueprint, tree: Tree) -> PlannedChange:
    leaf = want.path.rpartition(".")[2]
    if want.where == "marker":
        group = Group.MARK
    elif want.where == "management":
        group = Group.MANAGEMENT
    elif leaf in blueprint.switches:
        group = Group.OFF if switches_off(want.value.text) else Group.ON
    else:
        group = Group.SET
    current = tree.value(want.path)
    return PlannedChange(
        path=want.path,
        wanted=want.value,
        current=Value("", current.type) if want.secret and current else current,
        secret=want.secret,
        why=f"{want.where}: {want.setting}",
        group=group,
        optional=want.optional,
        fold=want.fold,
        reference=want.reference,
    )


def _digest(changes: list[PlannedChange], key: bytes) -> str:
    parts = ((change.path, change.wanted.text, change.wanted.type.value) for change in changes)
    return seal(key, (text for part in parts for text in part))[:16]


def _flatten(value: Any) -> Iterator[str]:
    """Spell a plain structure so that two of them read the same only when they are equal."""
    match value:
        case dict():
            yield "{"
            for name in sorted(value):
                yield name
                yield from _flatten(value[name])
            yield "}"
        case list() | tuple():
            yield "["
            for entry in value:
                yield from _flatten(entry)
            yield "]"
        case _:
            yield repr(value)
