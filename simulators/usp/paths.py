"""Paths of USP: names, instances, searches and references (TR-369, Path Names).

``Device.WiFi.SSID.[Enable==true&&Name!="x"].LowerLayers+.Status`` is read into steps.  A
search tolerates blanks around its operators (R-ARC.9a).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from .errors import PATH_SYNTAX, Refusal


@dataclass(frozen=True, slots=True)
class Name:
    """A sub-object."""

    name: str


@dataclass(frozen=True, slots=True)
class Instance:
    """A row by its number."""

    number: int


@dataclass(frozen=True, slots=True)
class Every:
    """All rows: ``*``."""


@dataclass(frozen=True, slots=True)
class Follow:
    """What a parameter refers to. ``index`` from 1 in a list of references; 0: all of them."""

    name: str
    index: int = 1


@dataclass(frozen=True, slots=True)
class Condition:
    """One part of a search. ``steps`` lead from the row to the object of the parameter."""

    steps: tuple[Step, ...]
    name: str
    operator: str
    value: str
    quoted: bool


@dataclass(frozen=True, slots=True)
class Search:
    """Rows for which all conditions hold."""

    conditions: tuple[Condition, ...]


Step = Name | Instance | Every | Search | Follow


@dataclass(frozen=True, slots=True)
class Path:
    """A path. ``leaf`` is a parameter, a command ``X()`` or an event ``X!``; empty: an object."""

    steps: tuple[Step, ...]
    leaf: str
    is_search: bool
    """It may lead to several places, or to none, without being wrong."""


_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*", re.ASCII)
_LEAF = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*(?:\(\)|!)?", re.ASCII)
_FOLLOW = re.compile(r"([A-Za-z_][A-Za-z0-9_-]*)(?:#(\d+|\*))?\+", re.ASCII)
_CONDITION = re.compile(r"\s*(.*?)\s*(==|!=|<=|>=|~=|<|>)\s*(.*?)\s*", re.ASCII | re.DOTALL)
_LONGEST = 4096


@lru_cache(maxsize=4096)
def parse(text: str) -> Path:
    """Read a path. Raises `Refusal` 7008."""
    if not text or len(text) > _LONGEST:
        raise Refusal(PATH_SYNTAX, "a path of no, or of too many characters")
    *parts, leaf = _split(text, ".")
    steps = tuple(_step(part, text) for part in parts)
    if not steps or not isinstance(steps[0], Name):
        raise Refusal(PATH_SYNTAX, text)
    if leaf and not _LEAF.fullmatch(leaf):
        raise Refusal(PATH_SYNTAX, text)
    searching = any(isinstance(step, Every | Search | Follow) for step in steps)
    return Path(steps, leaf, searching)


def _step(part: str, text: str) -> Step:
    if part == "*":
        return Every()
    if part.isascii() and part.isdigit() and 0 < len(part) < 11 and int(part):
        return Instance(int(part))
    if _NAME.fullmatch(part):
        return Name(part)
    if followed := _FOLLOW.fullmatch(part):
        return _follow(followed, text)
    if part.startswith("[") and part.endswith("]"):
        return Search(tuple(_condition(each, text) for each in _split(part[1:-1], "&&")))
    raise Refusal(PATH_SYNTAX, text)


def _follow(found: re.Match[str], text: str) -> Follow:
    index = found[2] or "1"
    if index != "*" and int(index[:6]) == 0:
        raise Refusal(PATH_SYNTAX, text)
    return Follow(found[1], 0 if index == "*" else int(index[:6]))


def _condition(part: str, text: str) -> Condition:
    found = _CONDITION.fullmatch(part)
    if found is None:
        raise Refusal(PATH_SYNTAX, text)
    *parts, name = _split(found[1], ".")
    steps = tuple(_step(each, text) for each in parts)
    wrong = any(not isinstance(step, Name | Follow) for step in steps)
    if wrong or not _NAME.fullmatch(name):
        raise Refusal(PATH_SYNTAX, text)
    value, quoted = _value(found[3], text)
    return Condition(steps, name, found[2], value, quoted)


def _value(text: str, path: str) -> tuple[str, bool]:
    if text.startswith('"'):
        if len(text) < 2 or not text.endswith('"') or '"' in text[1:-1]:
            raise Refusal(PATH_SYNTAX, path)
        return text[1:-1].replace("%22", '"').replace("%25", "%"), True
    if not text or '"' in text:
        raise Refusal(PATH_SYNTAX, path)
    return text, False


def _split(text: str, separator: str) -> list[str]:
    """Cut at separators that stand neither in quotes nor in brackets."""
    parts, start, depth, quoted, at = [], 0, 0, False, 0
    while at < len(text):
        character = text[at]
        if character == '"':
            quoted = not quoted
        elif not quoted and character == "[":
            depth += 1
        elif not quoted and character == "]":
            depth -= 1
        elif not quoted and depth == 0 and text.startswith(separator, at):
            parts.append(text[start:at])
            at += len(separator)
            start = at
            continue
        at += 1
    if quoted or depth:
        raise Refusal(PATH_SYNTAX, text)
    return [*parts, text[start:]]
