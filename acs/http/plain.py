"""Requests as nearly all CPEs send them, read without a parser.

A POST whose header is of one plain form, and whose octets came all at once, is split by two
expressions, for a third of what llhttp and its callbacks cost.  Whatever differs in anything (a
body in pieces, chunks, compression, an odd octet, a field twice) is left to llhttp; what is read
here is what llhttp would read (a property test holds the two together).
"""

from __future__ import annotations

import re
from typing import NamedTuple

_END = b"\r\n\r\n"
_HEAD = re.compile(
    r"POST (/[!-~]*+) HTTP/1\.1\r\n"
    r"((?:[\w-]++:[\t -~]*+\r\n)++)",
    re.ASCII,
)
_FIELDS = re.compile(r"([\w-]++):([\t -~]*+)\r\n", re.ASCII).findall
_LENGTH = re.compile(r"[0-9]{1,9}", re.ASCII).fullmatch
_FOR_LLHTTP = frozenset(
    {"transfer-encoding", "content-encoding", "expect", "upgrade", "te", "trailer"}
)


class PlainRequest(NamedTuple):
    """A whole POST; names of the header fields are lower case."""

    target: str
    headers: dict[str, str]
    body: bytes


def read_plain_request(data: bytes, most_octets: int, most_fields: int) -> PlainRequest | None:
    """Read a POST of the plain form; None: something else, for llhttp.

    Its header has at most ``most_octets`` and ``most_fields``.
    """
    end = data.find(_END, 0, most_octets)
    if end < 0:
        return None
    found = _HEAD.fullmatch(data[: end + 2].decode("latin-1"))
    if found is None:
        return None
    target, told = found.groups()
    fields = _FIELDS(told)
    headers = {name.lower(): value.strip(" \t") for name, value in fields}
    length = headers.get("content-length", "")
    if (
        len(headers) != len(fields)
        or len(fields) > most_fields
        or not _LENGTH(length)
        or end + len(_END) + int(length) != len(data)
        or headers.get("connection", "keep-alive").lower() != "keep-alive"
        or not headers.keys().isdisjoint(_FOR_LLHTTP)
    ):
        return None
    return PlainRequest(target, headers, data[end + len(_END) :])
