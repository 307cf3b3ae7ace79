"""When the units of a crowd call: curves of arrival as values, without a clock."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from random import Random
from typing import Any, TypeAlias

_EARLY, _LATE = 2.0, 5.0
"""Shape of a storm (beta distribution): most are back after a fifth of the time, the last at its
end, as boxes of a few models are after a power cut, each kind with its own time to boot."""


class ArrivalsError(ValueError):
    """A curve cannot be read."""


@dataclass(frozen=True, slots=True)
class Once:
    """All at the same moment."""


@dataclass(frozen=True, slots=True)
class Steady:
    """``rate`` calls a second, one in each slot of 1/rate seconds."""

    rate: float


@dataclass(frozen=True, slots=True)
class Ramp:
    """From ``start`` to ``end`` calls a second in ``seconds``, then ``end`` a second."""

    start: float
    end: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Storm:
    """All ``within`` seconds, crowded together early: the power comes back in a town."""

    within: float


Arrivals: TypeAlias = Once | Steady | Ramp | Storm
_CURVES: Mapping[str, type[Once | Steady | Ramp | Storm]] = {
    "once": Once,
    "steady": Steady,
    "ramp": Ramp,
    "storm": Storm,
}


def times(arrivals: Arrivals, count: int, random: Random) -> list[float]:
    """Return when each of ``count`` units calls, in seconds from now, in order."""
    match arrivals:
        case Once():
            return [0.0] * count
        case Steady(rate):
            return [(number + random.random()) / rate for number in range(count)]
        case Ramp():
            return [_ramped(arrivals, number + random.random()) for number in range(count)]
        case Storm(within):
            return sorted(within * random.betavariate(_EARLY, _LATE) for _ in range(count))


def _ramped(ramp: Ramp, calls: float) -> float:
    """Return when ``calls`` have come: the inverse of the area below the rate."""
    by_then = (ramp.start + ramp.end) / 2 * ramp.seconds
    if calls >= by_then:
        return ramp.seconds + (calls - by_then) / ramp.end
    steepness = (ramp.end - ramp.start) / ramp.seconds
    # Solves calls = start·t + steepness·t²/2, in the form that holds for a level ramp too.
    return 2 * calls / (ramp.start + math.sqrt(max(0.0, ramp.start**2 + 2 * steepness * calls)))


def parse_arrivals(given: str | Mapping[str, Any]) -> Arrivals:
    """Read a curve. Raises `ArrivalsError`, which names what there is.

    Text: ``once``, ``steady:RATE``, ``ramp:FROM,TO,SECONDS``, ``storm:WITHIN``; table:
    ``{curve = "storm", within = 30}`` with the names of the fields.
    """
    if isinstance(given, str):
        curve, _, rest = given.partition(":")
        numbers: list[Any] = rest.split(",") if rest else []
        names = [field.name for field in fields(_curve(curve))]
        if len(numbers) != len(names):
            wanted = f"{curve}:{','.join(names).upper()}" if names else curve
            raise ArrivalsError(f"{given!r} should be {wanted}")
        settings = dict(zip(names, numbers, strict=True))
    else:
        settings = dict(given)
        curve = str(settings.pop("curve", ""))
    kind = _curve(curve)
    names = [field.name for field in fields(kind)]
    if unknown := sorted(settings.keys() - set(names)):
        raise ArrivalsError(f"{curve} has no {', '.join(unknown)}, but {', '.join(names)}")
    if missing := [name for name in names if name not in settings]:
        raise ArrivalsError(f"{curve} lacks {', '.join(missing)}")
    return _checked(curve, kind(**{name: _number(curve, name, settings[name]) for name in names}))


def parse_power_cut(text: str | None) -> tuple[float, Arrivals] | None:
    """When the power goes (seconds after the start), and the curve along which all come back.

    ``text`` is ``SECONDS:CURVE``, such as ``60:storm:30``; None: it does not go.  Raises
    `ArrivalsError`.
    """
    if text is None:
        return None
    seconds, _, curve = text.partition(":")
    if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]+)?", seconds) or not curve:
        raise ArrivalsError(f"--power-cut wants SECONDS:CURVE, such as 60:storm:30, not {text!r}")
    return float(seconds), parse_arrivals(curve)


def _curve(name: str) -> type[Once | Steady | Ramp | Storm]:
    if name not in _CURVES:
        raise ArrivalsError(f"no curve {name!r}; there are {', '.join(_CURVES)}")
    return _CURVES[name]


def _number(curve: str, name: str, given: Any) -> float:
    try:
        if isinstance(given, bool):
            raise ValueError
        number = float(given)
    except (TypeError, ValueError):
        raise ArrivalsError(f"{curve}: {name} must be a number, not {given!r}") from None
    if not (math.isfinite(number) and number >= 0):
        raise ArrivalsError(f"{curve}: {name} must not be {given}")
    return number


def _checked(curve: str, arrivals: Arrivals) -> Arrivals:
    match arrivals:
        case Steady(rate=0) | Ramp(end=0) | Ramp(seconds=0) | Storm(within=0):
            raise ArrivalsError(f"{curve} needs a rate and a time above 0")
        case _:
            return arrivals
