"""The rules in force, and how often each has acted in this hour."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from acs.devices.rules.rule import Rule
from acs.profiles.firmware import FirmwareRule

HOUR = 3600.0


class Rulebook:
    """What visits ask about rules; ``rules`` may be replaced at any time."""

    __slots__ = ("_acts", "_capped", "_hour", "_minute", "_per_hour", "firmware", "rules")

    def __init__(
        self,
        rules: tuple[Rule, ...] = (),
        *,
        per_hour: int = 600,
        minute: Callable[[float], int] = lambda now: int(now // 60) % 1440,
        capped: Callable[[Rule], None] = lambda _rule: None,
    ) -> None:
        """``per_hour``: devices one rule may act on in an hour.

        ``minute`` gives the minute of the day at a time (epoch seconds); UTC unless told
        otherwise. ``capped`` hears, once in an hour, of a rule that has come to its bound.
        """
        self.rules = rules
        self.firmware: tuple[FirmwareRule, ...] = ()
        """Which firmware models should have, for rules that give it; may be replaced, too."""
        self._per_hour = per_hour
        self._minute = minute
        self._capped = capped
        self._hour = 0.0
        self._acts: Counter[str] = Counter()

    def minute(self, now: float) -> int:
        """The minute of the day."""
        return self._minute(now)

    def may_act(self, rule: Rule, now: float) -> bool:
        """Count an act of ``rule``; False: it has acted on enough devices in this hour."""
        if now // HOUR != self._hour:
            self._hour = now // HOUR
            self._acts.clear()
        self._acts[rule.name] += 1
        if self._acts[rule.name] == self._per_hour + 1:
            self._capped(rule)
        return self._acts[rule.name] <= self._per_hour
