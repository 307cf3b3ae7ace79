"""SOAP envelopes to messages: tolerant, never by guessing content.

A sound body is parsed as it is.  Only what is not sound goes through `repair`.
Elements are known by their local names; namespaces are hints.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from functools import cache
from typing import Any

from msgspec import NODEFAULT, Struct

from acs.cwmp.datetimes import parse_time
from acs.cwmp.faults import FaultCode, side_of
from acs.cwmp.messages import Envelope, Message, SoapFault, UnknownMethod
from acs.cwmp.soap.notes import MalformedEnvelope, Notes
from acs.cwmp.soap.plain import read_plain
from acs.cwmp.soap.repair import parse
from acs.cwmp.soap.schema import (
    CWMP_1_0,
    ENVELOPE,
    METHODS,
    Kind,
    Member,
    Shape,
    Simple,
    members_of,
)
from acs.cwmp.soap.values import XSI_TYPE, local_name, read_values
from acs.cwmp.structures import ParameterValueStruct
from acs.model import ParameterFault, Secret

Reader = Callable[[Any, Notes], Any]
_INTEGER = re.compile(r"[+-]?[0-9]{1,19}")
_MISSING = object()
_CWMP = "urn:dslforum-org:cwmp-"


# --- texts ------------------------------------------------------------------------------


def _text(element: Any, notes: Notes) -> str:
    return (element.text or "").strip()


def _exact(element: Any, notes: Notes) -> str:
    text: str = element.text or ""
    return "" if text.isspace() and "\n" in text else text


def _secret(element: Any, notes: Notes) -> Secret:
    return Secret(_exact(element, notes))


def _unreadable(element: Any, wanted: str, notes: Notes) -> object:
    notes.add(f"{local_name(element)}: not readable as {wanted}")
    return _MISSING


def _int(element: Any, notes: Notes) -> object:
    text = (element.text or "").strip()
    if _INTEGER.fullmatch(text) is None:
        return _unreadable(element, "int", notes)
    return int(text)


def _unsigned(element: Any, notes: Notes) -> object:
    number = _int(element, notes)
    if isinstance(number, int) and number < 0:
        return _unreadable(element, "unsignedInt", notes)
    return number


def _boolean(element: Any, notes: Notes) -> object:
    match (element.text or "").strip().lower():
        case "1" | "true":
            return True
        case "0" | "false":
            return False
        case _:
            return _unreadable(element, "boolean", notes)


def _date_time(element: Any, notes: Notes) -> object:
    moment: datetime | None = parse_time(element.text or "")
    return moment or _unreadable(element, "dateTime", notes)


_TEXT_READERS: dict[Simple, Reader] = {
    Simple.STRING: _text,
    Simple.BASE64: _text,
    Simple.EXACT: _exact,
    Simple.SECRET: _secret,
    Simple.INT: _int,
    Simple.UNSIGNED_INT: _unsigned,
    Simple.BOOLEAN: _boolean,
    Simple.DATE_TIME: _date_time,
}


# --- the generic reader, compiled from the table ----------------------------------------


def _reader(kind: Kind) -> Reader:
    match kind:
        case Simple():
            return _TEXT_READERS[kind]
        case tuple():
            return _choice_reader({struct.__name__: struct_reader(struct) for struct in kind})
        case type():
            return struct_reader(kind)


def _choice_reader(readers: dict[str, Reader]) -> Reader:
    """Return a reader for one of several structures, named by xsi:type."""

    def read(element: Any, notes: Notes) -> object:
        raw = element.get(XSI_TYPE) or ""
        reader = readers.get(raw.rpartition(":")[2])
        if reader is None:
            raise MalformedEnvelope(f"{local_name(element)} without a known xsi:type")
        return reader(element, notes)

    return read


def _array_reader(kind: Kind) -> Reader:
    """Return a reader for an array: its members are counted, whatever arrayType says."""
    if kind is ParameterValueStruct:
        return read_values
    read = _reader(kind)

    def read_array(element: Any, notes: Notes) -> tuple[Any, ...]:
        return tuple([item for child in element if (item := read(child, notes)) is not _MISSING])

    return read_array


def _member_reader(member: Member) -> Reader:
    return _array_reader(member.kind) if member.shape is Shape.ARRAY else _reader(member.kind)


@cache
def struct_reader(struct: type[Struct]) -> Reader:
    """Return what reads the members of ``struct`` from an element.

    A structure that lacks a member without default reads as missing.
    """
    members = members_of(struct)
    readers = [_member_reader(member) for member in members]
    elements = [member.element for member in members]
    slots = {member.element: slot for slot, member in enumerate(members)}
    repeated = [slot for slot, member in enumerate(members) if member.shape is Shape.REPEATED]
    name = struct.__name__
    only_texts = all(reader is _text for reader in readers)

    def read(element: Any, notes: Notes) -> object:
        children = list(element)
        if only_texts and [child.tag for child in children] == elements:
            return struct(*[(child.text or "").strip() for child in children])
        if [child.tag for child in children] == elements and not repeated:
            values = [r(child, notes) for r, child in zip(readers, children, strict=True)]
        else:
            values = collect(children, notes)
        if _MISSING in values:
            for slot, value in enumerate(values):
                if value is _MISSING:
                    member = members[slot]
                    if member.default is NODEFAULT:
                        notes.add(f"{name} without {member.element}")
                        return _MISSING
                    if not member.optional:
                        notes.add(f"{name}: {member.element} taken as its default")
                    values[slot] = member.default
        return struct(*values)

    def collect(children: list[Any], notes: Notes) -> list[Any]:
        values: list[Any] = [_MISSING] * len(members)
        for slot in repeated:
            values[slot] = ()
        for child in children:
            slot = slots.get(local_name(child), -1)
            if slot >= 0:
                value = readers[slot](child, notes)
                if slot in repeated:
                    value = values[slot] if value is _MISSING else (*values[slot], value)
                values[slot] = value
        return values

    return read


# --- faults -----------------------------------------------------------------------------


def _fault(element: Any) -> SoapFault:
    """Read a fault: by local name, since CPEs nest its parts in odd ways.

    A fault without a readable FaultCode counts as 9002 (internal error).
    """
    code: int | None = None
    text = reason = side = ""
    parameters: list[ParameterFault] = []
    inside: Any = None
    for node in element.iter():
        match local_name(node):
            case "faultcode":
                side = _text_of(node).rpartition(":")[2]
            case "faultstring":
                reason = _text_of(node)
            case "SetParameterValuesFault":
                parameters.append(_parameter_fault(node))
                inside = node
            case "FaultCode" if node.getparent() is not inside:
                code = _number(node)
            case "FaultString" if node.getparent() is not inside:
                text = _text_of(node)
    if code is None:
        code, text = FaultCode.INTERNAL_ERROR.value, text or reason
    known = "Client" if side == "Client" else "Server" if side == "Server" else side_of(code)
    return SoapFault(code, text, tuple(parameters), known)


def _parameter_fault(element: Any) -> ParameterFault:
    found = {local_name(child): child for child in element}
    code = _number(found["FaultCode"]) if "FaultCode" in found else None
    return ParameterFault(
        path=_text_of(found["ParameterName"]) if "ParameterName" in found else "",
        code=FaultCode.INTERNAL_ERROR.value if code is None else code,
        text=_text_of(found["FaultString"]) if "FaultString" in found else "",
    )


def _text_of(element: Any) -> str:
    return (element.text or "").strip()


def _number(element: Any) -> int | None:
    text = _text_of(element)
    return int(text) if text.isdecimal() and len(text) <= 10 else None


# --- envelope ---------------------------------------------------------------------------


_ENVELOPE, _HEADER, _BODY = (f"{{{ENVELOPE}}}{part}" for part in ("Envelope", "Header", "Body"))


def decode(body: bytes, content_type: str = "") -> Envelope:
    """Read a SOAP envelope.

    ``body`` is the whole HTTP body without its content coding, ``content_type`` the header's
    text, used for its charset.  Raises `MalformedEnvelope` for whatever is no CWMP envelope,
    and for any document type declaration, and nothing else.  What had to be forgiven is in
    the envelope's warnings.
    """
    plain = read_plain(body, content_type)
    if plain is not None:
        return plain
    notes = Notes()
    root = parse(body, content_type, notes)
    if root.tag != _ENVELOPE and local_name(root) != "Envelope":
        raise MalformedEnvelope(f"the root element is {local_name(root)[:60]}, not Envelope")
    header = content = None
    for child in root:
        tag = child.tag
        if tag == _HEADER or local_name(child) == "Header":
            header = child
        elif tag == _BODY or local_name(child) == "Body":
            content = child
    if content is None:
        raise MalformedEnvelope("an Envelope without Body")
    if not len(content):
        raise MalformedEnvelope("an empty Body")
    if len(content) > 1:
        notes.add(f"{len(content) - 1} elements after the first in Body were skipped")
    element = content[0]
    name = local_name(element)
    headers = {} if header is None else _headers(header)
    return Envelope(
        _message(element, name, notes),
        headers.get("ID"),
        _namespace(element, name, root, header, notes),
        _flag(headers.get("HoldRequests")),
        _seconds(headers.get("SessionTimeout")),
        _versions(headers.get("SupportedCWMPVersions")),
        headers.get("UseCWMPVersion"),
        notes.seal(),
    )


def _message(element: Any, name: str, notes: Notes) -> Message:
    if name == "Fault":
        return _fault(element)
    struct = METHODS.get(name)
    if struct is None:
        return UnknownMethod(name)
    message: Any = struct_reader(struct)(element, notes)
    if message is _MISSING:
        needed = [m.element for m in members_of(struct) if m.default is NODEFAULT]
        raise MalformedEnvelope(f"{name} without a readable {' and '.join(needed)}")
    return message  # type: ignore[no-any-return]


def _namespace(element: Any, name: str, root: Any, header: Any, notes: Notes) -> str:
    """Return the CWMP namespace the sender used: of the method, else any that is declared."""
    namespace = element.tag[1 : -len(name) - 1]
    if namespace.startswith(_CWMP):
        return str(namespace)
    nodes = [*element.iter(), *(() if header is None else header), root]
    for node in nodes:
        for uri in node.nsmap.values():
            if uri.startswith(_CWMP):
                return str(uri)
    if name != "Fault":  # a fault is matched to our request, its namespace is of no use
        notes.add("no CWMP namespace, taken as 1.0")
    return CWMP_1_0


# --- header -----------------------------------------------------------------------------


def _headers(header: Any) -> dict[str, str]:
    """Return the header elements by local name; an ID keeps its blanks, to be repeated."""
    return {local_name(child): _exact_of(child) for child in header}


def _exact_of(element: Any) -> str:
    text: str = element.text or ""
    return text.strip() if "\n" in text else text


def _flag(text: str | None) -> bool | None:
    return None if text is None else text.strip().lower() in ("1", "true")


def _seconds(text: str | None) -> int | None:
    if text is None or _INTEGER.fullmatch(text.strip()) is None:
        return None
    return max(0, int(text))


def _versions(text: str | None) -> tuple[str, ...]:
    return tuple(filter(None, map(str.strip, text.split(",")))) if text else ()
