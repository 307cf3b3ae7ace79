"""A page of plots of one run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bench.figures import SESSIONS
from bench.report import Key, Measured, verdicts
from simulators.page import Mark, Page, Tone

_INTRO = """\
Sessions for each CPU-second that all processes of the server spend, its database included, beside \
a bare echo over the same HTTP edge in the same run. Compare ratios rather than values, and only \
within one run."""


def page(all_measured: Sequence[Measured], others: Mapping[Key, Measured]) -> str:
    """One HTML text."""
    made = Page("What one CPU-second carries", _INTRO)
    rows = [
        [
            measured.name,
            measured.value,
            measured.figure.unit,
            measured.baseline,
            measured.ratio,
            words,
            mark,
            measured.spread,
        ]
        for measured in all_measured
        for words, mark in _marks(measured, others)
    ]
    columns = ("figure", "value", "unit", "echo", "ratio", "aim", "", "spread")
    made.table(columns, rows, title="All figures")
    rates = {_label(each): each for each in all_measured if each.figure.unit == SESSIONS}
    made.bars("Speed", {name: each.value for name, each in rates.items()}, x=SESSIONS)
    made.bars(
        "What is left of the echo's speed",
        {name: 100 * each.ratio for name, each in rates.items()},
        x="percent of the echo",
    )
    rounds = {
        name: list(enumerate(each.values, start=1))
        for name, each in rates.items()
        if len(each.values) > 1
    }
    if rounds:
        made.lines("Noise", rounds, x="round", y=SESSIONS)
    storms = {_label(each): each.durations for each in all_measured if each.durations}
    if storms:
        made.percentiles("Sessions of the storm", storms, y="seconds")
    for measured in all_measured:
        if measured.fields:
            told = [[name, value] for name, value in measured.fields.items()]
            made.table(("field", "value"), told, title=_label(measured))
    return made.html()


def _marks(measured: Measured, others: Mapping[Key, Measured]) -> list[tuple[str, Mark | None]]:
    found = verdicts(measured, others)
    if not found:
        return [("", None)]
    return [
        (words, Mark("reached", Tone.GOOD) if reached else Mark("not reached", Tone.BAD))
        for words, reached in found
    ]


def _label(measured: Measured) -> str:
    return measured.name if measured.database == "sqlite" else f"{measured.name} (PostgreSQL)"
