"""Curves of arrival, shares of a fleet, and the words for what its units do wrong."""

from __future__ import annotations

from dataclasses import fields
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.cpe.addresses import NetworkError, sources
from simulators.cpe.arrivals import (
    Arrivals,
    ArrivalsError,
    Once,
    Ramp,
    Steady,
    Storm,
    parse_arrivals,
    times,
)
from simulators.cpe.hostile import DOCUMENTS
from simulators.cpe.misbehaviour import GOOD, Misbehaviour
from simulators.cpe.repertoire import WRONGS, WrongError, misbehave
from simulators.cpe.shares import Share, ShareError, deal, parse_share

COUNTS = st.integers(0, 300)
SEEDS = st.integers(0, 2**32)
RATES = st.floats(0.01, 1000)
CURVES = st.one_of(
    st.just(Once()),
    st.builds(Steady, RATES),
    st.builds(Ramp, st.floats(0, 1000), RATES, st.floats(0.1, 1000)),
    st.builds(Storm, st.floats(0.1, 1000)),
)


def bound(arrivals: Arrivals, count: int) -> float:
    """When the last of ``count`` has called for sure."""
    match arrivals:
        case Once():
            return 0.0
        case Steady(rate):
            return count / rate
        case Ramp(start, end, seconds):
            by_then = (start + end) / 2 * seconds
            return seconds + max(0.0, count - by_then) / end
        case Storm(within):
            return within


@given(CURVES, COUNTS, SEEDS)
def test_each_unit_has_its_time_in_order_and_in_bounds(
    arrivals: Arrivals, count: int, seed: int
) -> None:
    found = times(arrivals, count, Random(seed))
    assert len(found) == count
    assert all(before <= after for before, after in pairwise(found))
    assert all(0 <= at <= bound(arrivals, count) * 1.000001 for at in found)


@given(CURVES, COUNTS, SEEDS)
def test_the_same_seed_gives_the_same_times(arrivals: Arrivals, count: int, seed: int) -> None:
    assert times(arrivals, count, Random(seed)) == times(arrivals, count, Random(seed))


def test_a_steady_rate_is_kept_in_every_second() -> None:
    found = times(Steady(25), 250, Random(1))
    assert [sum(second <= at < second + 1 for at in found) for second in range(10)] == [25] * 10


def test_a_ramp_becomes_as_fast_as_it_says_and_stays_so() -> None:
    found = times(Ramp(0, 100, 10), 1000, Random(1))
    each = [sum(second <= at < second + 1 for at in found) for second in range(15)]
    assert all(abs(calls - (5 + 10 * second)) <= 2 for second, calls in enumerate(each[:10]))
    assert all(abs(calls - 100) <= 1 for calls in each[10:])


def test_a_storm_is_crowded_early_and_has_a_long_tail() -> None:
    found = times(Storm(100), 10_000, Random(1))
    quarters = [sum(low <= at < low + 25 for at in found) for low in (0, 25, 50, 75)]
    assert quarters[0] + quarters[1] > 0.85 * len(found)
    assert quarters[2] > quarters[3] > 0


@pytest.mark.parametrize(
    ("given", "curve"),
    [
        ("once", Once()),
        ("steady:2.5", Steady(2.5)),
        ("ramp:0,50,60", Ramp(0, 50, 60)),
        ("storm:30", Storm(30)),
        ({"curve": "storm", "within": 30}, Storm(30)),
        ({"curve": "ramp", "start": 1, "end": 2, "seconds": 3}, Ramp(1, 2, 3)),
    ],
)
def test_curves_are_read(given: str | dict[str, object], curve: Arrivals) -> None:
    assert parse_arrivals(given) == curve


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ("tide:3", "there are once, steady, ramp, storm"),
        ("storm", "storm:WITHIN"),
        ("storm:1,2", "storm:WITHIN"),
        ("storm:soon", "within must be a number"),
        ("steady:0", "above 0"),
        ("steady:-1", "must not be -1"),
        ("storm:inf", "must not be inf"),
        ({"curve": "storm", "rate": 3}, "storm has no rate, but within"),
        ({"curve": "storm"}, "storm lacks within"),
        ({"within": 3}, "no curve ''"),
        ({"curve": "storm", "within": True}, "must be a number"),
    ],
)
def test_a_curve_that_cannot_be_read_says_why(given: str | dict[str, object], reason: str) -> None:
    with pytest.raises(ArrivalsError, match=reason):
        parse_arrivals(given)


# --- what units do wrong


def test_every_word_changes_one_setting_of_a_unit() -> None:
    known = {field.name for field in fields(Misbehaviour)}
    for name, wrong in WRONGS.items():
        changed = misbehave([name])
        assert wrong.setting in known
        assert getattr(changed, wrong.setting) != getattr(GOOD, wrong.setting), name


def test_words_have_values_and_may_come_together() -> None:
    found = misbehave(["slow=3", "hang-up=2", "wrong-password", "clock-skew=-86400"])
    assert found == Misbehaviour(
        slow=3.0, hang_up_after=2, wrong_password=True, clock_skew=-86400.0
    )


def test_units_take_turns_through_the_hostile_documents() -> None:
    names = [misbehave(["hostile"], number=n).hostile for n in range(len(DOCUMENTS) + 1)]
    assert names[:-1] == list(DOCUMENTS)
    assert names[-1] == names[0]


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("loud", "no fault 'loud'; there are slow"),
        ("silent=3", "silent takes no value"),
        ("slow=ages", "SECONDS"),
        ("slow=-1", "a number from 0 to 86400"),
        ("hang-up=x", "N must be a whole number"),
        ("flood=nan", "PER_SECOND"),
        ("hostile=polite", "one of any, dtd"),
    ],
)
def test_a_word_that_means_nothing_says_what_there_is(word: str, reason: str) -> None:
    with pytest.raises(WrongError, match=reason):
        misbehave([word])


@pytest.mark.parametrize(
    ("text", "share"),
    [
        ("0.05:silent", Share(0.05, ("silent",))),
        ("5%:slow=3+hang-up", Share(0.05, ("slow=3", "hang-up"))),
        ("1:restless", Share(1.0, ("restless",))),
    ],
)
def test_shares_are_read(text: str, share: Share) -> None:
    assert parse_share(text) == share


@pytest.mark.parametrize(
    "text", ["silent", ":silent", "0.1:", "x:silent", "1.5:silent", "200%:slow"]
)
def test_a_share_that_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(ShareError):
        parse_share(text)
    with pytest.raises(WrongError):
        parse_share("0.1:loud")


@given(st.integers(1, 500), SEEDS)
def test_shares_are_dealt_apart_in_their_size_and_again_by_their_seed(
    count: int, seed: int
) -> None:
    shares = [parse_share("0.25:silent"), parse_share("10%:slow=2")]
    sizes = [share.of(count) for share in shares]
    if sum(sizes) > count:
        with pytest.raises(ShareError):
            deal(shares, count, seed)
        return
    dealt = deal(shares, count, seed)
    assert sum(wrong.silent for wrong in dealt.values()) == sizes[0] == max(1, round(count / 4))
    assert sum(wrong.slow == 2 for wrong in dealt.values()) == sizes[1]
    assert len(dealt) == sum(sizes)
    assert set(dealt) <= set(range(count))
    assert deal(shares, count, seed) == dealt


def test_another_seed_deals_to_others() -> None:
    shares = [parse_share("0.1:silent")]
    assert set(deal(shares, 1000, 1)) != set(deal(shares, 1000, 2))


# --- addresses


def test_units_call_from_addresses_of_their_own() -> None:
    source = sources("127.1.0.0/30")
    assert [source(number) for number in range(3)] == ["127.1.0.1", "127.1.0.2", "127.1.0.1"]
    assert sources("127.0.0.5")(7) == "127.0.0.5"
    with pytest.raises(NetworkError, match=r"127\.1\.0\.0/16"):
        sources("127.1/99")
