"""Outbound safety: whether anything may leave for a device or a business system.

``dry-run`` plans and records, and sends nothing; ``allow-list`` sends to those that are named;
``on`` sends to all. The mode is asked where something is about to leave, and nowhere else.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase


class Mode(StrEnum):
    """How far what this server decides may reach."""

    DRY_RUN = "dry-run"
    ALLOW_LIST = "allow-list"
    ON = "on"


@dataclass(frozen=True, slots=True)
class Safety:
    """The mode, and who is named in the list: keys of devices (``*`` fits anything), names of
    customers, tags."""

    mode: Mode = Mode.ON
    devices: tuple[str, ...] = ()
    customers: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()

    def withheld(self, key: str, customer: str = "", tags: Collection[str] = ()) -> str:
        """Say why nothing may leave for a device or on its behalf; "" where it may."""
        match self.mode:
            case Mode.ON:
                return ""
            case Mode.DRY_RUN:
                return "safety.mode is dry-run"
            case Mode.ALLOW_LIST:
                named = (
                    any(fnmatchcase(key, pattern) for pattern in self.devices)
                    or (customer and customer in self.customers)
                    or not frozenset(self.tags).isdisjoint(tags)
                )
                return "" if named else "it is not on the list of safety.mode allow-list"

    @property
    def notice(self) -> str:
        """One line for listings and `acs doctor`; "" where all is sent."""
        match self.mode:
            case Mode.ON:
                return ""
            case Mode.DRY_RUN:
                return "dry-run: nothing is sent to devices or ERPNext (safety.mode)"
            case Mode.ALLOW_LIST:
                named = (*self.devices, *self.customers, *(f"#{tag}" for tag in self.tags))
                return f"allow-list: only {', '.join(named) or 'nobody'} (safety.mode)"


SEND_ALL = Safety()
"""Nothing is withheld."""
