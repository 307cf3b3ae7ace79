"""Which connections a device has: what each stands on, of which mode it is, what it is for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from acs.profiles.blueprint import Blueprint, Place
from acs.profiles.compare import boolean
from acs.profiles.tree import Row, Tree, references, row_pattern
from acs.profiles.wan.places import Medium, WanPlaces


@dataclass(frozen=True, slots=True)
class Connection:
    """One connection, with the rows it stands on."""

    table: str
    row: Row
    rows: Mapping[str, Row]
    """By table, its own row included."""
    mode: str
    services: frozenset[str] | None
    """None: the device does not tell."""
    enabled: bool

    @property
    def path(self) -> str:
        """Path of its row."""
        return self.row.path

    def serves(self, word: str) -> bool:
        """Tell whether it may be for ``word``."""
        return self.services is None or word in self.services


@dataclass(frozen=True, slots=True)
class Ground:
    """What connections stand on here: the medium, and the row of it."""

    medium: Medium
    row: Row


def find_ground(places: WanPlaces, tree: Tree) -> Ground | None:
    """Return the first medium the device has."""
    for medium in places.media:
        for row in tree.rows(medium.table):
            told = tree.value(row.path + medium.leaf) if medium.leaf else None
            if not medium.leaf or (told is not None and boolean(told.text)):
                return Ground(medium, row)
    return None


def find_connections(
    places: WanPlaces, blueprint: Blueprint, tree: Tree, ground: Ground | None, carrier: str
) -> Iterator[Connection]:
    """Yield the connections that lead outside, those of a mode that nothing tells left out.

    ``carrier``: path of the one that is known to reach us, whatever it stands on.
    """
    for table in places.connections:
        for row in tree.rows(table):
            rows = _walk(places, blueprint, tree, table, row)
            outside = not places.media or (ground is not None and ground.row in rows.values())
            mode = _mode(places, tree, table, rows)
            if mode and (outside or row.path == carrier):
                yield Connection(
                    table,
                    row,
                    rows,
                    mode,
                    _services(places, tree, rows),
                    is_enabled(places, tree, table, rows),
                )


def rows_at_risk(
    places: WanPlaces, blueprint: Blueprint, tree: Tree, carrier: str
) -> frozenset[str]:
    """Return the paths of all rows that our session may depend on.

    They are those the carrier stands on; where it is not known, or no connection of this
    device, those of every connection that is on.
    """
    rows = [(table, row) for table in places.connections for row in tree.rows(table)]
    known = [(table, row) for table, row in rows if row.path == carrier]
    walks = [(table, _walk(places, blueprint, tree, table, row)) for table, row in known or rows]
    return frozenset(
        row.path
        for table, walk in walks
        if known or is_enabled(places, tree, table, walk)
        for row in walk.values()
    )


def served_apart(
    places: WanPlaces, blueprint: Blueprint, tree: Tree, carrier: str, ours: Iterable[str]
) -> frozenset[str]:
    """Return the words that a connection of its own serves, beside the Internet.

    Such a connection for management stays, so one for the Internet that is built must not draw
    our session away from it: the Internet may not lead to us.  Where the carrier is known, it is
    asked alone; else every connection that is on, but for ``ours``.
    """
    rule, own = places.service, set(ours)
    if rule is None:
        return frozenset()
    rows = [(table, row) for table in places.connections for row in tree.rows(table)]
    known = [(table, row) for table, row in rows if row.path == carrier]
    words: set[str] = set()
    for table, row in known or rows:
        walk = _walk(places, blueprint, tree, table, row)
        services = _services(places, tree, walk) or frozenset()
        counts = bool(known) or is_enabled(places, tree, table, walk)
        if counts and row.path not in own and rule.wanted not in services:
            words |= services & set(rule.keep)
    return frozenset(words)


def is_enabled(places: WanPlaces, tree: Tree, table: str, rows: Mapping[str, Row]) -> bool:
    """Tell whether a connection is switched on; one without a switch always is."""
    mine = [place for place in places.enable if place.table == table]
    told = [text for place in (*places.disable, *mine) if (text := _text(tree, rows, place))]
    return all(boolean(text) for text in told)


def _walk(
    places: WanPlaces, blueprint: Blueprint, tree: Tree, table: str, row: Row
) -> dict[str, Row]:
    """Collect the rows a connection stands on, from the top down; a loop ends it."""
    tables = blueprint.tables
    rows = {table: row}
    for outer, path in tables.items():
        if path != tables[table] and tables[table].startswith(path):
            reached = tree.reach(outer, table, row)
            if reached:
                rows[outer] = reached
    below: Row | None = row if places.reference else None
    while below is not None:
        told = tree.value(below.path + places.reference)
        below = None
        for name, found in _referred(places, tables, told.text if told else ""):
            if name not in rows:
                rows[name] = below = found
                break
    return rows


def _referred(places: WanPlaces, tables: Mapping[str, str], text: str) -> Iterator[tuple[str, Row]]:
    for path in references(text):
        for table in places.layers:
            if match := row_pattern(tables[table]).fullmatch(path):
                yield table, Row(tuple(map(int, match.groups())), path)


def _mode(places: WanPlaces, tree: Tree, table: str, rows: Mapping[str, Row]) -> str:
    rule = places.mode
    for place in rule.places:
        text = _text(tree, rows, place)
        if text is not None:
            mode = rule.words.get(text)
            if mode != "":
                return mode or ""
            break
    if table in rule.tables:
        return rule.tables[table]
    return next((mode for layer, mode in rule.layers.items() if layer in rows), "")


def _services(places: WanPlaces, tree: Tree, rows: Mapping[str, Row]) -> frozenset[str] | None:
    text = _text(tree, rows, places.service.place) if places.service else None
    return None if text is None else frozenset(word.strip() for word in text.split(","))


def _text(tree: Tree, rows: Mapping[str, Row], place: Place) -> str | None:
    value = tree.value(rows[place.table].path + place.leaf) if place.table in rows else None
    return value.text if value else None
