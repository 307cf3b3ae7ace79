"""What can be asked of a device, whichever protocol it speaks, as values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from acs.model.procedures import Procedure
from acs.model.values import Value


@dataclass(frozen=True, slots=True)
class Change:
    """One parameter to write. ``secret`` masks the value wherever the change is shown."""

    path: str
    value: Value
    secret: bool = False

    def __repr__(self) -> str:
        shown = "***" if self.secret else repr(self.value.text)
        return f"Change({self.path} = {shown} ({self.value.type.value}))"


@dataclass(frozen=True, slots=True)
class Get:
    """Read parameters. A path that ends with a dot stands for all below it."""

    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Set:
    """Write parameters, all or nothing."""

    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class Add:
    """Create a row in the table ``table`` (path with its final dot)."""

    table: str
    given: tuple[Change, ...] = ()
    """What the row holds from the first, as far as it takes it; paths are relative to the row.
    Only USP creates a row with values (TR-369 Add), and some can be given only so."""


@dataclass(frozen=True, slots=True)
class Delete:
    """Delete the row ``row`` (path with its final dot)."""

    row: str


@dataclass(frozen=True, slots=True)
class List:
    """Ask what stands below ``path``: the children only, or everything."""

    path: str
    next_level: bool = True


class CommandName(StrEnum):
    """Commands both protocols know."""

    REBOOT = "reboot"
    FACTORY_RESET = "factory reset"


@dataclass(frozen=True, slots=True)
class Command:
    """Run a command; ``key`` comes back when a later contact reports it done (32 characters)."""

    name: CommandName
    key: str = ""


@dataclass(frozen=True, slots=True)
class Accept:
    """Tell the device that what it announced is stored; it may then forget it.

    The outcome is `YourTurn`, once the device has nothing more to say.
    """


@dataclass(frozen=True, slots=True)
class Refuse:
    """Refuse what the device announced; it will come again. No operation can follow."""

    reason: str


Operation = Get | Set | Add | Delete | List | Command | Procedure | Accept | Refuse
