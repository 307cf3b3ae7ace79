"""The structures inside CWMP messages as values (TR-069 annex A, cwmp-1-2.xsd), and their types.

Fields stand in schema order, a field's name gives its element's name (`element_name`) and its
annotation gives the type on the wire.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from msgspec import Struct

from acs.cwmp.datetimes import UNKNOWN_TIME
from acs.model import Secret, Value

_CAPITALS = frozenset({"oui", "url", "uuid", "sn"})


def element_name(field: str) -> str:
    """Return the element name of a field: ``next_url`` is ``NextURL``."""
    return "".join(
        word.upper() if word in _CAPITALS else word.capitalize() for word in field.split("_")
    )


UnsignedInt = Annotated[int, "unsignedInt"]
Exact = Annotated[str, "exact"]
"""A string whose blanks at the ends count; other strings are trimmed."""
Base64 = Annotated[str, "base64"]


class DeviceIdStruct(Struct, frozen=True, rename=element_name):
    """Who a device is (A.3.3.1)."""

    manufacturer: str = ""
    oui: str = ""
    product_class: str = ""
    serial_number: str = ""


class EventStruct(Struct, frozen=True, rename=element_name):
    """One reason of an Inform."""

    event_code: str
    command_key: str = ""


class ParameterValueStruct(Struct, frozen=True, rename=element_name):
    """A parameter and its value. It prints without the value, which may be a password."""

    name: str
    value: Value = Value("")

    def __repr__(self) -> str:
        return f"{self.name} ({self.value.type.value}, {len(self.value.text)} characters)"


ParameterValue = ParameterValueStruct


class ParameterInfoStruct(Struct, frozen=True, rename=element_name):
    """A name below a path; objects end with a dot."""

    name: str
    writable: bool = False


class SetParameterAttributesStruct(Struct, frozen=True, rename=element_name):
    """A change of a parameter's notification (0 to 6) and access list."""

    name: str
    notification_change: bool = False
    notification: int = 0
    access_list_change: bool = False
    access_list: tuple[str, ...] = ()


class ParameterAttributeStruct(Struct, frozen=True, rename=element_name):
    """A parameter's notification and access list."""

    name: str
    notification: int = 0
    access_list: tuple[str, ...] = ()


class TransferCompleteFaultStruct(Struct, frozen=True, rename=element_name):
    """How a transfer ended; code 0 is success."""

    fault_code: UnsignedInt = 0
    fault_string: str = ""


class DeploymentUnitFaultStruct(Struct, frozen=True, rename=element_name):
    """How an operation on a deployment unit ended; code 0 is success."""

    fault_code: UnsignedInt = 0
    fault_string: str | None = None


class TimeWindowStruct(Struct, frozen=True, rename=element_name):
    """When a scheduled download may run, in seconds from the receipt of the request."""

    window_start: UnsignedInt = 0
    window_end: UnsignedInt = 0
    window_mode: str = ""
    user_message: str = ""
    max_retries: int = 0


class QueuedTransferStruct(Struct, frozen=True, rename=element_name):
    """A transfer that waits; state 1 not started, 2 running, 3 done but not reported."""

    command_key: str = ""
    state: int = 1


class AllQueuedTransferStruct(Struct, frozen=True, rename=element_name):
    """A transfer that waits, ours or the device's own."""

    command_key: str = ""
    state: int = 1
    is_download: bool = False
    file_type: str = ""
    file_size: UnsignedInt = 0
    target_file_name: str = ""


class InstallOpStruct(Struct, frozen=True, rename=element_name):
    """Install a deployment unit."""

    url: Exact = ""
    uuid: str | None = None
    username: Exact | None = None
    password: Secret | None = None
    execution_env_ref: str | None = None


class UpdateOpStruct(Struct, frozen=True, rename=element_name):
    """Update a deployment unit."""

    uuid: str | None = None
    version: str | None = None
    url: Exact | None = None
    username: Exact | None = None
    password: Secret | None = None


class UninstallOpStruct(Struct, frozen=True, rename=element_name):
    """Remove a deployment unit."""

    uuid: str = ""
    version: str | None = None
    execution_env_ref: str | None = None


OperationStruct = InstallOpStruct | UpdateOpStruct | UninstallOpStruct


class OpResultStruct(Struct, frozen=True, rename=element_name):
    """Result of one operation on a deployment unit."""

    uuid: str = ""
    deployment_unit_ref: str = ""
    version: str = ""
    current_state: str = ""
    resolved: bool = False
    execution_unit_ref_list: str = ""
    start_time: datetime = UNKNOWN_TIME
    complete_time: datetime = UNKNOWN_TIME
    fault: DeploymentUnitFaultStruct = DeploymentUnitFaultStruct()


class AutonOpResultStruct(Struct, frozen=True, rename=element_name):
    """Result of an operation the device did on its own."""

    uuid: str = ""
    deployment_unit_ref: str = ""
    version: str = ""
    current_state: str = ""
    resolved: bool = False
    execution_unit_ref_list: str = ""
    start_time: datetime = UNKNOWN_TIME
    complete_time: datetime = UNKNOWN_TIME
    fault: DeploymentUnitFaultStruct = DeploymentUnitFaultStruct()
    operation_performed: str = ""


class OptionStruct(Struct, frozen=True, rename=element_name):
    """An option of the device (deprecated, A.4.1.4)."""

    option_name: str = ""
    voucher_sn: UnsignedInt = 0
    state: UnsignedInt = 0
    mode: int = 0
    start_date: datetime = UNKNOWN_TIME
    expiration_date: datetime | None = None
    is_transferable: int = 0


class ArgStruct(Struct, frozen=True, rename=element_name):
    """A named argument of RequestDownload."""

    name: str = ""
    value: Exact = ""


Operations = Annotated[tuple[OperationStruct, ...], "repeated"]
OpResults = Annotated[tuple[OpResultStruct, ...], "repeated"]
AutonOpResults = Annotated[tuple[AutonOpResultStruct, ...], "repeated"]
"""Repeated elements, each with the field's name; other tuples are SOAP arrays."""
