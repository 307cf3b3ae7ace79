"""The names that models have, as far as they are known, and what follows from them.

A name stands here with ``{i}`` for its instance numbers, so that it holds for every device of a
model and firmware.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from enum import StrEnum

from acs.devices.agents import Agent
from acs.devices.effects import SaveModelNames
from acs.devices.record import Device
from acs.profiles.blueprint import Blueprint, Constant, Place, Setting

ROOT = ""
"""Stands for the whole tree; with no name beside it, for a listing that broke off at once."""
CLAIM_SECONDS = 3600.0
"""Nobody else of a model is asked for so long, whatever comes of it."""
MOST_MODELS = 2000
"""Models whose names are asked for unbidden: a device may call itself anew each time."""

_INSTANCE = re.compile(r"\.(?:[0-9]+|\[[^\]]*\])(?=\.)")


class Discovery(StrEnum):
    """How the names of a model are to be asked for."""

    NONE = "none"
    """Not now: they are known, or another device is being asked."""
    WHOLE = "whole"
    """All at once."""
    BY_LEVEL = "by level"
    """Object by object: a device broke off when it was asked for all at once."""


def model_key(device: Device | Agent) -> str:
    """Name a model and firmware, as facts about models are kept by it.

    The same firmware has other names over USP: LocalAgent. for ManagementServer., commands.
    """
    words = (device.manufacturer, device.model, device.hardware, device.software)
    speaks_usp = isinstance(device, Agent) or device.protocol == "usp"
    return "|".join((*words, "usp") if speaks_usp else words)


def general(path: str) -> str:
    """Write ``{i}`` for instance numbers (and aliases) of a path."""
    return _INSTANCE.sub(".{i}", path)


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The names of one model."""

    names: frozenset[str]
    unlisted: tuple[str, ...]
    filled: frozenset[str]
    """Objects of which at least one leaf is known."""

    @classmethod
    def of(cls, names: Iterable[str], unlisted: Iterable[str] = ()) -> Vocabulary:
        """Make it of names with ``{i}``; below ``unlisted`` nothing follows from absence."""
        known = frozenset(names)
        leaves = (name for name in known if not name.endswith("."))
        return cls(known, tuple(unlisted), frozenset(_parent(leaf) for leaf in leaves))

    def lacks(self, name: str) -> bool:
        """Tell whether the model surely has no leaf ``name``.

        Only where other leaves of the same object were seen: a table without rows, and an object
        that a device does not list, say nothing of what stands below them.
        """
        parent = _parent(name)
        return (
            name not in self.names
            and parent in self.filled
            and not any(parent.startswith(unlisted) for unlisted in self.unlisted)
        )


def _parent(name: str) -> str:
    return name.rpartition(".")[0] + "."


class KnownNames:
    """What is known of all models: which optional names they lack, and whose names to ask for."""

    def __init__(self, optional: Iterable[str], known: Mapping[str, Vocabulary]) -> None:
        """``optional``: names, with ``{i}``, that some model may lack."""
        self._optional = frozenset(optional)
        self._lacking: dict[str, frozenset[str]] = {}
        self._by_level: set[str] = set()
        self._claims: dict[str, float] = {}
        for key, vocabulary in known.items():
            self._take(key, vocabulary)

    def learn(self, effect: SaveModelNames) -> None:
        """Take what a device listed."""
        self._take(effect.model_key, Vocabulary.of(effect.names, effect.unlisted))

    def _take(self, key: str, vocabulary: Vocabulary) -> None:
        if not vocabulary.names and ROOT in vocabulary.unlisted:
            self._by_level.add(key)
            return
        self._by_level.discard(key)
        self._lacking[key] = frozenset(filter(vocabulary.lacks, self._optional))

    def lacking(self, key: str) -> frozenset[str]:
        """Optional names the model surely lacks."""
        return self._lacking.get(key, frozenset())

    def claim(self, key: str, now: float) -> Discovery:
        """Say how one device of the model is to be asked now; the next one is asked no more."""
        if len(self._claims) >= MOST_MODELS:
            self._claims = {k: at for k, at in self._claims.items() if now - at < CLAIM_SECONDS}
        if max(len(self._lacking), len(self._claims)) >= MOST_MODELS:
            return Discovery.NONE
        claimed = self._claims.get(key)
        if key in self._lacking or (claimed is not None and 0 <= now - claimed < CLAIM_SECONDS):
            return Discovery.NONE
        self._claims[key] = now
        return Discovery.BY_LEVEL if key in self._by_level else Discovery.WHOLE


def is_at(path: str, place: str) -> bool:
    """Tell whether ``path`` is ``place`` or stands below it; the empty place is the root.

    A place is an object, with or without its final dot, or a parameter.
    """
    return not place or path == place or path.startswith(place.rstrip(".") + ".")


def optional_names(blueprints: Iterable[Blueprint]) -> frozenset[str]:
    """Names, with ``{i}``, that blueprints write where a model has them and that none requires."""
    optional: set[str] = set()
    required: set[str] = set()
    for blueprint in blueprints:
        for place, needed in _places(blueprint):
            name = blueprint.tables.get(place.table, "") + place.leaf
            (required if needed else optional).add(general(name))
    return frozenset(optional - required)


def _places(part: object) -> Iterator[tuple[Place, bool]]:
    """Every place of a blueprint's settings, and whether a device must have it."""
    match part:
        case Setting(write=write, first_of=first_of, if_present=if_present, also=also):
            yield from ((place, True) for place in write)
            yield from ((place, False) for place in (*first_of, *if_present))
            yield from ((constant.place, False) for constant in also)
        case Constant(place=place):
            yield place, False
        case Place() | str():
            return
        case Mapping():
            for value in part.values():
                yield from _places(value)
        case tuple():
            for value in part:
                yield from _places(value)
        case _ if is_dataclass(part) and not isinstance(part, type):
            for each in fields(part):
                yield from _places(getattr(part, each.name))
        case _:
            return
