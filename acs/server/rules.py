"""The rules of the operator's folder, read at the start and again whenever something changes."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

from acs.api.metrics import Metrics
from acs.devices.rules.book import Rulebook
from acs.devices.rules.folder import Stamp, load, stamp
from acs.devices.rules.rule import Rule
from acs.log import get_logger
from acs.server.firmware import FirmwareFile
from acs.settings import Settings, SettingsError

log = get_logger("acs.server")


class RuleFolder:
    """Keeps a `Rulebook` as the folder and the groups say."""

    def __init__(self, settings: Settings, metrics: Metrics) -> None:
        """Raises `SettingsError` for a folder that is not there."""
        wanted = settings.rules
        self.folder = Path(wanted.folder) if wanted.folder else None
        if self.folder is not None and not self.folder.is_dir():
            problem = f"{self.folder} is no directory; make it, or leave the setting out"
            raise SettingsError((f"rules.folder: {problem}",))
        self._metrics = metrics
        self.book = Rulebook(per_hour=wanted.per_hour, minute=local_minute, capped=self._capped)
        self._seen: tuple[Stamp, Mapping[str, str]] | None = None
        self._firmware = FirmwareFile(settings.provisioning.firmware_rules)

    def refresh(self, groups: Mapping[str, str]) -> None:
        """Read the folder again if a file or a group has changed, and the firmware rules.

        A folder that cannot be read leaves the rules as they are.
        """
        if self.folder is None:
            return
        self.book.firmware = self._firmware.rules()
        try:
            seen = (stamp(self.folder), dict(groups))
            if seen == self._seen:
                return
            loaded = load(self.folder, groups)
        except OSError as error:
            log.error("rules not read", problem=f"{self.folder}: {error.strerror}")
            return
        self._seen = seen
        self.book.rules = loaded.rules
        for issue in loaded.issues:
            log.warning("rule left out", problem=str(issue))
        log.info("rules", count=len(loaded.rules), left_out=len(loaded.issues))

    def _capped(self, rule: Rule) -> None:
        self._metrics.rule_capped(rule.name)
        log.warning("rule at its bound for this hour", rule=rule.name, setting="rules.per_hour")


def local_minute(now: float) -> int:
    """The minute of the day by the clock on this machine's wall."""
    local = time.localtime(now)
    return local.tm_hour * 60 + local.tm_min
