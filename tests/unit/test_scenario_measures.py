"""From what was seen of a run to its measures, verdicts and reports."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest

from simulators.scenario import report
from simulators.scenario.evidence import (
    Call,
    Ending,
    Evidence,
    Followed,
    JobState,
    Sample,
    Stand,
    Stretch,
)
from simulators.scenario.expectation import (
    Expectation,
    ExpectationError,
    Outcome,
    parse_expectation,
)
from simulators.scenario.measures import MEASURES, MIB, UnknownMeasureError, measure
from simulators.scenario.progress import progress
from simulators.scenario.reading import read
from simulators.scenario.scenario import Member, Profile
from simulators.scenario.verdict import judge, passed

GOOD = Member(0, 0, "tplink-a-ex220", Profile.WIFI, (), "a")
FAULTY = replace(GOOD, number=1, faults=("silent",))
REFUSED = replace(GOOD, number=2, profile=Profile.REFUSED)

SCENARIO = read("""
name = "t"
about = "a <b>"
[[units]]
model = "tplink-a-ex220"
count = 3
[[phase]]
name = "a"
seconds = 10
[[phase]]
name = "b"
seconds = 10
expect = { max_session_seconds = "< 2" }
[expect]
provisioned_share = 1
sessions = ">= 3"
""")


def ended(**changes: object) -> Ending:
    usual = Ending(
        stands=[Stand(GOOD, right=True, standing="live")],
        jobs={},
        queries=4,
        faults=0,
    )
    return replace(usual, **changes)  # type: ignore[arg-type]


def evidence(**changes: object) -> Evidence:
    seen = Evidence(
        devices=2,
        good=1,
        calls=[
            Call(1.0, 0.5, 0.1, "", good=True),
            Call(2.0, 9.0, None, "timed out", good=False),
            Call(3.0, 1.5, 0.2, "", good=True),
            Call(12.0, 3.0, None, "timed out", good=True),
            Call(13.0, 2.5, 0.3, "", good=True),
        ],
        samples=[
            Sample(0.0, 100 * MIB, 1.0, 1000, 10_000, 0),
            Sample(10.0, 130 * MIB, 2.0, 3000, 30_000, 4),
            Sample(20.0, 120 * MIB, 3.5, 5000, 50_000, 1),
        ],
        stretches=[Stretch("a", 0.0, 10.0), Stretch("b", 10.0, 20.0)],
        served_after={0: 3.0},
        switched_on={0: 0.5, 1: 0.6},
        ending=ended(),
    )
    return replace(seen, **changes)  # type: ignore[arg-type]


def of(name: str, seen: Evidence) -> float | None:
    return measure(name).find(seen)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("sessions", 5),
        ("sessions_per_second", 0.25),
        ("median_session_seconds", 1.5),
        ("max_session_seconds", 2.5),
        ("p95_inform_seconds", 0.3),
        ("failed_sessions", 1),
        ("failed_share", 0.25),
        ("failures.timeout", 1),
        ("failures.reset", 0),
        ("p95_seconds_to_serve", 3.0),
        ("erpnext_queries_per_device", 2),
        ("rss_mib_max", 130),
        ("rss_growth_mib", 20),
        ("cpu_seconds", 2.5),
        ("sessions_per_cpu_second", 2),
        ("open_sessions_max", 4),
        ("log_bytes", 4000),
        ("log_bytes_per_device_day", 4000 / 2 / (20 / 86400)),
        ("disk_bytes", 40_000),
    ],
)
def test_measures(name: str, value: float) -> None:
    assert of(name, evidence()) == pytest.approx(value)


def test_a_phase_has_its_own_sessions_and_no_end() -> None:
    part = evidence().during(Stretch("b", 10.0, 20.0))
    assert of("max_session_seconds", part) == 2.5
    assert of("failed_share", part) == 0.5
    assert of("rss_growth_mib", part) == -10
    assert of("provisioned_share", part) is None


def test_what_never_was_served_is_later_than_all_else() -> None:
    seen = evidence(good=2)
    assert of("median_seconds_to_serve", seen) == 3.0
    assert of("p95_seconds_to_serve", seen) == math.inf


def test_wrong_states_are_lies_and_good_units_left_behind() -> None:
    stands = [
        Stand(GOOD, right=True, standing="live"),
        Stand(GOOD, right=False, standing="live"),
        Stand(GOOD, right=True, standing="verifying"),
        Stand(GOOD, right=False, standing=""),
        Stand(FAULTY, right=False, standing="faulted"),
        Stand(REFUSED, right=False, standing="live"),
        Stand(REFUSED, right=False, standing="faulted"),
    ]
    seen = evidence(ending=ended(stands=stands))
    assert of("wrong_states", seen) == 4
    assert of("provisioned_share", seen) == 0.25


@pytest.mark.parametrize(
    ("state", "reason", "lost"),
    [
        ("done", "", 0),
        ("queued", "", 0),
        ("sent", "", 0),
        ("expired", "", 0),
        ("cancelled", "", 0),
        ("failed", "9002 Internal error", 0),
        ("failed", "", 1),
        ("dreaming", "well", 1),
    ],
)
def test_a_job_is_lost_unless_it_is_told_what_became_of_it(
    state: str, reason: str, lost: int
) -> None:
    seen = evidence(ending=ended(jobs={7: JobState(state, reason)}, asked=frozenset({7})))
    assert of("lost_jobs", seen) == lost


def test_a_job_that_was_promised_and_is_not_there_is_lost() -> None:
    seen = evidence(ending=ended(jobs={}, asked=frozenset({7}), promised=5, campaigns_unmet=2))
    assert of("lost_jobs", seen) == 3
    assert of("lost_jobs", evidence(ending=ended(jobs={}, promised=5))) == 0
    assert of("lost_jobs", evidence(ending=ended(jobs={}))) is None


def test_of_a_server_elsewhere_only_the_units_tell() -> None:
    stands = [Stand(GOOD, right=True, standing="")]
    away = Ending(stands=stands, watched=False)
    seen = evidence(ending=away, samples=[])
    assert of("provisioned_share", seen) == 1
    for name in ("wrong_states", "lost_jobs", "erpnext_queries", "rss_mib_max", "log_bytes"):
        assert of(name, seen) is None, name
    assert of("server_restarts", seen) is None


def test_an_unknown_measure_is_told_with_the_nearest_and_all() -> None:
    with pytest.raises(UnknownMeasureError, match="did you mean lost_jobs") as error:
        measure("lost_job")
    assert all(name in str(error.value) for name in MEASURES)


def test_who_never_followed_a_change_counts() -> None:
    followed = [Followed(4.0, 1.0), Followed(5.0, 2.0), Followed(14.0, 3.0)]
    seen = evidence(followed=followed, changed={7: 12.0})
    assert of("median_seconds_to_follow", seen) == 2.0
    assert of("p95_seconds_to_follow", seen) == math.inf
    first, second = (seen.during(stretch) for stretch in seen.stretches)
    assert of("p95_seconds_to_follow", first) == 2.0
    assert of("median_seconds_to_follow", second) == 3.0
    assert of("median_seconds_to_follow", evidence()) is None


def test_each_measure_says_what_it_means() -> None:
    assert all(each.about for each in MEASURES.values())
    assert of("sessions", Evidence(0, 0)) == 0
    nothing = {name for name, each in MEASURES.items() if each.find(Evidence(0, 0)) is None}
    assert {"median_session_seconds", "rss_growth_mib", "provisioned_share"} <= nothing


# --- expectations ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "holds", "fails"),
    [
        ("<= 5", 5, 5.1),
        ("< 1", 0.99, 1),
        (">= 0.999", 0.999, 0.99),
        ("> 3", 4, 3),
        ("== 2", 2, 3),
        ("= 2", 2, 1),
        ("7", 7, 8),
        ("<= 100_000", 100_000, 100_001),
        (0, 0, 1),
        (0.5, 0.5, 0.6),
    ],
)
def test_comparisons(given: str | float, holds: float, fails: float) -> None:
    expected = parse_expectation("m", given)
    assert expected.judge(holds, 1) is Outcome.PASSED
    assert expected.judge(fails, 1) is Outcome.FAILED
    assert expected.judge(None, 1) is Outcome.UNMEASURED


@pytest.mark.parametrize(("devices", "limit"), [(1, 1), (200, 1), (201, 2), (1000, 5)])
def test_a_bound_for_so_many_devices(devices: int, limit: float) -> None:
    assert parse_expectation("m", "<= 1 per 200 devices").limit(devices) == limit


@pytest.mark.parametrize(
    "given", ["", "about 5", "<> 3", "<= 1.2.3", "<= many", "<= 1 per 0 devices", True]
)
def test_what_is_no_comparison(given: str) -> None:
    with pytest.raises(ExpectationError, match=r"^m: "):
        parse_expectation("m", given)


def test_an_expectation_is_shown_as_it_is_written() -> None:
    assert str(parse_expectation("m", "<=1 per 200 devices")) == "<= 1 per 200 devices"
    assert str(Expectation("m", "==", 0)) == "== 0"


# --- verdicts and reports -----------------------------------------------------------------------


def test_expectations_of_the_whole_and_of_phases_are_judged() -> None:
    verdicts = judge(SCENARIO, evidence())
    assert [(v.phase, v.expectation.measure, v.outcome) for v in verdicts] == [
        ("", "provisioned_share", Outcome.PASSED),
        ("", "sessions", Outcome.PASSED),
        ("b", "max_session_seconds", Outcome.FAILED),
    ]
    assert not passed(verdicts, watched=True)
    assert passed(verdicts[:2], watched=True)


def test_what_was_not_measured_fails_only_on_a_server_of_our_own() -> None:
    verdicts = judge(SCENARIO, evidence(calls=[]))
    unmeasured = [v for v in verdicts if v.outcome is not Outcome.FAILED]
    assert Outcome.UNMEASURED in {v.outcome for v in unmeasured}
    assert not passed(unmeasured, watched=True)
    assert not passed(unmeasured, watched=False), "sessions are seen from outside"
    inside = replace(verdicts[0], expectation=parse_expectation("wrong_states", 0), measured=None)
    hidden = [verdicts[0], replace(inside, outcome=Outcome.UNMEASURED)]
    assert passed(hidden, watched=False)
    assert not passed(hidden, watched=True)
    assert not passed([], watched=False)


@pytest.mark.parametrize("name", sorted(MEASURES))
def test_where_nothing_happened_nothing_was_measured(name: str) -> None:
    """But for counts of what did happen, of which zero is one."""
    seen = evidence(
        calls=[],
        samples=[Sample(at, 0, 0.0, 0, 0, 0) for at in (0.0, 20.0)],
        ending=Ending(jobs={}),
        served_after={},
        good=0,
    )
    counts = {"sessions", "sessions_per_second", "open_sessions_max", "server_restarts"}
    assert (of(name, seen) is None) == (name not in counts)


def test_a_log_that_was_turned_over_was_written_nevertheless() -> None:
    sizes = (1000, 5000, 200, 900)
    samples = [Sample(10.0 * n, 1, 1.0, size, 1, 0) for n, size in enumerate(sizes)]
    assert of("log_bytes", evidence(samples=samples)) == 4000 + 700


def test_the_json_report_can_be_read_by_a_machine() -> None:
    seen = evidence(good=2)
    told = json.loads(json.dumps(report.document(SCENARIO, seen, judge(SCENARIO, seen))))
    assert (told["format"], told["scenario"], told["passed"]) == (1, "t", False)
    assert told["expectations"][2] == {
        "measure": "max_session_seconds",
        "phase": "b",
        "wanted": "< 2",
        "measured": 2.5,
        "outcome": "failed",
    }
    assert told["measures"]["p95_seconds_to_serve"] is None
    assert told["measures"].keys() == MEASURES.keys()
    assert [phase["name"] for phase in told["phases"]] == ["a", "b"]
    assert told["failures"] == {"timed out": 2}


def test_the_page_shows_each_expectation_and_the_curves() -> None:
    seen = evidence()
    html = report.page(SCENARIO, seen, judge(SCENARIO, seen))
    assert "<title>t: failed</title>" in html
    assert "a &lt;b&gt;" in html
    assert html.count('class="mark good"') == 2
    assert html.count('class="mark bad"') == 1
    for curve in ("Arrivals and sessions", "Percentiles", "Memory", "CPU", "Log and disk"):
        assert f"<figcaption>{curve}</figcaption>" in html


def test_what_never_happened_is_called_so() -> None:
    seen = evidence(good=2)
    expected = parse_expectation("p95_seconds_to_serve", "< 60")
    verdict = replace(judge(SCENARIO, seen)[0], expectation=expected, measured=math.inf)
    assert report.lines([verdict]) == ["passed        p95_seconds_to_serve < 60: never"]


def test_progress_looks_at_the_last_seconds() -> None:
    now = progress(evidence(), at=20.0, phase="b", left=0, served=1, open_sessions=0)
    assert (now.sessions, now.per_second, now.p50) == (5, 0.2, 2.5)
    assert now.failures == {"timed out": 2}


def test_each_measure_is_documented() -> None:
    told = (Path(__file__).parents[2] / "docs" / "scenarios.md").read_text("utf-8")
    for name, each in MEASURES.items():
        row = next((line for line in told.splitlines() if line.startswith(f"| `{name}` |")), "")
        assert row, f"{name} is not in docs/scenarios.md"
        assert row.endswith("(†) |") == each.at_end, name
