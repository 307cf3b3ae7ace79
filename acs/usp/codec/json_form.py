"""Messages of the schema from what `json.loads` gives.

The library's own reader repeats values in what it says about a mistake, and a value may be a
password. This one names places only.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

_KINDS = {
    FieldDescriptor.TYPE_STRING: (str, "text"),
    FieldDescriptor.TYPE_BOOL: (bool, "true or false"),
    FieldDescriptor.TYPE_FIXED32: (int, "a number from 0 to 4294967295"),
}


def fill(message: Message, form: Mapping[str, object], place: str = "") -> None:
    """Fill ``message`` by the names of its schema. Raises `ValueError`, which names the place."""
    fields = message.DESCRIPTOR.fields_by_name
    for name, value in form.items():
        here = f"{place}.{name}" if place else name
        if name not in fields:
            raise ValueError(f"{here} is not known; there are {', '.join(fields)}")
        field = fields[name]
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            _fill_map(getattr(message, name), value, here)
        elif field.is_repeated:
            if not isinstance(value, list | tuple):
                raise ValueError(f"{here} is a list")
            for number, each in enumerate(value):
                _append(getattr(message, name), field, each, f"{here}[{number}]")
        elif field.message_type is not None:
            _refuse_second(message, field, here)
            part = getattr(message, name)
            part.SetInParent()
            fill(part, _object(value, here), here)
        else:
            _refuse_second(message, field, here)
            setattr(message, name, _scalar(field, value, here))


def _refuse_second(message: Message, field: Any, place: str) -> None:
    oneof = field.containing_oneof
    if oneof is not None and message.WhichOneof(oneof.name) is not None:
        raise ValueError(f"{place} does not go with {message.WhichOneof(oneof.name)}")


def _fill_map(to: Any, value: object, place: str) -> None:
    for key, each in _object(value, place).items():
        if not isinstance(each, str):
            raise ValueError(f"{place}.{key} is text")
        to[key] = each


def _append(to: Any, field: Any, value: object, place: str) -> None:
    if field.message_type is not None:
        fill(to.add(), _object(value, place), place)
    else:
        to.append(_scalar(field, value, place))


def _object(value: object, place: str) -> Mapping[str, object]:
    if not isinstance(value, Mapping):
        raise ValueError(f"{place} is an object with members")
    return value


def _scalar(field: Any, value: object, place: str) -> object:
    kind, told = _KINDS[field.type]
    right = isinstance(value, kind) and (kind is bool or not isinstance(value, bool))
    if not right or (isinstance(value, int) and not 0 <= value < 2**32):
        raise ValueError(f"{place} is {told}")
    return value
