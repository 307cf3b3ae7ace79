"""Messages to SOAP envelopes: strict, by templates (TR-069 3.5).

All prefixes are declared on the Envelope and no default namespace is used, because some
CPEs look prefixes up literally.  Everything sent is ASCII.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import cache, lru_cache
from typing import Any

from msgspec import Struct

from acs.cwmp.datetimes import format_time, parse_time
from acs.cwmp.dialect import Dialect
from acs.cwmp.messages import (
    GetParameterNames,
    GetParameterValues,
    Message,
    SoapFault,
    UnknownMethod,
)
from acs.cwmp.soap.schema import (
    ENCODING,
    ENVELOPE,
    INSTANCE,
    SCHEMA,
    Member,
    Shape,
    Simple,
    array_element,
    array_type,
    members_of,
)
from acs.model import Value, ValueType

# --- texts ------------------------------------------------------------------------------

_SPECIAL = re.compile(r"[^\t\n -%'-;=?-~]")
_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_NAME = re.compile(r"[A-Za-z_][\w.-]*", re.ASCII)


def _escape(text: str) -> str:
    """Return ``text`` as XML character data, all but 9, 10, 32 to 126 as references (3.4.1)."""
    if _SPECIAL.search(text) is None:
        return text
    if found := _FORBIDDEN.search(text):
        raise ValueError(f"character U+{ord(found[0]):04X} cannot be sent in XML")
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    text = text.replace("\r", "&#13;").replace("\x7f", "&#127;")
    return text.encode("ascii", "xmlcharrefreplace").decode("ascii")


_FALSE, _TRUE = frozenset({"0", "false"}), frozenset({"1", "true"})


def _boolean(truth: bool, dialect: Dialect) -> str:
    if dialect.booleans == "1":
        return "1" if truth else "0"
    return "true" if truth else "false"


def _typed(value: Value, dialect: Dialect) -> str:
    """Return a Value element, its text in the form the dialect wants."""
    text, kind = value
    if kind is ValueType.BOOLEAN:
        if text in _TRUE or text in _FALSE:
            text = _boolean(text in _TRUE, dialect)
    elif kind is ValueType.DATE_TIME:
        text = _whole_seconds(text)
    prefix = "soap-enc" if kind is ValueType.BASE64 else "xsd"
    return f'<Value xsi:type="{prefix}:{kind.value}">{_escape(text)}</Value>'


def _whole_seconds(text: str) -> str:
    moment = parse_time(text)
    if moment is None or (moment.year < 1000 and text[-1:] != "Z"):
        return text  # not ours to better: relative times have no zone (TR-106)
    return format_time(moment)


# --- the generic writer, compiled from the table ----------------------------------------

Writer = Callable[[Any, Dialect], str]


def _text_writer(kind: Simple) -> Writer:
    match kind:
        case Simple.INT:
            return lambda value, dialect: str(int(value))
        case Simple.UNSIGNED_INT:
            return lambda value, dialect: _unsigned(value)
        case Simple.BOOLEAN:
            return _boolean
        case Simple.DATE_TIME:
            return lambda value, dialect: format_time(value)
        case Simple.SECRET:
            return lambda value, dialect: _escape(value.reveal())
        case Simple.STRING | Simple.EXACT | Simple.BASE64:
            return lambda value, dialect: _escape(value)
        case Simple.VALUE:
            raise TypeError("a Value is written with its type")


def _unsigned(number: int) -> str:
    if number < 0:
        raise ValueError(f"{number} cannot be sent as an unsignedInt")
    return str(int(number))


def _content_writer(kind: Simple | type[Struct]) -> Writer:
    return _text_writer(kind) if isinstance(kind, Simple) else struct_writer(kind)


def _member_writer(member: Member) -> Writer:
    """Return what writes the value of one attribute, tags included."""
    element = member.element
    if isinstance(member.kind, tuple):
        return lambda values, dialect: "".join(
            f'<{element} xsi:type="cwmp:{type(value).__name__}">'
            f"{write_struct(value, dialect)}</{element}>"
            for value in values
        )
    if member.kind is Simple.VALUE:
        return _typed
    write = _content_writer(member.kind)
    if member.shape is Shape.REPEATED:
        return lambda values, dialect: "".join(
            f"<{element}>{write(value, dialect)}</{element}>" for value in values
        )
    if member.shape is Shape.ARRAY:
        item, item_type = array_element(member.kind), array_type(member.kind)
        return lambda values, dialect: (
            f'<{element} soap-enc:arrayType="{item_type}[{len(values)}]">'
            + "".join([f"<{item}>{write(value, dialect)}</{item}>" for value in values])
            + f"</{element}>"
        )
    if member.optional:
        return lambda value, dialect: (
            "" if value is None else f"<{element}>{write(value, dialect)}</{element}>"
        )
    return lambda value, dialect: f"<{element}>{write(value, dialect)}</{element}>"


@cache
def struct_writer(struct: type[Struct]) -> Writer:
    """Return what writes the members of ``struct`` in schema order."""
    members = [(m.attribute, _member_writer(m)) for m in members_of(struct)]

    def write(value: Any, dialect: Dialect) -> str:
        return "".join([w(getattr(value, name), dialect) for name, w in members])

    return write


def write_struct(struct: Struct, dialect: Dialect) -> str:
    """Return the members of ``struct``, written in schema order."""
    return struct_writer(type(struct))(struct, dialect)


# --- messages ---------------------------------------------------------------------------


def _fault(fault: SoapFault) -> str:
    parts = [
        f"<soap-env:Fault><faultcode>{fault.side}</faultcode>"
        "<faultstring>CWMP fault</faultstring><detail><cwmp:Fault>"
        f"<FaultCode>{_unsigned(fault.code)}</FaultCode>"
        f"<FaultString>{_escape(fault.text)}</FaultString>"
    ]
    parts.extend(
        "<SetParameterValuesFault>"
        f"<ParameterName>{_escape(parameter.path)}</ParameterName>"
        f"<FaultCode>{_unsigned(parameter.code)}</FaultCode>"
        f"<FaultString>{_escape(parameter.text)}</FaultString>"
        "</SetParameterValuesFault>"
        for parameter in fault.parameters
    )
    parts.append("</cwmp:Fault></detail></soap-env:Fault>")
    return "".join(parts)


def _names(names: tuple[str, ...]) -> str:
    if names and _SPECIAL.search("".join(names)) is None:  # one search instead of many
        strings = f"<string>{'</string><string>'.join(names)}</string>"
    else:
        strings = "".join([f"<string>{_escape(name)}</string>" for name in names])
    return (
        f'<cwmp:GetParameterValues><ParameterNames soap-enc:arrayType="xsd:string[{len(names)}]">'
        f"{strings}</ParameterNames></cwmp:GetParameterValues>"
    )


def _body(message: Message, dialect: Dialect) -> str:
    match message:
        case GetParameterValues():
            return _names(message.parameter_names)
        case GetParameterNames():  # some CPEs know NextLevel as 0 and 1 only
            return (
                f"<cwmp:GetParameterNames><ParameterPath>{_escape(message.parameter_path)}"
                f"</ParameterPath><NextLevel>{1 if message.next_level else 0}</NextLevel>"
                "</cwmp:GetParameterNames>"
            )
        case SoapFault():
            return _fault(message)
        case UnknownMethod():
            if _NAME.fullmatch(message.name) is None:
                raise ValueError("the name of a method must be an XML name")
            return f"<cwmp:{message.name}/>"
        case _:
            name = type(message).__name__
            content = write_struct(message, dialect)
            return f"<cwmp:{name}>{content}</cwmp:{name}>"


# --- envelope ---------------------------------------------------------------------------

_DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'
_ID = '<cwmp:ID soap-env:mustUnderstand="1">'
_BODY_END = "</soap-env:Body></soap-env:Envelope>"


@lru_cache(maxsize=64)
def _start(namespace: str, declaration: bool) -> str:
    if not namespace:
        raise ValueError("a CWMP namespace is needed")
    quoted = _escape(namespace).replace('"', "&quot;").replace("\t", "&#9;").replace("\n", "&#10;")
    return (
        f"{_DECLARATION if declaration else ''}"
        f'<soap-env:Envelope xmlns:soap-env="{ENVELOPE}" xmlns:soap-enc="{ENCODING}" '
        f'xmlns:xsd="{SCHEMA}" xmlns:xsi="{INSTANCE}" xmlns:cwmp="{quoted}">'
    )


_STANDARD = Dialect()


def encode(
    message: Message,
    *,
    id: str | None,
    namespace: str,
    dialect: Dialect = _STANDARD,
    hold_requests: bool | None = None,
    use_version: str | None = None,
    session_timeout: int | None = None,
    supported_versions: Iterable[str] = (),
) -> bytes:
    """Write ``message`` as a SOAP 1.1 envelope in ASCII.

    ``id`` is the requester's ID (None leaves it out), ``namespace`` the CWMP namespace of
    the session. ``session_timeout`` is in seconds; header elements that are None or empty
    are left out.  Raises ValueError for what XML or the type on the wire cannot carry; the
    error never shows a value.
    """
    start = _start(namespace, dialect.xml_declaration)
    header = "" if id is None else f"{_ID}{_escape(id)}</cwmp:ID>"
    if hold_requests is not None:
        header += (
            '<cwmp:HoldRequests soap-env:mustUnderstand="1">'
            f"{_boolean(hold_requests, dialect)}</cwmp:HoldRequests>"
        )
    if session_timeout is not None:
        header += f"<cwmp:SessionTimeout>{_unsigned(session_timeout)}</cwmp:SessionTimeout>"
    if supported_versions:
        versions = _escape(",".join(supported_versions))
        header += f"<cwmp:SupportedCWMPVersions>{versions}</cwmp:SupportedCWMPVersions>"
    if use_version is not None:
        header += (
            '<cwmp:UseCWMPVersion soap-env:mustUnderstand="1">'
            f"{_escape(use_version)}</cwmp:UseCWMPVersion>"
        )
    if header:
        header = f"<soap-env:Header>{header}</soap-env:Header>"
    body = _body(message, dialect)
    return f"{start}{header}<soap-env:Body>{body}{_BODY_END}".encode("ascii")
