"""Rows of tables, found by one look at each name, and rows reached by reference."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from acs.model import Value
from acs.profiles import Library
from acs.profiles.blueprint import Blueprint, Join
from acs.profiles.tree import MOST_REFERENCES, Row, Tree, row_pattern

TABLES = {
    "plain": "A.B.{i}.",
    "inner": "A.B.{i}.C.{i}.",
    "literal": "A.B.1.C.{i}.",
    "zero": "A.0.B.{i}.",
    "both": "A.B.{i}.C.2.B.{i}.",
    "numbers": "A.1.{i}.",
}
PARTS = ["A", "B", "C", "0", "1", "2", "02", "12345678901", "{i}", ""]
NAMES = st.lists(st.sampled_from(PARTS), min_size=1, max_size=8).map(".".join)


BASE = Library.load().get("tr181")


def blueprint(tables: dict[str, str], joins: dict[str, Join] | None = None) -> Blueprint:
    assert BASE is not None
    return replace(BASE, tables=tables, joins=joins or {})


def as_defined(table: str, names: list[str]) -> tuple[Row, ...]:
    """The rows of a table are the beginnings of names that its expression matches."""
    matches = filter(None, map(row_pattern(table).match, names))
    return tuple(sorted({Row(tuple(map(int, m.groups())), m[0]) for m in matches}))


@example(["A.B.{i}.C.1.A"], 0)
@given(st.lists(NAMES | NAMES.map("A.B.{}".format), max_size=30), st.integers(0, 30))
def test_rows_are_those_of_the_plain_definition(names: list[str], listed: int) -> None:
    tree = Tree(blueprint(TABLES), dict.fromkeys(names[listed:], Value("x")), names[:listed])
    found = {name: tree.rows(name) for name in TABLES}
    assert found == {name: as_defined(path, names) for name, path in TABLES.items()}


@pytest.mark.parametrize(
    ("table", "name", "rows"),
    [
        ("plain", "A.B.7.C.3.Leaf", [Row((7,), "A.B.7.")]),
        ("inner", "A.B.7.C.3.Leaf", [Row((7, 3), "A.B.7.C.3.")]),
        ("literal", "A.B.1.C.3.Leaf", [Row((3,), "A.B.1.C.3.")]),
        ("literal", "A.B.2.C.3.Leaf", []),
        ("zero", "A.0.B.4.Leaf", [Row((4,), "A.0.B.4.")]),
        ("both", "A.B.9.C.2.B.5.", [Row((9, 5), "A.B.9.C.2.B.5.")]),
        ("both", "A.B.9.C.3.B.5.", []),
        ("plain", "A.B.7", []),
        ("plain", "A.B.07.Leaf", []),
    ],
)
def test_a_number_in_the_blueprint_is_no_instance_number(
    table: str, name: str, rows: list[Row]
) -> None:
    assert list(Tree(blueprint(TABLES), {name: Value("x")}).rows(table)) == rows


def test_a_name_that_is_far_too_long_still_lies_in_its_row() -> None:
    name = "A.B.7." + "x" * 10_000 + ".1" * 10_000
    assert Tree(blueprint(TABLES), {name: Value("x")}).rows("plain") == (Row((7,), "A.B.7."),)


class TestReferences:
    def reached(self, text: str) -> Row | None:
        values = {"A.1.Ref": Value(text), "B.1.X": Value("x"), "B.2.X": Value("x")}
        tables = {"from": "A.{i}.", "to": "B.{i}."}
        tree = Tree(blueprint(tables, {"to": Join("from", reference="Ref")}), values)
        return tree.reach("to", "from", tree.rows("from")[0])

    def test_the_first_that_is_a_row_of_the_table_counts(self) -> None:
        assert self.reached("C.1, B.9., B.2, B.1.") == Row((2,), "B.2.")

    def test_a_list_is_followed_so_far_and_no_further(self) -> None:
        elsewhere = ["C.1."] * (MOST_REFERENCES - 1)
        assert self.reached(",".join([*elsewhere, "B.1."])) == Row((1,), "B.1.")
        assert self.reached(",".join([*elsewhere, "C.2.", "B.1."])) is None

    def test_the_first_row_of_a_number_is_taken_where_two_have_it(self) -> None:
        tables = {"from": "A.{i}.", "to": "B.{i}.C.{i}."}
        names = ["A.4.X", "B.2.C.4.X", "B.1.C.4.X"]
        made = blueprint(tables, {"to": Join("from", same_number=True)})
        tree = Tree(made, dict.fromkeys(names, Value("x")))
        assert tree.reach("to", "from", tree.rows("from")[0]) == Row((1, 4), "B.1.C.4.")
