"""What came of an operation. A device that says no is a normal outcome, never an exception."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from acs.model.values import Value


@dataclass(frozen=True, slots=True)
class ParameterFault:
    """Why one parameter was refused."""

    path: str
    code: int
    text: str = ""

    def __str__(self) -> str:
        return f"{self.path}: {self.code} {self.text}".rstrip()


@dataclass(frozen=True, slots=True)
class Fault:
    """A device's refusal, with the fault code of its protocol (TR-069 A.5, TR-369 R-MSG)."""

    code: int
    text: str = ""
    parameters: tuple[ParameterFault, ...] = ()

    def __str__(self) -> str:
        head = f"fault {self.code}" + (f" ({self.text})" if self.text else "")
        tail = "; ".join(
            f"{p.path}: {p.code}" + (f" ({p.text})" if p.text else "") for p in self.parameters
        )
        return f"{head}: {tail}" if tail else head


@dataclass(frozen=True, slots=True)
class Values:
    """Outcome of `Get`: what the device answered, and the names asked for that it did not."""

    values: Mapping[str, Value]
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Written:
    """Outcome of `Set` and `Delete`. ``pending``: accepted, takes effect later (Status 1)."""

    pending: bool = False


@dataclass(frozen=True, slots=True)
class Added:
    """Outcome of `Add`: path of the new row with its final dot."""

    row: str
    pending: bool = False


class ListedName(NamedTuple):
    """A name below a listed path; objects end with a dot."""

    path: str
    writable: bool


@dataclass(frozen=True, slots=True)
class Names:
    """Outcome of `List`."""

    entries: tuple[ListedName, ...]


@dataclass(frozen=True, slots=True)
class Started:
    """Outcome of `Command`: the device took it."""


@dataclass(frozen=True, slots=True)
class YourTurn:
    """Outcome of `Accept`: the device has nothing more to say, operations may follow."""
