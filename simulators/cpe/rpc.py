"""The RPC methods of a CPE: arguments read strictly, performed on the unit, answered."""

from __future__ import annotations

from dataclasses import dataclass

from . import render
from .device import Ont
from .faults import CpeFaultError
from .model import AttributeChange
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
)
"""What the simulated CPE can do. Download and Upload are not among them: fault 9000."""

_TRUE = ("1", "true")
_FALSE = ("0", "false")
_MAX_KEY = 32


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

    @property
    def values(self) -> dict[str, str]:
        """What it writes, by path."""
        return {name: text for name, _, text in self.changes}


@dataclass(frozen=True, slots=True)
class Answer:
    """The response's inner XML, with the status and row number it holds."""

    body: str = ""
    status: int = 0
    instance: int = 0


def read_call(request: Element) -> Call:
    """Read the arguments of a request. Raises `CpeFaultError` 9000 or 9003."""
    if request.name not in METHODS:
        raise CpeFaultError(9000)
    try:
        return _read(request)
    except (XmlError, ValueError):
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
        case _:
            return Call(method)


def perform(ont: Ont, call: Call) -> Answer:
    """Carry ``call`` out on ``ont``. Raises `CpeFaultError`."""
    tree, dialect = ont.tree, ont.dialect
    match call.method:
        case "GetRPCMethods":
            return Answer(render.text_list(dialect, "MethodList", METHODS))
        case "GetParameterValues":
            return Answer(render.value_list(dialect, tree.read(call.names)))
        case "GetParameterNames":
            return Answer(render.name_list(dialect, tree.names(call.names[0], call.next_level)))
        case "GetParameterAttributes":
            return Answer(render.attribute_list(dialect, tree.attributes(call.names)))
        case "SetParameterAttributes":
            tree.set_attributes(call.attributes)
            return Answer()
        case "SetParameterValues":
            status = int(tree.write(call.changes))
            ont.keep_parameter_key(call.key)
            return Answer(f"<Status>{status}</Status>", status)
        case "AddObject":
            instance = tree.add(call.names[0])
            ont.keep_parameter_key(call.key)
            body = f"<InstanceNumber>{instance}</InstanceNumber><Status>0</Status>"
            return Answer(body, instance=instance)
        case "DeleteObject":
            tree.delete(call.names[0])
            ont.keep_parameter_key(call.key)
            return Answer("<Status>0</Status>")
        case "Reboot":
            ont.reboot_wanted(call.key)
            return Answer()
        case "FactoryReset":
            ont.factory_reset_wanted()
            return Answer()
        case "ScheduleInform":
            ont.schedule(call.delay, call.key)
            return Answer()
        case _:
            raise CpeFaultError(9000)


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
