"""What came of an operation. A device that says no is a normal outcome, never an exception."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from acs.model.values import Value

# Fault codes of TR-069 A.5.1 and of TR-369 (Error Codes) that flows tell apart.
_ABSENT = frozenset((9005, 7010, 7016, 7026))
_UNSUPPORTED = frozenset((9000, 7001))
_NOT_WRITABLE = frozenset((9008, 7013))
_DENIED = 7006


@dataclass(frozen=True, slots=True)
class ParameterFault:
    """Why one parameter was refused."""

    path: str
    code: int
    text: str = ""

    @property
    def says_absent(self) -> bool:
        """The device has no such parameter or object, or does not show it to us."""
        return self.code in _ABSENT

    @property
    def says_not_writable(self) -> bool:
        """The parameter may only be read."""
        return self.code in _NOT_WRITABLE

    @property
    def says_denied(self) -> bool:
        """Our role may not do this; CWMP knows no roles."""
        return self.code == _DENIED

    def __str__(self) -> str:
        return f"{self.path}: {self.code} {self.text}".rstrip()


@dataclass(frozen=True, slots=True)
class Fault:
    """A device's refusal, with the fault code of its protocol (TR-069 A.5, TR-369 R-MSG)."""

    code: int
    text: str = ""
    parameters: tuple[ParameterFault, ...] = ()

    @property
    def says_absent(self) -> bool:
        """Something that was asked for is not there, or not shown to us.

        SetParameterValues answers 9003 with 9005 of each parameter (TR-069 A.3.2.1), Set of USP
        7004 likewise, so the parameters count too.
        """
        return self.code in _ABSENT or any(p.says_absent for p in self.parameters)

    @property
    def says_unsupported(self) -> bool:
        """The device does not know the method or message at all."""
        return self.code in _UNSUPPORTED

    @property
    def says_not_writable(self) -> bool:
        """Something that was to be written may only be read."""
        return self.code in _NOT_WRITABLE or any(p.says_not_writable for p in self.parameters)

    @property
    def says_denied(self) -> bool:
        """Our role may not do or see this; CWMP knows no roles."""
        return self.code == _DENIED

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
