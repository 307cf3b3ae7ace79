"""Where equipment and wishes come from: the contract a business system fulfils.

The core knows no ERPNext. It is handed an `EquipmentSource`; `erp_bridge` brings one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from acs.devices.identity import Equipment, Terms
from acs.profiles.intent import Intent


@dataclass(frozen=True, slots=True)
class Found:
    """Equipment that fits any of the terms; maybe none."""

    equipment: tuple[Equipment, ...]


@dataclass(frozen=True, slots=True)
class Pending:
    """No answer within the bound; the question is being answered in the background."""

    reason: str


@dataclass(frozen=True, slots=True)
class Wish:
    """What one equipment should have, with a keyed digest that changes whenever it does."""

    equipment: Equipment
    intent: Intent
    digest: str


@dataclass(frozen=True, slots=True)
class MirrorRow:
    """One equipment as kept in the local mirror, with the time it was fetched (epoch seconds)."""

    equipment: Equipment
    intent: Intent
    digest: str
    fetched_at: float


@dataclass(frozen=True, slots=True)
class Mirrored:
    """A row of the mirror without its wish, which takes a key to read."""

    equipment: Equipment
    fetched_at: float


class EquipmentSource(Protocol):
    """Answers from a local mirror at once, and asks the business system in the background."""

    @property
    def absent(self) -> str:
        """What to tell people of a device that nothing fits."""

    async def find(self, terms: Terms) -> Found | Pending:
        """Find equipment that fits any of ``terms``; waits a short bound at most."""

    async def wish(self, equipment: str) -> Wish | Pending | None:
        """What the equipment of this name should have; None: it no longer exists."""

    def neutral(self, device: str) -> Intent:
        """What takes a customer's settings off a device (its key); empty: nothing does."""

    def refresh(self, equipment: str) -> None:
        """Have it read again in the background if it was not for a while; nobody waits."""
