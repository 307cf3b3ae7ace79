"""Plan: the ordered changes that take a device from what it reports to what is wanted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

from acs.devices.record import Snapshot
from acs.model import Secret, Value
from acs.profiles.blueprint import Blueprint
from acs.profiles.changes import (
    Comparison,
    Creation,
    Group,
    PlannedChange,
    Step,
    in_order,
)
from acs.profiles.compare import seal
from acs.profiles.intent import Intent, Problem, where_voice, where_wifi
from acs.profiles.intent_check import check
from acs.profiles.intent_mapping import intent_to_mapping
from acs.profiles.tree import Tree
from acs.profiles.voice import voice_notes, want_voice
from acs.profiles.wan.chain import WHERE
from acs.profiles.wan.planning import Site, WanPlan, plan_wan, unseen_table
from acs.profiles.wants import Spot, Want, want_setting
from acs.profiles.wifi import want_wifi


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
    """16 hex digits over all that is written; secrets count by keyed digest. Empty plans have one
    too."""
    steps: tuple[Step, ...] = ()
    """What follows the changes, one by one: the chain of a connection, whose order counts."""
    grounds: frozenset[str] = field(default=frozenset(), compare=False, repr=False)
    """Paths whose values decided what the plan is; it would be another with other values there."""

    def __bool__(self) -> bool:
        return bool(self.changes or self.steps)

    @property
    def writes(self) -> tuple[PlannedChange, ...]:
        """Every leaf that is written, in order."""
        return (*self.changes, *(change for step in self.steps for change in step.changes))

    @property
    def creations(self) -> tuple[Creation, ...]:
        """Every row that is created, in order."""
        return tuple(step.create for step in self.steps if step.create)

    @property
    def removals(self) -> tuple[str, ...]:
        """Every row that is removed, in order."""
        return tuple(step.remove for step in self.steps if step.remove)

    @property
    def size(self) -> int:
        """How many leaves are written, and rows created or removed."""
        return len(self.writes) + len(self.creations) + len(self.removals)

    @property
    def tidying(self) -> bool:
        """True when nothing is left to do but to tidy up behind a chain that works."""
        return not self.changes and all(step.follows for step in self.steps)

    @property
    def serves(self) -> bool:
        """True when the customer gets something of it: more than our own management and mark."""
        own = (Group.MANAGEMENT, Group.MARK)
        return any(change.group not in own for change in (*self.writes, *self.kept))

    def render(self) -> list[str]:
        """Return the plan as lines for people, secrets masked."""
        return [
            *(str(change) for change in self.changes),
            *self._steps_rendered(),
            *(f"problem: {problem}" for problem in self.problems),
            *(f"note: {note}" for note in self.notes),
        ]

    def as_mapping(self) -> dict[str, Any]:
        """Return the plan as plain data for JSON, secrets masked."""
        return {
            "digest": self.digest,
            "changes": list(map(_change_as_mapping, self.changes)),
            "steps": [
                {
                    "why": step.why,
                    "create": step.create.row if step.create else None,
                    "remove": step.remove or None,
                    "changes": list(map(_change_as_mapping, step.changes)),
                }
                for step in self.steps
            ],
            "problems": [
                {"where": p.where, "setting": p.setting, "reason": p.reason} for p in self.problems
            ],
            "notes": list(self.notes),
            "kept": len(self.kept),
        }

    def _steps_rendered(self) -> Iterator[str]:
        for number, step in enumerate(self.steps, 1):
            if step.create:
                yield f"step {number}: {step.create}  ({step.why})"
            if step.remove:
                yield f"step {number}: remove {step.remove}  ({step.why})"
            for change in step.changes:
                yield f"step {number}: {change}"


def _change_as_mapping(change: PlannedChange) -> dict[str, Any]:
    return {
        "path": change.path,
        "wanted": change.shown,
        "current": change.shown_current,
        "type": change.wanted.type.value,
        "secret": change.secret,
        "why": change.why,
        "group": change.group.value,
    }


def fingerprint(intent: Intent, blueprint: Blueprint, key: bytes) -> str:
    """Name an intent under a blueprint: HMAC-SHA256 under ``key``, 32 hex digits.

    It changes with any setting, secrets included, and with what the blueprint would write.  It is
    the same over both protocols: what was proven over one is not written anew over the other.
    """
    return seal(
        key, (blueprint.name, blueprint.common_digest, *_flatten(intent_to_mapping(intent)))
    )


def marker_of(print_: str) -> str:
    """Return the mark left on a device that was written under fingerprint ``print_``."""
    return f"gf-{print_[:8]}"


def make_plan(
    intent: Intent,
    blueprint: Blueprint,
    snapshot: Snapshot,
    *,
    key: bytes,
    rewrite: bool = False,
    marker: str = "",
    carrier: str = "",
    change_carrier: bool = False,
    hidden: Sequence[str] = (),
    shows_all: bool = True,
) -> Plan:
    """Compare ``intent`` with ``snapshot`` and return what is to be written.

    Pure: works as well on the stored snapshot of a device that is not on the line.  Secrets
    are compared with what was last written (``key`` seals both); ``rewrite`` writes them
    again whatever was.  ``marker``: text to leave at the blueprint's marker path, or empty.
    ``carrier``: path of the connection by which the device reaches us, empty when unknown;
    ``change_carrier`` lets it be moved to another VLAN, or be switched off.  ``shows_all`` False:
    our role may not see all that the device has; ``hidden`` are tables of which that is known.
    """
    checked = check(intent)
    tree = Tree(blueprint, snapshot.values)
    problems = list(checked.problems)
    notes = [
        *voice_notes(checked.intent.voice, blueprint),
        *_management_notes(checked.intent, blueprint),
    ]
    needless = _needless(checked.intent)
    wants: dict[str, Want] = {}
    for found in _wants(checked.intent, blueprint, tree):
        if isinstance(found, Problem) and (found.where, found.setting) in needless:
            notes.append(f"{found.where}: {found.reason}; none is wanted")
        elif isinstance(found, Problem):
            problems.append(found)
        elif (first := wants.setdefault(found.path, found)).value != found.value:
            reason = f"{first.where} wants another value in the same place, {found.path}"
            problems.append(Problem(found.where, found.setting, reason))
    comparison = Comparison(blueprint, tree, snapshot.written, key, rewrite)
    site = None
    if blueprint.wan is not None:
        site = Site(
            blueprint.wan,
            blueprint,
            tree,
            comparison,
            carrier,
            change_carrier,
            snapshot.unfinished,
        )
    chain = _chain(checked.intent, site, None if shows_all else hidden)
    if (
        (wants or chain.steps or chain.kept)
        and marker
        and blueprint.marker
        and tree.value(blueprint.marker) is not None
    ):
        value = Value(marker)
        wants[blueprint.marker] = Want(
            blueprint.marker, value, "marker", "notices a reset", optional=True
        )
    changes: list[PlannedChange] = []
    kept: list[PlannedChange] = []
    for want in wants.values():
        planned = comparison.planned(want)
        (kept if comparison.settled(planned) else changes).append(planned)
    order = list(Group)
    changes.sort(key=lambda change: order.index(change.group))
    changes, steps = _marked_last(changes, chain.steps)
    return Plan(
        tuple(changes),
        (*problems, *chain.problems),
        (*notes, *chain.notes),
        (*kept, *chain.kept),
        _digest(changes, steps, key),
        steps,
        frozenset(tree.looked_at),
    )


def _needless(intent: Intent) -> frozenset[tuple[str, str]]:
    """Name networks and lines, as a `Problem` does, that a device may as well not have."""
    networks = ((where_wifi(each), "network") for each in intent.wifi if each.needless)
    lines = ((where_voice(each), "line") for each in intent.voice if each.enabled is False)
    return frozenset((*networks, *lines))


def _chain(intent: Intent, site: Site | None, hidden: Sequence[str] | None) -> WanPlan:
    """``hidden``: tables that are not shown whole; None: the device shows all it has."""
    if intent.wan is None:
        return WanPlan()
    if site is None:
        return WanPlan(notes=["WAN is not managed by this blueprint"])
    if hidden is not None and (table := unseen_table(site, hidden)):
        # A connection that is not shown would be built a second time, beside the first.
        reason = f"the device does not show us all of {table}"
        return WanPlan(problems=[Problem(WHERE, "connection", reason)])
    return plan_wan(intent.wan, site)


def _marked_last(
    changes: list[PlannedChange], steps: list[Step]
) -> tuple[list[PlannedChange], tuple[Step, ...]]:
    """Leave the mark with the last step: it says that all before it was done."""
    marks = [change for change in changes if change.group is Group.MARK]
    if not steps or not marks:
        return changes, tuple(steps)
    last = replace(steps[-1], changes=in_order((*steps[-1].changes, *marks)))
    rest = [change for change in changes if change.group is not Group.MARK]
    return rest, (*steps[:-1], last)


def _wants(intent: Intent, blueprint: Blueprint, tree: Tree) -> Iterator[Want | Problem]:
    yield from want_wifi(intent, blueprint, tree)
    yield from want_voice(intent.voice, blueprint, tree)
    spot = Spot(blueprint, tree)
    for name, wish in management_wishes(intent, blueprint):
        setting = blueprint.management.get(name)
        yield from want_setting(wish, setting, spot, "management", name)
    if intent.admin_password is not None:
        yield from want_setting(intent.admin_password, blueprint.admin, spot, "admin", "password")


def management_wishes(
    intent: Intent, blueprint: Blueprint
) -> Iterator[tuple[str, bool | int | str | Secret]]:
    """Yield the management settings that are wanted and have a meaning for this family."""
    for name, wish in _management(intent):
        if name not in blueprint.ignored_management:
            yield name, wish


def _management(intent: Intent) -> Iterator[tuple[str, bool | int | str | Secret]]:
    if intent.management is None:
        return
    for item in fields(intent.management):
        wish = getattr(intent.management, item.name)
        if wish is not None:
            yield item.name, wish


def _management_notes(intent: Intent, blueprint: Blueprint) -> Iterator[str]:
    wanted = (name for name, _ in _management(intent))
    if ignored := [name for name in wanted if name in blueprint.ignored_management]:
        yield f"management: no use over {blueprint.protocol.upper()}: {', '.join(ignored)}"


def _digest(changes: list[PlannedChange], steps: tuple[Step, ...], key: bytes) -> str:
    parts = [(change.path, change.wanted.text, change.wanted.type.value) for change in changes]
    for step in steps:
        if step.create:
            parts.append(("", step.create.row, ""))
        if step.remove:
            parts.append(("", step.remove, "remove"))
        parts += [(c.path, c.wanted.text, c.wanted.type.value) for c in step.changes]
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
