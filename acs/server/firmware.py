"""The operator's firmware rules, read at the start and again whenever their file changes."""

from __future__ import annotations

from pathlib import Path

from acs.devices.rules.folder import Stamp, stamp
from acs.log import get_logger
from acs.profiles.firmware import FirmwareRule, load_rules

log = get_logger("acs.server")


class FirmwareFile:
    """Keeps the firmware rules of one file; an empty path has none."""

    def __init__(self, path: str) -> None:
        self._path = Path(path) if path else None
        self._seen: Stamp | None = None
        self._rules: tuple[FirmwareRule, ...] = ()

    def rules(self) -> tuple[FirmwareRule, ...]:
        """Return the rules as the file says now; a file that cannot be read leaves them be."""
        if self._path is None:
            return ()
        try:
            seen = stamp(self._path)
        except OSError as error:
            log.error("firmware rules not read", problem=f"{self._path}: {error.strerror}")
            return self._rules
        if seen != self._seen:
            self._seen = seen
            self._rules, mistakes = sound_rules(self._path)
            for mistake in mistakes:
                log.warning("no firmware is sent until this is mended", problem=mistake)
            log.info("firmware rules", count=len(self._rules))
        return self._rules


def sound_rules(path: str | Path) -> tuple[tuple[FirmwareRule, ...], tuple[str, ...]]:
    """Return the rules of a file, none of them while one has a mistake, and the mistakes.

    Were a rule for one hardware left out, one for many could send its image there.
    """
    found, issues = load_rules(path)
    return (() if issues else found), tuple(map(str, issues))
