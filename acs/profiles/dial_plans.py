"""Digit maps by name, for operators who do not want to write one.

A map is what a telephone adapter compares dialled digits with (TR-104 DigitMap, the grammar of
RFC 3435 2.1.5): as soon as an alternative is complete the call is placed, ``t`` waits for the
caller to pause.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class DialPlan(StrEnum):
    """Names of the maps below."""

    QUEBEC = "quebec"
    EMERGENCY = "emergency"
    """For a line that is suspended: 911 alone."""


# 911 first and without a timer: some firmware takes the first alternative that begins to fit.
# 988 is the crisis line; N11 are the other short services; local calls have ten digits.
DIGIT_MAPS: Mapping[DialPlan, str] = {
    DialPlan.QUEBEC: (
        "911|988|[2-8]11|[2-9]xx[2-9]xxxxxx|1[2-9]xx[2-9]xxxxxx|011xxxx.t|0[2-9]xx[2-9]xxxxxx|0t"
        "|*x.t|#x.t|x.t"
    ),
    # A map lets through what it names and nothing else. In Canada 911 is the one number of all
    # emergency services.
    DialPlan.EMERGENCY: "911",
}


def emergency_waits(digit_map: str, number: str = "911") -> bool:
    """Tell whether ``number``, dialled under ``digit_map``, waits for a timer or is not placed.

    Only an alternative that is complete with the last digit places the call at once.
    """
    return not any(
        _matches(alternative.strip(), number) for alternative in _alternatives(digit_map)
    )


def _alternatives(digit_map: str) -> list[str]:
    text = digit_map.strip()
    if text.startswith("(") and text.endswith(")"):
        text = text[1:-1]
    return text.split("|")


def _matches(alternative: str, number: str) -> bool:
    """Match without timers: ``x``, ranges, and ``.`` for any number of what stands before it."""
    tokens = _tokens(alternative)
    if tokens is None:
        return False

    # Where in the alternative one may be after each digit: no text of a wish takes long.
    places = _passing(tokens, {0})
    for digit in number:
        taken = {place for place in places if place < len(tokens) and digit in tokens[place][0]}
        places = _passing(tokens, {place + (not tokens[place][1]) for place in taken})
    return len(tokens) in places


def _passing(tokens: list[tuple[str, bool]], places: set[int]) -> set[int]:
    """Add the places that are reached without a digit: what may repeat may be left out."""
    for place, (_, repeated) in enumerate(tokens):
        if repeated and place in places:
            places.add(place + 1)
    return places


def _tokens(alternative: str) -> list[tuple[str, bool]] | None:
    """Return (digits that fit, repeated) of each token; None when a timer or a mistake is in it."""
    tokens: list[tuple[str, bool]] = []
    rest = alternative
    while rest:
        sign, rest = rest[0], rest[1:]
        if sign == ".":
            if not tokens:
                return None
            tokens[-1] = (tokens[-1][0], True)
        elif sign in "xX":
            tokens.append(("0123456789", False))
        elif sign == "[":
            inner, closed, rest = rest.partition("]")
            if not closed:
                return None
            tokens.append((_spread(inner), False))
        elif sign in "0123456789*#ABCDabcd":
            tokens.append((sign, False))
        else:
            return None
    return tokens


def _spread(inner: str) -> str:
    """Return the digits of what stands in brackets: ``2-5`` → ``2345``."""
    digits = ""
    while inner:
        if len(inner) >= 3 and inner[1] == "-" and inner[0].isdigit() and inner[2].isdigit():
            digits += "".join(map(str, range(int(inner[0]), int(inner[2]) + 1)))
            inner = inner[3:]
        else:
            digits += inner[0]
            inner = inner[1:]
    return digits
