"""The library of blueprints: those shipped, those of the operator, and which one fits a device."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from importlib import resources
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from acs.profiles.blueprint import Blueprint, Match
from acs.profiles.blueprint_file import USP, Issue, Source, build, build_over_usp, read_source
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
    protocol: str = "cwmp"
    """``cwmp`` or ``usp``: a family may be written otherwise over each."""

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

    def __init__(
        self,
        blueprints: Mapping[str, Blueprint],
        issues: tuple[Issue, ...],
        over_usp: Mapping[str, Blueprint] = MappingProxyType({}),
    ) -> None:
        """``over_usp``: those whose devices may speak USP, as they are then."""
        self._blueprints = dict(blueprints)
        self._over_usp = dict(over_usp)
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
        blueprints, over_usp = {}, {}
        for source in sources.values():
            built, found = _build(source, sources)
            issues.extend(found)
            if built is not None:
                blueprints[source.name] = built.blueprint
                if built.over_usp is not None:
                    over_usp[source.name] = built.over_usp
        return cls(blueprints, tuple(issues), over_usp)

    def choose(self, facts: Facts) -> Blueprint | None:
        """Return the most specific blueprint that fits, by name among equals; None if none does.

        It is what the family is over the protocol of ``facts``.
        """
        fitting = [
            (score, blueprint)
            for blueprint in self._blueprints.values()
            if blueprint.match and (score := fit(blueprint.match, facts)) is not None
        ]
        if not fitting:
            return None
        best = max(score for score, _ in fitting)
        return self.get(min(b.name for score, b in fitting if score == best), facts.protocol)

    def get(self, name: str, protocol: str = "cwmp") -> Blueprint | None:
        """Return the blueprint called ``name``, as it is over ``protocol``."""
        over_usp = self._over_usp.get(name) if protocol == "usp" else None
        return over_usp or self._blueprints.get(name)

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
    built, issues = _build(source, sources)
    blueprint = built.blueprint if built and not source.issues else None
    # Of the rest all is told at once, though a key or a kind is wrong.
    return blueprint, tuple(sorted({*source.issues, *issues}))


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


class _Built(NamedTuple):
    """A blueprint, and what it is over USP; None: its devices do not speak it."""

    blueprint: Blueprint
    over_usp: Blueprint | None


def _build(
    source: Source, sources: Mapping[str, Source]
) -> tuple[_Built | None, tuple[Issue, ...]]:
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
    blueprint, issues = build(source, data)
    if blueprint is None or blueprint.root == "InternetGatewayDevice.":
        return (_Built(blueprint, None) if blueprint else None), issues
    over = {key: value for key, value in data.items() if key != USP}
    for layer in reversed(chain):
        over = merge(over, layer.data.get(USP, {}))
    over_usp, issues = build_over_usp(source, blueprint, over)
    return (None if issues else _Built(blueprint, over_usp)), issues


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
