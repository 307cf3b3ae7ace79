"""Who calls and why: identity, events, the contact itself, and notices in its course."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import quote

from acs.model.outcomes import Fault
from acs.model.values import Value


@dataclass(frozen=True, slots=True)
class DeviceId:
    """Who a device says it is: OUI, ProductClass (may be empty), SerialNumber (TR-069 A.3.3.1)."""

    oui: str
    product_class: str
    serial_number: str

    @property
    def key(self) -> str:
        """The identity as one text, ``OUI-ProductClass-Serial``, the user name of TR-069 3.4.4.

        Every character but letters, digits and ``_`` is percent-encoded, so that the parts
        can be told apart; an empty ProductClass is left out.
        """
        parts = (self.oui, self.product_class, self.serial_number)
        return "-".join(_encode(part) for part in parts if part)

    def __str__(self) -> str:
        return self.key


def _encode(part: str) -> str:
    if part.isascii() and part.isalnum():
        return part
    # quote() never touches "-", "." and "~"; the user name of 3.4.4 wants them encoded.
    return quote(part, safe="").replace("-", "%2D").replace(".", "%2E").replace("~", "%7E")


class EventKind(StrEnum):
    """Why a device calls, in words that hold for CWMP event codes and USP notifications."""

    BOOTSTRAP = "bootstrap"
    BOOT = "boot"
    PERIODIC = "periodic"
    SCHEDULED = "scheduled"
    VALUE_CHANGE = "value change"
    CONNECTION_REQUEST = "connection request"
    TRANSFER_COMPLETE = "transfer complete"
    AUTONOMOUS_TRANSFER_COMPLETE = "autonomous transfer complete"
    DIAGNOSTICS_COMPLETE = "diagnostics complete"
    REQUEST_DOWNLOAD = "request download"
    DU_STATE_CHANGE_COMPLETE = "DU state change complete"
    AUTONOMOUS_DU_STATE_CHANGE_COMPLETE = "autonomous DU state change complete"
    KICKED = "kicked"
    WAKEUP = "wakeup"
    COMMAND_DONE = "command done"
    """A command of ours was carried out; ``key`` is its command key, ``text`` its name."""
    ON_BOARD_REQUEST = "on-board request"
    """A USP agent introduces itself (TR-369 R-NOT.5)."""
    CONNECTED = "connected"
    """It can be reached again, as its Connect record or its transport tells."""
    OPERATION_COMPLETE = "operation complete"
    """An asynchronous command is over (TR-369 OperationComplete)."""
    ASKED = "asked"
    """We call it: there is something to do for it."""
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Event:
    """One reason of a contact; ``text`` is the device's own word for it."""

    kind: EventKind
    key: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class Contact:
    """What a device says when it calls: an Inform, or the USP notification that plays its part."""

    device: DeviceId
    manufacturer: str
    protocol: str
    """``cwmp`` or ``usp``."""
    root: str
    """Root of its data model with the final dot: ``Device.`` or ``InternetGatewayDevice.``."""
    events: tuple[Event, ...]
    values: Mapping[str, Value]
    at: float
    """Our own clock, seconds since the epoch: a device's clock is not believed."""
    retry_count: int = 0
    address: str = ""
    """Network address it called from."""
    credential: str = "none"
    """How it proved itself: ``none``, ``bootstrap``, ``own``, ``earlier`` (its own password of
    before, while it may not have the new one) or ``certificate``."""
    account: str = ""
    """With ``own``: key of the device whose password it showed. It may differ from its own key in
    the ProductClass, which some firmware changes."""
    session: str = ""
    """Name of the session in logs, timeline and proofs."""

    @property
    def shows_all(self) -> bool:
        """Tell whether the device does not have what it does not show.

        A USP agent shows each controller only what its role may see (TR-369, Role Definition), so
        nothing follows there from what is missing.
        """
        return self.protocol != "usp"

    def has(self, *kinds: EventKind) -> bool:
        """Tell whether any event of this contact is of one of ``kinds``."""
        return any(event.kind in kinds for event in self.events)

    def told(self, leaf: str) -> str:
        """Text of the parameter ``leaf`` below the root, or empty when the contact has it not."""
        value = self.values.get(self.root + leaf)
        return value.text if value else ""


@dataclass(frozen=True, slots=True)
class UnitResult:
    """How one operation on a deployment unit of software went (TR-069 A.4.2.3)."""

    uuid: str
    state: str
    """``Installed``, ``Uninstalled`` or ``Failed``."""
    version: str = ""
    path: str = ""
    """Path of the deployment unit in the data model."""
    resolved: bool = False
    """All it depends on is there."""
    execution_units: str = ""
    """Paths, comma separated."""
    fault: Fault | None = None
    operation: str = ""
    """``Install``, ``Update``, ``Uninstall``; told of what the device did on its own only."""


@dataclass(frozen=True, slots=True)
class Notice:
    """Something a device reports in the middle of a session, such as the end of a transfer."""

    kind: EventKind
    key: str = ""
    fault: Fault | None = None
    detail: Mapping[str, str] = field(default_factory=dict)
    units: tuple[UnitResult, ...] = ()
    """Of software, in the order of the operations that were asked for."""
