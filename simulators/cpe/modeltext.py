"""A model as the text of a model file."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_BARE = re.compile(r"^[\w-]+$", re.ASCII)
_WIDTH = 96


def model_text(document: Mapping[str, Any], heading: str) -> str:
    """Return the TOML of a model, under a comment of one or more lines."""
    return "\n".join(_lines(document, heading)) + "\n"


def _lines(document: Mapping[str, Any], heading: str) -> Iterator[str]:
    yield from (f"# {line}".rstrip() for line in heading.splitlines())
    yield ""
    tables = {}
    for key, value in document.items():
        if isinstance(value, Mapping):
            tables[key] = value
        else:
            yield from _assigned(key, value)
    for path, lines in tables.get("schema", {}).items():
        yield from ("", f"[schema.{_key(path)}]")
        for key, line in lines.items():
            yield from _assigned(key, line)
    for path, rows in tables.get("rows", {}).items():
        yield from ("", f"[rows.{_key(path)}]")
        for numbers, row in rows.items():
            yield f"{_key(numbers)} = {_inline(row)}"
    if tables.get("values"):
        yield from ("", "[values]")
        for path, text in tables["values"].items():
            yield from _assigned(path, text)


def _assigned(key: str, value: Any) -> Iterator[str]:
    line = f"{_key(key)} = {_value(value)}"
    if isinstance(value, Sequence) and not isinstance(value, str) and len(line) > _WIDTH:
        yield f"{_key(key)} = ["
        yield from (f"  {_value(each)}," for each in value)
        yield "]"
        return
    yield line


def _inline(row: Mapping[str, str]) -> str:
    inside = ", ".join(f"{_key(key)} = {_value(text)}" for key, text in row.items())
    return f"{{ {inside} }}" if inside else "{}"


def _key(key: str) -> str:
    return key if _BARE.match(key) else _text(key)


def _value(value: Any) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case str():
            return _text(value)
        case _:
            return f"[{', '.join(_value(each) for each in value)}]"


def _text(text: str) -> str:
    # The escapes of JSON are those of TOML's basic strings, but for one character.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
