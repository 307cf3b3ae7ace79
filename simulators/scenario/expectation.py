"""What is expected of a measure: a comparison as text, and whether it holds."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

_FORM = re.compile(
    r"^\s*(?P<sign><=|>=|==|=|<|>)?\s*(?P<bound>\d+(?:_\d+)*(?:\.\d+)?(?:e-?\d+)?)"
    r"(?:\s+per\s+(?P<per>\d+)\s+devices?)?\s*$"
)
_COMPARE: Mapping[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    "==": operator.eq,
    ">=": operator.ge,
    ">": operator.gt,
}


class ExpectationError(ValueError):
    """An expectation cannot be read."""


class Outcome(StrEnum):
    """What became of an expectation."""

    PASSED = "passed"
    FAILED = "failed"
    UNMEASURED = "not measured"
    """There was nothing to measure it by, such as no session or no server of our own."""


@dataclass(frozen=True, slots=True)
class Expectation:
    """``measure`` compared with ``bound``, which is for each ``per`` devices unless that is 0."""

    measure: str
    sign: str
    bound: float
    per: int = 0

    def limit(self, devices: int) -> float:
        """Return the bound for so many devices; a part of ``per`` counts as a whole one."""
        return self.bound * max(1, math.ceil(devices / self.per)) if self.per else self.bound

    def judge(self, measured: float | None, devices: int) -> Outcome:
        """Compare what was measured; None: it was not."""
        if measured is None:
            return Outcome.UNMEASURED
        holds = _COMPARE[self.sign](measured, self.limit(devices))
        return Outcome.PASSED if holds else Outcome.FAILED

    def __str__(self) -> str:
        per = f" per {self.per} devices" if self.per else ""
        return f"{self.sign} {self.bound:.10g}{per}"


def parse_expectation(measure: str, given: str | float) -> Expectation:
    """Read ``"<= 5"``, ``"<= 1 per 200 devices"`` or a number, which is to be met exactly.

    Raises `ExpectationError`.
    """
    if isinstance(given, bool):
        raise ExpectationError(f"{measure}: a number or a comparison is wanted, not {given}")
    if isinstance(given, int | float):
        return Expectation(measure, "==", float(given))
    found = _FORM.match(given)
    if found is None:
        raise ExpectationError(
            f'{measure}: {given!r} is no comparison; such are "<= 5", "> 0.99", '
            '"<= 1 per 200 devices"'
        )
    sign = found["sign"] or "=="
    per = int(found["per"] or 0)
    if found["per"] and not per:
        raise ExpectationError(f"{measure}: per 0 devices")
    bound = float(found["bound"].replace("_", ""))
    return Expectation(measure, "==" if sign == "=" else sign, bound, per)


@dataclass(frozen=True, slots=True)
class Verdict:
    """An expectation of the whole (``phase`` empty) or of a phase, and what was measured."""

    phase: str
    expectation: Expectation
    measured: float | None
    limit: float
    outcome: Outcome
