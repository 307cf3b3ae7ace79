"""What the field shows of an equipment, for who tells others of it."""

from __future__ import annotations

from dataclasses import dataclass

from acs.devices.identity import Equipment
from acs.devices.record import Device, FaultRecord, Proof


@dataclass(frozen=True, slots=True)
class FieldReport:
    """One equipment and the device that holds it."""

    equipment: str
    device: Device | None = None
    """None: nothing holds it."""
    box: Equipment | None = None
    """None: it is not mirrored (any more)."""
    tags: frozenset[str] = frozenset()
    proof: Proof | None = None
    """The latest complete one."""
    fault: FaultRecord | None = None
    """Of its provisioning."""
    light: float | None = None
    """Received optical power in dBm, where it is known and recent."""
