"""What a model of agents supports, as GetSupportedDM told: types, access, commands, events.

It is asked for once per model and firmware and shared by all agents of that kind.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property

import msgspec
import zstandard

from acs.model import Value, ValueType
from acs.usp.messages import (
    ParamAccess,
    ParamType,
    SupportedObject,
)
from acs.usp.paths import InvalidPath, general

MAX_OBJECTS = 5_000
"""Objects of one model that are kept."""
MAX_UNPACKED = 32_000_000
"""Octets a packed model may hold."""
_TYPES = {
    ParamType.BASE_64: ValueType.BASE64,
    ParamType.BOOLEAN: ValueType.BOOLEAN,
    ParamType.DATE_TIME: ValueType.DATE_TIME,
    ParamType.DECIMAL: ValueType.DECIMAL,
    ParamType.HEX_BINARY: ValueType.HEX_BINARY,
    ParamType.INT: ValueType.INT,
    ParamType.LONG: ValueType.LONG,
    ParamType.UNSIGNED_INT: ValueType.UNSIGNED_INT,
    ParamType.UNSIGNED_LONG: ValueType.UNSIGNED_LONG,
}


class SupportedModel:
    """The supported data model of one kind of agent."""

    def __init__(self, objects: Iterable[SupportedObject], uri: str = "") -> None:
        self.uri = uri
        self.objects = {each.path: each for each in objects}

    @cached_property
    def types(self) -> dict[str, ValueType]:
        """Type of each parameter by its path with ``{i}``; texts and unknown ones are left out."""
        return {
            each.path + param.name: kind
            for each in self.objects.values()
            for param in each.params
            if (kind := _TYPES.get(param.type)) is not None
        }

    def value(self, path: str, text: str) -> Value:
        """``text`` as the value of ``path``, of the type the agent's model gives it."""
        try:
            return Value(text, self.types.get(general(path), ValueType.STRING))
        except InvalidPath:
            # An agent may call things what it likes.
            return Value(text)

    @cached_property
    def names(self) -> dict[str, bool]:
        """All objects and parameters with ``{i}``, and whether each can be written.

        An object can be written when rows of it can be created or deleted.
        """
        found: dict[str, bool] = {}
        for each in self.objects.values():
            found[each.path] = each.access != 0
            for param in each.params:
                found[each.path + param.name] = param.access is not ParamAccess.READ_ONLY
        return found

    def children(self, path: str) -> Iterator[str]:
        """Objects right below ``path``, with ``{i}`` as their own last step left out."""
        name = general(path)
        for each in self.objects:
            rest = each[len(name) :] if each.startswith(name) else ""
            step = rest.removesuffix("{i}.").rstrip(".")
            if step and "." not in step:
                yield f"{path}{step}."


def pack(objects: Iterable[SupportedObject]) -> bytes:
    """Make the octets that are stored."""
    return zstandard.compress(msgspec.msgpack.encode(list(objects)), 3)


def unpack(blob: bytes) -> tuple[SupportedObject, ...]:
    """Read what `pack` made. Raises `ValueError`."""
    try:
        plain = zstandard.decompress(blob, max_output_size=MAX_UNPACKED)
        return msgspec.msgpack.decode(plain, type=tuple[SupportedObject, ...])
    except (zstandard.ZstdError, msgspec.MsgspecError) as error:
        raise ValueError(f"the stored model cannot be read: {error}") from error
