"""Digit maps: under ours 911 goes through at once; where it does not, that is noticed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acs.profiles import DialPlan, Intent, VoiceLine, check
from acs.profiles.dial_plans import DIGIT_MAPS, emergency_waits

FACTORY = "112|19[2-5]|1x.t|[2-8]x.t|9x.t|0xx.t"
"""Of an XX230v as it comes."""


def test_the_factory_map_has_911_wait() -> None:
    assert emergency_waits(FACTORY)
    assert not emergency_waits(f"911|{FACTORY}")


def test_our_maps_let_911_through_first_and_at_once() -> None:
    for digit_map in DIGIT_MAPS.values():
        assert digit_map.split("|")[0] == "911"
        assert not emergency_waits(digit_map)
        assert len(digit_map) <= 256


@pytest.mark.parametrize("number", ["911", "988", "811", "4185550100", "14185550100"])
def test_numbers_of_quebec_go_through_without_a_pause(number: str) -> None:
    assert not emergency_waits(DIGIT_MAPS[DialPlan.QUEBEC], number)


@pytest.mark.parametrize("number", ["988", "4185550100", "14185550100", "9115", "0", "*67"])
def test_a_suspended_line_lets_911_through_alone(number: str) -> None:
    only = DIGIT_MAPS[DialPlan.EMERGENCY]
    assert not emergency_waits(only)
    assert emergency_waits(only, number), "no alternative takes it, now or later"
    assert "." not in only
    assert "t" not in only.lower()


@pytest.mark.parametrize("number", ["01133145678901", "*67"])
def test_numbers_of_unknown_length_wait_for_a_pause(number: str) -> None:
    assert emergency_waits(DIGIT_MAPS[DialPlan.QUEBEC], number)


@pytest.mark.parametrize(
    ("digit_map", "waits"),
    [
        ("911", False),
        ("(911|x.t)", False),
        ("[2-9]11", False),
        ("xxx", False),
        ("9x.", False),
        ("91[12]", False),
        ("9x.t", True),
        ("911t", True),
        ("91", True),
        ("9111", True),
        ("[8]11", True),
        ("[9", True),
        (".911", True),
        ("", True),
    ],
)
def test_what_places_a_call_at_once(digit_map: str, waits: bool) -> None:
    assert emergency_waits(digit_map) is waits


@given(st.text("0123456789xXtT.[]-|()*#", max_size=30))
def test_any_text_is_judged_and_911_before_it_helps(digit_map: str) -> None:
    emergency_waits(digit_map)
    if not digit_map.endswith(")"):
        assert not emergency_waits(f"911|{digit_map}")


def test_a_plan_by_name_is_a_map_and_a_map_wins_over_it() -> None:
    named = VoiceLine(dial_plan=DialPlan.QUEBEC)
    assert named.wanted_digit_map == DIGIT_MAPS[DialPlan.QUEBEC]
    assert VoiceLine(dial_plan=DialPlan.QUEBEC, digit_map="x.t").wanted_digit_map == "x.t"
    assert check(Intent(voice=(named,))).problems == ()


def test_no_map_takes_long_to_look_at() -> None:
    """Each of these has more ways to fit ten digits than anybody could try."""
    assert emergency_waits("x." * 127 + "t", "4185550100")
    assert emergency_waits("x." * 127 + "0", "4185550109")
    assert not emergency_waits("x." * 127 + "0", "4185550100")
