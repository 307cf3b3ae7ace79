"""Paths of the data model as USP writes them (TR-369, Path Names).

``Device.WiFi.SSID.1.`` is an object, ``Device.WiFi.SSID.1.Enable`` a parameter. In place of an
instance number there may be a wildcard ``*`` or an expression ``[Alias=="main"]``, and a
parameter that refers to an object is followed with ``LowerLayers#1+.``: such a path is a search,
and only the agent can tell what it leads to.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_NAME = r"[A-Za-z_][A-Za-z0-9_-]*"
_NUMBER = r"[1-9][0-9]*"
_REFERENCE = rf"{_NAME}(?:#(?:{_NUMBER}|\*))?\+"
_SEGMENT = re.compile(rf"{_NAME}|{_NUMBER}|\*|\{{i\}}|{_REFERENCE}")
_LEAF = re.compile(rf"{_NAME}(?:\(\)|!)?")
_KEY = re.compile(rf"{_NAME}(?:\.{_NAME})*")
_RELATIVE = rf"(?:(?:{_NAME}|{_NUMBER}|\*|{_REFERENCE})\.)*{_NAME}"
_OPERATOR = r"==|!=|<=|>=|~=|<|>"
_TEXT = r'"(?:[^"%]|%[0-9A-Fa-f]{2})*"'
_LITERAL = r"[^\s\"\[\]&=<>~!]+"
_CONDITION = rf"{_RELATIVE}(?:{_OPERATOR})(?:{_TEXT}|{_LITERAL})"
_EXPRESSION = re.compile(rf"\[{_CONDITION}(?:&&{_CONDITION})*\]")
_PIECES = re.compile(r'\[(?:"[^"]*"|[^"\]])*\]|[^.\[\]]+')
_OF_MANY = re.compile(r"\.\*(?:\.|$)|\[|\+\.")


class InvalidPath(ValueError):  # noqa: N818 - what the text is
    """Text is no path; the message says where it goes wrong."""


def is_object(path: str) -> bool:
    """Whether a path is of an object, a table or rows: it ends with a dot."""
    return path.endswith(".")


def is_search(path: str) -> bool:
    """Whether only the agent can tell what a path leads to: wildcard, expression, reference."""
    return _OF_MANY.search(path) is not None


def segments(path: str) -> tuple[str, ...]:
    """What stands between the dots; expressions are whole. Raises `InvalidPath`."""
    found = []
    at = 0
    while at < len(path):
        piece = _PIECES.match(path, at)
        if piece is None:
            raise InvalidPath(f"{path!r} goes wrong at character {at + 1}")
        found.append(piece.group())
        at = piece.end()
        if at < len(path):
            if path[at] != ".":
                raise InvalidPath(f"{path!r} lacks a dot at character {at + 1}")
            at += 1
    return tuple(found)


def check(path: str) -> None:
    """Raise `InvalidPath` for what is not a path by the grammar. Blanks around operators,
    which a controller does not send (R-ARC.9a), are refused too."""
    parts = list(segments(path))
    if not parts:
        raise InvalidPath("a path is not empty")
    if not re.fullmatch(_NAME, parts[0]):
        raise InvalidPath(f"{path!r} does not begin with a name, such as Device.")
    if not is_object(path):
        last = parts.pop()
        if not parts:
            raise InvalidPath(f"{path!r} lacks its final dot")
        if not _LEAF.fullmatch(last):
            raise InvalidPath(f"{last!r} is no name of a parameter, command() or event!")
    for each in parts:
        if each.startswith("["):
            if not _EXPRESSION.fullmatch(each):
                raise InvalidPath(
                    f'{each!r} is no expression, such as [Alias=="main"&&Enable==true]: '
                    'text in double quotes (a quote inside is %22), "&&" between, no blanks'
                )
        elif not _SEGMENT.fullmatch(each):
            raise InvalidPath(f"{each!r} is no name, instance number, * or expression")


def search(table: str, keys: Mapping[str, str | int | bool]) -> str:
    """Path of the rows of ``table`` (ends with a dot) whose parameters have these values.

    Text is put in quotes; a quote and a percent sign inside are written %22 and %25. Raises
    `InvalidPath` where there are no keys or one is no name relative to a row.
    """
    if not is_object(table):
        raise InvalidPath(f"{table!r} is no table: it lacks its final dot")
    if not keys:
        raise InvalidPath(f"a search in {table} needs a key")
    for name in keys:
        if not _KEY.fullmatch(name):
            raise InvalidPath(f"{name!r} is no name of a key")
    conditions = "&&".join(f"{name}=={_operand(value)}" for name, value in keys.items())
    return f"{table}[{conditions}]."


def _operand(value: str | int | bool) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    return '"' + value.replace("%", "%25").replace('"', "%22") + '"'


def general(path: str) -> str:
    """The path as the supported model has it: ``{i}`` for numbers, wildcards and expressions.

    Raises `InvalidPath` for a path that follows a reference: the model alone does not tell
    where it leads.
    """
    if "[" not in path and "+" not in path:  # by far most of them
        return ".".join(
            "{i}" if each.isdecimal() or each == "*" else each for each in path.split(".")
        )
    parts = [_general(each, path) for each in segments(path)]
    return ".".join(parts) + ("." if is_object(path) else "")


def _general(segment: str, path: str) -> str:
    if segment.endswith("+"):
        raise InvalidPath(f"{path!r} follows a reference: no place in the model is known for it")
    return "{i}" if segment[0] == "[" or segment == "*" or segment.isdecimal() else segment


def join(resolved: str, name: str) -> str:
    """Whole path of ``name`` in an object, whether or not the agent gave the final dot."""
    return resolved + name if resolved.endswith(".") else f"{resolved}.{name}"


def parent(path: str) -> str:
    """The object that a parameter, command, event or object is in; empty for the root.

    >>> parent("Device.WiFi.SSID.1.Enable"), parent("Device.WiFi.SSID.1.")
    ('Device.WiFi.SSID.1.', 'Device.WiFi.SSID.')
    """
    above = segments(path)[:-1]
    return ".".join(above) + "." if above else ""


def leaf(path: str) -> str:
    """Last name of a path: of a parameter, command or event; empty for an object."""
    return "" if is_object(path) else segments(path)[-1]
