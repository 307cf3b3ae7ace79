"""In which line of a TOML text a key or a mistake stands, for messages people can act on.

``tomllib`` parses without positions; this finds the lines of keys and table headers.
"""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

_KEY = r"""(?:"[^"\n]*"|'[^'\n]*'|[A-Za-z0-9_-]+)"""
_DOTTED = rf"{_KEY}(?:\s*\.\s*{_KEY})*"
_HEADER = re.compile(rf"^\s*(\[{{1,2}})\s*({_DOTTED})\s*\]")
_ASSIGNMENT = re.compile(rf"^\s*({_DOTTED})\s*=")
_PART = re.compile(_KEY)
_SYNTAX = re.compile(r"\(at line (\d+), column \d+\)")

KeyPath = tuple[str, ...]


class NotToml(ValueError):  # noqa: N818 - the message says what is wrong
    """A text is no TOML."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(f"not TOML: {reason}")
        self.line = line
        """Counted from 1."""


def parse(text: str) -> dict[str, Any]:
    """Read a TOML text. Raises `NotToml`."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        at = _SYNTAX.search(str(error))
        raise NotToml(int(at[1]) if at else len(text.splitlines()), str(error)) from None


def key_lines(text: str) -> dict[KeyPath, int]:
    """Map each key path (``("wifi", "set", "ssid")``) to its line, counted from 1.

    A table of an array of tables has its number in the path: ``("rule", "0", "model")``.
    """
    entries: Counter[KeyPath] = Counter()
    lines: dict[KeyPath, int] = {}
    table: KeyPath = ()
    for number, line in enumerate(text.splitlines(), 1):
        if header := _HEADER.match(line):
            table = _parts(header[2])
            if header[1] == "[[":
                table = (*table, str(entries[table]))
                entries[table[:-1]] += 1
            path = table
        elif assignment := _ASSIGNMENT.match(line):
            path = table + _parts(assignment[1])
        else:
            continue
        for end in range(1, len(path) + 1):
            lines.setdefault(path[:end], number)
    return lines


def line_of(lines: Mapping[KeyPath, int], path: Sequence[str]) -> int:
    """Return the line of ``path``, or of the nearest key around it; 1 when there is none."""
    for end in range(len(path), 0, -1):
        if line := lines.get(tuple(path[:end])):
            return line
    return 1


def _parts(dotted: str) -> KeyPath:
    return tuple(part.strip("\"'") for part in _PART.findall(dotted))
