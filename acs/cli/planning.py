"""What would be written to a device, computed from what is stored: nothing is asked, nothing sent.

The same comparison as in a session (`acs.devices.provisioning`), but for what only a session has:
what the device reports today, and the password of its own that a first contact gives it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from sqlalchemy import Connection

from acs.cli.ages import clock
from acs.cli.known import Known, known_thd
from acs.devices.house import Policy
from acs.devices.identity import (
    Ambiguous,
    Hints,
    Match,
    Matched,
    Treatment,
    Unmatched,
    match,
    terms,
)
from acs.devices.ledger import facts_of
from acs.devices.management import with_server_settings
from acs.devices.provisioning import wish_key
from acs.devices.record import Device, Snapshot
from acs.devices.source import MirrorRow
from acs.model import Value
from acs.profiles import (
    Blueprint,
    Intent,
    Library,
    Plan,
    check,
    fingerprint,
    make_plan,
    marker_of,
    reads,
)
from acs.profiles.tree import Tree
from acs.store import equipment, snapshots

_NO_PLAN = Plan()


class Foresight(StrEnum):
    """What the next session is expected to do."""

    CHANGES = "changes"
    IN_ORDER = "in order"
    """Nothing to change."""
    NOTHING_WANTED = "nothing wanted"
    HELD = "held"
    """The equipment's status says that nothing is pushed."""
    UNKNOWN = "unknown"
    """It cannot be told from what is stored."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """What is expected, from which data, and how old these are."""

    device: Device
    foresight: Foresight
    reason: str
    plan: Plan = _NO_PLAN
    blueprint: str = ""
    equipment: str = ""
    matched_by: str = ""
    snapshot_at: float = 0.0
    wish_at: float = 0.0
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Rules:
    """What decides a plan besides the device: our settings, blueprints and the key of digests."""

    policy: Policy
    library: Library
    key: bytes


def forecast_thd(conn: Connection, device: Device, rules: Rules) -> Forecast:
    """Say what the next session would do to ``device``."""
    found = find_wish_thd(conn, device)
    blueprint = rules.library.choose(facts_of(device))
    if isinstance(found, str):
        name = blueprint.name if blueprint else ""
        return Forecast(device, Foresight.UNKNOWN, found, blueprint=name)
    wish, rule = found
    snapshot = snapshots.load_thd(conn, [device.id]).get(device.id, Snapshot())
    known = Known(snapshot)
    if blueprint is not None and not _compared(device, wish, blueprint, rules.policy):
        known = known_thd(conn, device, blueprint, snapshot)
    return _forecast(device, wish, rule, blueprint, known, rules)


def _compared(device: Device, wish: MirrorRow, blueprint: Blueprint, policy: Policy) -> bool:
    """Tell whether the device was read for this very wish."""
    return device.wish == wish_key(wish.digest, blueprint, policy)


def find_wish_thd(conn: Connection, device: Device) -> tuple[MirrorRow, str] | str:
    """Return the mirrored wish for a device and the rule that matches it, or why there is none."""
    if device.equipment:
        wish = equipment.wish_thd(conn, [device.equipment]).get(device.equipment)
        return (wish, device.matched_by) if wish else f"{device.equipment} is not in the mirror"
    hints = Hints(device.device_id, device.mac)
    rows = {row.equipment.name: row for row in equipment.find_thd(conn, [terms(hints)])[0]}
    found: Match = match(hints, (row.equipment for row in rows.values()))
    match found:
        case Matched(box, rule):
            return rows[box.name], str(rule)
        case Ambiguous(boxes, rule):
            names = ", ".join(box.name for box in boxes)
            return f"{rule} fits more than one equipment: {names}; nothing is pushed"
        case Unmatched(near):
            hint = f" ({near.name} has a MAC close to it)" if near else ""
            return f"it matches no equipment in the mirror{hint}; nothing is pushed"


def _forecast(
    device: Device,
    wish: MirrorRow,
    rule: str,
    blueprint: Blueprint | None,
    known: Known,
    rules: Rules,
) -> Forecast:
    snapshot = known.snapshot

    def told(foresight: Foresight, reason: str, plan: Plan = _NO_PLAN, *notes: str) -> Forecast:
        return Forecast(
            device,
            foresight,
            reason,
            plan,
            blueprint.name if blueprint else "",
            wish.equipment.name,
            rule,
            snapshot.at,
            wish.fetched_at,
            notes,
        )

    if blueprint is None:
        return told(Foresight.UNKNOWN, "no blueprint fits this model; see `acs blueprint match`")
    if wish.equipment.treatment is Treatment.HOLD:
        reason = f"{wish.equipment.name} is {wish.equipment.status}: nothing is pushed"
        return told(Foresight.HELD, reason)
    intent = with_server_settings(wish.intent, blueprint, rules.policy)
    if intent.empty:
        return told(Foresight.NOTHING_WANTED, f"{wish.equipment.name} wants nothing of the device")
    if not snapshot.values:
        reason = "the device was not read yet; its next session reads it, and a plan can be made"
        return told(Foresight.UNKNOWN, reason)
    # As a session takes it: the wish alone names the mark, our own settings do not.
    mark = fingerprint(check(wish.intent).intent, blueprint, rules.key)
    compared = _compared(device, wish, blueprint, rules.policy)
    unread = frozenset() if compared else _unread(known, blueprint, intent)
    connections_unread = not compared and _connections_unread(snapshot, blueprint, intent)
    if connections_unread:
        intent = replace(intent, wan=None)
    plan = make_plan(
        intent,
        blueprint,
        replace(snapshot, values={**dict.fromkeys(unread, Value("")), **snapshot.values}),
        key=rules.key,
        marker=marker_of(mark) if rules.policy.marker else "",
        carrier=device.wan,
        change_carrier=rules.policy.change_carrier,
    )
    changes = tuple(
        replace(change, current=None) if change.path in unread else change
        for change in plan.changes
    )
    plan = replace(plan, changes=changes)
    notes = tuple(_notes(device, plan, mark, None if compared else known, rules.policy))
    if connections_unread:
        notes = (
            "the device's connections were not read yet: what is done about the WAN shows after "
            f"its next session, or after acs device tree {device.key} --refresh --wait 10m",
            *notes,
        )
    if plan:
        return told(Foresight.CHANGES, _count(plan), plan, *notes)
    if connections_unread:
        return told(Foresight.UNKNOWN, "the next session reads the connections", plan, *notes)
    return told(Foresight.IN_ORDER, "nothing to change", plan, *notes)


def _unread(known: Known, blueprint: Blueprint, intent: Intent) -> frozenset[str]:
    """Name what the wish needs, the device has, and was not read for an earlier wish."""
    needed = reads(blueprint, intent)
    values = known.snapshot.values
    tree = Tree(blueprint, values)
    names = {path: path for path in needed.paths}
    for (_, table), leaves in needed.leaves.items():
        general = blueprint.tables[table]
        names |= {row.path + leaf: general + leaf for row in tree.rows(table) for leaf in leaves}
    return frozenset(
        path
        for path, name in names.items()
        if path not in values and (name not in needed.optional or name in known.names)
    )


def _connections_unread(snapshot: Snapshot, blueprint: Blueprint, intent: Intent) -> bool:
    """Tell whether a connection is wanted of a device of which none is known."""
    if intent.wan is None or blueprint.wan is None:
        return False
    tree = Tree(blueprint, snapshot.values)
    return not any(tree.rows(table) for table in blueprint.wan.connections)


def _notes(
    device: Device, plan: Plan, mark: str, gathered: Known | None, policy: Policy
) -> Iterator[str]:
    """``gathered``: what was gone by, of a device that was last read for another wish."""
    if not device.equipment:
        yield "the device is not matched yet: it will be at its next contact"
    if device.plan and device.fingerprint == mark:
        yield (
            "the last plan was written and waits to be seen on the device; "
            "what is shown may be applied already"
        )
    if gathered is not None and gathered.tree_at:
        yield (
            "the device was last read for another wish: what was not read then is as its tree of "
            f"{clock(gathered.tree_at)} has it"
        )
    elif gathered is not None and (plan or plan.problems):
        yield (
            "the device was last read for another wish: what was not read then is shown as "
            "unknown, and parameters that only some models have may come on top"
        )
    if plan.size > policy.max_changes:
        yield (
            f"more than provisioning.max_changes ({policy.max_changes}): "
            "a session would write nothing"
        )
    if not policy.heal and gathered is None and plan:
        yield "provisioning.drift is report: a session would only say so"
    if policy.own_credentials and not device.own_credentials:
        yield (
            "the device's own user name and password are not shown: "
            "they are made in the session that writes them"
        )


def _count(plan: Plan) -> str:
    return "1 change" if plan.size == 1 else f"{plan.size} changes"
