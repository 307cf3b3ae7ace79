"""What of a blueprint a device has: which of its settings have their places on a given tree."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from acs.profiles.blueprint import Blueprint, Place, Setting
from acs.profiles.intent import Band, Role
from acs.profiles.tree import Row, Tree
from acs.profiles.wants import Spot
from acs.profiles.wifi import find_networks


class Found(NamedTuple):
    """A network a tree has, as a blueprint sees it."""

    band: Band
    role: Role
    row: str
    """Path of its row."""


class Uncovered(NamedTuple):
    """A setting that has no place on a tree."""

    key: str
    places: tuple[str, ...]


def networks(blueprint: Blueprint, tree: Tree) -> tuple[Found, ...]:
    """Return the networks of a tree, by band and role."""
    found = {
        place: row.path
        for wifi in (blueprint.wifi_inner, blueprint.wifi)
        if wifi
        for place, row in find_networks(wifi, tree).items()
    }
    return tuple(
        Found(band, role, found[band, role])
        for band in Band
        for role in Role
        if (band, role) in found
    )


def lines(blueprint: Blueprint, tree: Tree) -> tuple[str, ...]:
    """Return the paths of the rows that are telephone lines; the first is line 1."""
    return tuple(row.path for row in tree.rows(blueprint.voice.line)) if blueprint.voice else ()


def uncovered(blueprint: Blueprint, tree: Tree) -> Iterator[Uncovered]:
    """Yield the settings a tree has no place for; without a network or a line, none of theirs."""
    for key, setting in blueprint.settings:
        spots = list(_spots(key, blueprint, tree))
        if spots and not any(_has(setting, spot) for spot in spots):
            places = (spots[0].path(place) or str(place) for place in _needed(setting))
            yield Uncovered(key, tuple(places))


def _spots(key: str, blueprint: Blueprint, tree: Tree) -> Iterator[Spot]:
    part = key.partition(".")[0]
    wifi = {"wifi": blueprint.wifi, "wifi_inner": blueprint.wifi_inner}.get(part)
    rows: tuple[Row, ...] | None = None
    if wifi:
        base, rows = wifi.network, tuple(find_networks(wifi, tree).values())
    elif part == "voice" and blueprint.voice:
        base, rows = blueprint.voice.line, tree.rows(blueprint.voice.line)
    if rows is None:
        yield Spot(blueprint, tree)
    else:
        yield from (Spot(blueprint, tree, base, row) for row in rows)


def _needed(setting: Setting) -> tuple[Place, ...]:
    return (*setting.write, *setting.first_of)


def _has(setting: Setting, spot: Spot) -> bool:
    return all(spot.present(place) for place in setting.write) and (
        not setting.first_of or any(spot.present(place) for place in setting.first_of)
    )
