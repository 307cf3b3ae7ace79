"""Reports as one HTML page: complete in itself, and text stays text."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from simulators.page import Mark, Page, Tone
from simulators.page.figures import bins, quantile, quantile_curve, shown
from simulators.page.plot import COLORS, thin

EVIL = '<script>alert("1")</script>&'


def full_page() -> str:
    page = Page(f"Title {EVIL}", f"Intro {EVIL}\n\nSecond paragraph")
    page.heading(f"Heading {EVIL}")
    page.table([EVIL, "n"], [[EVIL, 3], [Mark(EVIL, Tone.BAD), None]], title=EVIL, note=EVIL)
    page.lines(EVIL, {EVIL: [(0, 1), (1, 5), (2, 3)]}, x=EVIL, y=EVIL, note=EVIL)
    page.bars(EVIL, {EVIL: 4, "other": 2}, x=EVIL)
    page.histogram(EVIL, [1, 2, 2, 3], x=EVIL)
    page.percentiles(EVIL, {EVIL: [3, 1, 2]}, y=EVIL)
    return page.html()


def drawings(html: str) -> list[etree._Element]:
    return [etree.fromstring(svg) for svg in re.findall(r"<svg.*?</svg>", html, re.S)]


def test_page_refers_to_nothing_outside_and_runs_no_script() -> None:
    html = full_page()
    addresses = set(re.findall(r"https?://[^\"'<\s]+", html))
    assert addresses == {"http://www.w3.org/2000/svg"}
    assert not re.search(r"<(script|link|img|iframe|object)\b|@import|url\(", html)
    assert not re.search(r"\s(src|href|on\w+)=", html)
    assert "default-src 'none'" in html


def test_text_is_shown_and_not_followed() -> None:
    html = full_page()
    assert EVIL not in html
    assert html.count("&lt;script&gt;") >= 10


def test_page_is_light_dark_narrow_and_printed() -> None:
    html = full_page()
    assert "prefers-color-scheme: dark" in html
    assert "@media print" in html
    assert "width=device-width" in html


def test_each_plot_tells_in_words_what_it_shows() -> None:
    lines, bars, histogram, percentiles = drawings(full_page())
    for drawing in (lines, bars, histogram, percentiles):
        assert drawing.get("role") == "img"
        title, about = drawing[0], drawing[1]
        assert (title.tag, about.tag) == (
            "{http://www.w3.org/2000/svg}title",
            "{http://www.w3.org/2000/svg}desc",
        )
        assert title.text == EVIL
    assert "from 1 to 3, at most 5" in (lines[1].text or "")
    assert "other: 2" in (bars[1].text or "")


def test_a_row_must_fit_its_columns() -> None:
    with pytest.raises(ValueError, match="1 cells under 2 columns"):
        Page("t").table(["a", "b"], [["only one"]])


def test_a_plot_of_nothing_says_so() -> None:
    page = Page("t")
    page.lines("Lines", {"a": []}, x="s", y="ms")
    page.bars("Bars", {}, x="n")
    page.histogram("Histogram", [], x="n")
    assert page.html().count("Nothing was measured") == 3
    assert not drawings(page.html())


def test_a_line_of_one_point_is_a_dot() -> None:
    page = Page("t")
    page.lines("l", {"one": [(3, 1)]}, x="s", y="ms")
    assert any(node.tag.endswith("circle") for node in drawings(page.html())[0].iter("{*}circle"))


def test_more_lines_than_colours_begin_anew() -> None:
    page = Page("t")
    page.lines("l", {str(n): [(0, n), (1, n)] for n in range(COLORS + 1)}, x="s", y="ms")
    assert page.html().count('class="swatch color-0"') == 2
    classes = [group.get("class", "") for group in drawings(page.html())[0].iter()]
    assert f"series serie-{COLORS} color-0" in classes


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (130.5, "130"),
        (120.0, "120"),
        (0.5, "0.5"),
        (0.04567, "0.0457"),
        (1234567, "1\u202f234\u202f567"),
        (-3.25, "-3.25"),
        (float("nan"), "–"),
    ],
)
def test_numbers_for_people(value: float, text: str) -> None:
    assert shown(value) == text


def test_quantiles_are_values_that_occurred() -> None:
    values = [1.0, 2.0, 3.0, 4.0]
    assert [quantile(values, share) for share in (0, 0.25, 0.5, 0.95, 1)] == [1, 1, 2, 4, 4]
    with pytest.raises(ValueError, match="no values"):
        quantile([], 0.5)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1), st.integers(1, 30))
def test_bins_hold_every_value_once(values: list[float], count: int) -> None:
    found = bins(values, count)
    assert sum(number for _, _, number in found) == len(values)
    assert len(found) <= count
    assert found[0][0] == min(values)


@given(st.lists(st.floats(0, 1e6), min_size=1))
def test_percentiles_rise_to_the_greatest(values: list[float]) -> None:
    curve = quantile_curve(values)
    assert [y for _, y in curve] == sorted(y for _, y in curve)
    assert curve[-1] == (100, max(values))


@given(st.lists(st.floats(-1e3, 1e3), max_size=500), st.integers(10, 60))
def test_thinned_lines_keep_their_peaks(heights: list[float], most: int) -> None:
    points = [(float(x), y) for x, y in enumerate(heights)]
    kept = thin(points, most)
    assert len(kept) <= max(most, 2)
    assert kept == sorted(kept)
    assert set(kept) <= set(points)
    if points:
        assert max(y for _, y in kept) == max(heights)
        assert min(y for _, y in kept) == min(heights)


def test_a_line_is_broken_where_nothing_was() -> None:
    points = [(0.0, 1.0), (1.0, 2.0), (8.0, 1.0), (9.0, 3.0)]

    def strokes(gap: float) -> int:
        made = Page("p")
        made.lines("l", {"a": points}, x="s", y="n", gap=gap)
        return made.html().count('class="line reactive nofill"')

    assert strokes(10.0) == 1
    assert strokes(1.5) == 2
