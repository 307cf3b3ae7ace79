"""How long a unit takes to answer a request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

_READS = ("GetParameterValues", "GetParameterNames", "GetParameterAttributes")


@dataclass(frozen=True, slots=True)
class Think:
    """Seconds from a request of the ACS to its answer.

    A method takes ``methods[method]``, else ``other``, and ``each`` more for every parameter
    that is read or written, but never longer than ``most``.
    """

    other: float = 0.0
    methods: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    each: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    most: float = 60.0
    scale: float = 1.0

    def seconds(self, method: str, parameters: int) -> float:
        """Return how long the unit thinks about a request of so many parameters."""
        own = self.methods.get(method, self.other)
        whole = own + self.each.get(method, 0.0) * parameters
        return min(whole, self.most) * self.scale

    def scaled(self, scale: float) -> Think:
        """Return the same in another time: 0.1 is ten times faster."""
        return replace(self, scale=self.scale * scale) if self is not AT_ONCE else self


AT_ONCE = Think()

# Measured on the wire of an XC220-G3: reads about 3 ms, a write 0.55 s in the median and 1.3 s
# at most, a new row 0.47 s.  What a large read takes is by its values.
TPLINK = Think(
    other=0.05,
    methods={
        **dict.fromkeys(_READS, 0.003),
        "GetRPCMethods": 0.003,
        "SetParameterValues": 0.45,
        "AddObject": 0.47,
        "DeleteObject": 0.47,
    },
    each={**dict.fromkeys(_READS, 0.0002), "SetParameterValues": 0.02},
    most=1.3,
)
GENERIC = Think(
    other=0.01,
    methods={"SetParameterValues": 0.05, "AddObject": 0.05, "DeleteObject": 0.05},
    each={**dict.fromkeys(_READS, 0.0005), "SetParameterValues": 0.01},
)
"""Of no device in particular: by the number of parameters."""


def recorded(manufacturer: str) -> Think:
    """Return how long units of this maker take; of most it is not known."""
    return TPLINK if manufacturer == "TP-Link" else GENERIC


def parse_think(text: str, manufacturer: str) -> Think:
    """Read ``none``, ``recorded`` or seconds for each answer. Raises `ValueError`."""
    match text:
        case "none":
            return AT_ONCE
        case "recorded":
            return recorded(manufacturer)
        case _:
            try:
                seconds = float(text)
            except ValueError:
                seconds = -1.0
            if not 0 <= seconds <= 3600:
                raise ValueError(f"{text!r} is not none, recorded or seconds (0 to 3600)")
            return Think(other=seconds, most=3600.0)
