"""The library of blueprints: those shipped, those of the operator, and which one fits a device."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from importlib import resources
from pathlib import Path
from typing import Any

from acs.profiles.blueprint import Blueprint, Match
from acs.profiles.blueprint_file import Issue, Source, build, read_source
from acs.profiles.blueprint_schema import merge, nearest

_MODELS = "models"


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a device when a blueprint is chosen; empty where unknown."""

    manufacturer: str = ""
    oui: str = ""
    product_class: str = ""
    model: str = ""
    hardware: str = ""
    software: str = ""
    root: str = ""
    """``Device.`` or ``InternetGatewayDevice.``: from the names in the first contact."""

    @property
    def likely_model(self) -> str:
        """The model, which a first contact does not name.

        TP-Link writes it as the first word of HardwareVersion; ProductClass
        may be one word for dozens of models.
        """
        if self.model or not self.manufacturer.casefold().startswith("tp-link"):
            return self.model
        return self.hardware.partition(" ")[0]


class Library:
    """All blueprints by name."""

    def __init__(self, blueprints: Mapping[str, Blueprint], issues: tuple[Issue, ...]) -> None:
        self._blueprints = dict(blueprints)
        self.issues = issues
        """Mistakes in files that were therefore left out."""

    @classmethod
    def load(cls, extra_dir: str | None = None) -> Library:
        """Read the shipped blueprints, then ``*.toml`` of ``extra_dir``, which win by name."""
        sources = _shipped()
        issues: list[Issue] = []
        if extra_dir is not None:
            for path in sorted(Path(extra_dir).glob("*.toml")):
                source = _read(path)
                issues.extend(source.issues)
                if not source.issues:
                    sources[source.name] = source
        blueprints = {}
        for source in sources.values():
            blueprint, found = _build(source, sources)
            issues.extend(found)
            if blueprint is not None:
                blueprints[source.name] = blueprint
        return cls(blueprints, tuple(issues))

    def choose(self, facts: Facts) -> Blueprint | None:
        """Return the most specific blueprint that fits, by name among equals; None if none does."""
        fitting = [
            (score, blueprint)
            for blueprint in self._blueprints.values()
            if blueprint.match and (score := fit(blueprint.match, facts)) is not None
        ]
        if not fitting:
            return None
        best = max(score for score, _ in fitting)
        return min((b for score, b in fitting if score == best), key=lambda b: b.name)

    def get(self, name: str) -> Blueprint | None:
        """Return the blueprint called ``name``."""
        return self._blueprints.get(name)

    def names(self) -> tuple[str, ...]:
        """Return all names in order."""
        return tuple(sorted(self._blueprints))


def check_file(path: str | Path) -> list[Issue]:
    """Return the mistakes in one blueprint file; what it extends is looked for beside it too."""
    return list(read_file(path)[1])


def read_file(path: str | Path) -> tuple[Blueprint | None, tuple[Issue, ...]]:
    """Read one blueprint file; None with its mistakes. What it extends may lie beside it."""
    path = Path(path)
    source = _read(path)
    if not source.name:
        return None, source.issues
    sources = _shipped()
    for neighbour in sorted(path.parent.glob("*.toml")):
        if neighbour != path and not (other := _read(neighbour)).issues:
            sources[other.name] = other
    sources[source.name] = source
    blueprint, issues = _build(source, sources)
    # Of the rest all is told at once, though a key or a kind is wrong.
    return None if source.issues else blueprint, tuple(sorted({*source.issues, *issues}))


def _shipped() -> dict[str, Source]:
    sources = {}
    for entry in resources.files(__package__).joinpath(_MODELS).iterdir():
        if entry.name.endswith(".toml"):
            source = read_source(entry.read_text(encoding="utf-8"), entry.name)
            if source.issues:
                raise ValueError(f"shipped blueprint: {source.issues[0]}")
            sources[source.name] = source
    return dict(sorted(sources.items()))


def _read(path: Path) -> Source:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        issue = Issue(1, f"cannot be read: {error}", path.name)
        return Source(path.name, {}, {}, (issue,))
    return read_source(text, path.name)


def _build(
    source: Source, sources: Mapping[str, Source]
) -> tuple[Blueprint | None, tuple[Issue, ...]]:
    chain = [source]
    while chain[-1].extends:
        name = chain[-1].extends
        if name not in sources:
            message = f"extends {name!r}, which is unknown{nearest(name, sources)}"
            return None, (source.issue(("blueprint", "extends"), message),)
        if sources[name] in chain:
            message = f"extends itself by way of {name!r}"
            return None, (source.issue(("blueprint", "extends"), message),)
        chain.append(sources[name])
    data: dict[str, Any] = {}
    for layer in reversed(chain):
        data = merge(data, layer.data)
    return build(source, data)


def fit(match: Match, facts: Facts) -> tuple[int, int] | None:
    """Rate a fit: how many fields it names, then how many letters of them; None: no fit."""
    if match.root != facts.root:
        return None
    letters = 0
    for name, patterns in match.patterns.items():
        value = facts.likely_model if name == "model" else str(getattr(facts, name))
        fitting = max(_fits(value, patterns), default=None)
        if fitting is None:
            return None
        letters += fitting
    return len(match.patterns), letters


def _fits(value: str, patterns: tuple[str, ...]) -> Iterator[int]:
    for pattern in patterns:
        if fnmatchcase(value.casefold(), pattern.casefold()):
            yield sum(letter not in "*?" for letter in pattern)
