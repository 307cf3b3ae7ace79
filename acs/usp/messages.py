"""USP messages as values (TR-369, Messages). `acs.usp.codec` turns them into octets and back.

Paths of objects end with a dot.  All values of parameters and arguments are text, as on the
wire (R-ENC.6).  Names follow the specification; what it nests three deep is flat here: an
outcome is one of a few values instead of a status that holds a failure or a success.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum

from acs.usp.errors import name_of


@dataclass(frozen=True, slots=True)
class ParamError:
    """Why one parameter, or one object, was refused."""

    path: str
    """Full path, or a name relative to the object it is told about."""
    code: int
    text: str = ""

    def __str__(self) -> str:
        return f"{self.path}: {self.code} {self.text or name_of(self.code)}"


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an object or a command was refused."""

    code: int
    text: str = ""
    errors: tuple[ParamError, ...] = ()


# --- requests of a controller ------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Get:
    """Read parameters, objects or searches. ``max_depth`` 0: everything below (R-GET.5)."""

    paths: tuple[str, ...]
    max_depth: int = 0


@dataclass(frozen=True, slots=True)
class Setting:
    """One parameter of an object to write. ``required``: its failure fails the object."""

    name: str
    """Relative to the object."""
    value: str
    required: bool = True
    secret: bool = False
    """Masks the value wherever the message is shown; nothing of it is sent."""

    def __repr__(self) -> str:
        return f"Setting({self.name} = {'***' if self.secret else repr(self.value)})"


@dataclass(frozen=True, slots=True)
class ObjectSettings:
    """An object to update, or a table to create a row in, with its parameters."""

    path: str
    """Object, instance or search path; for `Add` the table."""
    settings: tuple[Setting, ...] = ()


@dataclass(frozen=True, slots=True)
class Set:
    """Write parameters; all or nothing unless ``allow_partial`` (R-SET.0, R-SET.1)."""

    objects: tuple[ObjectSettings, ...]
    allow_partial: bool = False


@dataclass(frozen=True, slots=True)
class Add:
    """Create rows, with their parameters (R-ADD.0, R-ADD.1)."""

    objects: tuple[ObjectSettings, ...]
    allow_partial: bool = False


@dataclass(frozen=True, slots=True)
class Delete:
    """Delete rows by instance or search paths (R-DEL.0, R-DEL.1)."""

    paths: tuple[str, ...]
    allow_partial: bool = False


@dataclass(frozen=True, slots=True)
class Operate:
    """Run a command; ``command`` ends in ``()``. ``key`` comes back when it is over."""

    command: str
    key: str = ""
    arguments: Mapping[str, str] = field(default_factory=dict)
    send_resp: bool = True


@dataclass(frozen=True, slots=True)
class GetInstances:
    """Ask for the rows of tables, of their sub-tables too unless ``first_level_only``."""

    paths: tuple[str, ...]
    first_level_only: bool = False


@dataclass(frozen=True, slots=True)
class GetSupportedDM:
    """Ask what the agent's model has below objects, with ``{i}`` for instances."""

    paths: tuple[str, ...]
    first_level_only: bool = False
    commands: bool = True
    events: bool = True
    params: bool = True
    unique_keys: bool = False
    """Since 1.4."""


@dataclass(frozen=True, slots=True)
class GetSupportedProtocol:
    """Tell the versions we speak, and ask for the agent's."""

    versions: tuple[str, ...]


# --- requests of an agent ----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Event:
    """An event of the data model; ``name`` ends in ``!``."""

    path: str
    name: str
    params: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ValueChange:
    """One parameter has a new value; its path is whole."""

    path: str
    value: str


@dataclass(frozen=True, slots=True)
class ObjectCreation:
    """A row was created."""

    path: str
    unique_keys: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ObjectDeletion:
    """A row was deleted."""

    path: str


@dataclass(frozen=True, slots=True)
class OperationComplete:
    """An asynchronous command is over; ``command`` is its name with ``()``."""

    path: str
    """Object the command belongs to."""
    command: str
    key: str
    outputs: Mapping[str, str] = field(default_factory=dict)
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class OnBoardRequest:
    """An agent introduces itself."""

    oui: str
    product_class: str
    serial_number: str
    versions: tuple[str, ...] = ()


Notification = (
    Event | ValueChange | ObjectCreation | ObjectDeletion | OperationComplete | OnBoardRequest
)


@dataclass(frozen=True, slots=True)
class Notify:
    """What an agent reports (TR-369 Notify). ``subscription_id`` is empty for OnBoardRequest."""

    subscription_id: str
    send_resp: bool
    content: Notification


@dataclass(frozen=True, slots=True)
class Register:
    """An agent offers paths of its own (R-REG.0)."""

    paths: tuple[str, ...]
    allow_partial: bool = False


@dataclass(frozen=True, slots=True)
class Deregister:
    """An agent takes paths back; none: all of its own (R-DEREG.4)."""

    paths: tuple[str, ...] = ()


# --- responses ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ResolvedPath:
    """An object that a requested path led to. Names in ``params`` are relative to ``path``."""

    path: str
    params: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RequestedPath:
    """What came of one requested path; ``code`` 0: no error, though there may be no match."""

    path: str
    resolved: tuple[ResolvedPath, ...] = ()
    code: int = 0
    text: str = ""


@dataclass(frozen=True, slots=True)
class GetResp:
    """One entry per requested path."""

    results: tuple[RequestedPath, ...]


@dataclass(frozen=True, slots=True)
class UpdatedInstance:
    """An object that was written; ``errors``: optional parameters that were refused."""

    path: str
    params: Mapping[str, str] = field(default_factory=dict)
    errors: tuple[ParamError, ...] = ()


@dataclass(frozen=True, slots=True)
class Updated:
    """An object to update was written, in each of its instances."""

    instances: tuple[UpdatedInstance, ...] = ()


@dataclass(frozen=True, slots=True)
class UpdatedObject:
    """What came of one object to update. A `Failure` names parameters by their whole paths."""

    path: str
    outcome: Updated | Failure


@dataclass(frozen=True, slots=True)
class SetResp:
    """One entry per object to update. Look at `errors_of`, even where all succeeded (7.2)."""

    results: tuple[UpdatedObject, ...]


@dataclass(frozen=True, slots=True)
class Created:
    """A row was created; ``errors``: optional parameters that were refused."""

    path: str
    unique_keys: Mapping[str, str] = field(default_factory=dict)
    errors: tuple[ParamError, ...] = ()


@dataclass(frozen=True, slots=True)
class CreatedObject:
    """What came of one row to create."""

    path: str
    outcome: Created | Failure


@dataclass(frozen=True, slots=True)
class AddResp:
    """One entry per row to create; several where the path was a search."""

    results: tuple[CreatedObject, ...]


@dataclass(frozen=True, slots=True)
class Deleted:
    """Rows that are gone; none where nothing matched (R-DEL.2a)."""

    paths: tuple[str, ...] = ()
    errors: tuple[ParamError, ...] = ()
    """Rows that matched and could not be deleted (R-DEL.3)."""


@dataclass(frozen=True, slots=True)
class DeletedObject:
    """What came of one path to delete."""

    path: str
    outcome: Deleted | Failure


@dataclass(frozen=True, slots=True)
class DeleteResp:
    """One entry per path to delete."""

    results: tuple[DeletedObject, ...]


@dataclass(frozen=True, slots=True)
class Begun:
    """An asynchronous command runs; its `OperationComplete` follows."""

    request: str
    """Path of its `Device.LocalAgent.Request.{i}.`"""


@dataclass(frozen=True, slots=True)
class Finished:
    """A synchronous command is over."""

    outputs: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CommandResult:
    """What came of one command."""

    command: str
    """Whole path."""
    outcome: Begun | Finished | Failure


@dataclass(frozen=True, slots=True)
class OperateResp:
    """One entry per object the command path matched."""

    results: tuple[CommandResult, ...]


@dataclass(frozen=True, slots=True)
class Instance:
    """A row, with its unique keys as far as we may read them."""

    path: str
    unique_keys: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class InstancesOf:
    """Rows below one requested path."""

    path: str
    instances: tuple[Instance, ...] = ()
    code: int = 0
    text: str = ""


@dataclass(frozen=True, slots=True)
class GetInstancesResp:
    """One entry per requested path."""

    results: tuple[InstancesOf, ...]


class ObjectAccess(IntEnum):
    """What may be done with rows of a table."""

    READ_ONLY = 0
    ADD_DELETE = 1
    ADD_ONLY = 2
    DELETE_ONLY = 3


class ParamAccess(IntEnum):
    """What may be done with a parameter; write-once ones show as `READ_WRITE`."""

    READ_ONLY = 0
    READ_WRITE = 1
    WRITE_ONLY = 2


class ParamType(IntEnum):
    """Type of a parameter; `UNKNOWN`: the agent is older than 1.2."""

    UNKNOWN = 0
    BASE_64 = 1
    BOOLEAN = 2
    DATE_TIME = 3
    DECIMAL = 4
    HEX_BINARY = 5
    INT = 6
    LONG = 7
    STRING = 8
    UNSIGNED_INT = 9
    UNSIGNED_LONG = 10


class ReportsChange(IntEnum):
    """Whether a ValueChange subscription on a parameter does anything."""

    UNKNOWN = 0
    ALLOWED = 1
    WILL_IGNORE = 2


class CommandType(IntEnum):
    """How a command ends; `UNKNOWN`: the agent is older than 1.2."""

    UNKNOWN = 0
    SYNC = 1
    ASYNC = 2


@dataclass(frozen=True, slots=True)
class SupportedParam:
    """A parameter of the model, by its name in the object."""

    name: str
    access: ParamAccess = ParamAccess.READ_ONLY
    type: ParamType = ParamType.UNKNOWN
    reports: ReportsChange = ReportsChange.UNKNOWN


@dataclass(frozen=True, slots=True)
class SupportedCommand:
    """A command of the model; its name ends in ``()``."""

    name: str
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    type: CommandType = CommandType.UNKNOWN


@dataclass(frozen=True, slots=True)
class SupportedEvent:
    """An event of the model; its name ends in ``!``."""

    name: str
    arguments: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SupportedObject:
    """An object of the model, with ``{i}`` in its path for instances."""

    path: str
    access: ObjectAccess = ObjectAccess.READ_ONLY
    is_table: bool = False
    params: tuple[SupportedParam, ...] = ()
    commands: tuple[SupportedCommand, ...] = ()
    events: tuple[SupportedEvent, ...] = ()
    unique_keys: tuple[tuple[str, ...], ...] = ()
    divergent_paths: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SupportedPath:
    """What the model has below one requested path."""

    path: str
    objects: tuple[SupportedObject, ...] = ()
    model_uri: str = ""
    """Such as ``urn:broadband-forum-org:tr-181-2-16-0``."""
    code: int = 0
    text: str = ""


@dataclass(frozen=True, slots=True)
class GetSupportedDMResp:
    """One entry per requested path."""

    results: tuple[SupportedPath, ...]


@dataclass(frozen=True, slots=True)
class GetSupportedProtocolResp:
    """The versions the agent speaks."""

    versions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NotifyResp:
    """A Notify is stored; it repeats the subscription id (R-NOT.10)."""

    subscription_id: str


@dataclass(frozen=True, slots=True)
class RegisteredPath:
    """What came of one path of Register or Deregister; `Failure` or the paths it covers."""

    path: str
    outcome: tuple[str, ...] | Failure


@dataclass(frozen=True, slots=True)
class RegisterResp:
    """One entry per path."""

    results: tuple[RegisteredPath, ...]


@dataclass(frozen=True, slots=True)
class DeregisterResp:
    """One entry per path."""

    results: tuple[RegisteredPath, ...]


@dataclass(frozen=True, slots=True)
class Error:
    """A request failed as a whole (TR-369 Error)."""

    code: int
    text: str = ""
    errors: tuple[ParamError, ...] = ()

    def __str__(self) -> str:
        head = f"{self.code} {self.text or name_of(self.code)}"
        return "; ".join((head, *map(str, self.errors)))


Request = (
    Get
    | Set
    | Add
    | Delete
    | Operate
    | GetInstances
    | GetSupportedDM
    | GetSupportedProtocol
    | Notify
    | Register
    | Deregister
)
Response = (
    GetResp
    | SetResp
    | AddResp
    | DeleteResp
    | OperateResp
    | GetInstancesResp
    | GetSupportedDMResp
    | GetSupportedProtocolResp
    | NotifyResp
    | RegisterResp
    | DeregisterResp
)
Body = Request | Response | Error


@dataclass(frozen=True, slots=True)
class Message:
    """One message. ``id`` names the exchange: a response repeats that of its request (R-MSG.9)."""

    id: str
    body: Body
