"""Plots as SVG: drawn by pygal, then freed of its own styles, scripts and comments.

The page's style sheet colours them by their classes, so that light, dark and print are told once.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from lxml import etree

from .figures import shown

Series: TypeAlias = Sequence[tuple[float, float]]
"""Points (x, y) in the order of x."""

WIDTH, HEIGHT = 640, 300
MOST_POINTS = 400
"""Of one line: more than this cannot be seen."""
_SVG = "{http://www.w3.org/2000/svg}"
COLORS = 8
"""How many the style sheet has; more lines than that begin again with the first."""
_COLOR = re.compile(r"\bcolor-(\d+)")
_PLAIN: dict[str, Any] = {
    "no_prefix": True,
    "js": [],
    "css": [],
    "width": WIDTH,
    "height": HEIGHT,
    "margin": 8,
    "show_legend": False,
    "disable_xml_declaration": True,
    "truncate_label": -1,
    "value_formatter": shown,
}


def _chart(kind: str, **settings: Any) -> Any:
    # Slow to load, and needed by few of those who load this package.
    import pygal
    from pygal.style import Style

    style = Style(label_font_size=12, major_label_font_size=12, title_font_size=12)
    return getattr(pygal, kind)(**{**_PLAIN, "style": style, **settings})


def lines(
    series: Mapping[str, Series], *, x: str, y: str, title: str, about: str, gap: float = math.inf
) -> str:
    """Draw lines; values of y begin at 0 unless some are below.

    Points whose x are further apart than ``gap`` are not joined: nothing was there between them.
    """
    chart = _chart(
        "XY",
        show_dots=math.isfinite(gap) or all(len(points) == 1 for points in series.values()),
        dots_size=1.5 if math.isfinite(gap) else 2.5,
        allow_interruptions=True,
        x_title=x,
        y_title=y,
        x_value_formatter=shown,
        include_x_axis=True,
        y_labels_major_count=2,
    )
    for name, points in series.items():
        chart.add(name, _interrupted(points, gap))
    return _svg(chart, title, about)


def _interrupted(points: Series, gap: float) -> list[tuple[float, float | None]]:
    drawn: list[tuple[float, float | None]] = []
    for point in points:
        if drawn and point[0] - drawn[-1][0] > gap:
            drawn.append((drawn[-1][0], None))
        drawn.append(point)
    return drawn


def bars(values: Mapping[str, float], *, x: str, title: str, about: str) -> str:
    """Draw one horizontal bar for each name, the first on top, its value beside the name."""
    upwards = [*values.items()][::-1]
    height = 70 + 26 * len(values)
    # As many marks as fit beside each other.
    chart = _chart("HorizontalBar", height=height, x_title=x, spacing=6, max_scale=6)
    chart.x_labels = [f"{name}: {shown(value)}" for name, value in upwards]
    chart.add("", [value for _, value in upwards])
    return _svg(chart, title, about)


def columns(steps: Sequence[tuple[str, float]], *, x: str, y: str, title: str, about: str) -> str:
    """Draw one upright bar for each step; only some of them are labelled."""
    every = max(1, len(steps) // 6)
    chart = _chart(
        "Bar",
        x_title=x,
        y_title=y,
        show_minor_x_labels=False,
    )
    chart.x_labels = [label for label, _ in steps]
    chart.x_labels_major_every = every
    chart.add("", [value for _, value in steps])
    return _svg(chart, title, about)


def thin(points: Series, most: int = MOST_POINTS) -> list[tuple[float, float]]:
    """Return at most ``most`` of the points: of each stretch the least and the greatest."""
    if len(points) <= most:
        return list(points)
    stretches = max(1, most // 2)
    kept: list[tuple[float, float]] = []
    for number in range(stretches):
        first = number * len(points) // stretches
        stretch = points[first : (number + 1) * len(points) // stretches]
        ends = {min(stretch, key=_height), max(stretch, key=_height)}
        kept += sorted(ends)
    return kept


def _height(point: tuple[float, float]) -> float:
    return point[1]


def _svg(chart: Any, title: str, about: str) -> str:
    root = etree.fromstring(chart.render())
    etree.strip_elements(
        root, f"{_SVG}defs", f"{_SVG}style", f"{_SVG}script", etree.Comment, with_tail=False
    )
    for group in root.iterfind(f".//{_SVG}g"):
        kind = _COLOR.sub(lambda number: f"color-{int(number[1]) % COLORS}", group.get("class", ""))
        group.set("class", kind)
    for name in root.findall(f"{_SVG}title"):
        root.remove(name)
    for tag, text in (("desc", about), ("title", title)):
        child = etree.Element(f"{_SVG}{tag}")
        child.text = text
        root.insert(0, child)
    root.attrib.pop("id", "")
    root.set("role", "img")
    root.set("aria-label", f"{title}: {about}")
    etree.cleanup_namespaces(root)
    return etree.tostring(root, encoding="unicode")
