"""Envelopes of a CPE as text, in the dialect of its family."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from .dialect import Arrays, Dialect, Ids, Types
from .faults import CLIENT_CODES, CpeFaultError
from .model import Attributes, Parameter
from .options import Option
from .transfers import Transfer
from .xml import ENCODING, SOAP, XSD, XSI

_DRAFT_XSD = "http://www.w3.org/1999/XMLSchema"
_CWMP_PREFIX = re.compile(r'(?<=<)cwmp:|(?<=</)cwmp:|(?<==")cwmp:|(?<=xmlns:)cwmp(?==)')
_REFERENCE = re.compile(r"&#(\d+);")
_BETWEEN_ELEMENTS = re.compile(r"><(?!/)")


class Event(NamedTuple):
    """One entry of an Inform's event list."""

    code: str
    key: str = ""


def escape(text: str) -> str:
    """Escape XML's own characters, and all outside 9, 10, 32 to 126 (TR-069 3.4.1)."""
    plain = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    plain = plain.replace('"', "&quot;")
    if plain.isascii() and plain.isprintable():
        return plain
    return "".join(c if c in "\t\n" or " " <= c <= "~" else f"&#{ord(c)};" for c in plain)


def envelope(dialect: Dialect, request_id: str | None, body: str, extra: str = "") -> bytes:
    """Put ``body`` into an envelope.

    ``request_id`` None leaves the header out, ``extra`` stands in it beside the ID.
    """
    env, enc = dialect.envelope, dialect.encoding
    encoding = ENCODING if dialect.encoding_slash else ENCODING.rstrip("/")
    xsd, xsi = (_DRAFT_XSD, f"{_DRAFT_XSD}-instance") if dialect.old_schema else (XSD, XSI)
    header = ""
    if dialect.no_more_requests:
        extra += "<cwmp:NoMoreRequests>0</cwmp:NoMoreRequests>"
    if request_id is not None and dialect.ids is not Ids.NONE:
        header = (
            f'<{env}:Header><cwmp:ID {env}:mustUnderstand="1">{escape(request_id)}</cwmp:ID>'
            f"{extra}</{env}:Header>"
        )
    text = (
        f'<{env}:Envelope xmlns:{env}="{SOAP}" xmlns:{enc}="{encoding}" xmlns:xsd="{xsd}" '
        f'xmlns:xsi="{xsi}" xmlns:cwmp="{dialect.namespace}" {env}:encodingStyle="{encoding}">'
        f"{header}<{env}:Body>{body}</{env}:Body></{env}:Envelope>\n"
    )
    return _written(dialect, text)


def _written(dialect: Dialect, text: str) -> bytes:
    """Write an envelope as the dialect likes its XML."""
    charset = dialect.charset or "utf-8"
    if dialect.declaration:
        text = f'<?xml version="1.0" encoding="{charset.upper()}"?>\n{text}'
    if dialect.cwmp != "cwmp":
        text = _CWMP_PREFIX.sub(lambda found: found[0].replace("cwmp", dialect.cwmp), text)
    if dialect.line_breaks:
        text = _BETWEEN_ELEMENTS.sub(">\n<", text)
    if dialect.single_quotes:  # Those in texts are references.
        text = text.replace("'", "&#39;").replace('"', "'")
    if dialect.charset:
        text = _REFERENCE.sub(lambda found: _itself(int(found[1]), charset), text)
    return text.encode(charset)


def _itself(number: int, charset: str) -> str:
    character = chr(number)
    fits = character.isprintable() and character.encode(charset, "ignore")
    return character if fits and number > 127 else f"&#{number};"


def inform(
    dialect: Dialect,
    device: Sequence[str],
    events: Sequence[Event],
    current_time: str,
    retry_count: int,
    parameters: Sequence[Parameter],
) -> str:
    """Inform (A.3.3.1); ``device`` is Manufacturer, OUI, ProductClass, SerialNumber."""
    names = ("Manufacturer", "OUI", "ProductClass", "SerialNumber")
    identity = "".join(
        f"<{name}>{escape(text)}</{name}>" for name, text in zip(names, device, strict=True)
    )
    listed = (
        f"<EventStruct><EventCode>{escape(event.code)}</EventCode>"
        f"<CommandKey>{escape(event.key)}</CommandKey></EventStruct>"
        for event in events
    )
    members = {
        "DeviceId": f"<DeviceId>{identity}</DeviceId>",
        "Event": array(dialect, "Event", "cwmp:EventStruct", listed),
        "MaxEnvelopes": "<MaxEnvelopes>1</MaxEnvelopes>",
        "CurrentTime": f"<CurrentTime>{current_time}</CurrentTime>",
        "RetryCount": f"<RetryCount>{retry_count}</RetryCount>",
        "ParameterList": value_list(dialect, parameters),
    }
    inside = "".join(members[name] for name in dialect.inform_order)
    return f"<cwmp:Inform>{inside}</cwmp:Inform>"


def inform_header(dialect: Dialect) -> str:
    """What stands beside the ID in the header of an Inform (CWMP 1.3 and 1.4)."""
    header = ""
    if dialect.session_timeout:
        header = f"<cwmp:SessionTimeout>{dialect.session_timeout}</cwmp:SessionTimeout>"
    if dialect.versions:
        header += f"<cwmp:SupportedCWMPVersions>{dialect.versions}</cwmp:SupportedCWMPVersions>"
    return header


def value_list(dialect: Dialect, parameters: Iterable[Parameter]) -> str:
    """ParameterList of values, each with its type."""
    types = dialect.types
    return array(
        dialect,
        "ParameterList",
        "cwmp:ParameterValueStruct",
        (
            f"<ParameterValueStruct><Name>{escape(p.name)}</Name>"
            f"<Value{_marked(types, p.type)}>{escape(_word(dialect, p))}</Value>"
            "</ParameterValueStruct>"
            for p in parameters
        ),
    )


def name_list(dialect: Dialect, names: Iterable[tuple[str, bool]]) -> str:
    """ParameterList of names with their Writable flag."""
    return array(
        dialect,
        "ParameterList",
        "cwmp:ParameterInfoStruct",
        (
            f"<ParameterInfoStruct><Name>{escape(name)}</Name>"
            f"<Writable>{dialect.true if writable else dialect.false}</Writable>"
            "</ParameterInfoStruct>"
            for name, writable in names
        ),
    )


def attribute_list(dialect: Dialect, attributes: Iterable[Attributes]) -> str:
    """ParameterList of attributes."""
    return array(
        dialect,
        "ParameterList",
        "cwmp:ParameterAttributeStruct",
        (
            f"<ParameterAttributeStruct><Name>{escape(a.name)}</Name>"
            f"<Notification>{a.notification}</Notification>"
            f"{text_list(dialect, 'AccessList', a.access_list)}</ParameterAttributeStruct>"
            for a in attributes
        ),
    )


def transfer_list(dialect: Dialect, transfers: Iterable[Transfer], *, every: bool) -> str:
    """TransferList of GetQueuedTransfers; ``every``: of GetAllQueuedTransfers."""
    member = "AllQueuedTransferStruct" if every else "QueuedTransferStruct"
    items = []
    for one in transfers:
        more = (
            f"<IsDownload>{dialect.true if one.download else dialect.false}</IsDownload>"
            f"<FileType>{escape(one.file_type)}</FileType><FileSize>{one.size}</FileSize>"
            f"<TargetFileName>{escape(one.target)}</TargetFileName>"
        )
        items.append(
            f"<{member}><CommandKey>{escape(one.key)}</CommandKey><State>{one.state}</State>"
            f"{more if every else ''}</{member}>"
        )
    return array(dialect, "TransferList", f"cwmp:{member}", items)


def option_list(dialect: Dialect, options: Iterable[Option]) -> str:
    """OptionList of GetOptions."""
    return array(
        dialect,
        "OptionList",
        "cwmp:OptionStruct",
        (
            f"<OptionStruct><OptionName>{escape(o.name)}</OptionName>"
            f"<VoucherSN>{o.serial}</VoucherSN><State>{o.state}</State><Mode>{o.mode}</Mode>"
            f"<StartDate>{escape(o.start)}</StartDate>"
            f"<IsTransferable>{o.transferable}</IsTransferable></OptionStruct>"
            for o in options
        ),
    )


def text_list(dialect: Dialect, name: str, texts: Iterable[str]) -> str:
    """Array of strings."""
    return array(
        dialect, name, "xsd:string", (f"<string>{escape(text)}</string>" for text in texts)
    )


def array(dialect: Dialect, name: str, kind: str, members: Iterable[str]) -> str:
    """Array element, marked as the dialect does."""
    items = list(members)
    enc, count = dialect.encoding, str(len(items))
    match dialect.arrays:
        case Arrays.FULL:
            mark = f' xsi:type="{enc}:Array" {enc}:arrayType="{kind}[{count}]"'
        case Arrays.COUNTED:
            mark = f' {enc}:arrayType="{kind}[{count}]"'
        case Arrays.PADDED:
            mark = f' {enc}:arrayType="{kind}[{count:0>4}]"'
        case Arrays.MISCOUNTED:
            mark = f' {enc}:arrayType="{kind}[0]"'
        case Arrays.BARE:
            mark = ""
    return f"<{name}{mark}>{''.join(items)}</{name}>"


def fault(dialect: Dialect, refusal: CpeFaultError) -> str:
    """SOAP fault with the CWMP fault in its detail (3.5)."""
    side = "Client" if refusal.code in CLIENT_CODES else "Server"
    parameters = "".join(
        f"<SetParameterValuesFault><ParameterName>{escape(p.name)}</ParameterName>"
        f"<FaultCode>{p.code}</FaultCode><FaultString>{escape(p.text)}</FaultString>"
        "</SetParameterValuesFault>"
        for p in refusal.parameters
    )
    detail = (
        f"<detail><cwmp:Fault><FaultCode>{refusal.code}</FaultCode>"
        f"<FaultString>{escape(refusal.text)}</FaultString>{parameters}</cwmp:Fault></detail>"
    )
    text = "<faultstring>CWMP fault</faultstring>" + detail
    if dialect.detail_in_faultstring:
        text = f"<faultstring>CWMP fault{detail}</faultstring>"
    env = dialect.envelope
    return f"<{env}:Fault><faultcode>{side}</faultcode>{text}</{env}:Fault>"


def _marked(types: Types, kind: str) -> str:
    match types:
        case Types.DECLARED:
            return f' xsi:type="xsd:{kind}"'
        case Types.NAMELESS:
            return ' xsi:type="xsd:"'
        case Types.NONE:
            return ""


def _word(dialect: Dialect, parameter: Parameter) -> str:
    if parameter.type != "boolean":
        return parameter.text
    return dialect.true if parameter.text == "1" else dialect.false
