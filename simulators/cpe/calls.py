"""The requests of an ACS, their arguments read strictly (TR-069 A.3, A.4)."""

from __future__ import annotations

import binascii
from base64 import b64decode
from dataclasses import dataclass
from typing import Literal, cast
from urllib.parse import urlsplit

from .faults import CpeFaultError
from .model import AttributeChange
from .software import Operation
from .transfers import Transfer, Window
from .xml import XSD, Element, XmlError

METHODS = (
    "GetRPCMethods",
    "SetParameterValues",
    "GetParameterValues",
    "GetParameterNames",
    "SetParameterAttributes",
    "GetParameterAttributes",
    "AddObject",
    "DeleteObject",
    "Reboot",
    "FactoryReset",
    "ScheduleInform",
    "Download",
    "Upload",
    "ScheduleDownload",
    "CancelTransfer",
    "GetQueuedTransfers",
    "GetAllQueuedTransfers",
    "ChangeDUState",
    "GetOptions",
    "SetVouchers",
)
"""All methods of a CPE; which of them a real family lacks is known of none."""

_TRUE = ("1", "true")
_FALSE = ("0", "false")
_MAX_KEY = 32
_MAX_URL = 256


@dataclass(frozen=True, slots=True)
class Call:
    """A request with its arguments read: which paths it names, what it writes."""

    method: str
    names: tuple[str, ...] = ()
    changes: tuple[tuple[str, str, str], ...] = ()
    attributes: tuple[AttributeChange, ...] = ()
    next_level: bool = False
    key: str = ""
    delay: int = 0
    transfer: Transfer | None = None
    operations: tuple[Operation, ...] = ()
    vouchers: tuple[bytes, ...] = ()

    @property
    def values(self) -> dict[str, str]:
        """What it writes, by path."""
        return {name: text for name, _, text in self.changes}


def read_call(request: Element) -> Call:
    """Read the arguments of a request. Raises `CpeFaultError` 9000 or 9003."""
    if request.name not in METHODS:
        raise CpeFaultError(9000)
    try:
        return _read(request)
    except (XmlError, ValueError, binascii.Error):
        raise CpeFaultError(9003) from None


def _read(request: Element) -> Call:
    method = request.name
    match method:
        case "GetParameterValues" | "GetParameterAttributes":
            names = tuple(e.text for e in _array(request, "ParameterNames", "string"))
            if not names:
                raise XmlError("no names")
            return Call(method, names)
        case "GetParameterNames":
            path, level = request.value("ParameterPath"), request.value("NextLevel")
            return Call(method, (path,), next_level=_boolean(level))
        case "SetParameterValues":
            changes = tuple(
                _change(e) for e in _array(request, "ParameterList", "ParameterValueStruct")
            )
            names = tuple(name for name, _, _ in changes)
            return Call(method, names, changes, key=_key(request, "ParameterKey"))
        case "SetParameterAttributes":
            entries = _array(request, "ParameterList", "SetParameterAttributesStruct")
            attributes = tuple(_attribute_change(e) for e in entries)
            return Call(method, tuple(a.name for a in attributes), attributes=attributes)
        case "AddObject" | "DeleteObject":
            return Call(method, (request.value("ObjectName"),), key=_key(request, "ParameterKey"))
        case "Reboot":
            return Call(method, key=_key(request, "CommandKey"))
        case "ScheduleInform":
            delay = int(request.value("DelaySeconds"))
            if delay <= 0:
                raise XmlError("DelaySeconds must be greater than 0")
            return Call(method, key=_key(request, "CommandKey"), delay=delay)
        case "Download" | "Upload" | "ScheduleDownload":
            transfer = _transfer(request)
            return Call(method, (transfer.file_type,), key=transfer.key, transfer=transfer)
        case "CancelTransfer":
            return Call(method, key=_key(request, "CommandKey"))
        case "ChangeDUState":
            operations = tuple(
                _operation(child) for child in request.children if child.name == "Operations"
            )
            if not operations:
                raise XmlError("no operations")
            named = tuple(operation.uuid or operation.url for operation in operations)
            key = _key(request, "CommandKey") if request.child("CommandKey") else ""
            return Call(method, named, key=key, operations=operations)
        case "GetOptions":
            return Call(method, (request.value("OptionName"),))
        case "SetVouchers":
            vouchers = tuple(
                b64decode(e.text, validate=True) for e in _array(request, "VoucherList", "base64")
            )
            return Call(method, vouchers=vouchers)
        case _:
            return Call(method)


def _array(request: Element, name: str, member: str) -> list[Element]:
    found = request.child(name)
    if found is None:
        raise XmlError(f"{request.name} has no {name}")
    return found.members(member)


def _change(entry: Element) -> tuple[str, str, str]:
    value = entry.child("Value")
    if value is None:
        raise XmlError("no Value")
    namespace, kind = value.type
    return entry.value("Name"), kind if namespace == XSD or kind == "base64" else "", value.text


def _attribute_change(entry: Element) -> AttributeChange:
    notification = int(entry.value("Notification"))
    listed = tuple(e.text for e in _array(entry, "AccessList", "string"))
    return AttributeChange(
        entry.value("Name"),
        notification if _boolean(entry.value("NotificationChange")) else None,
        listed if _boolean(entry.value("AccessListChange")) else None,
    )


def _boolean(text: str) -> bool:
    if text not in _TRUE + _FALSE:
        raise XmlError(f"{text!r} is no boolean")
    return text in _TRUE


def _key(request: Element, name: str) -> str:
    key = request.value(name)
    if len(key) > _MAX_KEY:
        raise XmlError(f"{name} is longer than {_MAX_KEY}")
    return key


def _transfer(request: Element) -> Transfer:
    method, url = request.name, request.value("URL")
    parts = urlsplit(url)
    if len(url) > _MAX_URL or parts.username is not None or not parts.hostname:
        raise XmlError("a URL that is too long, names nobody, or holds user information")
    if parts.scheme not in ("http", "https"):
        raise CpeFaultError(9013)
    down = method != "Upload"
    return Transfer(
        method=method,
        key=_key(request, "CommandKey"),
        file_type=request.value("FileType"),
        url=url,
        username=request.value("Username"),
        password=request.value("Password"),
        size=_number(request, "FileSize") if down else 0,
        target=request.value("TargetFileName") if down else "",
        delay=0 if method == "ScheduleDownload" else _number(request, "DelaySeconds"),
        windows=_windows(request) if method == "ScheduleDownload" else (),
    )


def _windows(request: Element) -> tuple[Window, ...]:
    windows = tuple(
        Window(
            _number(entry, "WindowStart"),
            _number(entry, "WindowEnd"),
            entry.value("WindowMode"),
            int(entry.value("MaxRetries")),
        )
        for entry in _array(request, "TimeWindowList", "TimeWindowStruct")
    )
    ends = [moment for window in windows for moment in (window.start, window.end)]
    if not 1 <= len(windows) <= 2 or ends != sorted(set(ends)):
        raise XmlError("one or two windows, each with its end after its start")
    return windows


def _operation(entry: Element) -> Operation:
    kind = entry.type[1].removesuffix("OpStruct")
    if kind not in ("Install", "Update", "Uninstall"):
        raise XmlError(f"no operation {kind!r}")

    def given(name: str) -> str:
        child = entry.child(name)
        return child.text if child is not None else ""

    operation = Operation(
        cast(Literal["Install", "Update", "Uninstall"], kind),
        uuid=given("UUID"),
        version=given("Version"),
        url=given("URL"),
        username=given("Username"),
        password=given("Password"),
        environment=given("ExecutionEnvRef"),
    )
    if operation.fetches and urlsplit(operation.url).scheme not in ("http", "https"):
        raise CpeFaultError(9013)
    if not (operation.uuid or (operation.url and kind != "Uninstall")):
        raise XmlError(f"{kind} of nothing")
    return operation


def _number(entry: Element, name: str) -> int:
    number = int(entry.value(name))
    if not 0 <= number < 2**32:
        raise XmlError(f"{name} is no unsignedInt")
    return number
