"""Equipment from the local mirror alone, for a server that is connected to no ERPNext."""

from __future__ import annotations

from acs.devices.identity import Terms
from acs.devices.source import Found, Pending, Wish
from acs.profiles.intent import Intent
from acs.store.queues import Queues


class MirrorSource:
    """Implements `acs.devices.source.EquipmentSource` on what the store already holds."""

    def __init__(self, queues: Queues) -> None:
        self._queues = queues

    @property
    def absent(self) -> str:
        """Nothing new can be known without ERPNext."""
        return "no ERPNext is connected (erp.url), so no equipment is known"

    async def find(self, terms: Terms) -> Found | Pending:
        """Find mirrored equipment that fits any of ``terms``."""
        rows = await self._queues.find(terms)
        return Found(tuple(row.equipment for row in rows))

    async def wish(self, equipment: str) -> Wish | Pending | None:
        """What the mirrored equipment of this name should have."""
        row = await self._queues.wish(equipment)
        return Wish(row.equipment, row.intent, row.digest) if row else None

    def neutral(self, device: str) -> Intent:
        """Nobody says how a device without a customer is to be."""
        return Intent()

    def refresh(self, equipment: str) -> None:
        """There is nobody to ask."""
