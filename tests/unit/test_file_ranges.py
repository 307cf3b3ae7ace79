"""Which part of a file a request gets, and how fast."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acs.files.ranges import Other, Part, select
from acs.files.throttle import Throttle

ETAG = '"abc"'


@pytest.mark.parametrize(
    ("wanted", "chosen"),
    [
        ("", Other.WHOLE),
        ("bytes=0-9", Part(0, 10)),
        ("bytes=0-0", Part(0, 1)),
        ("bytes=90-", Part(90, 10)),
        ("bytes=90-500", Part(90, 10)),
        ("bytes=-10", Part(90, 10)),
        ("bytes=-500", Part(0, 100)),
        ("BYTES = 5 - 6", Part(5, 2)),
        ("bytes=100-", Other.UNSATISFIABLE),
        ("bytes=-0", Other.UNSATISFIABLE),
        ("bytes=9-5", Other.WHOLE),
        ("bytes=-", Other.WHOLE),
        ("bytes=0-1,5-6", Other.WHOLE),
        ("lines=0-9", Other.WHOLE),
        ("bytes=a-b", Other.WHOLE),
        ("bytes=" + "9" * 40 + "-", Other.WHOLE),
    ],
)
def test_ranges_of_a_hundred_octets(wanted: str, chosen: Part | Other) -> None:
    assert select(100, ETAG, wanted=wanted) == chosen


@given(st.integers(1, 10**9), st.text(max_size=40))
def test_a_part_is_never_outside_the_file(size: int, wanted: str) -> None:
    for text in (wanted, f"bytes={wanted}"):
        match select(size, ETAG, wanted=text):
            case Part(first, length):
                assert 0 <= first < first + length <= size
            case other:
                assert other in (Other.WHOLE, Other.UNSATISFIABLE)


def test_a_part_of_another_file_than_the_one_begun_is_the_whole_of_it() -> None:
    assert select(100, ETAG, wanted="bytes=50-", if_range=ETAG) == Part(50, 50)
    assert select(100, ETAG, wanted="bytes=50-", if_range='"old"') is Other.WHOLE
    assert select(100, ETAG, wanted="bytes=50-", if_range='W/"abc"') is Other.WHOLE
    assert (
        select(100, ETAG, wanted="bytes=5-", if_range="Tue, 01 Jan 2030 00:00:00 GMT")
        is Other.WHOLE
    )


@pytest.mark.parametrize("header", [ETAG, 'W/"abc"', '"x", "abc"', "*"])
def test_what_the_client_has_is_not_sent_again(header: str) -> None:
    assert select(100, ETAG, wanted="bytes=5-", if_none_match=header) is Other.UNCHANGED


def test_what_the_client_has_not_is_sent() -> None:
    assert select(100, ETAG, if_none_match='"x", "y"') is Other.WHOLE


def test_a_throttle_holds_its_rate() -> None:
    throttle, now = Throttle(1000.0), 50.0
    began = now
    for _ in range(100):
        now += throttle.sent(500, now)
    # 50,000 octets at 1,000 a second, of which the first second's worth is free.
    assert now - began == pytest.approx(49.0)


def test_a_transfer_that_rested_does_not_make_up_for_it() -> None:
    throttle = Throttle(1000.0)
    throttle.sent(1000, 0.0)
    assert throttle.sent(3000, 1000.0) == pytest.approx(2.0)


def test_a_slow_transfer_goes_in_small_pieces() -> None:
    assert Throttle(1000).piece(65_536) == 250
    assert Throttle(10**9).piece(65_536) == 65_536
    assert Throttle(1).piece(65_536) == 1


def test_no_rate_is_no_bound() -> None:
    assert Throttle(0).piece(65_536) == 65_536
    assert Throttle(0).sent(10**9, 0.0) == 0.0
