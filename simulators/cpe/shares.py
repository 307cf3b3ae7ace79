"""Which units of a fleet do what wrong: shares of it, dealt by a seed."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

from .misbehaviour import GOOD, Misbehaviour
from .repertoire import misbehave

_SHARE = re.compile(r"^(?P<part>\d+(?:\.\d+)?)(?P<percent>%)?:(?P<words>.+)$")


class ShareError(ValueError):
    """A share cannot be read, or there are not units enough for all."""


@dataclass(frozen=True, slots=True)
class Share:
    """A part of a fleet, 0 to 1, and the words of what it does wrong (see `repertoire`)."""

    part: float
    words: tuple[str, ...]

    def of(self, count: int) -> int:
        """Units of ``count`` that are meant: at least one where the part is not zero."""
        return min(count, max(1, round(self.part * count))) if self.part else 0


def parse_share(text: str, check: Callable[[Sequence[str]], object] = misbehave) -> Share:
    """Read ``0.05:silent`` or ``5%:slow=3+hang-up``.

    ``check`` raises for words that mean nothing.  Raises `ShareError`, and what ``check`` does.
    """
    found = _SHARE.match(text)
    if found is None:
        raise ShareError(f"{text!r} is not SHARE:FAULT, such as 0.05:silent or 5%:slow=3")
    part = float(found["part"]) / (100 if found["percent"] else 1)
    if part > 1:
        raise ShareError(f"{text!r}: a share is at most 1, or 100%")
    words = tuple(found["words"].split("+"))
    check(words)
    return Share(part, words)


def deal(
    shares: Sequence[Share], count: int, seed: int, base: Misbehaviour = GOOD
) -> dict[int, Misbehaviour]:
    """Return what each unit of ``count`` does wrong, by its number.

    Raises `ShareError` as `draw` does.
    """
    dealt: dict[int, Misbehaviour] = {}
    for share, numbers in draw(shares, count, seed):
        for turn, number in enumerate(numbers):
            dealt[number] = misbehave(share.words, base, number=turn)
    return dealt


def draw(shares: Sequence[Share], count: int, seed: int) -> list[tuple[Share, list[int]]]:
    """Return the numbers of the units in each share; no unit is in two of them.

    The same seed deals the same.  Raises `ShareError` where the shares need more units.
    """
    wanted = [share.of(count) for share in shares]
    if sum(wanted) > count:
        raise ShareError(
            f"{count} units are not enough for shares of {', '.join(map(str, wanted))}"
        )
    numbers = list(range(count))
    Random(seed).shuffle(numbers)
    drawn = []
    for share, size in zip(shares, wanted, strict=True):
        drawn.append((share, numbers[:size]))
        numbers = numbers[size:]
    return drawn
