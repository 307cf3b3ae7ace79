"""A page of plots of one run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from bench.figures import SESSIONS
from bench.report import Key, Measured, verdicts
from simulators.page import Mark, Page, Tone

_COLUMNS = 100
"""Stretches into which a storm is put for its plot."""
_INTRO = """\
Sessions for each CPU-second that all processes of the server spend, its database included, beside \
a bare echo over the same HTTP edge in the same run. Compare ratios rather than values, and only \
within one run."""


def page(all_measured: Sequence[Measured], others: Mapping[Key, Measured]) -> str:
    """One HTML text."""
    made = Page("What one CPU-second carries", _INTRO)
    rows = [
        [
            measured.label,
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
    rates = {each.label: each for each in all_measured if each.figure.unit == SESSIONS}
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
    for storm in all_measured:
        if storm.at:
            _tell_storm(made, storm)
    for names, alike in _by_fields(all_measured).items():
        if len(alike) == 1:
            told = [[name, value] for name, value in alike[0].fields.items()]
            made.table(("field", "value"), told, title=alike[0].label)
        else:
            lines = [[each.label, *each.fields.values()] for each in alike]
            made.table(("figure", *names), lines)
    return made.html()


def _tell_storm(made: Page, storm: Measured) -> None:
    made.percentiles(
        f"{storm.label}: how long",
        {
            name: seconds
            for name, seconds in (
                ("a session that was let in", storm.durations),
                ("from the first try to service", storm.waits),
            )
            if seconds
        },
        y="seconds",
        note="Units that were never served are in neither: see never_served.",
    )
    width = max(storm.at[-1] / _COLUMNS, 0.1)
    counts = Counter(int(at / width) for at in storm.at)
    rate = [(width * (n + 0.5), counts[n] / width) for n in range(max(counts) + 1)]
    made.lines(f"{storm.label}: served", {"units": rate}, x="seconds", y="units a second")


def _by_fields(all_measured: Sequence[Measured]) -> dict[tuple[str, ...], list[Measured]]:
    """Those with the same fields together."""
    found: dict[tuple[str, ...], list[Measured]] = {}
    for measured in all_measured:
        if measured.fields:
            found.setdefault(tuple(measured.fields), []).append(measured)
    return found


def _marks(measured: Measured, others: Mapping[Key, Measured]) -> list[tuple[str, Mark | None]]:
    found = verdicts(measured, others)
    if not found:
        return [("", None)]
    return [
        (words, Mark("reached", Tone.GOOD) if reached else Mark("not reached", Tone.BAD))
        for words, reached in found
    ]
