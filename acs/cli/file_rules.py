"""Which rules send a file of the catalogue."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from acs.devices.rules.folder import load
from acs.devices.rules.rule import JobWish, Rule
from acs.profiles.firmware import load_rules
from acs.settings import Settings


def rules_that_send(name: str, settings: Settings, groups: Mapping[str, str]) -> Iterator[str]:
    """Yield a few words for each rule that names the file; what cannot be read names none."""
    firmware = settings.provisioning.firmware_rules
    for wish in load_rules(firmware)[0] if firmware else ():
        if wish.file == name:
            yield f"the firmware rule for {' or '.join(wish.patterns['model'])} in {firmware}"
    for rule in _rules(settings.rules.folder, groups):
        jobs = (action for action in rule.do if isinstance(action, JobWish))
        if any(job.payload.get("file") == name for job in jobs):
            yield f"the rule {rule.name!r} in {rule.place}"


def _rules(folder: str, groups: Mapping[str, str]) -> tuple[Rule, ...]:
    try:
        return load(Path(folder), groups).rules if folder else ()
    except OSError:
        return ()
