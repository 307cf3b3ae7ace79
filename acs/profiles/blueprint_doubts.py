"""The ``[doubts]`` table of a blueprint: what in it is not sure, and why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from acs.profiles.blueprint import Certainty, Doubt
from acs.profiles.blueprint_places import Complain
from acs.profiles.blueprint_schema import REPLACE, nearest

_KINDS = tuple(map(str, Certainty))


def read_doubts(
    data: Mapping[str, Any], own: Mapping[str, Any], complain: Complain
) -> dict[str, Doubt]:
    """Make the doubts of a blueprint whose merged keys are ``data``.

    A doubt of its ``own`` file must name something the blueprint holds; one taken over from what
    it extends, about something it took away, is dropped.
    """
    doubts = {}
    for key, entry in data.get("doubts", {}).items():
        # Whom it fits, a blueprint does not take over.
        if key not in own.get("doubts", {}) and key.split(".")[0] == "match":
            continue
        there = _holds(data, key.split("."))
        if key in own.get("doubts", {}):
            _check(key, entry, there, data, complain)
        certainty = entry.get("certainty", "")
        if there and certainty in _KINDS:
            doubts[key] = Doubt(
                Certainty(certainty), entry.get("note", ""), entry.get("source", "")
            )
    return doubts


def _check(
    key: str, entry: Mapping[str, Any], there: bool, data: Mapping[str, Any], complain: Complain
) -> None:
    path = ("doubts", key)
    if not there:
        near = nearest(key, dotted_keys(data))
        complain(path, f"doubts: {key!r} names nothing in this blueprint{near}")
    certainty = entry.get("certainty", "")
    if certainty not in _KINDS:
        complain(
            (*path, "certainty"),
            f"doubts.{key}: certainty {certainty!r} is none of {', '.join(_KINDS)}"
            f"{nearest(certainty, _KINDS)}",
        )
    if not entry.get("note"):
        complain(path, f"doubts.{key}: a note that says what is in doubt is missing")


def dotted_keys(data: Mapping[str, Any], before: str = "") -> Iterator[str]:
    """Yield the dotted key of every table and value in ``data``."""
    for key, value in data.items():
        if key in (REPLACE, "doubts"):
            continue
        yield before + key
        if isinstance(value, Mapping):
            yield from dotted_keys(value, f"{before}{key}.")


def _holds(data: Any, parts: list[str]) -> bool:
    """Tell whether the dotted key leads somewhere; a key of a file may hold dots itself."""
    if not parts:
        return True
    return isinstance(data, Mapping) and any(
        (name := ".".join(parts[:end])) in data and _holds(data[name], parts[end:])
        for end in range(1, len(parts) + 1)
    )
