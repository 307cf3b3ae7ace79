"""The page: what is put on it, in order, becomes one HTML text."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from html import escape
from importlib.resources import files
from typing import TypeAlias

from . import plot
from .figures import bins, quantile_curve, shown
from .plot import Series


class Tone(StrEnum):
    """How a mark is meant; it is never told by its colour alone."""

    GOOD = "good"
    BAD = "bad"
    QUIET = "quiet"


@dataclass(frozen=True, slots=True)
class Mark:
    """A word of a table that stands out, such as a verdict."""

    text: str
    tone: Tone


Cell: TypeAlias = str | int | float | Mark | None
"""What a table holds. Numbers are aligned to the right; None is left empty."""

_HEAD = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{title}</title>
<style>
{style}</style>
</head>
<body>
<main>
<h1>{title}</h1>
"""
_FOOT = "</main>\n</body>\n</html>\n"


class Page:
    """A page in the making. All text is taken as text: markup in it is shown, not followed."""

    def __init__(self, title: str, intro: str = "") -> None:
        style = (files(__package__) / "style.css").read_text("utf-8")
        self._parts = [_HEAD.format(title=escape(title), style=style)]
        if intro:
            self.prose(intro)

    def html(self) -> str:
        """Return the whole page."""
        return "".join(self._parts) + _FOOT

    def heading(self, text: str) -> None:
        """Begin a section."""
        self._parts.append(f"<h2>{escape(text)}</h2>\n")

    def prose(self, text: str) -> None:
        """Add text; an empty line parts paragraphs."""
        for paragraph in text.split("\n\n"):
            self._parts.append(f"<p>{escape(paragraph.strip())}</p>\n")

    def table(
        self,
        columns: Sequence[str],
        rows: Sequence[Sequence[Cell]],
        *,
        title: str = "",
        note: str = "",
    ) -> None:
        """Add a table. Raises `ValueError` for a row of another length than ``columns``."""
        head = "".join(f'<th scope="col">{escape(name)}</th>' for name in columns)
        lines = []
        for row in rows:
            if len(row) != len(columns):
                raise ValueError(f"a row of {len(row)} cells under {len(columns)} columns")
            lines.append(f"<tr>{''.join(map(_cell, row))}</tr>\n")
        caption = f"<caption>{escape(title)}</caption>" if title else ""
        self._parts.append(
            f'<div class="wide"><table>{caption}<thead><tr>{head}</tr></thead>\n'
            f"<tbody>\n{''.join(lines)}</tbody></table></div>\n"
        )
        if note:
            self._parts.append(f'<p class="note">{escape(note)}</p>\n')

    def lines(
        self,
        title: str,
        series: Mapping[str, Series],
        *,
        x: str,
        y: str,
        note: str = "",
        gap: float = math.inf,
    ) -> None:
        """Plot lines by name, points in the order of x; ``x`` and ``y`` name axes and units.

        Points whose x are further apart than ``gap`` are not joined.
        """
        drawn = {name: plot.thin(points) for name, points in series.items() if points}
        if not drawn:
            self._figure(title, "", _nothing(), note)
            return
        legend = self._legend({name: [p[1] for p in series[name]] for name in drawn}, y)
        svg = plot.lines(drawn, x=x, y=y, title=title, about=_about(drawn, x, y), gap=gap)
        self._figure(title, svg, legend, note)

    def bars(self, title: str, values: Mapping[str, float], *, x: str, note: str = "") -> None:
        """Plot one bar for each name; ``x`` names what their length means."""
        if not values:
            self._figure(title, "", _nothing(), note)
            return
        told = "; ".join(f"{name}: {shown(value)}" for name, value in values.items())
        svg = plot.bars(values, x=x, title=title, about=f"{x}. {told}.")
        self._figure(title, svg, "", note)

    def histogram(
        self, title: str, values: Sequence[float], *, x: str, note: str = "", count: int = 20
    ) -> None:
        """Plot how many of the values lie in each of up to ``count`` ranges of equal width."""
        if not values:
            self._figure(title, "", _nothing(), note)
            return
        steps = bins(values, count)
        told = "; ".join(f"{shown(low)} to {shown(high)}: {n}" for low, high, n in steps if n)
        svg = plot.columns(
            [(f"{shown(low)}", n) for low, _, n in steps],
            x=x,
            y="how many",
            title=title,
            about=f"{x}. {told}.",
        )
        self._figure(title, svg, self._legend({title: values}, x), note)

    def percentiles(
        self, title: str, values: Mapping[str, Sequence[float]], *, y: str, note: str = ""
    ) -> None:
        """Plot the share of values (x, in percent) that are at most y."""
        curves = {name: quantile_curve(all_of) for name, all_of in values.items() if all_of}
        self.lines(title, curves, x="share of all, %", y=y, note=note)

    def _figure(self, title: str, svg: str, legend: str, note: str) -> None:
        more = f'<p class="note">{escape(note)}</p>' if note else ""
        self._parts.append(
            f"<figure><figcaption>{escape(title)}</figcaption>\n"
            f'<div class="wide">{svg}</div>\n{legend}{more}</figure>\n'
        )

    def _legend(self, values: Mapping[str, Sequence[float]], unit: str) -> str:
        rows = []
        for number, (name, all_of) in enumerate(values.items()):
            ordered = sorted(all_of)
            figures = (ordered[0], ordered[len(ordered) // 2], ordered[-1], all_of[-1])
            cells = "".join(f'<td class="number">{shown(value)}</td>' for value in figures)
            swatch = f'<span class="swatch color-{number % plot.COLORS}"></span>'
            rows.append(f'<tr><th scope="row">{swatch}{escape(name)}</th>{cells}</tr>')
        head = "".join(
            f'<th scope="col">{word}</th>' for word in ("least", "median", "most", "last")
        )
        return (
            f'<div class="wide"><table class="legend"><thead>'
            f'<tr><th scope="col">{escape(unit)}</th>{head}</tr></thead>'
            f"<tbody>{''.join(rows)}</tbody></table></div>\n"
        )


def _cell(cell: Cell) -> str:
    match cell:
        case None:
            return "<td></td>"
        case Mark(text, tone):
            return f'<td><span class="mark {tone.value}">{escape(text)}</span></td>'
        case str():
            return f"<td>{escape(cell)}</td>"
        case _:
            return f'<td class="number">{shown(cell)}</td>'


def _about(series: Mapping[str, Series], x: str, y: str) -> str:
    """What a plot shows, for those who do not see it."""
    told = [
        f"{name}: from {shown(points[0][1])} to {shown(points[-1][1])},"
        f" at most {shown(max(value for _, value in points))}"
        for name, points in series.items()
    ]
    return f"{y}, by {x}. {'; '.join(told)}."


def _nothing() -> str:
    return '<p class="note">Nothing was measured.</p>\n'
