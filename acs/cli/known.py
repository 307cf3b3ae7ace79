"""What is known of a device beyond its latest comparison: its tree, and its model's names.

A comparison reads what its wish is about. For another wish, a tree that was read on request, or the
names that the model is known to have, tell what else is there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from sqlalchemy import Connection

from acs.devices.record import Device, Snapshot
from acs.devices.vocabulary import model_key
from acs.model import Value
from acs.profiles import Blueprint
from acs.profiles.secrets import Masks
from acs.store import trees


@dataclass(frozen=True, slots=True)
class Known:
    """What a plan for a new wish can go by."""

    snapshot: Snapshot
    """What the latest comparison read, with the tree where that tells more or is newer."""
    names: frozenset[str] = frozenset()
    """Names, with ``{i}``, that the model is known to have; empty: nobody asked."""
    tree_at: float = 0.0
    """When the tree was read, in epoch seconds; 0: there is none to go by."""


def known_thd(conn: Connection, device: Device, blueprint: Blueprint, snapshot: Snapshot) -> Known:
    """Gather what is kept of ``device`` and its model; a tree from before a reset says nothing."""
    listed = trees.names_thd(conn, model_key(device))
    names = frozenset(listed.names) if listed else frozenset()
    kept = trees.kept_thd(conn, device.id)
    if kept is None or kept.at <= device.last_bootstrap:
        return Known(snapshot, names)
    told = _without_secrets(kept.values, blueprint)
    values = told if kept.whole_at > snapshot.at else {**told, **snapshot.values}
    return Known(replace(snapshot, values=values), names, kept.at)


def _without_secrets(values: Mapping[str, Value], blueprint: Blueprint) -> dict[str, Value]:
    # As a session takes it: what a secret reads as is nothing to go by.
    masks = Masks.of(blueprint)
    return {
        path: Value("", value.type) if masks.hides(path) else value
        for path, value in values.items()
    }
