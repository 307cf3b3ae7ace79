"""Where something stands in a TOML file: the parser does not say."""

from __future__ import annotations

import re
from collections.abc import Sequence

_HEADER = re.compile(r"^\s*(\[{1,2})\s*([^\]]+?)\s*\]{1,2}\s*(?:#.*)?$")
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')

Place = Sequence[str | int]
"""Names and, for arrays of tables, indexes: ``("phase", 1, "do", 0)``."""


def line_of(text: str, place: Place, key: str = "") -> int:
    """Return the line (from 1) of ``key`` in the table at ``place``, or of that table.

    Inline tables are found by their place in their array, keys by their name; where nothing is
    found, it is the header above.
    """
    lines = text.splitlines()
    first, last, rest = _section(lines, place)
    header = first
    for name, index in _pairs(rest):
        found = _key(lines, first, last, name)
        if found is None:
            break
        first, last = (found, found + 1) if index is None else _item(lines, found, last, index)
        header = first + 1
    if key:
        found = _key(lines, first, last, key)
        if found is not None:
            return found + 1
        for number, line in enumerate(lines):
            if (named := _HEADER.match(line)) and named[2] == key:
                return number + 1
    return max(header, 1)


def _section(lines: Sequence[str], place: Place) -> tuple[int, int, Place]:
    """Return the lines (from 0, end excluded) below the nearest header, and what is left."""
    best: tuple[int, int, Place] = (0, _next_header(lines, 0), place)
    seen: dict[str, int] = {}
    for number, line in enumerate(lines):
        found = _HEADER.match(line)
        if found is None:
            continue
        name = found[2]
        here: list[str | int] = [*name.split(".")]
        if found[1] == "[[":
            seen[name] = seen.get(name, -1) + 1
            here.append(seen[name])
        elif here[0] in seen:
            here.insert(1, seen[str(here[0])])
        if here == list(place[: len(here)]):
            best = (number + 1, _next_header(lines, number + 1), place[len(here) :])
    return best


def _next_header(lines: Sequence[str], start: int) -> int:
    for number in range(start, len(lines)):
        if _HEADER.match(lines[number]):
            return number
    return len(lines)


def _pairs(place: Place) -> list[tuple[str, int | None]]:
    """Return the names of ``place``, each with the index that follows it, if one does."""
    pairs: list[tuple[str, int | None]] = []
    for part in place:
        if isinstance(part, str):
            pairs.append((part, None))
        elif pairs:
            pairs[-1] = (pairs[-1][0], part)
    return pairs


def _key(lines: Sequence[str], first: int, last: int, name: str) -> int | None:
    pattern = re.compile(rf'(?<![\w.-])"?{re.escape(name)}"?\s*=')
    for number in range(first, last):
        if pattern.search(lines[number].partition("#")[0]):
            return number
    return None


def _item(lines: Sequence[str], first: int, last: int, index: int) -> tuple[int, int]:
    """Return the lines of the inline table with this index in the array at ``first``."""
    depth, count, start = 0, -1, first
    for number in range(first, last):
        for sign in _STRING.sub("", lines[number].partition("#")[0]):
            if sign == "{":
                depth += 1
                if depth == 1:
                    count += 1
                    start = number
            elif sign == "}":
                depth -= 1
                if depth == 0 and count == index:
                    return start, number + 1
    return first, last
