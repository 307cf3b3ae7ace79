"""Faults on demand: what a unit does wrong because a test wants it to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase


@dataclass(frozen=True, slots=True)
class Misbehaviour:
    """What a unit does wrong; the default is nothing."""

    hang_up_after: int | None = None
    """Close the connection at the RPC that follows this many answered ones."""
    silent: bool = False
    """Say nothing more once the Inform is answered, and keep the connection open."""
    wrong_password: bool = False
    broken_xml: bool = False
    """Send an Inform that is not well formed."""
    refuse: Mapping[str, int] = field(default_factory=dict)
    """Fault code by method name or path pattern (``*`` stands for anything): any request
    that names a matching path is refused."""

    def refusal(self, method: str, names: tuple[str, ...]) -> int:
        """Return the fault code a request is to be refused with, 0 for none."""
        for pattern, code in self.refuse.items():
            if pattern == method or any(fnmatchcase(name, pattern) for name in names):
                return code
        return 0


GOOD = Misbehaviour()
