"""Where something stands in a TOML file: the parser does not say."""

from __future__ import annotations

import re
from collections.abc import Sequence

_HEADER = re.compile(r"^\s*(\[{1,2})\s*([^\]]+?)\s*\]{1,2}")


def line_of(text: str, path: Sequence[str | int], key: str = "") -> int:
    """Return the line (from 1) of ``key`` in the table at ``path``, or of that table.

    ``path`` holds names and, for arrays of tables, indexes: ``("phase", 1)``. What stands in an
    inline table is found by its name below the header; 1 where nothing is found.
    """
    lines = text.splitlines()
    first, last = _table(lines, path)
    rest = [str(part) for part in path if isinstance(part, str)][1:]
    for name in [key, *reversed(rest)] if key else [*reversed(rest)]:
        pattern = re.compile(rf"(?<![\w.\"-])\"?{re.escape(name)}\"?\s*=")
        for number in range(first, last):
            if pattern.search(lines[number].partition("#")[0]):
                return number + 1
    return max(first, 1)


def _table(lines: Sequence[str], path: Sequence[str | int]) -> tuple[int, int]:
    """Return the lines (from 0, end excluded) below the header nearest to ``path``."""
    best = (0, _next_header(lines, 0))
    seen: dict[str, int] = {}
    for number, line in enumerate(lines):
        found = _HEADER.match(line)
        if found is None:
            continue
        name = found[2].strip()
        if found[1] == "[[":
            seen[name] = seen.get(name, -1) + 1
            here: list[str | int] = [name, seen[name]]
        else:
            here = [*name.split(".")]
            if here and str(here[0]) in seen:
                here[1:1] = [seen[str(here[0])]]
        if here == list(path[: len(here)]):
            best = (number + 1, _next_header(lines, number + 1))
    return best


def _next_header(lines: Sequence[str], start: int) -> int:
    for number in range(start, len(lines)):
        if _HEADER.match(lines[number]):
            return number
    return len(lines)
