"""A defective box is replaced: the new one, entered without a profile, has that of the old one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from collections.abc import Mapping as Row
from dataclasses import dataclass
from typing import Any

from acs.devices.identity import EquipmentStatus, Treatment
from erp_bridge.equipment import has_profile, location_of, status_of, type_of
from erp_bridge.mapping import Mapping, answered_as, site_fields
from erp_bridge.wishes import NAMED

LEAVING = frozenset({EquipmentStatus.DEFECTIVE, EquipmentStatus.RETURNED})


@dataclass(frozen=True, slots=True)
class Heir:
    """Whether a box without a profile has that of another one, and why not; ``why`` "": it has,
    or there was nothing to take over."""

    donor: Row[str, Any] | None = None
    why: str = ""


def may_inherit(row: Row[str, Any], mapping: Mapping) -> bool:
    """Tell whether a box would have the profile of the one it replaces."""
    return (
        mapping.swap.inherit
        and bool(location_of(row, mapping))
        and mapping.treatment_of(status_of(row, mapping)) is Treatment.PROVISION
        and not has_profile(row, mapping)
    )


def heir_of(row: Row[str, Any], neighbours: Iterable[Row[str, Any]], mapping: Mapping) -> Heir:
    """Find the box that ``row``, which `may_inherit`, replaces among those at its place.

    It must be beyond doubt: one box has left with a profile, one has come without, and none that
    is in service has a profile of its own, as that would be the one that came in its stead.
    """
    name = str(row["name"])
    here = [
        one
        for one in neighbours
        if str(one["name"]) != name and mapping.is_ours(type_of(one, mapping))
    ]
    donors = [
        one for one in here if status_of(one, mapping) in LEAVING and has_profile(one, mapping)
    ]
    if not donors:
        return Heir()
    if len(donors) > 1:
        return Heir(why=f"{_names(donors)} have left its place, each with a profile")
    taken = [
        one
        for one in here
        if has_profile(one, mapping)
        and mapping.treatment_of(status_of(one, mapping)) is Treatment.PROVISION
    ]
    if taken:
        return Heir(why=f"{_names(taken)} at its place has a profile")
    rivals = [one for one in here if may_inherit(one, mapping)]
    if rivals:
        return Heir(why=f"{_names(rivals)} at its place has no profile either")
    return Heir(donors[0])


def taken_over(
    row: Row[str, Any], donor: Row[str, Any], mapping: Mapping
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return the row with the wishes of ``donor`` where its own are empty, and our names of those.

    What identifies the box stays its own.
    """
    whole = dict(row)
    names = site_fields(mapping)
    filled: list[str] = []
    for ours in (*NAMED.values(), *mapping.wishes):
        if (theirs := names.get(ours)) is None:
            continue
        key = answered_as(ours, theirs)
        if whole.get(key) in (None, "", 0) and donor.get(key) not in (None, "", 0):
            whole[key] = donor[key]
            filled.append(ours)
    return whole, tuple(filled)


def _names(rows: Sequence[Row[str, Any]]) -> str:
    return ", ".join(sorted(str(one["name"]) for one in rows))
