"""The rules of a folder: all its ``.toml`` files, in the order of their names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from acs.devices.rules.file import read_rules
from acs.devices.rules.rule import Rule
from acs.profiles.blueprint_file import Issue


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a folder holds: sound rules, and the mistakes of the others."""

    rules: tuple[Rule, ...] = ()
    issues: tuple[Issue, ...] = ()


Stamp = tuple[tuple[str, int, int], ...]
"""Changes when a file does."""


def stamp(folder: Path) -> Stamp:
    """Name the state of the folder. Raises `OSError`."""
    found = ((path.name, path.stat()) for path in _files(folder))
    return tuple((name, status.st_mtime_ns, status.st_size) for name, status in found)


def load(place: Path, groups: Mapping[str, str]) -> Loaded:
    """Read the rules of a folder, or of one file. Raises `OSError`.

    Of two rules of one name the first one stands.
    """
    rules: dict[str, Rule] = {}
    issues: list[Issue] = []
    for path in _files(place):
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            issues.append(Issue(1, "is not UTF-8", path.name))
            continue
        since = path.stat().st_mtime
        found, mistakes = read_rules(text, path.name, groups=groups, since=since)
        issues += mistakes
        for rule in found:
            if other := rules.get(rule.name):
                line = int(rule.place.rpartition(":")[2])
                message = f"name: {other.place} has a rule {rule.name!r} already"
                issues.append(Issue(line, message, path.name))
            rules.setdefault(rule.name, rule)
    return Loaded(tuple(rules.values()), tuple(issues))


def _files(place: Path) -> list[Path]:
    if not place.is_dir():
        return [place]
    return sorted(path for path in place.glob("*.toml") if path.is_file())
