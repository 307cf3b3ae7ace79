"""What a protobuf parser hides: a `oneof` that carries more than one member (R-ENC.3 to R-ENC.5).

A parser keeps the last member it meets and forgets the others, and merges a message field that
comes twice. Another parser may keep the first: two readers of the same octets would then see
two messages. So the octets themselves are walked, along those messages only that have a `oneof`
somewhere below; everything else is skipped by its length.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

_LENGTH, _START, _END, _FIXED32 = 2, 3, 4, 5  # of the wire types
_WIRE_TYPES = {
    FieldDescriptor.TYPE_STRING: _LENGTH,
    FieldDescriptor.TYPE_BYTES: _LENGTH,
    FieldDescriptor.TYPE_MESSAGE: _LENGTH,
    FieldDescriptor.TYPE_FIXED32: _FIXED32,
}


class RepeatedMember(ValueError):  # noqa: N818 - what was found
    """A `oneof` carries more than one member, or a part of a message comes twice."""


@dataclass(slots=True)
class Plan:
    """What to look at in a message of one kind: parts by the tag they begin with."""

    name: str
    parts: dict[int, _Part] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Part:
    group: str
    """Of the parts of one group, one may come, once; empty: it may be repeated."""
    below: Plan | None
    """How to walk it; None: it is skipped."""


@cache
def plan(kind: type[Message]) -> Plan:
    """What to look at in messages of this generated class."""
    return _plan(kind.DESCRIPTOR)


@cache
def _plan(message: Any) -> Plan:
    made = Plan(message.name)
    for each in message.fields:
        below = each.message_type and _has_oneof(each.message_type)
        group = ""
        if each.containing_oneof is not None:
            group = each.containing_oneof.name
        elif each.message_type is not None and not each.is_repeated:
            group = each.name
        if group or below:
            tag = each.number << 3 | _WIRE_TYPES[each.type]
            made.parts[tag] = _Part(group, _plan(each.message_type) if below else None)
    return made


def _has_oneof(message: Any) -> bool:
    return bool(message.oneofs) or any(
        _has_oneof(each.message_type) for each in message.fields if each.message_type is not None
    )


def check(octets: bytes, plan: Plan) -> None:
    """Walk ``octets``, which a parser took for a message of this plan already.

    Raises `RepeatedMember`, which names the place.
    """
    _walk(octets, 0, len(octets), plan)


def _walk(octets: bytes, at: int, end: int, plan: Plan) -> None:
    seen = []
    while at < end:
        tag = octets[at]
        at += 1
        if tag > 0x7F:
            tag, at = _varint(octets, at - 1)
        part = plan.parts.get(tag)
        if part is not None and part.group:
            if part.group in seen:
                raise RepeatedMember(f"{plan.name} has more than one {part.group}")
            seen.append(part.group)
        if tag & 7 != _LENGTH:
            at = _skip(octets, at, tag)
            continue
        length = octets[at]
        at += 1
        if length > 0x7F:
            length, at = _varint(octets, at - 1)
        if part is not None and part.below is not None:
            _walk(octets, at, at + length, part.below)
        at += length


def _skip(octets: bytes, at: int, tag: int) -> int:
    match tag & 7:
        case 0:
            return _varint(octets, at)[1]
        case 1:
            return at + 8
        case 2:
            length, at = _varint(octets, at)
            return at + length
        case 5:
            return at + 4
        case _:
            return _skip_group(octets, at)


def _skip_group(octets: bytes, at: int) -> int:
    """Skip an unknown field of the old form, which ends with a tag; such ones nest."""
    depth = 1
    while depth:
        tag, at = _varint(octets, at)
        if tag & 7 == _START:
            depth += 1
        elif tag & 7 == _END:
            depth -= 1
        else:
            at = _skip(octets, at, tag)
    return at


def _varint(octets: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        octet = octets[at]
        at += 1
        value |= (octet & 0x7F) << shift
        if octet < 0x80:
            return value, at
        shift += 7
