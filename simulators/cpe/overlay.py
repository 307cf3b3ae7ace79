"""What parameters one unit has: the tree that its model shares with all, and what is its own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from .modelfile import Identity, Model
from .nodes import Node, Table
from .schema import ParameterSpec


class Overlay:
    """The objects and values of one unit over the factory tree of its model.

    Paths of objects end with a dot.  ``without`` names parameters this unit's firmware does not
    have.  A path that leads nowhere raises `KeyError`.
    """

    __slots__ = ("_identity", "_model", "_tables", "_values", "_without")

    def __init__(self, model: Model, identity: Identity, without: Iterable[str]) -> None:
        self._model = model
        self._identity = identity
        lacking = frozenset(without)
        self._without = model.absent | lacking if lacking else model.absent
        self.clear()
        for path in lacking:
            self.thing(path.rpartition(".")[0] + ".")

    def clear(self) -> None:
        """Forget all that is the unit's own."""
        self._values: dict[str, str] = {}
        """What is otherwise than in the model's factory tree, by path."""
        self._tables: dict[str, Table] = {}
        """Tables whose rows are otherwise, by path."""

    # --- finding ------------------------------------------------------------------------

    def thing(self, path: str) -> Node | Table:
        """Find the object, table or row at ``path`` (empty: root)."""
        thing: Node | Table = self._model.factory
        end = 0
        for step in path.split(".")[:-1]:
            end += len(step) + 1
            if isinstance(thing, Node):
                thing = thing.children[step]
                if isinstance(thing, Table):
                    thing = self._tables.get(path[:end], thing)
            elif step.isascii() and step.isdigit():
                thing = thing.rows[int(step)]
            else:
                raise KeyError(path)
        return thing

    def table(self, path: str) -> Table:
        """Find the table at ``path``, to look at."""
        thing = self.thing(path)
        if not isinstance(thing, Table):
            raise KeyError(f"{path} is no table")
        return thing

    def parameter(self, path: str) -> tuple[Node, ParameterSpec]:
        """Find a parameter, with the object that it is in."""
        if path in self._without:
            raise KeyError(path)
        # Outside the tables that this unit changed it has what all units of the model have.
        shared = not (self._tables and path.startswith(tuple(self._tables)))
        if shared and (known := self._model.known.get(path)):
            return known
        above, _, leaf = path.rpartition(".")
        node = self.thing(above + "." if above else "")
        if isinstance(node, Table) or leaf not in node.spec.parameters:
            raise KeyError(path)
        found = node, node.spec.parameters[leaf]
        if shared:
            self._model.known[path] = found
        return found

    def value(self, path: str, node: Node, spec: ParameterSpec) -> str:
        """Return the value of parameter ``spec`` of ``node``, the object at ``path``."""
        if spec.count_of:
            table = f"{path}{spec.count_of}."
            return str(len(self.table(table).rows)) if spec.count_of in node.children else "0"
        own = self._values.get(path + spec.name)
        return self._identity.fill(node.text(spec.name)) if own is None else own

    def parameters(self, path: str, thing: Node) -> Iterator[ParameterSpec]:
        """Yield the parameters of ``thing`` itself, the object at ``path``."""
        for leaf, spec in thing.spec.parameters.items():
            if not self._without or path + leaf not in self._without:
                yield spec

    def inside(self, path: str, thing: Node | Table) -> Iterator[tuple[str, Node | Table]]:
        """Yield what is directly in an object or a table, with its path."""
        if isinstance(thing, Table):
            for number, row in thing.rows.items():
                yield f"{path}{number}.", row
            return
        for name, child in thing.children.items():
            at = f"{path}{name}."
            yield at, self._tables.get(at, child) if isinstance(child, Table) else child

    def walk(self, path: str) -> Iterator[tuple[str, Node, ParameterSpec]]:
        """Yield the parameters at and below ``path``: the object's own before those below."""
        waiting = [(path, self.thing(path))]
        while waiting:
            at, thing = waiting.pop()
            if isinstance(thing, Node):
                for spec in self.parameters(at, thing):
                    yield at, thing, spec
            waiting += reversed(list(self.inside(at, thing)))

    # --- changing -----------------------------------------------------------------------

    def store(self, path: str, text: str) -> None:
        """Give a parameter a value of the unit's own."""
        self.parameter(path)
        self._values[path] = text

    def own_table(self, path: str) -> Table:
        """Return the table at ``path`` for changing: from now on the unit has its own."""
        if path not in self._tables:
            self._tables[path] = self.table(path).copy()
        return self._tables[path]

    def drop_row(self, table: str, number: int) -> None:
        """Take a row away, with all that is in it."""
        del self.own_table(table).rows[number]
        forget(self._values, f"{table}{number}.")
        forget(self._tables, f"{table}{number}.")

    # --- keeping state ------------------------------------------------------------------

    def dump(self) -> dict[str, Any]:
        """Return what is the unit's own, for `load`."""
        return {
            "values": self._values,
            "tables": {path: (list(t.rows), t.next_row) for path, t in self._tables.items()},
        }

    def load(self, state: Mapping[str, Any]) -> None:
        """Take up, on top of nothing, what `dump` gave."""
        for path, (numbers, next_row) in sorted(state["tables"].items()):
            table = self.own_table(path)
            table.rows = {
                number: table.rows.get(number) or table.make(number) for number in numbers
            }
            table.next_row = next_row
        for path, text in state["values"].items():
            self.store(path, text)


def forget(kept: dict[str, Any], path: str) -> None:
    """Take out what is kept of paths below ``path``."""
    for name in [name for name in kept if name.startswith(path)]:
        del kept[name]
