"""The RPC messages of CWMP as values (TR-069 annex A, cwmp-1-2.xsd).

The classes are the table the codec works from: fields stand in schema order, a field's
name gives its element's name (`element_name`) and its annotation gives the type on the
wire.  A field with a default may be missing in what a device sends; one without may not.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from msgspec import Struct

from acs.cwmp.datetimes import UNKNOWN_TIME
from acs.cwmp.structures import (
    AllQueuedTransferStruct,
    ArgStruct,
    AutonOpResults,
    Base64,
    DeviceIdStruct,
    EventStruct,
    Exact,
    Operations,
    OpResults,
    OptionStruct,
    ParameterAttributeStruct,
    ParameterInfoStruct,
    ParameterValueStruct,
    QueuedTransferStruct,
    SetParameterAttributesStruct,
    TimeWindowStruct,
    TransferCompleteFaultStruct,
    UnsignedInt,
    element_name,
)
from acs.model import ParameterFault, Secret

# --- methods of both sides --------------------------------------------------------------


class GetRPCMethods(Struct, frozen=True, rename=element_name):
    """Ask for the methods the other side knows (A.3.1.1)."""


class GetRPCMethodsResponse(Struct, frozen=True, rename=element_name):
    """The methods the other side knows."""

    method_list: tuple[str, ...] = ()


# --- methods the ACS calls on the CPE ---------------------------------------------------


class SetParameterValues(Struct, frozen=True, rename=element_name):
    """Write parameters, all or nothing (A.3.2.1)."""

    parameter_list: tuple[ParameterValueStruct, ...] = ()
    parameter_key: str = ""


class SetParameterValuesResponse(Struct, frozen=True, rename=element_name):
    """Status 0: applied; 1: accepted, applied later."""

    status: int = 0


class GetParameterValues(Struct, frozen=True, rename=element_name):
    """Read parameters; a name that ends with a dot stands for all below it (A.3.2.2)."""

    parameter_names: tuple[str, ...] = ()


class GetParameterValuesResponse(Struct, frozen=True, rename=element_name):
    """What was read. Count what came back: some devices drop unknown names silently."""

    parameter_list: tuple[ParameterValueStruct, ...] = ()


class GetParameterNames(Struct, frozen=True, rename=element_name):
    """List the children of a path, or everything below it (A.3.2.3)."""

    parameter_path: str = ""
    next_level: bool = False


class GetParameterNamesResponse(Struct, frozen=True, rename=element_name):
    """The names below the path."""

    parameter_list: tuple[ParameterInfoStruct, ...] = ()


class SetParameterAttributes(Struct, frozen=True, rename=element_name):
    """Change notifications and access lists (A.3.2.4)."""

    parameter_list: tuple[SetParameterAttributesStruct, ...] = ()


class SetParameterAttributesResponse(Struct, frozen=True, rename=element_name):
    """Done."""


class GetParameterAttributes(Struct, frozen=True, rename=element_name):
    """Read notifications and access lists (A.3.2.5)."""

    parameter_names: tuple[str, ...] = ()


class GetParameterAttributesResponse(Struct, frozen=True, rename=element_name):
    """Notifications and access lists."""

    parameter_list: tuple[ParameterAttributeStruct, ...] = ()


class AddObject(Struct, frozen=True, rename=element_name):
    """Create a row in a table, given with its final dot (A.3.2.6)."""

    object_name: str = ""
    parameter_key: str = ""


class AddObjectResponse(Struct, frozen=True, rename=element_name):
    """Number of the new row. Status 0: done; 1: takes effect later."""

    instance_number: UnsignedInt
    status: int = 0


class DeleteObject(Struct, frozen=True, rename=element_name):
    """Delete a row, given with its final dot (A.3.2.7)."""

    object_name: str = ""
    parameter_key: str = ""


class DeleteObjectResponse(Struct, frozen=True, rename=element_name):
    """Status 0: done; 1: takes effect later."""

    status: int = 0


class Download(Struct, frozen=True, rename=element_name):
    """Fetch a file (A.3.2.8)."""

    command_key: str = ""
    file_type: str = ""
    url: Exact = ""
    username: Exact = ""
    password: Secret = Secret("")
    file_size: UnsignedInt = 0
    target_file_name: str = ""
    delay_seconds: UnsignedInt = 0
    success_url: Exact = ""
    failure_url: Exact = ""


class DownloadResponse(Struct, frozen=True, rename=element_name):
    """Status 0: done, the times are valid; 1: the result comes by TransferComplete."""

    status: int = 0
    start_time: datetime = UNKNOWN_TIME
    complete_time: datetime = UNKNOWN_TIME


class Reboot(Struct, frozen=True, rename=element_name):
    """Restart after the session (A.3.2.9)."""

    command_key: str = ""


class RebootResponse(Struct, frozen=True, rename=element_name):
    """The device will restart."""


class GetQueuedTransfers(Struct, frozen=True, rename=element_name):
    """Ask for our transfers that wait (deprecated, A.4.1.1)."""


class GetQueuedTransfersResponse(Struct, frozen=True, rename=element_name):
    """Our transfers that wait."""

    transfer_list: tuple[QueuedTransferStruct, ...] = ()


class ScheduleInform(Struct, frozen=True, rename=element_name):
    """Ask for an Inform in so many seconds (A.4.1.2)."""

    delay_seconds: UnsignedInt = 0
    command_key: str = ""


class ScheduleInformResponse(Struct, frozen=True, rename=element_name):
    """The Inform is scheduled."""


class SetVouchers(Struct, frozen=True, rename=element_name):
    """Hand in vouchers (deprecated, A.4.1.3)."""

    voucher_list: tuple[Base64, ...] = ()


class SetVouchersResponse(Struct, frozen=True, rename=element_name):
    """The vouchers are taken."""


class GetOptions(Struct, frozen=True, rename=element_name):
    """Ask for options (deprecated, A.4.1.4)."""

    option_name: str = ""


class GetOptionsResponse(Struct, frozen=True, rename=element_name):
    """The options."""

    option_list: tuple[OptionStruct, ...] = ()


class Upload(Struct, frozen=True, rename=element_name):
    """Send a file by HTTP PUT (A.4.1.5)."""

    command_key: str = ""
    file_type: str = ""
    url: Exact = ""
    username: Exact = ""
    password: Secret = Secret("")
    delay_seconds: UnsignedInt = 0


class UploadResponse(Struct, frozen=True, rename=element_name):
    """Status 0: done, the times are valid; 1: the result comes by TransferComplete."""

    status: int = 0
    start_time: datetime = UNKNOWN_TIME
    complete_time: datetime = UNKNOWN_TIME


class FactoryReset(Struct, frozen=True, rename=element_name):
    """Return to factory settings after the session (A.4.1.6)."""


class FactoryResetResponse(Struct, frozen=True, rename=element_name):
    """The device will reset itself."""


class GetAllQueuedTransfers(Struct, frozen=True, rename=element_name):
    """Ask for all transfers that wait (A.4.1.7, since 1.1)."""


class GetAllQueuedTransfersResponse(Struct, frozen=True, rename=element_name):
    """All transfers that wait."""

    transfer_list: tuple[AllQueuedTransferStruct, ...] = ()


class ScheduleDownload(Struct, frozen=True, rename=element_name):
    """Fetch a file in one of one or two time windows (A.4.1.8, since 1.2)."""

    command_key: str = ""
    file_type: str = ""
    url: Exact = ""
    username: Exact = ""
    password: Secret = Secret("")
    file_size: UnsignedInt = 0
    target_file_name: str = ""
    time_window_list: tuple[TimeWindowStruct, ...] = ()


class ScheduleDownloadResponse(Struct, frozen=True, rename=element_name):
    """The download is scheduled."""


class CancelTransfer(Struct, frozen=True, rename=element_name):
    """Cancel a transfer by its command key (A.4.1.9, since 1.2)."""

    command_key: str = ""


class CancelTransferResponse(Struct, frozen=True, rename=element_name):
    """The transfer is cancelled."""


class ChangeDUState(Struct, frozen=True, rename=element_name):
    """Install, update or remove deployment units (A.4.1.10, since 1.2)."""

    operations: Operations = ()
    command_key: str | None = None


class ChangeDUStateResponse(Struct, frozen=True, rename=element_name):
    """The operations are accepted; DUStateChangeComplete tells how they went."""


# --- methods the CPE calls on the ACS ---------------------------------------------------


class Inform(Struct, frozen=True, rename=element_name):
    """A device calls (A.3.3.1). Its clock is not believed: use ours to order events."""

    device_id: DeviceIdStruct
    event: tuple[EventStruct, ...] = ()
    max_envelopes: UnsignedInt = 1
    current_time: datetime = UNKNOWN_TIME
    retry_count: UnsignedInt = 0
    parameter_list: tuple[ParameterValueStruct, ...] = ()


class InformResponse(Struct, frozen=True, rename=element_name):
    """The Inform is received; envelopes go one by one, whatever the CPE claims."""

    max_envelopes: UnsignedInt = 1


class TransferComplete(Struct, frozen=True, rename=element_name):
    """A transfer of ours ended (A.3.3.2)."""

    command_key: str = ""
    fault_struct: TransferCompleteFaultStruct = TransferCompleteFaultStruct()
    start_time: datetime = UNKNOWN_TIME
    complete_time: datetime = UNKNOWN_TIME


class TransferCompleteResponse(Struct, frozen=True, rename=element_name):
    """The end of the transfer is stored."""


class AutonomousTransferComplete(Struct, frozen=True, rename=element_name):
    """A transfer the device did on its own ended (A.3.3.3, since 1.1)."""

    announce_url: Exact = ""
    transfer_url: Exact = ""
    is_download: bool = False
    file_type: str = ""
    file_size: UnsignedInt = 0
    target_file_name: str = ""
    fault_struct: TransferCompleteFaultStruct = TransferCompleteFaultStruct()
    start_time: datetime = UNKNOWN_TIME
    complete_time: datetime = UNKNOWN_TIME


class AutonomousTransferCompleteResponse(Struct, frozen=True, rename=element_name):
    """The end of the transfer is stored."""


class Kicked(Struct, frozen=True, rename=element_name):
    """A user was sent to the device's kick URL (deprecated, A.4.2.1)."""

    command: str = ""
    referer: Exact = ""
    arg: Exact = ""
    next: Exact = ""


class KickedResponse(Struct, frozen=True, rename=element_name):
    """Where the user's browser goes next."""

    next_url: Exact = ""


class RequestDownload(Struct, frozen=True, rename=element_name):
    """A device asks to be told to download (A.4.2.2)."""

    file_type: str = ""
    file_type_arg: tuple[ArgStruct, ...] = ()


class RequestDownloadResponse(Struct, frozen=True, rename=element_name):
    """The wish is noted."""


class DUStateChangeComplete(Struct, frozen=True, rename=element_name):
    """How the operations of a ChangeDUState went (A.4.2.3, since 1.2)."""

    results: OpResults = ()
    command_key: str | None = None


class DUStateChangeCompleteResponse(Struct, frozen=True, rename=element_name):
    """The results are stored."""


class AutonomousDUStateChangeComplete(Struct, frozen=True, rename=element_name):
    """How operations the device did on its own went (A.4.2.4, since 1.2)."""

    results: AutonOpResults = ()


class AutonomousDUStateChangeCompleteResponse(Struct, frozen=True, rename=element_name):
    """The results are stored."""


# --- beside the methods -----------------------------------------------------------------


class SoapFault(Struct, frozen=True):
    """A refusal (TR-069 3.5). ``parameters`` only in answers to SetParameterValues."""

    code: int
    text: str = ""
    parameters: tuple[ParameterFault, ...] = ()
    side: Literal["Client", "Server"] = "Server"


class UnknownMethod(Struct, frozen=True):
    """A method that is not in our tables; a request of this kind is answered by fault 8000."""

    name: str


CpeRequest = (
    Inform
    | TransferComplete
    | AutonomousTransferComplete
    | Kicked
    | RequestDownload
    | DUStateChangeComplete
    | AutonomousDUStateChangeComplete
    | GetRPCMethods
)
"""What a CPE may ask of the ACS."""

AcsResponse = (
    InformResponse
    | TransferCompleteResponse
    | AutonomousTransferCompleteResponse
    | KickedResponse
    | RequestDownloadResponse
    | DUStateChangeCompleteResponse
    | AutonomousDUStateChangeCompleteResponse
    | GetRPCMethodsResponse
)
"""What the ACS answers."""

AcsRequest = (
    GetRPCMethods
    | SetParameterValues
    | GetParameterValues
    | GetParameterNames
    | SetParameterAttributes
    | GetParameterAttributes
    | AddObject
    | DeleteObject
    | Download
    | Reboot
    | GetQueuedTransfers
    | ScheduleInform
    | SetVouchers
    | GetOptions
    | Upload
    | FactoryReset
    | GetAllQueuedTransfers
    | ScheduleDownload
    | CancelTransfer
    | ChangeDUState
)
"""What the ACS may ask of a CPE."""

CpeResponse = (
    GetRPCMethodsResponse
    | SetParameterValuesResponse
    | GetParameterValuesResponse
    | GetParameterNamesResponse
    | SetParameterAttributesResponse
    | GetParameterAttributesResponse
    | AddObjectResponse
    | DeleteObjectResponse
    | DownloadResponse
    | RebootResponse
    | GetQueuedTransfersResponse
    | ScheduleInformResponse
    | SetVouchersResponse
    | GetOptionsResponse
    | UploadResponse
    | FactoryResetResponse
    | GetAllQueuedTransfersResponse
    | ScheduleDownloadResponse
    | CancelTransferResponse
    | ChangeDUStateResponse
)
"""What a CPE answers."""

Message = CpeRequest | AcsResponse | AcsRequest | CpeResponse | SoapFault | UnknownMethod


class Envelope(Struct, frozen=True):
    """A decoded SOAP envelope: a message with what its header says."""

    message: Message
    id: str | None = None
    """The requester's ID, to be repeated in the answer; None if there was none."""
    namespace: str = "urn:dslforum-org:cwmp-1-0"
    """The CWMP namespace the sender used, octet for octet; answer in the same."""
    hold_requests: bool | None = None
    session_timeout: int | None = None
    """Seconds a CPE of 1.3 or later asks us to wait."""
    supported_versions: tuple[str, ...] = ()
    """What a CPE of 1.4 says it speaks."""
    use_version: str | None = None
    warnings: tuple[str, ...] = ()
    """What had to be forgiven. Never holds a value, so it may be logged."""
