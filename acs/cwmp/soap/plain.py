"""Messages as nearly all CPEs write them, read without a parser.

Most of what a server is sent are Informs, values and the outcomes of writes, in one plain form:
ASCII, elements in schema order, no references, comments or CDATA.  One expression for each tells
that form from all others and yields its texts, for half of what a tree costs.  Whatever differs in
anything is left to the parser; what is read here is what the parser would read (a property test
holds the two together).
"""

from __future__ import annotations

import re
from functools import lru_cache

from lxml import etree

from acs.cwmp.datetimes import parse_time
from acs.cwmp.messages import (
    Envelope,
    GetParameterValuesResponse,
    Inform,
    SetParameterValuesResponse,
)
from acs.cwmp.soap.repair import STRICT, is_plain
from acs.cwmp.soap.schema import ENVELOPE, INSTANCE
from acs.cwmp.soap.values import TYPES, fits
from acs.cwmp.structures import DeviceIdStruct, EventStruct, ParameterValueStruct
from acs.model import Value, ValueType

_CWMP = "urn:dslforum-org:cwmp-"
_MAX_OCTETS = 64 * 1024
_TEXT = r"[^<>&\x00-\x1f]*+"
_IDENTITY = ("Manufacturer", "OUI", "ProductClass", "SerialNumber")
_BLANK = r"[ \t\r\n]"
_ATTRIBUTES = rf"(?:{_BLANK}[^<>]*+)?+"


def _apart(*pieces: str) -> str:
    """Pieces with any blanks, or none, after each."""
    return "".join(f"{piece}{_BLANK}*+" for piece in pieces)


def _element(name: str) -> str:
    """An element that holds a text, which is a group."""
    return rf"<{name}(?:>({_TEXT})</{name}>|{_BLANK}*/>)"


_EVENT = _apart("<EventStruct>", _element("EventCode"), _element("CommandKey"), "</EventStruct>")
_PARAMETER = _apart(
    "<ParameterValueStruct>",
    rf"<Name>({_TEXT})</Name>",
    rf'<Value xsi:type="([\w:-]+)"(?:>({_TEXT})</Value>|{_BLANK}*/>)',
    "</ParameterValueStruct>",
)


def _any_of(expression: str) -> str:
    """Any number of the expression, without its groups."""
    return "(?:" + re.sub(r"(?<!\\)\((?!\?)", "(?:", expression) + ")*+"


_DECLARATION = (
    rf'<\?xml version="1\.0"(?: encoding="[\w-]+")?+(?: standalone="(?:yes|no)")?+{_BLANK}*\?>'
)


def _message(method: str, *members: str) -> re.Pattern[str]:
    """An envelope with this message, its elements one after the other."""
    expression = _apart(
        f"(?:{_DECLARATION})?+",
        rf"(?P<start><(?P<soap>[\w-]+):Envelope{_ATTRIBUTES}>)",
        r"<(?P=soap):Header>",
        rf"<(?P<cwmp>[\w-]+):ID(?P<id_tag>{_ATTRIBUTES})>(?P<id>{_TEXT})</(?P=cwmp):ID>",
        r"</(?P=soap):Header>",
        r"<(?P=soap):Body>",
        rf"<(?P=cwmp):{method}>",
        *members,
        rf"</(?P=cwmp):{method}>",
        r"</(?P=soap):Body>",
        r"</(?P=soap):Envelope>",
    )
    return re.compile(expression, re.ASCII)


_PARAMETER_LIST = (
    rf"<ParameterList(?P<list_tag>{_ATTRIBUTES})>",
    rf"(?P<values>{_any_of(_PARAMETER)})",
    r"</ParameterList>",
)
_INFORM = _message(
    "Inform",
    r"<DeviceId>",
    *map(_element, _IDENTITY),
    r"</DeviceId>",
    rf"<Event(?P<event_tag>{_ATTRIBUTES})>",
    rf"(?P<events>{_any_of(_EVENT)})",
    r"</Event>",
    r"<MaxEnvelopes>(?P<envelopes>[0-9]{1,9})</MaxEnvelopes>",
    rf"<CurrentTime>(?P<time>{_TEXT})</CurrentTime>",
    r"<RetryCount>(?P<retries>[0-9]{1,9})</RetryCount>",
    *_PARAMETER_LIST,
)
_VALUES_READ = _message("GetParameterValuesResponse", *_PARAMETER_LIST)
_WRITTEN = _message("SetParameterValuesResponse", "<Status>(?P<status>[01])</Status>")
_EVENTS = re.compile(_EVENT, re.ASCII).findall
_PARAMETERS = re.compile(_PARAMETER, re.ASCII).findall
_TOLD = slice(_INFORM.groupindex["id"], _INFORM.groupindex["id"] + len(_IDENTITY))
_FRAME = ("start", "soap", "cwmp", "id_tag")


def read_plain(body: bytes, content_type: str) -> Envelope | None:
    """Read a message of a plain form; None: something else, for the parser."""
    if not body.isascii() or len(body) > _MAX_OCTETS or not is_plain(body, content_type):
        return None
    text = body.decode("ascii")
    for mark, read in _READERS.items():
        if mark in text:
            return read(text)
    return None


def _inform(text: str) -> Envelope | None:
    found = _INFORM.fullmatch(text)
    if found is None:
        return None
    namespace = _namespace(*found.group(*_FRAME, "event_tag", "list_tag"))
    moment = parse_time(found["time"])
    values = _values(found["values"])
    if not namespace or moment is None or values is None:
        return None
    inform = Inform(
        DeviceIdStruct(*[text.strip() for text in found.groups("")[_TOLD]]),
        tuple([EventStruct(code.strip(), key.strip()) for code, key in _EVENTS(found["events"])]),
        int(found["envelopes"]),
        moment,
        int(found["retries"]),
        values,
    )
    return Envelope(inform, found["id"], namespace)


def _values_read(text: str) -> Envelope | None:
    found = _VALUES_READ.fullmatch(text)
    if found is None:
        return None
    namespace = _namespace(*found.group(*_FRAME, "list_tag"))
    values = _values(found["values"])
    if not namespace or values is None:
        return None
    return Envelope(GetParameterValuesResponse(values), found["id"], namespace)


def _written(text: str) -> Envelope | None:
    found = _WRITTEN.fullmatch(text)
    namespace = _namespace(*found.group(*_FRAME)) if found else ""
    if found is None or not namespace:
        return None
    return Envelope(SetParameterValuesResponse(int(found["status"])), found["id"], namespace)


_READERS = {
    ":Inform>": _inform,
    ":GetParameterValuesResponse>": _values_read,
    ":SetParameterValuesResponse>": _written,
}
"""Whoever may read a text in which this stands."""


def _values(parameters: str) -> tuple[ParameterValueStruct, ...] | None:
    read = []
    for name, kind, text in _PARAMETERS(parameters):
        path, type_ = name.strip(), TYPES.get(kind)
        if type_ is None or not path:
            return None
        if type_ is not ValueType.STRING:
            text = text.strip()
            if not fits(text, type_):
                return None
        read.append(ParameterValueStruct(path, Value(text, type_)))
    return tuple(read)


@lru_cache(maxsize=1024)
def _namespace(start: str, soap: str, cwmp: str, *attributes: str) -> str:
    """The CWMP namespace that the tag ``start`` declares; empty: something is not as it should be.

    The parser itself judges all tags that have attributes, each kind of them once.
    """
    inside = "".join(f"<tag{text}/>" for text in attributes)
    try:
        names = etree.fromstring(f"{start}{inside}</{soap}:Envelope>", STRICT).nsmap
    except etree.XMLSyntaxError:
        return ""
    sound = names.get(soap) == ENVELOPE and names.get("xsi") == INSTANCE
    namespace: str = names.get(cwmp, "")
    return namespace if sound and namespace.startswith(_CWMP) else ""
