"""The message classes, read as the table they are: what stands where, and how it is written."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from msgspec import NODEFAULT, Struct
from msgspec.structs import fields

from acs.cwmp.messages import AcsRequest, AcsResponse, CpeRequest, CpeResponse
from acs.model import Secret, Value

ENVELOPE = "http://schemas.xmlsoap.org/soap/envelope/"
ENCODING = "http://schemas.xmlsoap.org/soap/encoding/"
SCHEMA = "http://www.w3.org/2001/XMLSchema"
INSTANCE = "http://www.w3.org/2001/XMLSchema-instance"
CWMP_1_0 = "urn:dslforum-org:cwmp-1-0"


class Simple(Enum):
    """Types that are a text on the wire; the value is the name of the XML Schema type."""

    STRING = "string"
    EXACT = "string, with its blanks"
    SECRET = "string, not to be shown"  # noqa: S105
    BASE64 = "base64"
    INT = "int"
    UNSIGNED_INT = "unsignedInt"
    BOOLEAN = "boolean"
    DATE_TIME = "dateTime"
    VALUE = "anySimpleType"


class Shape(Enum):
    """How often a member stands there, and in what."""

    ONE = "one element"
    ARRAY = "a SOAP array"
    REPEATED = "a repeated element"


Kind = Simple | type[Struct] | tuple[type[Struct], ...]
"""A text, a structure, or one of several structures told apart by xsi:type."""


@dataclass(frozen=True, slots=True)
class Member:
    """One member of a message or structure."""

    element: str
    attribute: str
    kind: Kind
    shape: Shape = Shape.ONE
    optional: bool = False
    """May be left out: the value None says so."""
    default: Any = NODEFAULT
    """Stands in for a member that a device forgot; NODEFAULT if nothing can."""


_PLAIN: dict[Any, Simple] = {
    str: Simple.STRING,
    int: Simple.INT,
    bool: Simple.BOOLEAN,
    datetime: Simple.DATE_TIME,
    Secret: Simple.SECRET,
    Value: Simple.VALUE,
}
_MARKED = {
    "exact": Simple.EXACT,
    "base64": Simple.BASE64,
    "unsignedInt": Simple.UNSIGNED_INT,
}


def _kind(annotation: Any) -> Kind:
    if get_origin(annotation) is Annotated:
        return _MARKED[annotation.__metadata__[0]]
    if get_origin(annotation) in (Union, UnionType):
        return get_args(annotation)
    plain = _PLAIN.get(annotation)
    if plain is not None:
        return plain
    if isinstance(annotation, type) and issubclass(annotation, Struct):
        return annotation
    raise TypeError(f"{annotation} is no type of CWMP")


def _member(element: str, attribute: str, annotation: Any, default: Any) -> Member:
    optional = False
    if get_origin(annotation) in (Union, UnionType) and NoneType in get_args(annotation):
        optional = True
        annotation = next(arg for arg in get_args(annotation) if arg is not NoneType)
    repeated = get_origin(annotation) is Annotated and annotation.__metadata__[0] == "repeated"
    if repeated:
        annotation = annotation.__origin__
    if get_origin(annotation) is not tuple:
        return Member(element, attribute, _kind(annotation), Shape.ONE, optional, default)
    shape = Shape.REPEATED if repeated else Shape.ARRAY
    return Member(element, attribute, _kind(get_args(annotation)[0]), shape, optional, default)


def members_of(struct: type[Struct]) -> tuple[Member, ...]:
    """Return the members of a message or structure in schema order."""
    return tuple(_member(f.encode_name, f.name, f.type, f.default) for f in fields(struct))


METHODS: dict[str, type[Struct]] = {
    struct.__name__: struct
    for side in (CpeRequest, AcsResponse, AcsRequest, CpeResponse)
    for struct in get_args(side)
}
"""Method elements by local name, requests and responses of both sides."""


def array_element(kind: Kind) -> str:
    """Return the name of an array's member element (SOAP 1.1 section 5.4.2, cwmp-1-2.xsd)."""
    match kind:
        case Simple.BASE64:
            return "base64"
        case Simple():
            return "string"
        case type():
            return kind.__name__
    raise TypeError(f"no array of {kind} in CWMP")


def array_type(kind: Kind) -> str:
    """Return the type part of an arrayType attribute, with our prefixes."""
    match kind:
        case Simple.BASE64:
            return "soap-enc:base64"
        case Simple():
            return "xsd:string"
        case type():
            return f"cwmp:{kind.__name__}"
    raise TypeError(f"no array of {kind} in CWMP")
