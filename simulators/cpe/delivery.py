"""How a unit that misbehaves hands its requests to the network; no clock, no sockets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from .misbehaviour import Misbehaviour

_STEP = 0.1
"""Seconds between the drops of a trickle."""
_HEADER = b"X-Padding: "
_LINE = 4000
"""Octets of one padding header at most; many make a head huge as well as one does."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Octets to send ``wait`` seconds after those before them."""

    octets: bytes
    wait: float = 0.0
    hang_up: bool = False
    """Close the connection behind it."""


def plain(wrong: Misbehaviour) -> bool:
    """Tell whether requests are sent as they are."""
    return not (wrong.slow or wrong.trickle or wrong.half_body or wrong.huge_head)


def pieces(wrong: Misbehaviour, request: bytes, number: int) -> Iterator[Piece]:
    """Yield what to send of request ``number`` (from 1) of a session."""
    if wrong.huge_head:
        request = _padded(request, wrong.huge_head)
    if wrong.half_body:
        end = request.index(b"\r\n\r\n") + 4
        request = request[: end + (len(request) - end) // 2]
    wait = wrong.slow if number > 1 else 0.0
    size = max(1, int(wrong.trickle * _STEP)) if wrong.trickle else max(1, len(request))
    for start in range(0, len(request), size):
        last = start + size >= len(request)
        yield Piece(request[start : start + size], wait, wrong.half_body and last)
        wait = size / wrong.trickle if wrong.trickle else 0.0


def _padded(request: bytes, octets: int) -> bytes:
    """Put ``octets`` more into the head."""
    line, _, rest = request.partition(b"\r\n")
    headers = []
    while octets > 0:
        size = min(octets, _LINE)
        headers.append(_HEADER + b"x" * max(0, size - len(_HEADER) - 2))
        octets -= size
    return b"\r\n".join([line, *headers, rest])
