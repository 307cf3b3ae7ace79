"""Envelopes of a CPE as text, in the dialect of its family."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from .dialect import Dialect
from .faults import CLIENT_CODES, CpeFaultError
from .model import Attributes, Parameter
from .options import Option
from .transfers import Transfer
from .xml import ENCODING, SOAP, XSD, XSI


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


def envelope(dialect: Dialect, request_id: str | None, body: str) -> bytes:
    """Put ``body`` into an envelope; ``request_id`` None leaves the header out."""
    env, enc = dialect.envelope, dialect.encoding
    header = ""
    if request_id is not None:
        header = (
            f'<{env}:Header><cwmp:ID {env}:mustUnderstand="1">{escape(request_id)}</cwmp:ID>'
            f"</{env}:Header>"
        )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<{env}:Envelope xmlns:{env}="{SOAP}" xmlns:{enc}="{ENCODING}" xmlns:xsd="{XSD}" '
        f'xmlns:xsi="{XSI}" xmlns:cwmp="{dialect.namespace}" {env}:encodingStyle="{ENCODING}">'
        f"{header}<{env}:Body>{body}</{env}:Body></{env}:Envelope>\n"
    ).encode()


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
    return (
        f"<cwmp:Inform><DeviceId>{identity}</DeviceId>"
        + array(dialect, "Event", "cwmp:EventStruct", listed)
        + f"<MaxEnvelopes>1</MaxEnvelopes><CurrentTime>{current_time}</CurrentTime>"
        + f"<RetryCount>{retry_count}</RetryCount>"
        + value_list(dialect, parameters)
        + "</cwmp:Inform>"
    )


def value_list(dialect: Dialect, parameters: Iterable[Parameter]) -> str:
    """ParameterList of values, each with its type."""
    return array(
        dialect,
        "ParameterList",
        "cwmp:ParameterValueStruct",
        (
            f"<ParameterValueStruct><Name>{escape(p.name)}</Name>"
            f'<Value xsi:type="xsd:{p.type}">{escape(_word(dialect, p))}</Value>'
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
    """Array element with both xsi:type and arrayType."""
    items = list(members)
    enc = dialect.encoding
    return (
        f'<{name} xsi:type="{enc}:Array" {enc}:arrayType="{kind}[{len(items)}]">'
        f"{''.join(items)}</{name}>"
    )


def fault(dialect: Dialect, refusal: CpeFaultError) -> str:
    """SOAP fault with the CWMP fault in its detail (3.5)."""
    side = "Client" if refusal.code in CLIENT_CODES else "Server"
    parameters = "".join(
        f"<SetParameterValuesFault><ParameterName>{escape(p.name)}</ParameterName>"
        f"<FaultCode>{p.code}</FaultCode><FaultString>{escape(p.text)}</FaultString>"
        "</SetParameterValuesFault>"
        for p in refusal.parameters
    )
    env = dialect.envelope
    return (
        f"<{env}:Fault><faultcode>{side}</faultcode><faultstring>CWMP fault</faultstring>"
        f"<detail><cwmp:Fault><FaultCode>{refusal.code}</FaultCode>"
        f"<FaultString>{escape(refusal.text)}</FaultString>{parameters}</cwmp:Fault></detail>"
        f"</{env}:Fault>"
    )


def _word(dialect: Dialect, parameter: Parameter) -> str:
    if parameter.type != "boolean":
        return parameter.text
    return dialect.true if parameter.text == "1" else dialect.false
