"""The rows of a connection we build: those that are there already, and those still to be made."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from acs.devices.record import Unfinished
from acs.model import Secret, Value, ValueType
from acs.profiles.blueprint import ROW, Blueprint, Constant, Place, Setting
from acs.profiles.changes import Creation
from acs.profiles.compare import same
from acs.profiles.intent import Problem, Wan
from acs.profiles.tree import Row, Tree
from acs.profiles.wan.places import MODES, NAME, BuildStep, WanPlaces, symbols_of
from acs.profiles.wants import Want, spell

WHERE = "wan"
_OF_THE_DEVICE = "cpe-"
"""How an Alias begins that nobody has set (TR-106 3.6.1)."""


class Chain:
    """Rows by table; a row that is still to be made has its symbol for a number."""

    def __init__(
        self,
        places: WanPlaces,
        blueprint: Blueprint,
        tree: Tree,
        steps: tuple[BuildStep, ...],
        name: str,
        rows: Mapping[str, Row],
        served: frozenset[str] = frozenset(),
    ) -> None:
        self._places = places
        self._served = served
        self._blueprint = blueprint
        self._tree = tree
        self._steps = steps
        self._name = name
        self.rows = dict(rows)

    def find(self, unfinished: Unfinished | None) -> None:
        """Find rows of ours: those an unfinished build has left, else by what is set in them."""
        for step in self._steps:
            if step.add and step.add not in self.rows:
                row = self._remembered(step.add, unfinished) or self._matching(step)
                if row is not None:
                    self.rows[step.add] = row
        for table, row in list(self.rows.items()):
            for step in self._steps:
                outer = self._blueprint.tables.get(step.add, "")
                if outer and _inside(self._blueprint.tables[table], outer):
                    reached = self._tree.reach(step.add, table, row)
                    if reached:
                        self.rows.setdefault(step.add, reached)

    def left_over(self, unfinished: Unfinished | None) -> Iterator[Row]:
        """Yield rows of an unfinished build that have no part in this one, the last made first."""
        if unfinished is None:
            return
        mine = {row.path for row in self.rows.values()}
        names = tuple(map(self._places.name_for, MODES))
        for table, path in reversed(list(unfinished.rows.items())):
            for row in self._tree.rows(table) if table in self._blueprint.tables else ():
                if row.path == path and path not in mine and self._named(row, names):
                    yield row

    def creation(self, table: str) -> Creation:
        """Say how a row of ``table`` is made, and let it count as there from now on."""
        tables = self._blueprint.tables
        outer = max(
            (name for name in self.rows if _inside(tables[table], tables[name])),
            key=lambda name: len(tables[name]),
            default=None,
        )
        head = self.rows[outer].path if outer else ""
        rest = tables[table].removeprefix(tables[outer] if outer else "")
        creation = Creation(head + rest.removesuffix(f"{ROW}."), table)
        self.rows[table] = Row((), creation.row)
        return creation

    def wants(self, step: BuildStep, wish: Wan) -> Iterator[Want | Problem]:
        """Yield what ``step`` sets, or what the device has no place for."""
        found: dict[str, Want] = {}
        for constants, optional in ((step.set, False), (step.also, True)):
            for constant in constants:
                path = self._path(constant.place)
                if not optional and not self._has(path):
                    yield Problem(WHERE, step.name, f"the device has no {path}")
                if self._has(path):
                    found[path] = self._constant(constant, path, step, optional)
        for name in step.wish:
            value = getattr(wish, name)
            setting = self._places.settings[name]
            for place in self._targets(setting) if value is not None else ():
                path = self._path(place)
                if not self._has(path):
                    yield Problem(WHERE, name, f"the device has no {path}")
                    continue
                spelled = spell(value, setting, self._type(place, path), self._blueprint)
                found[path] = Want(path, spelled, WHERE, name, secret=_secret(value, setting))
        yield from found.values()

    def switches(self, places: tuple[Place, ...], on: bool) -> Iterator[Want]:
        """Yield the switches among ``places`` that the chain has."""
        for place in places:
            if place.table not in self.rows:
                continue
            path = self._path(place)
            if self._has(path):
                value = spell(on, Setting(), ValueType.BOOLEAN, self._blueprint)
                mine = place.table in self._places.connections
                yield Want(path, value, WHERE, "on" if on else "off", optional=not mine)

    def _constant(self, constant: Constant, path: str, step: BuildStep, optional: bool) -> Want:
        text = constant.value
        reference = text != NAME and bool(symbols_of(text))
        if text == NAME:
            text = self._name
        elif reference and (row := self._referred(text)):
            text = row.path if self._places.final_dot else row.path.rstrip(".")
        value = spell(text, Setting(), self._type(constant.place, path), self._blueprint)
        value = self._keeping_services(constant.place, path, value)
        return Want(path, value, WHERE, step.name, optional=optional, reference=reference)

    def _referred(self, value: bool | int | str) -> Row | None:
        """Return the row that ``{ppp|vlan}`` stands for; None while it is not there yet."""
        planned = {step.add for step in self._steps} | self.rows.keys()
        symbol = next((name for name in symbols_of(value) if name in planned), "")
        return self.rows.get(symbol)

    def _keeping_services(self, place: Place, path: str, value: Value) -> Value:
        """Add the words that must not be lost, such as that by which a connection carries us.

        What another connection serves and goes on serving is not taken over from it.
        """
        rule, current = self._places.service, self._tree.value(path)
        if rule is None or place != rule.place:
            return value
        has = [word.strip() for word in current.text.split(",")] if current else []
        words = [word.strip() for word in value.text.split(",")]
        words = [word for word in words if word in has or word not in self._served]
        kept = [word for word in rule.keep if word in has and word not in words]
        if current and {*words, *kept} == set(has):
            return current
        return Value(",".join((*words, *kept)), value.type)

    def _targets(self, setting: Setting) -> tuple[Place, ...]:
        """Return where a setting is written: of alternatives the one another row shows."""
        if not setting.first_of:
            return setting.write
        shown = (place for place in setting.first_of if self._shown(place))
        return (*setting.write, next(shown, setting.first_of[0]))

    def _shown(self, place: Place) -> bool:
        rows = self._tree.rows(place.table) if place.table else ()
        return any(self._tree.value(row.path + place.leaf) is not None for row in rows)

    def _path(self, place: Place) -> str:
        return self.rows[place.table].path + place.leaf if place.table else place.leaf

    def _has(self, path: str) -> bool:
        """Tell whether the device has it; of a row that is still to be made nobody knows."""
        return "{" in path or self._tree.value(path) is not None

    def _type(self, place: Place, path: str) -> ValueType:
        """Type by the leaf itself, else by the same leaf of another row."""
        rows = self._tree.rows(place.table) if place.table else ()
        for name in (path, *(row.path + place.leaf for row in rows)):
            value = self._tree.value(name)
            if value is not None:
                return value.type
        return ValueType.STRING

    def _remembered(self, table: str, unfinished: Unfinished | None) -> Row | None:
        if unfinished is None:
            return None
        rows = self._tree.rows(table)
        if path := unfinished.rows.get(table):
            return next((r for r in rows if r.path == path and self._unclaimed(r)), None)
        if unfinished.adding == table:
            new = [
                row
                for row in rows
                if row.path not in unfinished.before
                and self._unclaimed(row)
                and self._stands_on_nothing(row)
            ]
            # Of several, nobody knows which is ours.
            return new[0] if len(new) == 1 else None
        return None

    def _unclaimed(self, row: Row) -> bool:
        return self._named(row, (self._name,))

    def _named(self, row: Row, names: Iterable[str]) -> bool:
        """Tell whether a row has one of ``names``, or none that somebody gave it."""
        alias = self._tree.value(row.path + self._places.alias)
        return alias is None or alias.text in ("", *names) or alias.text.startswith(_OF_THE_DEVICE)

    def _stands_on_nothing(self, row: Row) -> bool:
        below = self._tree.value(row.path + self._places.reference)
        return not self._places.reference or below is None or not below.text

    def _matching(self, step: BuildStep) -> Row | None:
        for leaf in step.find:
            wanted = self._identity(Place(step.add, leaf))
            for row in self._tree.rows(step.add) if wanted else ():
                value = self._tree.value(row.path + leaf)
                if value is not None and same(Value(wanted), value, reference=True):
                    return row
        return None

    def _identity(self, place: Place) -> str:
        """Return what our row holds at ``place``, or nothing when that is not known yet."""
        constants = (c for step in self._steps for c in (*step.set, *step.also))
        for constant in constants:
            if constant.place != place or not isinstance(constant.value, str):
                continue
            if constant.value == NAME:
                return self._name
            row = self._referred(constant.value)
            if row is not None:
                return row.path
        return ""


def _inside(path: str, outer: str) -> bool:
    return path != outer and path.startswith(outer)


def _secret(value: object, setting: Setting) -> bool:
    return setting.secret or isinstance(value, Secret)
