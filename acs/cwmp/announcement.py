"""What a CPE says of its own accord, in neutral terms: Inform, transfers done, requests."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from acs.cwmp.faults import worded
from acs.cwmp.messages import (
    AutonomousDUStateChangeComplete,
    AutonomousDUStateChangeCompleteResponse,
    AutonomousTransferComplete,
    AutonomousTransferCompleteResponse,
    DUStateChangeComplete,
    DUStateChangeCompleteResponse,
    Inform,
    Kicked,
    KickedResponse,
    Message,
    RequestDownload,
    RequestDownloadResponse,
    TransferComplete,
    TransferCompleteResponse,
)
from acs.cwmp.structures import (
    AutonOpResultStruct,
    DeploymentUnitFaultStruct,
    EventStruct,
    OpResultStruct,
    TransferCompleteFaultStruct,
)
from acs.model import Contact, DeviceId, Event, EventKind, Fault, Notice, UnitResult, Value

METHODS = (
    "Inform",
    "GetRPCMethods",
    "TransferComplete",
    "AutonomousTransferComplete",
    "DUStateChangeComplete",
    "AutonomousDUStateChangeComplete",
    "RequestDownload",
    "Kicked",
)
"""What we answer to GetRPCMethods (TR-069 A.3.1.1)."""

_KINDS = {
    "0": EventKind.BOOTSTRAP,
    "1": EventKind.BOOT,
    "2": EventKind.PERIODIC,
    "3": EventKind.SCHEDULED,
    "4": EventKind.VALUE_CHANGE,
    "5": EventKind.KICKED,
    "6": EventKind.CONNECTION_REQUEST,
    "7": EventKind.TRANSFER_COMPLETE,
    "8": EventKind.DIAGNOSTICS_COMPLETE,
    "9": EventKind.REQUEST_DOWNLOAD,
    "10": EventKind.AUTONOMOUS_TRANSFER_COMPLETE,
    "11": EventKind.DU_STATE_CHANGE_COMPLETE,
    "12": EventKind.AUTONOMOUS_DU_STATE_CHANGE_COMPLETE,
    "13": EventKind.WAKEUP,
}
NAME_LENGTH = 64
"""Characters of Manufacturer, ProductClass, SerialNumber and EventCode (A.3.3.1)."""
VALUE_LENGTH = 256
"""Characters that are kept of a value in an Inform: what is announced is short."""
DETAIL_LENGTH = 1000
"""Characters that are kept of each member of another request."""
MAX_EVENTS = 64
"""Events of one Inform (A.3.3.1)."""
MAX_UNITS = 256
"""Results that are kept of one report on software."""
ROOTS = ("InternetGatewayDevice.", "Device.")


def root_of(inform: Inform) -> str:
    """Root object of the data model, read from the names the Inform carries, never guessed."""
    for told in inform.parameter_list:
        for root in ROOTS:
            if told.name.startswith(root):
                return root
    return "Device."


def device_of(inform: Inform) -> DeviceId:
    """Identity of the CPE."""
    told = inform.device_id
    return DeviceId(told.oui, told.product_class, told.serial_number)


def event_of(told: EventStruct) -> Event:
    """One event; the number decides, because CPEs differ in the words behind it."""
    code, key = told.event_code[:NAME_LENGTH], told.command_key[:NAME_LENGTH]
    number, _, words = code.partition(" ")
    if number == "M":
        return Event(EventKind.COMMAND_DONE, key, words)
    return Event(_KINDS.get(number, EventKind.OTHER), key, code)


def contact_of(
    inform: Inform, *, at: float, address: str, credential: str, session: str, account: str = ""
) -> Contact:
    """The Inform as a contact. ``at`` is our clock, seconds since the epoch."""
    return Contact(
        device=device_of(inform),
        manufacturer=inform.device_id.manufacturer[:NAME_LENGTH],
        protocol="cwmp",
        root=root_of(inform),
        events=tuple(event_of(told) for told in inform.event[:MAX_EVENTS]),
        values={told.name: _short(told.value) for told in inform.parameter_list},
        at=at,
        retry_count=inform.retry_count,
        address=address,
        credential=credential,
        account=account,
        session=session,
    )


def notice_of(message: Message) -> Notice | None:
    """A CPE's request as a notice to keep; None where it is no such request."""
    match message:
        case TransferComplete(command_key=key, fault_struct=fault):
            kind = EventKind.TRANSFER_COMPLETE
            return Notice(kind, key[:NAME_LENGTH], _fault(fault), _detail(message))
        case AutonomousTransferComplete(fault_struct=fault):
            kind = EventKind.AUTONOMOUS_TRANSFER_COMPLETE
            return Notice(kind, "", _fault(fault), _detail(message))
        case DUStateChangeComplete(results=results, command_key=key):
            kind = EventKind.DU_STATE_CHANGE_COMPLETE
            key = (key or "")[:NAME_LENGTH]
            return Notice(kind, key, None, _detail(message), _units(results))
        case AutonomousDUStateChangeComplete(results=done):
            kind = EventKind.AUTONOMOUS_DU_STATE_CHANGE_COMPLETE
            return Notice(kind, "", None, _detail(message), _units(done))
        case RequestDownload():
            return Notice(EventKind.REQUEST_DOWNLOAD, "", None, _detail(message))
        case Kicked():
            return Notice(EventKind.KICKED, "", None, _detail(message))
        case _:
            return None


def response_to(message: Message) -> Message | None:
    """The response that tells the CPE its request is kept."""
    match message:
        case TransferComplete():
            return TransferCompleteResponse()
        case AutonomousTransferComplete():
            return AutonomousTransferCompleteResponse()
        case DUStateChangeComplete():
            return DUStateChangeCompleteResponse()
        case AutonomousDUStateChangeComplete():
            return AutonomousDUStateChangeCompleteResponse()
        case RequestDownload():
            return RequestDownloadResponse()
        case Kicked(next=page):
            return KickedResponse(page)
        case _:
            return None


def _fault(told: TransferCompleteFaultStruct | DeploymentUnitFaultStruct) -> Fault:
    return Fault(told.fault_code, worded(told.fault_code, told.fault_string or "")[:VALUE_LENGTH])


def _units(results: Iterable[OpResultStruct | AutonOpResultStruct]) -> tuple[UnitResult, ...]:
    return tuple(map(_unit, tuple(results)[:MAX_UNITS]))


def _unit(told: OpResultStruct | AutonOpResultStruct) -> UnitResult:
    return UnitResult(
        uuid=told.uuid[:VALUE_LENGTH],
        state=told.current_state[:NAME_LENGTH],
        version=told.version[:NAME_LENGTH],
        path=told.deployment_unit_ref[:VALUE_LENGTH],
        resolved=told.resolved,
        execution_units=told.execution_unit_ref_list[:DETAIL_LENGTH],
        fault=_fault(told.fault) if told.fault.fault_code else None,
        operation=told.operation_performed if isinstance(told, AutonOpResultStruct) else "",
    )


def _detail(message: Message) -> dict[str, str]:
    """The message's members as text, for the timeline."""
    members = msgspec.to_builtins(message, str_keys=True)
    return {
        name: str(value)[:DETAIL_LENGTH]
        for name, value in members.items()
        if value not in ("", None, [])
    }


def _short(value: Value) -> Value:
    return (
        value if len(value.text) <= VALUE_LENGTH else Value(value.text[:VALUE_LENGTH], value.type)
    )
