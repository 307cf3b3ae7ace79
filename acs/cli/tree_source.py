"""What is known of a device's tree: its latest full read, its snapshot, and its model's names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection

from acs.cli.documents import order
from acs.cli.masking import Masks
from acs.devices.record import Device, Snapshot
from acs.devices.vocabulary import general, is_at, model_key
from acs.model import Value
from acs.store import snapshots, trees


@dataclass(frozen=True, slots=True)
class Leaf:
    """One parameter as it is shown: its value is masked where it is secret."""

    path: str
    value: str
    type: str
    writable: bool | None
    """None: the names of its model are not known."""
    at: float


@dataclass(frozen=True, slots=True)
class KnownTree:
    """All values that are known of a device, whichever way they became so."""

    values: Mapping[str, tuple[Value, float]]
    """With the time each was read."""
    writable: Mapping[str, bool]
    read_at: float
    """When everything was read at once; 0: never."""

    def leaves(self, masks: Masks, below: str = "", search: str = "") -> Iterator[Leaf]:
        """Yield the parameters below a path, in order, of which name or value holds ``search``."""
        wanted = search.casefold()
        for path in sorted(self.values, key=order):
            if not is_at(path, below):
                continue
            value, at = self.values[path]
            shown = str(masks.shown(path, value.text))
            if wanted in path.casefold() or wanted in shown.casefold():
                writable = self.writable.get(general(path))
                yield Leaf(path, shown, value.type.value, writable, at)


def known_tree_thd(conn: Connection, device: Device) -> KnownTree:
    """Lay the latest tree and the snapshot together; a newer value wins."""
    tree = trees.kept_thd(conn, device.id)
    snapshot = snapshots.load_thd(conn, [device.id]).get(device.id, Snapshot())
    names = trees.names_thd(conn, model_key(device))
    values: dict[str, tuple[Value, float]] = {}
    if tree is not None:
        values = {path: (value, tree.read_at(path)) for path, value in tree.values.items()}
    for path, value in snapshot.values.items():
        if path not in values or values[path][1] < snapshot.at:
            values[path] = (value, snapshot.at)
    return KnownTree(values, names.names if names else {}, tree.whole_at if tree else 0.0)
