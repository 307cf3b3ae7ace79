"""What a setting expects, in words, from its type."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec.inspect import (
    BoolType,
    CustomType,
    EnumType,
    FloatType,
    IntType,
    Metadata,
    StrType,
    TupleType,
    VarTupleType,
    type_info,
)


def want(info: msgspec.structs.FieldInfo) -> str:
    """What the setting expects: ``a whole number from 1 to 64``."""
    if words := extra(info).get("want"):
        return str(words)
    match _bare(info):
        case BoolType():
            return "true or false"
        case EnumType(cls=cls):
            return "one of " + ", ".join(f'"{each.value}"' for each in cls)
        case IntType() as number:
            return "a whole number" + _range(number)
        case FloatType() as number:
            return "a number" + _range(number)
        case StrType() | CustomType():
            return "a text in quotes"
        case TupleType():
            return "two numbers in square brackets"
        case VarTupleType():
            return "texts in square brackets; as a variable with commas between them"
        case _:
            return "a table"


def is_list(info: msgspec.structs.FieldInfo) -> bool:
    """Tell whether the setting is several values, which a variable has with commas between them."""
    return isinstance(_bare(info), TupleType | VarTupleType)


def meaning(info: msgspec.structs.FieldInfo) -> str:
    """The description of the setting."""
    kind = type_info(info.type)
    schema = kind.extra_json_schema if isinstance(kind, Metadata) else None
    return str((schema or {}).get("description", ""))


def extra(info: msgspec.structs.FieldInfo) -> dict[str, Any]:
    """What `says` noted beside the description."""
    kind = type_info(info.type)
    return (kind.extra if isinstance(kind, Metadata) else None) or {}


def _bare(info: msgspec.structs.FieldInfo) -> msgspec.inspect.Type:
    kind = type_info(info.type)
    return kind.type if isinstance(kind, Metadata) else kind


def _range(number: IntType | FloatType) -> str:
    if number.ge is not None and number.le is not None:
        return f" from {number.ge} to {number.le}"
    if number.ge is not None:
        return f", {number.ge} or more"
    if number.gt is not None:
        return f" above {number.gt}"
    return ""
