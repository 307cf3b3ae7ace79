"""Faults on demand: what a unit does wrong because a test wants it to."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

_DRAW = re.compile(r"^(?P<what>.+)=(?P<code>\d{4})(?:@(?P<when>always|once|[1-9]\d*))?$")
PARAMETER_CODES = frozenset({9001, 9002, *range(9005, 9009)})
"""Codes that a single parameter of a SetParameterValues may carry."""


@dataclass(frozen=True, slots=True)
class Draw:
    """A fault to answer with.

    ``method`` is an RPC method (``*``: any), ``path`` a pattern of what it names (empty:
    whatever it names).  ``nth`` is the one matching request that fails; 0: each of them.
    ``TransferComplete`` and ``DUStateChangeComplete`` stand for the outcome they report.
    """

    method: str
    code: int
    path: str = ""
    nth: int = 0

    def names(self, method: str, paths: tuple[str, ...]) -> bool:
        """Tell whether a request is meant."""
        if self.method not in ("*", method):
            return False
        return not self.path or any(fnmatchcase(path, self.path) for path in paths)


def parse_draw(text: str) -> Draw:
    """Read ``METHOD[:PATH]=CODE[@always|@once|@N]``. Raises `ValueError`."""
    found = _DRAW.match(text)
    if found is None:
        raise ValueError(f"{text!r} is not METHOD[:PATH]=CODE or METHOD[:PATH]=CODE@once")
    method, _, path = found["what"].partition(":")
    if not 9000 <= int(found["code"]) <= 9899:
        raise ValueError(f"{found['code']} is no fault of a CPE: 9000 to 9899")
    when = {"always": 0, "once": 1}.get(found["when"] or "always")
    return Draw(method, int(found["code"]), path, int(found["when"]) if when is None else when)


@dataclass(frozen=True, slots=True)
class Misbehaviour:
    """What a unit does wrong; the default is nothing.

    ``flood`` beyond the leaving, ``restless`` and ``at_once`` are for units with a `life`.
    """

    hang_up_after: int | None = None
    """Close the connection at the RPC that follows this many answered ones."""
    silent: bool = False
    """Say nothing more once the Inform is answered, and keep the connection open."""
    wrong_password: bool = False
    slow: float = 0.0
    """Seconds it lets pass before each request but the first."""
    trickle: float = 0.0
    """Octets a second in which its requests drip out; 0: at once."""
    half_body: bool = False
    """Break off in the middle of the Inform's body."""
    hostile: str = ""
    """Send this document of `hostile` instead of the Inform."""
    clock_skew: float = 0.0
    """Seconds by which its clock is wrong."""
    flood: float = 0.0
    """Informs a second on connections of their own, each left as soon as it is answered."""
    restless: bool = False
    """Call again as soon as a session is over."""
    at_once: int = 1
    """Sessions it runs at the same time."""
    huge_inform: int = 0
    """Parameters it adds to its Inform."""
    huge_head: int = 0
    """Octets it adds to the head of each request."""
    refuse: Mapping[str, int] = field(default_factory=dict)
    """Fault code by method name or path pattern (``*`` stands for anything): any request
    that names a matching path is refused."""
    faults: tuple[Draw, ...] = ()
    transfer_complete: str = "once"
    """``once``; ``lost``: never reported; ``twice``: reported again after it was answered."""
    forget_key: frozenset[str] = frozenset()
    """Where the CommandKey of a transfer is left empty: ``event``, ``request``."""
    reverse_transfers: bool = False
    """Report all transfers together, the last one first."""
    late_rows: bool = False
    """Answer AddObject with Status 1: the row comes when accepted values take effect."""
    cut_transfers: int = 0
    """Break the first attempts of each file transfer off half way; three make it fail."""

    def refusal(self, method: str, names: tuple[str, ...]) -> int:
        """Return the fault code a request is to be refused with, 0 for none."""
        for pattern, code in self.refuse.items():
            if pattern == method or any(fnmatchcase(name, pattern) for name in names):
                return code
        return 0


GOOD = Misbehaviour()


class Lot:
    """Counts, for one unit, how often each fault could have been drawn."""

    def __init__(self, draws: tuple[Draw, ...]) -> None:
        self._left = [(draw, [0]) for draw in draws]

    def draw(self, method: str, paths: tuple[str, ...] = ()) -> Draw | None:
        """Return the fault that this request is to be answered with, if any."""
        hit = None
        for draw, seen in self._left:
            if draw.names(method, paths):
                seen[0] += 1
                if hit is None and draw.nth in (0, seen[0]):
                    hit = draw
        return hit
