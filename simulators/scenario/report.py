"""What came out, for machines (JSON) and for people (a page)."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from simulators.page import Cell, Mark, Page, Series, Tone
from simulators.page.figures import quantile, shown

from .evidence import Call, Evidence, Sample
from .expectation import Outcome, Verdict
from .measures import MEASURES, MIB
from .scenario import Scenario
from .verdict import passed

FORMAT = 1
"""Version of the JSON report: a key may be added, none changes its meaning."""
_COLUMNS = 120
"""Stretches into which sessions are put for the plots."""
_OF_PHASES = (
    "sessions",
    "failed_sessions",
    "median_session_seconds",
    "p95_session_seconds",
)
_TONES = {
    Outcome.PASSED: Tone.GOOD,
    Outcome.FAILED: Tone.BAD,
    Outcome.UNMEASURED: Tone.BAD,
}


def document(scenario: Scenario, seen: Evidence, verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """Return the report as plain data for JSON; a measure that does not exist is null."""
    return {
        "format": FORMAT,
        "scenario": scenario.name,
        "passed": passed(list(verdicts), watched=_watched(seen)),
        "seed": scenario.seed,
        "units": scenario.count,
        "good_units": seen.good,
        "seconds": round(seen.length, 3),
        "expectations": [
            {
                "measure": verdict.expectation.measure,
                "phase": verdict.phase or None,
                "wanted": str(verdict.expectation),
                "measured": _finite(verdict.measured),
                "outcome": verdict.outcome.value,
            }
            for verdict in verdicts
        ],
        "measures": _measures(seen),
        "phases": [
            {
                "name": stretch.name,
                "start": round(stretch.start, 3),
                "end": round(stretch.end, 3),
                "measures": _measures(seen.during(stretch), at_end=False),
            }
            for stretch in seen.stretches
        ],
        "failures": dict(seen.failures().most_common()),
        "notes": [{"at": round(at, 3), "text": text} for at, text in seen.notes],
    }


def page(scenario: Scenario, seen: Evidence, verdicts: Sequence[Verdict]) -> str:
    """Return the report as one HTML page."""
    good = passed(list(verdicts), watched=_watched(seen))
    made = Page(f"{scenario.name}: {'passed' if good else 'failed'}", scenario.about)
    made.prose(
        f"{scenario.count} units ({seen.good} of them good), seed {scenario.seed},"
        f" {seen.length:.0f} seconds, {len(seen.calls)} sessions."
    )
    _tell_expectations(made, verdicts)
    _tell_sessions(made, seen)
    _tell_server(made, seen)
    made.heading("All measures")
    rows: list[list[Cell]] = []
    for name, value in _measures(seen).items():
        about = MEASURES[name]
        rows.append([name, value, about.unit, about.about])
    made.table(["measure", "value", "unit", "meaning"], rows)
    made.heading("What happened")
    made.table(["seconds", "what"], [[round(at, 1), text] for at, text in seen.notes])
    return made.html()


def lines(verdicts: Sequence[Verdict]) -> list[str]:
    """Return a line on each expectation, for a terminal."""
    return [
        f"{verdict.outcome.value:12}  {_title(verdict)} {verdict.expectation}:"
        f" {_value(verdict.measured)}"
        for verdict in verdicts
    ]


# --- parts of the page --------------------------------------------------------------------------


def _tell_expectations(made: Page, verdicts: Sequence[Verdict]) -> None:
    made.heading("Expectations")
    rows: list[list[Cell]] = [
        [
            Mark(verdict.outcome.value, _TONES[verdict.outcome]),
            _title(verdict),
            str(verdict.expectation).replace(" ", "\u00a0"),
            f"{_value(verdict.measured)} {MEASURES[verdict.expectation.measure].unit}".strip(),
        ]
        for verdict in verdicts
    ]
    made.table(["outcome", "measure", "wanted", "measured"], rows)
    made.table(
        ["measure", "meaning"],
        [[name, MEASURES[name].about] for name in _named(verdicts)],
    )


def _tell_sessions(made: Page, seen: Evidence) -> None:
    made.heading("Sessions")
    _tell_phases(made, seen)
    width = max(1.0, seen.length / _COLUMNS)
    ends = [call.ended for call in seen.calls]
    failed = [call.ended for call in seen.calls if call.failure]
    until = max(seen.length, *ends, 0.0)
    rates: dict[str, Series] = {
        name: _rate(times, width, until)
        for name, times in {
            "first calls": [*seen.switched_on.values()],
            "sessions ended": ends,
            "failed ones of them": failed,
        }.items()
    }
    made.lines("Arrivals and sessions", rates, x="seconds", y="a second")
    made.lines(
        "Open sessions",
        {"open": [(s.at, s.open_sessions) for s in seen.samples]},
        x="seconds",
        y="open at once",
    )
    complete = [call for call in seen.calls if call.good and not call.failure]
    made.lines(
        "Length of sessions over time",
        _percentiles(complete, width),
        x="seconds",
        y="length in seconds",
        note="Complete sessions of good units, by the time at which they ended.",
        gap=1.5 * width,
    )
    lengths = [call.seconds for call in complete]
    made.histogram("Length of sessions", lengths, x="seconds")
    waits = [c.inform_seconds for c in complete if c.inform_seconds is not None]
    made.percentiles(
        "Percentiles", {"session": lengths, "until InformResponse": waits}, y="seconds"
    )
    served = sorted(seen.served_after.values())
    if served:
        made.lines(
            "Units served",
            {"served": [(at, number) for number, at in enumerate(served, 1)]},
            x="seconds after a unit was switched on",
            y="units that really have what is wished",
        )
    by_kind: dict[str, Counter[str]] = {"good": Counter(), "faulty": Counter()}
    for call in seen.calls:
        if call.failure:
            by_kind["good" if call.good else "faulty"][call.failure] += 1
    for who, counts in by_kind.items():
        if counts:
            made.bars(
                f"Failed sessions of {who} units, by kind",
                dict(counts.most_common()),
                x="sessions",
            )


def _tell_phases(made: Page, seen: Evidence) -> None:
    rows: list[list[Cell]] = []
    for stretch in seen.stretches:
        found = _measures(seen.during(stretch), at_end=False)
        shown_of = [found[name] for name in _OF_PHASES]
        rows.append([stretch.name, round(stretch.start, 1), round(stretch.end, 1), *shown_of])
    columns = [
        "phase",
        "from second",
        "to",
        "sessions",
        "failed of good units",
        "median s",
        "p95 s",
    ]
    made.table(columns, rows)


def _tell_server(made: Page, seen: Evidence) -> None:
    if len(seen.samples) < 2:
        return
    made.heading("The server")

    def curve(of: str, unit: float = 1.0) -> Series:
        return [(sample.at, getattr(sample, of) / unit) for sample in seen.samples]

    made.lines("Memory", {"resident": curve("rss", MIB)}, x="seconds", y="MiB")
    made.lines("CPU", {"cores": _slope(seen.samples)}, x="seconds", y="CPU-seconds a second")
    made.lines(
        "Log and disk",
        {"log": curve("log", MIB), "data directory": curve("disk", MIB)},
        x="seconds",
        y="MiB",
    )


# --- figures ------------------------------------------------------------------------------------


def _measures(seen: Evidence, *, at_end: bool = True) -> Mapping[str, float | None]:
    return {
        name: _finite(each.find(seen))
        for name, each in MEASURES.items()
        if at_end or not each.at_end
    }


def _finite(value: float | None) -> float | None:
    if value is None or not math.isfinite(value):
        return None
    return round(value, 4)


def _watched(seen: Evidence) -> bool:
    return seen.ending is None or seen.ending.watched


def _title(verdict: Verdict) -> str:
    phase = f"{verdict.phase}: " if verdict.phase else ""
    return phase + verdict.expectation.measure


def _value(measured: float | None) -> str:
    if measured is None:
        return "–"
    return "never" if math.isinf(measured) else shown(measured)


def _named(verdicts: Sequence[Verdict]) -> list[str]:
    return [*dict.fromkeys(verdict.expectation.measure for verdict in verdicts)]


def _rate(times: Sequence[float], width: float, until: float) -> list[tuple[float, float]]:
    """Return (middle of a stretch, how many a second) up to ``until``; the last may be short."""
    counts = Counter(int(at / width) for at in times)
    parts = range(int(until / width) + 1)
    starts = [width * number for number in parts if width * number < until]
    lengths = [min(width, until - start) for start in starts]
    # A stretch much shorter than the others would show a rate of its own that nobody saw.
    return [
        (start + length / 2, counts[number] / length)
        for number, (start, length) in enumerate(zip(starts, lengths, strict=True))
        if length >= width / 2
    ]


def _percentiles(calls: Sequence[Call], width: float) -> dict[str, Series]:
    groups: dict[int, list[float]] = {}
    for call in calls:
        groups.setdefault(int(call.ended / width), []).append(call.seconds)
    stretches = sorted((number, sorted(lengths)) for number, lengths in groups.items())
    return {
        name: [(width * (n + 0.5), quantile(lengths, share)) for n, lengths in stretches]
        for name, share in (("p50", 0.5), ("p95", 0.95), ("most", 1.0))
    }


def _slope(samples: Sequence[Sample]) -> Series:
    return [
        (after.at, max(0.0, after.cpu - before.cpu) / (after.at - before.at))
        for before, after in pairwise(samples)
        if after.at > before.at
    ]
