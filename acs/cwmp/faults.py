"""Fault codes of CWMP: names, sides, and where each may stand (TR-069 A.5, cwmp-1-4.xsd)."""

from __future__ import annotations

from enum import IntEnum
from typing import Literal

Side = Literal["Client", "Server"]


class FaultCode(IntEnum):
    """Codes with a defined meaning: 9xxx come from a CPE, 8xxx from the ACS."""

    METHOD_NOT_SUPPORTED = 9000
    REQUEST_DENIED = 9001
    INTERNAL_ERROR = 9002
    INVALID_ARGUMENTS = 9003
    RESOURCES_EXCEEDED = 9004
    INVALID_PARAMETER_NAME = 9005
    INVALID_PARAMETER_TYPE = 9006
    INVALID_PARAMETER_VALUE = 9007
    NON_WRITABLE_PARAMETER = 9008
    NOTIFICATION_REJECTED = 9009
    FILE_TRANSFER_FAILURE = 9010
    UPLOAD_FAILURE = 9011
    FILE_SERVER_AUTHENTICATION = 9012
    UNSUPPORTED_PROTOCOL = 9013
    MULTICAST_GROUP = 9014
    FILE_SERVER_UNREACHABLE = 9015
    FILE_INACCESSIBLE = 9016
    DOWNLOAD_INCOMPLETE = 9017
    FILE_CORRUPTED = 9018
    FILE_AUTHENTICATION = 9019
    TIME_WINDOW_MISSED = 9020
    CANCEL_NOT_PERMITTED = 9021
    INVALID_UUID = 9022
    UNKNOWN_EXECUTION_ENVIRONMENT = 9023
    DISABLED_EXECUTION_ENVIRONMENT = 9024
    EXECUTION_ENVIRONMENT_MISMATCH = 9025
    DUPLICATE_DEPLOYMENT_UNIT = 9026
    SYSTEM_RESOURCES_EXCEEDED = 9027
    UNKNOWN_DEPLOYMENT_UNIT = 9028
    INVALID_DEPLOYMENT_UNIT_STATE = 9029
    DOWNGRADE_NOT_PERMITTED = 9030
    UPDATE_VERSION_NOT_SPECIFIED = 9031
    UPDATE_VERSION_EXISTS = 9032

    ACS_METHOD_NOT_SUPPORTED = 8000
    ACS_REQUEST_DENIED = 8001
    ACS_INTERNAL_ERROR = 8002
    ACS_INVALID_ARGUMENTS = 8003
    ACS_RESOURCES_EXCEEDED = 8004
    ACS_RETRY_REQUEST = 8005
    ACS_VERSION_INCOMPATIBLE = 8006


NAMES: dict[int, str] = {
    FaultCode.METHOD_NOT_SUPPORTED: "Method not supported",
    FaultCode.REQUEST_DENIED: "Request denied (no reason specified)",
    FaultCode.INTERNAL_ERROR: "Internal error",
    FaultCode.INVALID_ARGUMENTS: "Invalid arguments",
    FaultCode.RESOURCES_EXCEEDED: "Resources exceeded",
    FaultCode.INVALID_PARAMETER_NAME: "Invalid parameter name",
    FaultCode.INVALID_PARAMETER_TYPE: "Invalid parameter type",
    FaultCode.INVALID_PARAMETER_VALUE: "Invalid parameter value",
    FaultCode.NON_WRITABLE_PARAMETER: "Attempt to set a non-writable parameter",
    FaultCode.NOTIFICATION_REJECTED: "Notification request rejected",
    FaultCode.FILE_TRANSFER_FAILURE: "File transfer failure",
    FaultCode.UPLOAD_FAILURE: "Upload failure",
    FaultCode.FILE_SERVER_AUTHENTICATION: "File transfer server authentication failure",
    FaultCode.UNSUPPORTED_PROTOCOL: "Unsupported protocol for file transfer",
    FaultCode.MULTICAST_GROUP: "File transfer failure: unable to join multicast group",
    FaultCode.FILE_SERVER_UNREACHABLE: "File transfer failure: unable to contact file server",
    FaultCode.FILE_INACCESSIBLE: "File transfer failure: unable to access file",
    FaultCode.DOWNLOAD_INCOMPLETE: "File transfer failure: unable to complete download",
    FaultCode.FILE_CORRUPTED: "File transfer failure: file corrupted",
    FaultCode.FILE_AUTHENTICATION: "File transfer failure: file authentication failure",
    FaultCode.TIME_WINDOW_MISSED: (
        "File transfer failure: unable to complete download within specified time windows"
    ),
    FaultCode.CANCEL_NOT_PERMITTED: (
        "Cancelation of file transfer not permitted in current transfer state"
    ),
    FaultCode.INVALID_UUID: "Invalid UUID Format",
    FaultCode.UNKNOWN_EXECUTION_ENVIRONMENT: "Unknown Execution Environment",
    FaultCode.DISABLED_EXECUTION_ENVIRONMENT: "Disabled Execution Environment",
    FaultCode.EXECUTION_ENVIRONMENT_MISMATCH: ("Deployment Unit to Execution Environment Mismatch"),
    FaultCode.DUPLICATE_DEPLOYMENT_UNIT: "Duplicate Deployment Unit",
    FaultCode.SYSTEM_RESOURCES_EXCEEDED: "System Resources Exceeded",
    FaultCode.UNKNOWN_DEPLOYMENT_UNIT: "Unknown Deployment Unit",
    FaultCode.INVALID_DEPLOYMENT_UNIT_STATE: "Invalid Deployment Unit State",
    FaultCode.DOWNGRADE_NOT_PERMITTED: "Invalid Deployment Unit Update, downgrade not permitted",
    FaultCode.UPDATE_VERSION_NOT_SPECIFIED: (
        "Invalid Deployment Unit Update, version not specified"
    ),
    FaultCode.UPDATE_VERSION_EXISTS: "Invalid Deployment Unit Update, version already exists",
    FaultCode.ACS_METHOD_NOT_SUPPORTED: "Method not supported",
    FaultCode.ACS_REQUEST_DENIED: "Request denied (no reason specified)",
    FaultCode.ACS_INTERNAL_ERROR: "Internal error",
    FaultCode.ACS_INVALID_ARGUMENTS: "Invalid arguments",
    FaultCode.ACS_RESOURCES_EXCEEDED: "Resources exceeded",
    FaultCode.ACS_RETRY_REQUEST: "Retry request",
    FaultCode.ACS_VERSION_INCOMPATIBLE: "ACS version incompatible with CPE",
}

_CLIENT_CODES = frozenset({9003, 9005, 9006, 9007, 9008, 9020, 9021, 8003})
"""The requester's fault; everything else is the responder's."""

TRANSFER_CODES = frozenset({9001, 9002, 9010, 9011, 9012, *range(9014, 9021)})
"""Defined codes a FaultStruct of TransferComplete may carry, besides 0 (cwmp-1-2.xsd)."""
TRANSFER_CODES_1_0 = frozenset({9001, 9002, 9010, 9011, 9012})
"""The same in CWMP 1.0."""
DEPLOYMENT_UNIT_CODES = frozenset({9001, 9003, 9012, 9013, *range(9015, 9019), *range(9022, 9033)})
"""Defined codes a Fault in a DU result may carry, besides 0 (cwmp-1-2.xsd)."""


def worded(code: int, told: str) -> str:
    """Say what a CPE means: the name of ``code``, and what it ``told`` where that is more."""
    if not (code and told):
        return told or (name_of(code) if code else "")
    name = NAMES.get(code, "").partition(" (")[0]
    return told if name.casefold() in told.casefold() else f"{name}: {told}"


def side_of(code: int) -> Side:
    """Return the SOAP ``faultcode`` of ``code``: ``Client`` or ``Server``."""
    return "Client" if code in _CLIENT_CODES else "Server"


def name_of(code: int) -> str:
    """Return the standard name of ``code``, or what is known of a code without one."""
    if name := NAMES.get(code):
        return name
    if 9033 <= code <= 9799:
        return "Extension fault of the CPE"
    if 9800 <= code <= 9899 or 8800 <= code <= 8899:
        return "Vendor fault"
    return "Unknown fault"


def allowed_in_transfer_complete(code: int) -> bool:
    """Tell whether a FaultStruct of TransferComplete may carry ``code`` (0 means success)."""
    return code == 0 or code in TRANSFER_CODES or 9033 <= code <= 9899
