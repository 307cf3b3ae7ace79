"""Deployment units of one unit: installed, updated, removed by ChangeDUState (A.4.1.10)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal
from uuid import NAMESPACE_URL, uuid5

from .asking import software_changed
from .content import version_in_name
from .errand import Errand
from .model import Tree

if TYPE_CHECKING:
    from .device import Ont

_UUID = re.compile(r"^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$")
_NUMBER = re.compile(r"\d+")


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of ChangeDUState."""

    kind: Literal["Install", "Update", "Uninstall"]
    uuid: str = ""
    version: str = ""
    url: str = ""
    username: str = ""
    password: str = field(default="", repr=False)
    environment: str = ""

    @property
    def fetches(self) -> bool:
        """True when a file is to be fetched for it."""
        return bool(self.url) and self.kind != "Uninstall"


@dataclass(frozen=True, slots=True)
class Change:
    """One ChangeDUState that waits to be carried out."""

    key: str
    operations: tuple[Operation, ...]


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one operation."""

    uuid: str
    reference: str
    version: str
    state: Literal["Installed", "Uninstalled", "Failed"]
    fault: int = 0
    start: float = 0.0
    complete: float = 0.0


@dataclass(frozen=True, slots=True)
class DeploymentUnit:
    """One installed unit; ``number`` is its row in the data model."""

    number: int
    uuid: str
    name: str
    version: str
    url: str


class DeploymentUnits:
    """The little table of deployment units; shown in the tree where the model has one."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._table = f"{tree.model.top}SoftwareModules.DeploymentUnit."
        self._environment = f"{tree.model.top}SoftwareModules.ExecEnv.1"
        self.units: dict[str, DeploymentUnit] = {}
        """Installed units by UUID."""
        self._next = 1

    def perform(self, operation: Operation, fetched: int, start: float, complete: float) -> Result:
        """Carry an operation out; ``fetched`` is the fault code of its file's transfer."""
        fault = self._refusal(operation) or fetched
        uuid = operation.uuid or self._known_by_url(operation.url) or _uuid_for(operation.url)
        before = self.units.get(uuid)
        if fault:
            version = operation.version or (before.version if before else "")
            reference = self._reference(before) if before else ""
            return Result(uuid, reference, version, "Failed", fault, start, complete)
        if operation.kind == "Uninstall":
            assert before is not None
            del self.units[uuid]
            self._show(before, gone=True)
            return Result(
                uuid, self._reference(before), before.version, "Uninstalled", 0, start, complete
            )
        now = self._installed(operation, uuid, before)
        self.units[uuid] = now
        self._show(now)
        return Result(uuid, self._reference(now), now.version, "Installed", 0, start, complete)

    def _installed(
        self, operation: Operation, uuid: str, before: DeploymentUnit | None
    ) -> DeploymentUnit:
        version = operation.version or version_in_name(operation.url)
        if before is not None:
            return replace(
                before, version=version or before.version, url=operation.url or before.url
            )
        name = operation.url.rpartition("/")[2] or uuid
        self._next += 1
        return DeploymentUnit(self._next - 1, uuid, name, version or "1.0", operation.url)

    def _refusal(self, operation: Operation) -> int:
        if operation.uuid and not _UUID.match(operation.uuid):
            return 9022
        if operation.environment.removesuffix(".") not in ("", self._environment):
            return 9023
        known = self.units.get(operation.uuid or self._known_by_url(operation.url))
        if operation.kind == "Install":
            return 9026 if known else 0
        if known is None:
            return 9028
        if operation.kind == "Update":
            wanted = operation.version or version_in_name(operation.url)
            if not wanted:
                return 9031
            if wanted == known.version:
                return 9032
            return 9030 if _order(wanted) < _order(known.version) else 0
        return 0

    def _known_by_url(self, url: str) -> str:
        return next((unit.uuid for unit in self.units.values() if url and unit.url == url), "")

    def _reference(self, unit: DeploymentUnit) -> str:
        return f"{self._table}{unit.number}"

    def _show(self, unit: DeploymentUnit, *, gone: bool = False) -> None:
        if not self._tree.has_table(self._table):
            return
        if gone:
            self._tree.drop_row(self._table, unit.number)
            return
        row = self._tree.make_row(self._table, unit.number)
        texts = {"UUID": unit.uuid, "Name": unit.name, "Version": unit.version, "URL": unit.url}
        for leaf, text in {**texts, "Status": "Installed", "Resolved": "1"}.items():
            self._tree.put(row + leaf, text)

    def dump(self) -> list[dict[str, Any]]:
        """Return the installed units for `load`."""
        return [asdict(unit) for unit in self.units.values()]

    def load(self, kept: list[dict[str, Any]]) -> None:
        """Take up what `dump` gave; the rows are in the tree's own state."""
        self.units = {entry["uuid"]: DeploymentUnit(**entry) for entry in kept}
        self._next = 1 + max((unit.number for unit in self.units.values()), default=0)


def carry_out(
    ont: Ont, change: Change, cnonce: Callable[[], str], clock: Callable[[], float]
) -> Iterator[Errand]:
    """Carry a ChangeDUState out, and announce its results in the order of the operations.

    Yields the errands that an edge has to run before it goes on.
    """
    results = []
    for operation in change.operations:
        start, fault = clock(), 0
        if operation.fetches:
            errand = Errand(operation.url, operation.username, operation.password, cnonce)
            yield errand
            fault = errand.fault
        draw = ont.lot.draw("DUStateChangeComplete", (operation.uuid or operation.url,))
        results.append(
            ont.software.perform(operation, draw.code if draw else fault, start, clock())
        )
    ont.announcements.append(software_changed(results, change.key))


def _uuid_for(url: str) -> str:
    return str(uuid5(NAMESPACE_URL, url))


def _order(version: str) -> list[int]:
    return [int(part) for part in _NUMBER.findall(version)]
