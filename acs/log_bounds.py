"""Bounds on what the log takes beyond the size of its files: floods, and a disk that is full."""

from __future__ import annotations

import logging
import sys
from collections import OrderedDict
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

_KINDS = ("device", "address")
"""What a line may be about, by the name of its pair."""
_TEXT = 100
"""Characters by which the texts of other libraries are told apart."""
_Counts = OrderedDict[tuple[object, ...], list[float]]
"""By what is counted: since when, how many, and how many of them were not written."""


class FloodFilter(logging.Filter):
    """Lets so many lines a minute of one kind through, and fewer about one device.

    The next line that passes says as ``unsaid`` how many of its kind did not. A kind is a logger
    and an event. ``clock`` gives seconds that only grow. At most ``REMEMBERED`` kinds are counted,
    and as many devices; who was counted first is forgotten first.
    """

    WINDOW = 60.0
    REMEMBERED = 10_000

    def __init__(self, of_kind: int, of_device: int, clock: Callable[[], float]) -> None:
        super().__init__()
        self._of_kind = of_kind
        self._of_device = of_device
        self._clock = clock
        # Apart, so that no crowd of devices makes us forget how much of a kind was said.
        self._kinds = _Counts()
        self._devices = _Counts()

    def filter(self, record: logging.LogRecord) -> bool:
        """Count a line; False where it is one too many. Each handler gets the same answer."""
        verdict: bool | None = getattr(record, "acs_passes", None)
        if verdict is None:
            verdict = record.acs_passes = self._counted(record)
        return verdict

    def _counted(self, record: logging.LogRecord) -> bool:
        said = record.msg
        if not isinstance(said, Mapping):
            # Twisted's are objects, each another one, which hold what they tell of.
            text = said[:_TEXT] if isinstance(said, str) else record.levelno
            return self._passes(self._kinds, (record.name, text), self._of_kind, None)
        kind = (record.name, said.get("event"))
        about = next((said[name] for name in _KINDS if said.get(name)), None)
        if about is not None and not self._passes(
            self._devices, (*kind, about), self._of_device, said
        ):
            return False
        return self._passes(self._kinds, kind, self._of_kind, said)

    def _passes(
        self,
        counts: _Counts,
        key: tuple[object, ...],
        most: int,
        said: Mapping[str, object] | None,
    ) -> bool:
        now = self._clock()
        count = counts.get(key)
        if count is None:
            count = counts[key] = [now, 0.0, 0.0]
            if len(counts) > self.REMEMBERED:
                counts.popitem(last=False)
        if now - count[0] >= self.WINDOW:
            count[0], count[1] = now, 0.0
        count[1] += 1
        if count[1] > most:
            count[2] += 1
            return False
        if count[2] and isinstance(said, dict):
            said["unsaid"] = said.get("unsaid", 0) + int(count[2])
            count[2] = 0.0
        return True


class Complaints:
    """Says at most once a minute on standard error that the log cannot be written."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._last = float("-inf")

    def __call__(self, file: str) -> None:
        """Tell of the error that is being handled."""
        now = self._clock()
        if now - self._last >= FloodFilter.WINDOW:
            self._last = now
            error = sys.exc_info()[1]
            print(f"acs: the log {file} cannot be written: {error}", file=sys.stderr)


def quieten(quiet: bool, usual: str) -> None:
    """Write warnings and above only, or what is written at the level ``usual``."""
    level = logging.getLevelNamesMapping()[usual.upper()]
    logging.getLogger().setLevel(max(level, logging.WARNING) if quiet else level)


def drop_old(file: Path, keep: int = 0) -> int:
    """Delete turned-over files of the log ``file`` beyond the newest ``keep``; return the octets.

    The one that is written is kept.
    """
    gone = 0
    for old in file.parent.glob(f"{file.name}.*"):
        number = old.name.removeprefix(f"{file.name}.")
        if number.isdigit() and int(number) > keep:
            with suppress(FileNotFoundError):  # another process turns the log over, or starts
                octets = old.stat().st_size
                old.unlink()
                gone += octets
    return gone
