"""What units do wrong, from the words of a scenario file."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields, replace
from difflib import get_close_matches
from typing import Any

from simulators.cpe.misbehaviour import GOOD, Misbehaviour, parse_draw


class WrongError(ValueError):
    """There is no such fault; the text names what there is."""


def misbehaviour_of(words: Iterable[str]) -> Misbehaviour:
    """Read words like ``silent``, ``slow:3`` or ``draw:Reboot=9002``. Raises `WrongError`."""
    wrong = GOOD
    for word in words:
        name, _, value = word.partition(":")
        wrong = replace(wrong, **_change(wrong, name, value, word))
    return wrong


def _change(wrong: Misbehaviour, name: str, value: str, word: str) -> dict[str, Any]:
    if name == "draw":
        try:
            return {"faults": (*wrong.faults, parse_draw(value))}
        except ValueError as error:
            raise WrongError(f"{word}: {error}") from None
    known = _known()
    if name not in known:
        near = get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]}? " if near else ""
        raise WrongError(f"no fault {name!r}; {hint}There are: draw, {', '.join(known)}")
    field, kind = known[name]
    if kind == "bool":
        if value:
            raise WrongError(f"{word}: {name} takes no value")
        return {field: True}
    if not value:
        raise WrongError(f"{name} needs a value, as in {name}:{_EXAMPLES[kind]}")
    if kind == "str":
        return {field: value}
    try:
        return {field: float(value) if kind == "float" else int(value)}
    except ValueError:
        raise WrongError(f"{word}: {value!r} is no number") from None


_EXAMPLES = {"float": "3", "int": "2", "int | None": "2", "str": "NAME"}


def _known() -> dict[str, tuple[str, str]]:
    """Fields of `Misbehaviour` by their words, with their types."""
    return {
        each.name.replace("_", "-"): (each.name, str(each.type))
        for each in fields(Misbehaviour)
        if each.type in ("bool", *_EXAMPLES)
    }
