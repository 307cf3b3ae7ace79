"""Which firmware a model should have: the operator's rules, and whether a device is behind.

A TOML file of ``[[rule]]``: ``model`` and ``hardware`` (lists of shell patterns, both needed: an
image of another hardware ends a unit), ``manufacturer`` if wanted, ``version`` (the whole
SoftwareVersion the image brings), ``file`` (its name in the catalogue of files), and when it may
be sent: ``from`` and ``to``, local times. ``downgrade = true`` replaces a newer build, too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import time
from pathlib import Path
from typing import Any

from acs.profiles.blueprint import Match
from acs.profiles.blueprint_file import Issue
from acs.profiles.blueprint_schema import Kind, check_shape
from acs.profiles.library import Facts, fit
from acs.profiles.rule_tables import rule_tables
from acs.profiles.toml_lines import line_of

_PATTERNS = ("manufacturer", "model", "hardware")
_RULE: Mapping[str, Kind] = {
    **dict.fromkeys(_PATTERNS, Kind.TEXTS),
    **dict.fromkeys(("version", "file", "from", "to"), Kind.TEXT),
    "downgrade": Kind.FLAG,
}
_NEEDED = ("model", "hardware", "version", "file")
_BUILD = re.compile(r"\bBuild[ ._-]?(\d{6}|\d{8})\b", re.IGNORECASE)
_CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")


@dataclass(frozen=True, slots=True)
class Window:
    """Hours in which an image may be sent; over midnight when ``end`` is not after ``start``."""

    start: time
    end: time

    def holds(self, moment: time) -> bool:
        """Tell whether a local time is inside."""
        if self.start < self.end:
            return self.start <= moment < self.end
        return moment >= self.start or moment < self.end


@dataclass(frozen=True, slots=True)
class FirmwareRule:
    """Which version a model and hardware should have."""

    patterns: Mapping[str, tuple[str, ...]]
    version: str
    file: str
    window: Window | None = None
    downgrade: bool = False


@dataclass(frozen=True, slots=True)
class FirmwareWish:
    """An image a device should be given."""

    version: str
    file: str
    window: Window | None
    reason: str


def firmware_due(facts: Facts, rules: Iterable[FirmwareRule]) -> FirmwareWish | None:
    """Return the image a device should be given; None: it has it, is ahead, or no rule fits.

    Versions are compared as whole texts. Which of two is newer is told by the build date in
    them (``Build 220630``); without one in both, another version is simply not the wanted one.
    """
    rule = rule_for(facts, rules)
    if rule is None or not facts.software or facts.software.strip() == rule.version:
        return None
    has, wanted = build_date(facts.software), build_date(rule.version)
    if has and wanted and has > wanted and not rule.downgrade:
        return None
    return FirmwareWish(
        rule.version,
        rule.file,
        rule.window,
        f"it has {facts.software.strip()}, {rule.version} is wanted",
    )


def rule_for(facts: Facts, rules: Iterable[FirmwareRule]) -> FirmwareRule | None:
    """Return the rule that names most of a device; the first among equals."""
    best: FirmwareRule | None = None
    best_score = (0, 0)
    for rule in rules:
        score = fit(Match(facts.root, rule.patterns), facts)
        if score is not None and score > best_score:
            best, best_score = rule, score
    return best


def build_date(version: str) -> str:
    """Return the build date in a SoftwareVersion as YYMMDD, or an empty text."""
    found = _BUILD.search(version)
    return found[1][-6:] if found else ""


def read_rules(text: str, file: str = "") -> tuple[tuple[FirmwareRule, ...], tuple[Issue, ...]]:
    """Read a file of rules; one with a mistake is left out and named with its line."""
    tables, lines, wrong = rule_tables(text, file)
    issues = list(wrong)
    rules = []
    for number, entry in enumerate(tables):
        path = ("rule", str(number))
        found = list(check_shape(entry, _RULE, path))
        found += [((*path, each), text) for each, text in _findings(entry)] if not found else []
        issues += [Issue(line_of(lines, at), text, file) for at, text in found]
        if not found:
            rules.append(_rule(entry))
    return tuple(rules), tuple(issues)


def load_rules(path: str | Path) -> tuple[tuple[FirmwareRule, ...], tuple[Issue, ...]]:
    """Read the file of rules at ``path``; one that cannot be read is a mistake, too."""
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        return (), (Issue(1, f"cannot be read: {error}", path.name),)
    return read_rules(text, path.name)


def _findings(entry: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    for name in _NEEDED:
        if not entry.get(name):
            yield name, f"rule: {name} is missing"
    for name in ("from", "to"):
        if name in entry and not _CLOCK.fullmatch(entry[name]):
            yield name, f"rule: {name} {entry[name]!r} is no time of day, like 02:30"
    if ("from" in entry) is not ("to" in entry):
        yield "from", "rule: from and to are only possible together"


def _rule(entry: Mapping[str, Any]) -> FirmwareRule:
    window = None
    if "from" in entry:
        window = Window(time.fromisoformat(entry["from"]), time.fromisoformat(entry["to"]))
    return FirmwareRule(
        {name: tuple(entry[name]) for name in _PATTERNS if name in entry},
        entry["version"].strip(),
        entry["file"],
        window,
        entry.get("downgrade", False),
    )
