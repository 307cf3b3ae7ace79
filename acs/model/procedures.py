"""The rarer things that can be asked of a device, and what comes of them.

Each is carried out with `DataModel.ask`.  Those that take time are only started by it: a later
contact reports their end with the ``key`` they were given (32 characters, TR-069 A.3.2.8).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import NamedTuple

from acs.model.outcomes import Started, Written
from acs.model.values import NO_SECRET, Secret


class Notification(IntEnum):
    """What a device does when a parameter changes (TR-069 A.3.2.4)."""

    OFF = 0
    PASSIVE = 1
    """Tell it in the next Inform."""
    ACTIVE = 2
    """Call at once, with VALUE CHANGE."""
    PASSIVE_LIGHTWEIGHT = 3
    PASSIVE_AND_PASSIVE_LIGHTWEIGHT = 4
    ACTIVE_LIGHTWEIGHT = 5
    PASSIVE_AND_ACTIVE_LIGHTWEIGHT = 6


@dataclass(frozen=True, slots=True)
class ReadAttributes:
    """Read notification and access list of parameters (TR-069 A.3.2.5). Gives `Attributes`."""

    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AttributeChange:
    """New attributes of one parameter, or of all below a path; None leaves one as it is."""

    path: str
    notification: int | None = None
    access_list: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class SetAttributes:
    """Change notifications and access lists (TR-069 A.3.2.4). Gives `Written`."""

    changes: tuple[AttributeChange, ...]


@dataclass(frozen=True, slots=True)
class ScheduleInform:
    """Have the device call in ``delay`` seconds, 1 or more (TR-069 A.4.1.2). Gives `Started`."""

    delay: int
    key: str


@dataclass(frozen=True, slots=True)
class Download:
    """Have the device fetch a file (TR-069 A.3.2.8). Gives `TransferStarted`."""

    key: str
    file_type: str
    """``1 Firmware Upgrade Image``, ``3 Vendor Configuration File``, ``X …``."""
    url: str
    username: str = ""
    password: Secret = NO_SECRET
    size: int = 0
    """Octets; 0: not known."""
    target: str = ""
    """Name for the file on the device."""
    delay: int = 0
    """Seconds; of CWMP only."""
    activate: bool = True
    """Run firmware at once; else it is stored for a later `Activate()`, which USP alone knows."""
    image: str = ""
    """Path of the firmware image to write (TR-181 FirmwareImage); empty: one that does not run."""
    sha256: str = ""
    """Lower-case hex, where known; CWMP has no place for it."""


@dataclass(frozen=True, slots=True)
class Upload:
    """Have the device send a file by HTTP PUT (TR-069 A.4.1.5). Gives `TransferStarted`."""

    key: str
    file_type: str
    """``1 Vendor Configuration File``, ``2 Vendor Log File``, ``3 … <i>``, ``4 … <i>``."""
    url: str
    username: str = ""
    password: Secret = NO_SECRET
    delay: int = 0
    """Seconds."""


@dataclass(frozen=True, slots=True)
class TimeWindow:
    """When a scheduled download may happen; seconds from now (TR-069 A.4.1.8)."""

    start: int
    end: int
    mode: str = "1 At Any Time"
    message: str = ""
    max_retries: int = 0


@dataclass(frozen=True, slots=True)
class ScheduleDownload:
    """Have the device fetch a file in one or two windows. Gives `Started`."""

    key: str
    file_type: str
    url: str
    windows: tuple[TimeWindow, ...]
    username: str = ""
    password: Secret = NO_SECRET
    size: int = 0
    target: str = ""


@dataclass(frozen=True, slots=True)
class CancelTransfer:
    """Give up a transfer by its key (TR-069 A.4.1.9). Gives `Started`."""

    key: str


@dataclass(frozen=True, slots=True)
class ListTransfers:
    """Ask for the transfers that wait (TR-069 A.4.1.7). Gives `Transfers`.

    ``all``: those that others began too (GetAllQueuedTransfers); else only ours, by the method
    that devices of the first issue know (GetQueuedTransfers).
    """

    all: bool = True


@dataclass(frozen=True, slots=True)
class ListMethods:
    """Ask which methods the device knows (TR-069 A.3.1.1). Gives `Methods`."""


@dataclass(frozen=True, slots=True)
class ListOptions:
    """Ask for options, one by name or all (TR-069 A.4.1.4, deprecated). Gives `Options`."""

    name: str = ""


@dataclass(frozen=True, slots=True)
class SetVouchers:
    """Hand in signed vouchers (TR-069 A.4.1.3, deprecated). Gives `Started`."""

    vouchers: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Install:
    """Install a software module from ``url`` (TR-069 A.4.1.10)."""

    url: str
    uuid: str = ""
    username: str = ""
    password: Secret = NO_SECRET
    environment: str = ""
    """Path of the execution environment, or empty."""


@dataclass(frozen=True, slots=True)
class Update:
    """Update one software module, or all that come from ``url``."""

    uuid: str = ""
    version: str = ""
    url: str = ""
    username: str = ""
    password: Secret = NO_SECRET


@dataclass(frozen=True, slots=True)
class Uninstall:
    """Remove a software module."""

    uuid: str
    version: str = ""
    environment: str = ""


@dataclass(frozen=True, slots=True)
class ChangeSoftware:
    """Install, update, remove software modules (ChangeDUState). Gives `Started`."""

    operations: tuple[Install | Update | Uninstall, ...]
    key: str


@dataclass(frozen=True, slots=True)
class Operate:
    """Run a command of the data model (TR-369 Operate). Gives `Operated`.

    Only USP has such commands; over CWMP the outcome is a `Fault`.
    """

    command: str
    """Whole path with ``()``: ``Device.IP.Diagnostics.IPPing()``."""
    key: str = ""
    """Comes back when an asynchronous one is over; fresh for every call."""
    arguments: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SendMessage:
    """Send one request of the protocol as it is, for experiments. Gives `Answer`.

    ``request`` has the JSON form of a USP request: one member, named as in the schema
    (``get``, ``operate``, …), that holds its fields.  Over CWMP the outcome is a `Fault`.
    """

    request: Mapping[str, object]


Procedure = (
    ReadAttributes
    | SetAttributes
    | ScheduleInform
    | Download
    | Upload
    | ScheduleDownload
    | CancelTransfer
    | ListTransfers
    | ListMethods
    | ListOptions
    | SetVouchers
    | ChangeSoftware
    | Operate
    | SendMessage
)


class Attribute(NamedTuple):
    """Attributes of one parameter."""

    path: str
    notification: int
    access_list: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Attributes:
    """Outcome of `ReadAttributes`."""

    entries: tuple[Attribute, ...]


@dataclass(frozen=True, slots=True)
class TransferStarted:
    """Outcome of `Download` and `Upload`."""

    done: bool = False
    """It is over already and the times count; else its end is reported later."""
    start: str = ""
    """ISO 8601 of the device's clock; empty: unknown."""
    complete: str = ""


class TransferState(IntEnum):
    """How far a transfer is (TR-069 A.4.1.7)."""

    WAITING = 1
    RUNNING = 2
    COMPLETE = 3
    """Over, but not reported yet."""


class QueuedTransfer(NamedTuple):
    """A transfer that waits or runs; the last four are known of `ListTransfers(all=True)` only."""

    key: str
    state: int
    download: bool = True
    file_type: str = ""
    size: int = 0
    target: str = ""


@dataclass(frozen=True, slots=True)
class Transfers:
    """Outcome of `ListTransfers`."""

    entries: tuple[QueuedTransfer, ...]


@dataclass(frozen=True, slots=True)
class Methods:
    """Outcome of `ListMethods`."""

    names: tuple[str, ...]


class Option(NamedTuple):
    """One option of a device (TR-069 A.4.1.4)."""

    name: str
    voucher: int
    state: int
    mode: int
    start: str = ""
    expiration: str = ""
    transferable: bool = False


@dataclass(frozen=True, slots=True)
class Options:
    """Outcome of `ListOptions`."""

    entries: tuple[Option, ...]


@dataclass(frozen=True, slots=True)
class Operated:
    """Outcome of `Operate`."""

    outputs: Mapping[str, str] = field(default_factory=dict)
    """Of a synchronous command."""
    request: str = ""
    """Path of the request object of an asynchronous one, whose end is reported later."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Outcome of `SendMessage`: the answer in the same form, an error of the device included."""

    message: Mapping[str, object]


ProcedureOutcome = (
    Started
    | Written
    | Attributes
    | TransferStarted
    | Transfers
    | Methods
    | Options
    | Operated
    | Answer
)
