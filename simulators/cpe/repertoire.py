"""What a unit can be told to do wrong, as words: ``silent``, ``slow=5``, ``hostile=deep``."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from .hostile import DOCUMENTS
from .misbehaviour import GOOD, Misbehaviour

ANY = "any"
"""``hostile=any``: each unit takes another document of the library."""


class WrongError(ValueError):
    """Nothing of that name can be done wrong, or not in that measure."""


@dataclass(frozen=True, slots=True)
class Wrong:
    """One word. ``usual`` is its value where none is given; None: the word takes no value."""

    about: str
    setting: str
    """Field of `Misbehaviour`."""
    read: Callable[[str], Any] | None = None
    unit: str = ""
    usual: str | None = None


def _seconds(text: str) -> float:
    return _number(text, 0, 86_400)


def _shift(text: str) -> float:
    century = 100 * 365 * 86_400
    return _number(text, -century, century)


def _rate(text: str) -> float:
    return _number(text, 0.01, 100_000)


def _count(text: str) -> int:
    return _whole(text, 0, 10_000_000)


def _sessions(text: str) -> int:
    return _whole(text, 1, 100)


def _number(text: str, low: float, high: float) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not low <= number <= high:
        raise ValueError(f"must be a number from {low:.10g} to {high:.10g}")
    return number


def _whole(text: str, low: int, high: int) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 12 and low <= int(text) <= high):
        raise ValueError(f"must be a whole number from {low} to {high}")
    return int(text)


def _document(text: str) -> str:
    if text != ANY and text not in DOCUMENTS:
        raise ValueError(f"must be one of {ANY}, {', '.join(DOCUMENTS)}")
    return text


WRONGS: Mapping[str, Wrong] = {
    "slow": Wrong("lets time pass before each answer", "slow", _seconds, "SECONDS", "5"),
    "trickle": Wrong("lets its requests drip out", "trickle", _rate, "OCTETS_PER_SECOND", "200"),
    "silent": Wrong("says nothing more once its Inform is answered", "silent"),
    "hang-up": Wrong(
        "closes the connection after so many answered requests", "hang_up_after", _count, "N", "1"
    ),
    "half-body": Wrong("breaks off in the middle of its Inform", "half_body"),
    "broken-xml": Wrong("sends an Inform that is not well formed", "hostile"),
    "hostile": Wrong(
        "sends a harmful document instead of its Inform", "hostile", _document, "DOCUMENT", ANY
    ),
    "wrong-password": Wrong("does not know its password", "wrong_password"),
    "clock-skew": Wrong("has a wrong clock", "clock_skew", _shift, "SECONDS", "-3600"),
    "flood": Wrong(
        "sends Informs on connections of their own and leaves", "flood", _rate, "PER_SECOND", "10"
    ),
    "restless": Wrong("calls again as soon as a session is over", "restless"),
    "at-once": Wrong("runs several sessions at the same time", "at_once", _sessions, "N", "2"),
    "huge-inform": Wrong(
        "adds parameters to its Inform", "huge_inform", _count, "PARAMETERS", "5000"
    ),
    "huge-head": Wrong(
        "adds octets to the head of each request", "huge_head", _count, "OCTETS", "200000"
    ),
    "cut-transfers": Wrong(
        "breaks the first attempts of file transfers off", "cut_transfers", _count, "N", "1"
    ),
    "late-rows": Wrong("answers AddObject with Status 1", "late_rows"),
}
"""All words."""


def misbehave(words: Iterable[str], base: Misbehaviour = GOOD, *, number: int = 0) -> Misbehaviour:
    """Return ``base`` with what the words say. Raises `WrongError`.

    ``number`` is that of the unit, which chooses where a word leaves the choice.
    """
    changes: dict[str, Any] = {}
    for word in words:
        setting, value = _read(word)
        if value == ANY:
            value = list(DOCUMENTS)[number % len(DOCUMENTS)]
        changes[setting] = value
    return replace(base, **changes)


def _read(word: str) -> tuple[str, Any]:
    name, given, text = word.partition("=")
    wrong = WRONGS.get(name)
    if wrong is None:
        raise WrongError(f"no fault {name!r}; there are {', '.join(WRONGS)}")
    if wrong.read is None or wrong.usual is None:
        if given:
            raise WrongError(f"{name} takes no value")
        return wrong.setting, "unclosed" if name == "broken-xml" else True
    try:
        return wrong.setting, wrong.read(text if given else wrong.usual)
    except ValueError as error:
        raise WrongError(f"{word}: {wrong.unit} {error}") from None
