"""Which part of a file a request is to get (RFC 9110 13.1, 14).

One range of octets is served.  A request for several gets the whole file, as RFC 9110 14.2 allows:
devices resume, they do not pick.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto

_ONE_RANGE = re.compile(
    r"\s*bytes\s*=\s*(\d{0,18})\s*-\s*(\d{0,18})\s*\Z", re.ASCII | re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Part:
    """``length`` octets from ``first`` on."""

    first: int
    length: int


class Other(Enum):
    """What is answered instead of a part."""

    WHOLE = auto()
    UNCHANGED = auto()
    """304: the client has it already."""
    UNSATISFIABLE = auto()
    """416: it ends before the range begins."""


def select(
    size: int, etag: str, *, wanted: str = "", if_range: str = "", if_none_match: str = ""
) -> Part | Other:
    """Choose what of a file with ``size`` octets and this quoted ``etag`` is answered.

    The others are header fields, empty where they were not sent; ``wanted`` is ``Range``, of which
    a form that is not understood counts as not sent.
    """
    if if_none_match and _knows(if_none_match, etag):
        return Other.UNCHANGED
    found = _ONE_RANGE.match(wanted)
    if found is None or (if_range and if_range.strip() != etag):
        return Other.WHOLE
    first, last = found.groups()
    if not first and not last:
        return Other.WHOLE
    if not first:
        length = min(int(last), size)
        return Part(size - length, length) if length else Other.UNSATISFIABLE
    begin, end = int(first), min(int(last) if last else size - 1, size - 1)
    if last and int(last) < begin:
        return Other.WHOLE
    return Part(begin, end - begin + 1) if begin < size else Other.UNSATISFIABLE


def _knows(header: str, etag: str) -> bool:
    tags = [tag.strip().removeprefix("W/") for tag in header.split(",")]
    return "*" in tags or etag in tags
