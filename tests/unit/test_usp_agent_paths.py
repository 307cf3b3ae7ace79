"""Paths and searches as a simulated agent reads and follows them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from usp_desk import SUBSCRIPTIONS, Desk

from simulators.usp.errors import Refusal
from simulators.usp.paths import Condition, Every, Follow, Instance, Name, Search, parse
from simulators.usp.search import compare

NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,8}", fullmatch=True)
STEPS = ["Device", "WiFi", "SSID", "1", "*", "[Enable==true]", "", "LowerLayers+"]
VALUES = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=12)


def quoted(text: str) -> str:
    return '"' + text.replace("%", "%25").replace('"', "%22") + '"'


def test_each_kind_of_step() -> None:
    path = parse('Device.WiFi.SSID.3.A.*.B.[C.D=="x"&&E>=5].Ref#2+.Leaf')
    assert path.steps == (
        Name("Device"),
        Name("WiFi"),
        Name("SSID"),
        Instance(3),
        Name("A"),
        Every(),
        Name("B"),
        Search(
            (
                Condition((Name("C"),), "D", "==", "x", True),
                Condition((), "E", ">=", "5", False),
            )
        ),
        Follow("Ref", 2),
    )
    assert (path.leaf, path.is_search) == ("Leaf", True)
    assert parse("Device.A.Refs#*+.").steps[-1] == Follow("Refs", 0)


@given(st.lists(NAMES, min_size=1, max_size=5), NAMES, VALUES, st.sampled_from(["==", "!="]))
def test_a_quoted_value_is_read_as_it_was_meant(
    names: list[str], leaf: str, value: str, operator: str
) -> None:
    path = parse(f"{'.'.join(names)}.[{leaf}{operator}{quoted(value)}].")
    assert path.steps == (
        *map(Name, names),
        Search((Condition((), leaf, operator, value, True),)),
    )


@given(st.text(max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        path = parse(text)
    except Refusal as refusal:
        assert refusal.code == 7008
    else:
        assert isinstance(path.steps[0], Name)


@given(
    st.lists(st.sampled_from(STEPS), max_size=6),
    st.sampled_from(["", "SSID", "Reset()", "Boot!"]),
)
@settings(max_examples=60)
def test_any_path_is_answered(steps: list[str], leaf: str) -> None:
    text = ".".join([*steps, leaf])
    desk = _DESK
    (result,) = desk.get(text)
    assert result.err_code in (0, 7008, 7026)
    assert not (result.err_code and result.resolved_path_results)
    (rows,) = desk.instances(text)
    assert rows.err_code in (0, 7008, 7016, 7018, 7026)
    (model,) = desk.supported(text)
    assert model.err_code in (0, 7008, 7026)


_DESK = Desk()


@given(VALUES, VALUES)
@settings(max_examples=30)
def test_a_row_is_found_by_its_value_and_by_no_other(own: str, other: str) -> None:
    # A comma parts the elements of a list; blanks at the ends are kept.
    desk = Desk()
    desk.set(("Device.DeviceInfo.", {"ProvisioningCode": "x"}))
    desk.add((SUBSCRIPTIONS, {"ID": "a" + own}))
    for value in (own, other):
        (result,) = desk.get(f"{SUBSCRIPTIONS}[ID=={quoted('a' + value)}].ID")
        assert bool(result.resolved_path_results) == (value == own)


@given(st.integers(-5, 5), st.integers(-5, 5))
def test_numbers_are_compared_as_numbers(own: int, value: int) -> None:
    for operator, holds in (
        ("==", own == value),
        ("!=", own != value),
        ("<", own < value),
        (">", own > value),
        ("<=", own <= value),
        (">=", own >= value),
    ):
        assert compare("int", str(own), operator, f"{value:+d}") is holds


@pytest.mark.parametrize(
    ("own", "operator", "value", "holds"),
    [
        ("2026-01-01T00:00:00Z", "<", "2026-01-01T01:00:00Z", True),
        ("2026-01-01T00:00:00Z", "==", "2026-01-01T01:00:00+01:00", True),
        ("0001-01-01T00:00:00Z", "==", "0001-01-01T00:00:00Z", True),
        ("0001-01-01T00:00:00Z", "<", "2026-01-01T00:00:00Z", False),
        ("0001-01-01T00:00:00Z", "!=", "2026-01-01T00:00:00Z", True),
    ],
)
def test_moments_are_compared_as_moments(own: str, operator: str, value: str, holds: bool) -> None:
    assert compare("dateTime", own, operator, value) is holds


@pytest.mark.parametrize(("word", "holds"), [("b", True), ("ab", False), ("", False)])
def test_an_element_of_a_list(word: str, holds: bool) -> None:
    assert compare("string", "a, b,abc", "~=", word) is holds
