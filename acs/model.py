"""The values every room shares: who a device is, what it says, what can be asked of it.

CWMP and USP both offer the same handful of operations on a tree of named
parameters.  Those operations are values here (`Get`, `Set`, …), and so are their
outcomes, a device's refusal (`Fault`) among them: a device that says no is a normal
outcome, never an exception.  A flow performs an operation by awaiting a method of
`DataModel`; the operation falls out of the coroutine, a protocol machine turns it into
RPCs or records, and resumes the flow with the outcome by `.send()`.

This module imports nothing of ours and does no I/O.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, NamedTuple, final
from urllib.parse import quote


@final
class Secret:
    """A text that must not reach a log, an error or a URL.

    It prints as ``***``; `reveal` is the only way to the text, so that every place that
    uses it can be found.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the text itself."""
        return self._text

    def __repr__(self) -> str:
        return "***"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return format("***", spec)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __bool__(self) -> bool:
        return bool(self._text)


class ValueType(StrEnum):
    """Parameter types of TR-106, by their name in XML Schema (TR-069 A.2.1)."""

    STRING = "string"
    INT = "int"
    LONG = "long"
    UNSIGNED_INT = "unsignedInt"
    UNSIGNED_LONG = "unsignedLong"
    BOOLEAN = "boolean"
    DATE_TIME = "dateTime"
    BASE64 = "base64"
    HEX_BINARY = "hexBinary"
    DECIMAL = "decimal"


class Value(NamedTuple):
    """A parameter's value as text, with the type the device gave it."""

    text: str
    type: ValueType = ValueType.STRING


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

    def has(self, *kinds: EventKind) -> bool:
        """Tell whether any event of this contact is of one of ``kinds``."""
        return any(event.kind in kinds for event in self.events)

    def told(self, leaf: str) -> str:
        """Text of the parameter ``leaf`` below the root, or empty when the contact has it not."""
        value = self.values.get(self.root + leaf)
        return value.text if value else ""


@dataclass(frozen=True, slots=True)
class Notice:
    """Something a device reports in the middle of a session, such as the end of a transfer."""

    kind: EventKind
    key: str = ""
    fault: Fault | None = None
    detail: Mapping[str, str] = field(default_factory=dict)


# --- operations -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Change:
    """One parameter to write. ``secret`` masks the value wherever the change is shown."""

    path: str
    value: Value
    secret: bool = False

    def __repr__(self) -> str:
        shown = "***" if self.secret else repr(self.value.text)
        return f"Change({self.path} = {shown} ({self.value.type.value}))"


@dataclass(frozen=True, slots=True)
class Get:
    """Read parameters. A path that ends with a dot stands for all below it."""

    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Set:
    """Write parameters, all or nothing."""

    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class Add:
    """Create a row in the table ``table`` (path with its final dot)."""

    table: str


@dataclass(frozen=True, slots=True)
class Delete:
    """Delete the row ``row`` (path with its final dot)."""

    row: str


@dataclass(frozen=True, slots=True)
class List:
    """Ask what stands below ``path``: the children only, or everything."""

    path: str
    next_level: bool = True


class CommandName(StrEnum):
    """Commands both protocols know."""

    REBOOT = "reboot"
    FACTORY_RESET = "factory reset"


@dataclass(frozen=True, slots=True)
class Command:
    """Run a command; ``key`` comes back when a later contact reports it done (32 characters)."""

    name: CommandName
    key: str = ""


@dataclass(frozen=True, slots=True)
class Accept:
    """Tell the device that what it announced is stored; it may then forget it.

    The outcome is `YourTurn`, once the device has nothing more to say.
    """


@dataclass(frozen=True, slots=True)
class Refuse:
    """Refuse what the device announced; it will come again. No operation can follow."""

    reason: str


Operation = Get | Set | Add | Delete | List | Command | Accept | Refuse


# --- outcomes ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ParameterFault:
    """Why one parameter was refused."""

    path: str
    code: int
    text: str = ""


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


class SessionLost(Exception):  # noqa: N818 - an event of the line, not a mistake
    """The device went away, or the session's bounds were reached, while a flow waited for it."""


class DataModel:
    """The data model of the device that is on the line.

    Each method is awaited by a flow and returns the outcome of one operation.  It raises
    `SessionLost` when the session ends before the outcome came.
    """

    __slots__ = ()

    async def get(self, *paths: str) -> Values | Fault:
        """Read ``paths``; names the device does not know come back in ``missing``."""
        outcome: Values | Fault = await _Perform(Get(paths))
        return outcome

    async def set(self, *changes: Change) -> Written | Fault:
        """Write ``changes``, all or nothing, in this order; a fault quotes no secret of them."""
        outcome: Written | Fault = await _Perform(Set(changes))
        return _masked(outcome, changes) if isinstance(outcome, Fault) else outcome

    async def add(self, table: str) -> Added | Fault:
        """Create a row in ``table``."""
        outcome: Added | Fault = await _Perform(Add(table))
        return outcome

    async def delete(self, row: str) -> Written | Fault:
        """Delete ``row``."""
        outcome: Written | Fault = await _Perform(Delete(row))
        return outcome

    async def list(self, path: str, *, next_level: bool = True) -> Names | Fault:
        """Ask for the names below ``path``."""
        outcome: Names | Fault = await _Perform(List(path, next_level))
        return outcome

    async def command(self, name: CommandName, key: str = "") -> Started | Fault:
        """Run a command."""
        outcome: Started | Fault = await _Perform(Command(name, key))
        return outcome

    async def accept(self) -> YourTurn:
        """Acknowledge what the device announced, and wait until it has nothing more to say."""
        outcome: YourTurn = await _Perform(Accept())
        return outcome

    async def refuse(self, reason: str) -> None:
        """Refuse what the device announced."""
        await _Perform(Refuse(reason))


def _masked(fault: Fault, changes: tuple[Change, ...]) -> Fault:
    """Mask the secrets among ``changes`` where a device quotes what it refuses."""
    secrets = {change.value.text for change in changes if change.secret and change.value.text}

    def mask(text: str) -> str:
        for secret in sorted(secrets, key=len, reverse=True):
            text = text.replace(secret, str(Secret(secret)))
        return text

    parameters = tuple(replace(p, text=mask(p.text)) for p in fault.parameters)
    return replace(fault, text=mask(fault.text), parameters=parameters)


class _Perform:
    """Awaitable that hands its operation to whoever drives the coroutine."""

    __slots__ = ("operation",)

    def __init__(self, operation: Operation) -> None:
        self.operation = operation

    def __await__(self) -> Generator[Operation, Any, Any]:
        return (yield self.operation)
