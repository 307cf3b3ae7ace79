"""What the roles of a controller let it see and do (TR-369, Role Definition)."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal

from .model import schema_path

Right = Literal["r", "w", "x", "n"]


@dataclass(frozen=True, slots=True)
class Rule:
    """One Permission row; each right string holds ``rwxn`` or ``-``."""

    order: int
    targets: tuple[str, ...]
    param: str
    obj: str
    instantiated: str
    command_event: str

    def covers(self, path: str) -> bool:
        """Tell whether a schema path is a target; single rows are not told apart."""
        return any(
            path.startswith(target) if target.endswith(".") else path == target
            for target in self.targets
        )


@dataclass(frozen=True, slots=True)
class Permissions:
    """Roles of one controller: in a role the rule of the highest order wins, roles add up."""

    roles: tuple[tuple[Rule, ...], ...]
    secured: bool = False
    """Secured parameters are read in clear."""
    _known: dict[tuple[str, str, str], bool] = field(
        default_factory=dict, repr=False, compare=False
    )

    def param(self, path: str, right: Right) -> bool:
        """Read, write or be notified of the parameter at a schema path."""
        return self._allowed("param", path, right)

    def obj(self, path: str, right: Right) -> bool:
        """See, add a row to, or be notified of new rows of the table at a schema path."""
        return self._allowed("obj", path, right)

    def instantiated(self, path: str, right: Right) -> bool:
        """See, delete, or be notified of the deletion of rows at a schema path."""
        return self._allowed("instantiated", path, right)

    def command_event(self, path: str, right: Right) -> bool:
        """See, run, or be notified of the command or event at a schema path."""
        return self._allowed("command_event", path, right)

    def _allowed(self, kind: str, path: str, right: Right) -> bool:
        key = (kind, path, right)
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = any(
                right in getattr(rule, kind)
                for role in self.roles
                if (rule := next((each for each in role if each.covers(path)), None))
            )
        return known


@lru_cache(maxsize=1024)
def permissions(roles: tuple[tuple[Rule, ...], ...], secured: bool) -> Permissions:
    """Return what these roles allow; agents with the same roles share it."""
    ordered = tuple(tuple(sorted(role, key=lambda rule: -rule.order)) for role in roles)
    return Permissions(ordered, secured)


def targets(text: str) -> tuple[str, ...]:
    """Read the Targets of a Permission row."""
    paths = (each.strip().replace(".*.", ".{i}.") for each in text.split(","))
    return tuple(schema_path(path) for path in paths if path)
