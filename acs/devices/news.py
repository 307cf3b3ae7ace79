"""What happened to a device, as other systems are told of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class NewsKind(StrEnum):
    """The kinds of news; subscribers choose among them (``device.*``)."""

    ONLINE = "device.online"
    """It booted, was reset, or called for the first time."""
    PROVISIONED = "device.provisioned"
    """Proven: what was wanted was read back from it."""
    FAULTED = "device.faulted"
    """Provisioning failed."""
    RECOVERED = "device.recovered"
    """An open fault of its provisioning is over."""
    QUARANTINED = "device.quarantined"
    """No equipment fits it, or more than one."""
    DRIFT = "device.drift"
    """It differs from what is wanted, and is left so."""
    NEUTRALISED = "device.neutralised"
    """What its last customer had was taken off."""


@dataclass(frozen=True, slots=True)
class News:
    """One piece of news. ``subject`` is the device's key, ``at`` epoch seconds."""

    kind: NewsKind
    at: float
    device_id: int
    subject: str
    equipment: str = ""
    text: str = ""
    """For people; holds no secret."""
    detail: Mapping[str, object] = field(default_factory=dict)
    """Further facts (``serial_number``, ``customer``, ``standing`` …), JSON values, no secrets."""
