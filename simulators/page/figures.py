"""Numbers for people: how they are written, grouped and ranked."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence

_RANKS = (*range(100), 99.5, 99.9, 100)


def shown(value: float) -> str:
    """Write a number with three or four significant digits, thousands apart."""
    if not math.isfinite(value):
        return "–"
    if value == int(value) or abs(value) >= 1000:
        return f"{value:,.0f}".replace(",", "\u202f")
    places = min(6, max(0, 2 - math.floor(math.log10(abs(value)))))
    text = f"{value:.{places}f}"
    return text.rstrip("0").rstrip(".") if places else text


def quantile(ordered: Sequence[float], share: float) -> float:
    """Return the value that ``share`` (0 to 1) of the ordered values do not exceed.

    Raises `ValueError` where there are no values.
    """
    if not ordered:
        raise ValueError("no values")
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def quantile_curve(values: Sequence[float]) -> list[tuple[float, float]]:
    """Return (percent, value) from the least value to the greatest."""
    ordered = sorted(values)
    return [(rank, quantile(ordered, rank / 100)) for rank in _RANKS]


def bins(values: Sequence[float], count: int) -> list[tuple[float, float, int]]:
    """Return (low, high, how many) of up to ``count`` ranges of equal width."""
    low, high = min(values), max(values)
    if low == high:
        return [(low, high, len(values))]
    width = (high - low) / count
    edges = [low + width * number for number in range(1, count)]
    tally = [0] * count
    for value in values:
        tally[bisect_right(edges, value)] += 1
    return [(low + width * n, low + width * (n + 1), found) for n, found in enumerate(tally)]
