"""Evidence and expectations become verdicts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from .evidence import Evidence
from .expectation import Expectation, Outcome, Verdict, parse_expectation
from .measures import measure
from .scenario import Scenario


def expectations(given: Mapping[str, str | int | float]) -> list[Expectation]:
    """Read a table of expectations.

    Raises `expectation.ExpectationError` and `measures.UnknownMeasureError`.
    """
    read = []
    for name, bound in given.items():
        measure(name)
        read.append(parse_expectation(name, bound))
    return read


def judge(scenario: Scenario, seen: Evidence) -> list[Verdict]:
    """Return a verdict on each expectation, those of the whole first."""
    return [*_judge(scenario.expect, seen, "", seen), *_judge_phases(scenario, seen)]


def passed(verdicts: list[Verdict], *, watched: bool) -> bool:
    """Tell whether all is as expected.

    What was not measured has not happened, and that is a failure: except for what is seen from
    inside a server only, when it is not the scenario's own (``watched`` False).
    """
    return any(verdict.outcome is Outcome.PASSED for verdict in verdicts) and not any(
        _counts_against(verdict, watched=watched) for verdict in verdicts
    )


def _counts_against(verdict: Verdict, *, watched: bool) -> bool:
    match verdict.outcome:
        case Outcome.PASSED:
            return False
        case Outcome.FAILED:
            return True
        case Outcome.UNMEASURED:
            return watched or not measure(verdict.expectation.measure).inside


def _judge_phases(scenario: Scenario, seen: Evidence) -> Iterator[Verdict]:
    stretches = {stretch.name: stretch for stretch in seen.stretches}
    for phase in scenario.phase:
        if phase.name in stretches:
            part = seen.during(stretches[phase.name])
            yield from _judge(phase.expect, part, phase.name, seen)


def _judge(
    given: Mapping[str, str | int | float], part: Evidence, phase: str, whole: Evidence
) -> Iterator[Verdict]:
    for expected in expectations(given):
        measured = measure(expected.measure).find(part)
        yield Verdict(
            phase,
            expected,
            measured,
            expected.limit(whole.devices),
            expected.judge(measured, whole.devices),
        )
