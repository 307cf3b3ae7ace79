"""When Periodic! is due to each controller (TR-181 PeriodicNotifInterval, PeriodicNotifTime)."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial

from .reporting import Reporter
from .timers import Timer
from .unit import Unit

_UNKNOWN = "0001-01-01T00:00:00Z"


class Periodic:
    """Sends Periodic! of one unit."""

    __slots__ = ("_planned", "_reporter", "_unit")

    def __init__(self, unit: Unit, reporter: Reporter) -> None:
        self._unit = unit
        self._reporter = reporter
        self._planned: dict[str, tuple[tuple[str, str], Timer]] = {}
        """By Controller row: what it was planned by."""

    def clear(self) -> None:
        """Forget what was planned."""
        self._planned.clear()

    def plan(self, now: float) -> None:
        """Plan anew for controllers that were added, or whose settings were changed."""
        data = self._unit.data
        wanted = {
            controller.row: (
                data.value(controller.row + "PeriodicNotifInterval"),
                data.value(controller.row + "PeriodicNotifTime"),
            )
            for controller in self._unit.controllers()
        }
        for row, (settings, timer) in list(self._planned.items()):
            if wanted.get(row) != settings:
                timer.cancel()
                del self._planned[row]
        for row, settings in wanted.items():
            if row not in self._planned:
                self._next(row, settings, now)

    def _next(self, row: str, settings: tuple[str, str], now: float) -> None:
        moment = next_interval(max(1, int(settings[0] or 1)), settings[1], now)
        self._planned[row] = settings, self._unit.timers.at(moment, partial(self._due, row))

    def _due(self, row: str, now: float) -> None:
        settings, _ = self._planned.pop(row)
        self._reporter.event("Device.LocalAgent.", "Periodic!", {}, now, only=row)
        self._next(row, settings, now)


def next_interval(seconds: int, reference: str, now: float) -> float:
    """Return when the next interval begins; without a known ``reference`` one begins now."""
    if reference == _UNKNOWN:
        return now + seconds
    return now + seconds - (now - _epoch(reference)) % seconds


def _epoch(text: str) -> float:
    """Read a dateTime; one without a zone is UTC."""
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
