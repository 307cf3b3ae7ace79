"""What units do wrong, from the words of a scenario file."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from simulators.cpe.misbehaviour import GOOD, Misbehaviour, parse_draw
from simulators.cpe.repertoire import WrongError, misbehave

_DRAW = "draw:"


def misbehaviour_of(words: Iterable[str], number: int = 0) -> Misbehaviour:
    """Read words like ``silent`` and ``slow=3``, or ``draw:Reboot=9002`` for a fault to answer.

    ``number`` is the unit's. Raises `WrongError`.
    """
    given = list(words)
    try:
        draws = tuple(parse_draw(each[len(_DRAW) :]) for each in given if each.startswith(_DRAW))
    except ValueError as error:
        raise WrongError(f"{_DRAW}{error}") from None
    others = [each for each in given if not each.startswith(_DRAW)]
    return misbehave(others, replace(GOOD, faults=draws), number=number)


__all__ = ["WrongError", "misbehaviour_of"]
