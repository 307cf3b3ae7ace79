"""The factory state of a model as a tree that all its units share and none changes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from .schema import ObjectSpec

_MOST_ROWS = 10_000
_OWN_ROW = re.compile(r"\{(row|parent)(?:\+(\d+))?\}")


@dataclass(slots=True)
class Node:
    """An object, or one row of a table."""

    spec: ObjectSpec
    values: dict[str, str] = field(default_factory=dict)
    """Texts that are not the schema's default; placeholders are not yet filled."""
    children: dict[str, Node | Table] = field(default_factory=dict)

    def text(self, leaf: str) -> str:
        """Return the factory text of a parameter."""
        return self.values.get(leaf, self.spec.parameters[leaf].default)


@dataclass(slots=True)
class Table:
    """A table; numbers of deleted rows are not used again."""

    spec: ObjectSpec
    rows: dict[int, Node] = field(default_factory=dict)
    next_row: int = 1

    def make(self, number: int) -> Node:
        """Put a row with default values there."""
        row = fresh(self.spec)
        self.rows[number] = row
        self.next_row = max(self.next_row, number + 1)
        return row

    def copy(self) -> Table:
        """Return a table with the same rows, for a unit of its own."""
        return Table(self.spec, dict(self.rows), self.next_row)


def fresh(spec: ObjectSpec) -> Node:
    """Return an object as a new row of its table has it: tables below it are empty."""
    children: dict[str, Node | Table] = {
        name: Table(child) if child.table else fresh(child) for name, child in spec.children.items()
    }
    return Node(spec, children=children)


def build(
    root: ObjectSpec,
    rows: Mapping[str, Mapping[str, Mapping[str, str]]],
    values: Mapping[str, str],
    drop: Mapping[str, str] = MappingProxyType({}),
) -> Node:
    """Make the factory tree.

    ``rows`` gives, for the path of a table, the values of each row; ``*`` in a path stands
    for every row there is, a number may be a range such as ``1-8``.  In a text ``{row}`` is
    the row's own number, ``{parent}`` that of the row above.  ``drop`` takes rows of a table
    away again.  Raises `KeyError` for paths that the schema does not have, `ValueError` for
    what is no table or no range of rows.
    """
    tree = fresh(root)
    for path, given in sorted(rows.items(), key=lambda item: item[0].count(".")):
        for parent, table in tables(tree, path):
            for numbers, texts in given.items():
                for number in _range(numbers):
                    row = table.rows.get(number) or table.make(number)
                    for name, text in texts.items():
                        _set(row, name, _numbered(text, number, parent))
    for path, numbers in drop.items():
        for _, table in tables(tree, path):
            for number in _range(numbers):
                del table.rows[number]
    for path, text in values.items():
        _set(tree, path, text)
    return tree


def tables(tree: Node, path: str) -> Iterator[tuple[int, Table]]:
    """Yield the tables that ``path`` means, with the number of the row each is in."""
    found: list[tuple[int, Node | Table]] = [(0, tree)]
    for step in path.removesuffix(".").split("."):
        below: list[tuple[int, Node | Table]] = []
        for above, thing in found:
            if isinstance(thing, Node):
                below.append((above, thing.children[step]))
            elif step == "*":
                below += thing.rows.items()
            else:
                below.append((int(step), thing.rows[int(step)]))
        found = below
    for above, thing in found:
        if not isinstance(thing, Table):
            raise ValueError(f"{path} is no table")
        yield above, thing


def _set(thing: Node, path: str, text: str) -> None:
    *steps, leaf = path.split(".")
    at: Node | Table = thing
    try:
        for step in steps:
            at = at.children[step] if isinstance(at, Node) else at.rows[int(step)]
    except (KeyError, ValueError):
        raise KeyError(path) from None
    if isinstance(at, Table) or leaf not in at.spec.parameters:
        raise KeyError(path)
    at.values[leaf] = text


def _numbered(text: str, row: int, parent: int) -> str:
    numbers = {"row": row, "parent": parent}
    return _OWN_ROW.sub(lambda found: str(numbers[found[1]] + int(found[2] or 0)), text)


def _range(numbers: str) -> range:
    first, _, last = numbers.partition("-")
    try:
        found = range(int(first), int(last or first) + 1)
    except ValueError:
        raise ValueError(f"{numbers!r} is no row, nor a range of rows such as 1-8") from None
    if len(found) > _MOST_ROWS:
        raise ValueError(f"{numbers!r} are more than {_MOST_ROWS} rows")
    return found
