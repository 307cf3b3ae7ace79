"""What a data model allows: objects, tables, parameters, their types and limits.

A parameter is described in one line of a model file::

    [r|rw|w] type[(low:high)] [{word,word}|{=Sibling}] [= factory value]

``w`` is a writable parameter that reads back empty.  ``(low:high)`` bounds the octets of
a string, the value of a number.  ``{=Sibling}`` takes the allowed words from a
comma-separated sibling parameter.  Type ``count(Table)`` is the number of rows of a
sibling table.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

INTEGERS = {
    "int": (-(2**31), 2**31 - 1),
    "long": (-(2**63), 2**63 - 1),
    "unsignedInt": (0, 2**32 - 1),
    "unsignedLong": (0, 2**64 - 1),
}
TYPES = frozenset({*INTEGERS, "string", "boolean", "dateTime", "base64", "hexBinary"})
TRUE = frozenset({"1", "true"})
FALSE = frozenset({"0", "false"})

_LINE = re.compile(
    r"^(?P<access>rw?|w)\s+(?P<type>\w+)"
    r"(?:\((?P<bounds>[^)]*)\))?"
    r"(?:\s*\{(?P<words>[^}]*)\})?"
    r"(?:\s*=\s?(?P<value>.*))?$",
    re.DOTALL,
)
_DATE_TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)?$")
_INTEGER = re.compile(r"^[+-]?\d{1,20}$")
_HEX = re.compile(r"^([0-9A-Fa-f]{2})*$")
_BASE64 = re.compile(r"^[A-Za-z0-9+/\s]*={0,2}\s*$")


@dataclass(frozen=True, slots=True)
class ParameterSpec:
    """One parameter of an object."""

    name: str
    type: str
    writable: bool = False
    hidden: bool = False
    default: str = ""
    low: int | None = None
    high: int | None = None
    words: tuple[str, ...] = ()
    words_from: str = ""
    count_of: str = ""

    def accepts(self, text: str, words: tuple[str, ...] = ()) -> bool:
        """Tell whether ``text`` is a value of this parameter.

        ``words`` are the allowed words where they come from a sibling (`words_from`).
        """
        allowed = self.words or words
        if allowed and text not in allowed:
            return False
        match self.type:
            case "boolean":
                return text in TRUE or text in FALSE
            case "int" | "long" | "unsignedInt" | "unsignedLong":
                if not _INTEGER.match(text):
                    return False
                low, high = INTEGERS[self.type]
                low = low if self.low is None else self.low
                high = high if self.high is None else self.high
                return low <= int(text) <= high
            case "dateTime":
                return bool(_DATE_TIME.match(text))
            case "hexBinary":
                return bool(_HEX.match(text)) and self._fits(len(text) // 2)
            case "base64":
                return bool(_BASE64.match(text))
            case _:
                return self._fits(len(text.encode()))

    def _fits(self, octets: int) -> bool:
        above = self.low is None or octets >= self.low
        return above and (self.high is None or octets <= self.high)


@dataclass(slots=True)
class ObjectSpec:
    """One object: for a table, what each of its rows looks like."""

    path: str
    """Schema path with its final dot; rows are ``{i}``."""
    table: bool = False
    add: bool = False
    """Rows may be added and deleted."""
    max_rows: int = 64
    locked: int = 0
    """Fault code for deleting a row whose Enable is true; 0: allowed."""
    parameters: dict[str, ParameterSpec] = field(default_factory=dict)
    children: dict[str, ObjectSpec] = field(default_factory=dict)

    def all_objects(self) -> Iterator[ObjectSpec]:
        """Yield this object and all below it."""
        yield self
        for child in self.children.values():
            yield from child.all_objects()

    def all_parameters(self) -> Iterator[tuple[str, ParameterSpec]]:
        """Yield the parameters of this object and of all below it, with their schema paths."""
        for spec in self.all_objects():
            for name, parameter in spec.parameters.items():
                yield spec.path + name, parameter


def parse_parameter(name: str, line: str) -> ParameterSpec:
    """Read the line of a model file that describes parameter ``name``.

    Raises `ValueError` when the line cannot be read.
    """
    found = _LINE.match(line)
    if found is None:
        raise ValueError(f"{name}: cannot read {line!r}")
    access, kind, bounds = found["access"], found["type"], found["bounds"]
    if kind == "count":
        return ParameterSpec(name, "unsignedInt", count_of=bounds or "")
    if kind not in TYPES:
        raise ValueError(f"{name}: unknown type {kind!r}")
    low = high = None
    if bounds:
        lower, _, upper = bounds.partition(":")
        try:
            low = int(lower) if lower else None
            high = int(upper) if upper else None
        except ValueError:
            raise ValueError(f"{name}: ({bounds}) is not (LOW:HIGH)") from None
    words = found["words"] or ""
    return ParameterSpec(
        name=name,
        type=kind,
        writable="w" in access,
        hidden=access == "w",
        default=found["value"] or _zero(kind),
        low=low,
        high=high,
        words=() if words.startswith("=") else tuple(filter(None, words.split(","))),
        words_from=words[1:] if words.startswith("=") else "",
    )


def write_parameter(spec: ParameterSpec) -> str:
    """Write the line of a parameter, as `parse_parameter` reads it.

    An empty default of a type whose zero is not empty cannot be written: it is left out.
    """
    access = "w" if spec.hidden else "rw" if spec.writable else "r"
    if spec.count_of:
        return f"{access} count({spec.count_of})"
    line = f"{access} {spec.type}"
    if spec.low is not None or spec.high is not None:
        low, high = ("" if bound is None else bound for bound in (spec.low, spec.high))
        line += f"({low}:{high})"
    if spec.words or spec.words_from:
        line += f" {{={spec.words_from}}}" if spec.words_from else f" {{{','.join(spec.words)}}}"
    return line if spec.default in ("", _zero(spec.type)) else f"{line} = {spec.default}"


def _zero(kind: str) -> str:
    match kind:
        case "string" | "base64" | "hexBinary":
            return ""
        case "dateTime":
            return "0001-01-01T00:00:00Z"
        case _:
            return "0"
