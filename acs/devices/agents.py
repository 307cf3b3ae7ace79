"""What we keep of a USP agent beside its device: endpoint, way to reach it, what it reported."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from acs.model import DeviceId


class Presence(StrEnum):
    """Whether an agent can be reached; never a guess."""

    ONLINE = "online"
    OFFLINE = "offline"
    UNKNOWN = "unknown"
    """Nothing was seen of it since the server started."""


@dataclass(slots=True)
class Agent:
    """One USP endpoint. Times are epoch seconds."""

    endpoint: str
    device_id: int = 0
    """0: it has not told yet which device it is."""
    oui: str = ""
    product_class: str = ""
    serial_number: str = ""
    manufacturer: str = ""
    model: str = ""
    hardware: str = ""
    software: str = ""
    versions: str = ""
    """USP versions it speaks, comma separated; empty: not asked yet."""
    version: str = ""
    """The one we use with it."""
    mtp: str = ""
    """``mqtt`` or ``websocket``."""
    reply_to: str = ""
    """Topic at which it was last reached, over MQTT."""
    credential: str = "none"
    """How it last proved itself, see `acs.model.Contact`."""
    presence: Presence = Presence.UNKNOWN
    presence_at: float = 0.0
    evidence: str = ""
    """What told us: ``Connect record``, ``broker: keep-alive exceeded``, …"""
    controller: str = ""
    """Our own row on it, ``Device.LocalAgent.Controller.1.``"""
    settled: str = ""
    """Digest of what was set up on it (subscriptions, interval); empty: look again."""
    first_seen: float = 0.0
    last_seen: float = 0.0

    @property
    def device_id_told(self) -> DeviceId | None:
        """The identity it told; None: not yet."""
        if not (self.oui and self.serial_number):
            return None
        return DeviceId(self.oui, self.product_class, self.serial_number)


@dataclass(frozen=True, slots=True)
class StoredNotify:
    """One Notify, as kept. It is known by ``endpoint`` and ``msg_id``."""

    endpoint: str
    msg_id: str
    at: float
    kind: str
    """``Event``, ``ValueChange``, ``ObjectCreation``, ``ObjectDeletion``, ``OperationComplete``
    or ``OnBoardRequest``."""
    subscription_id: str = ""
    path: str = ""
    """Parameter, object, event (``Device.Boot!``) or command (``Device.Reboot()``) it is about."""
    key: str = ""
    """Command key."""
    detail: Mapping[str, str] = field(default_factory=dict)
    """Arguments, unique keys, the new value under ``value``; bounded."""
    waiting: bool = False
    """It is to be acted on in a visit, which has not happened yet."""


@dataclass(frozen=True, slots=True)
class Holder:
    """Who proved to be a device: by a password over CWMP, by an account or certificate over USP."""

    device_id: int
    endpoint: str = ""
    """Of the agent; empty: it is the device's password over CWMP."""


@dataclass(frozen=True, slots=True)
class KnownAgent:
    """What is kept of an endpoint, as it is loaded when something of it comes."""

    agent: Agent | None = None
    """None: it was never seen."""
    waiting: tuple[StoredNotify, ...] = ()
    """Notifies that still wait for a visit, the oldest first; at most so many as are loaded."""
