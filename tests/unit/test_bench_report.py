"""What the benchmark says, to machines and to people."""

from __future__ import annotations

import json

import pytest

from bench.figures import SUITES, Aim, Figure, Kind
from bench.plots import page
from bench.report import Key, Measured, as_json, as_row, heading, verdicts

FIGURES = {figure.name: figure for figure in SUITES["cwmp"]}


def measured(name: str = "cwmp.periodic.7", database: str = "sqlite") -> Measured:
    figure = Measured(FIGURES[name], database)
    for rate, baseline in ((900.0, 5000.0), (1200.0, 4000.0), (1000.0, 6000.0)):
        figure.add(rate, baseline)
    return figure


def beside(*all_measured: Measured) -> dict[Key, Measured]:
    return {(each.name, each.database): each for each in all_measured}


def test_a_figure_is_one_json_object_on_one_line() -> None:
    line = as_json(measured(), {})
    assert "\n" not in line
    told = json.loads(line)
    assert {name: told[name] for name in ("name", "value", "unit", "baseline", "ratio")} == {
        "name": "cwmp.periodic.7",
        "value": 1000.0,
        "unit": "sessions/CPU-second",
        "baseline": 5000.0,
        "ratio": 0.2,
    }
    assert (told["min"], told["max"], told["database"]) == (900, 1200, "sqlite")


def test_further_fields_of_a_figure_are_told_to_machines_and_people() -> None:
    figure = measured()
    figure.fields["load_cpu_by_server_cpu"] = 0.25
    assert json.loads(as_json(figure, {}))["load_cpu_by_server_cpu"] == 0.25
    assert "load_cpu_by_server_cpu: 0.25" in as_row(figure, {})


def test_value_and_baseline_are_medians_and_noise_is_their_range() -> None:
    figure = measured()
    assert (figure.value, figure.baseline) == (1000.0, 5000.0)
    assert figure.ratio == pytest.approx(0.2)
    assert figure.spread == "900..1200 (echo 4000..6000)"


def test_a_row_has_its_figures_under_the_headings() -> None:
    row, head = as_row(measured(), {}), heading()
    for name, value in (("value", "1000"), ("baseline", "5000"), ("ratio", "0.20")):
        end = head.index(name) + len(name)
        assert row[:end].endswith(value)


def test_an_aim_is_a_limit_of_the_value_or_of_a_field() -> None:
    figure = Measured(
        Figure("x", aims=(Aim(1000), Aim(1001), Aim(0.5, at_least=False, field="median")))
    )
    figure.add(1000.0, 1.0)
    figure.fields["median"] = 0.4
    assert [reached for _, reached in verdicts(figure, {})] == [True, False, True]


def test_an_aim_beside_another_figure_counts_where_that_was_measured() -> None:
    new, kept = measured("cwmp.periodic.newconn"), measured("cwmp.periodic.kept")
    assert verdicts(new, beside(new)) == []
    [(words, reached)] = verdicts(new, beside(new, kept))
    assert reached
    assert "cwmp.periodic.kept" in words
    kept.values = [2001.0]
    assert [reached for _, reached in verdicts(new, beside(new, kept))] == [False]


def test_postgresql_is_compared_with_sqlite_of_the_same_run() -> None:
    ours, theirs = measured(database="postgresql"), measured()
    ours.values = [650.0]
    assert ("65% of SQLite (aim 70%)", False) in verdicts(ours, beside(ours, theirs))
    assert "(pg)" in as_row(ours, beside(ours, theirs))


def test_the_names_that_are_published_are_measured() -> None:
    assert set(FIGURES) == {
        "cwmp.periodic.7",
        "cwmp.periodic.800",
        "cwmp.periodic.5000",
        "cwmp.periodic.digest",
        "cwmp.periodic.kept",
        "cwmp.periodic.newconn",
        "cwmp.periodic.tls",
        "cwmp.boot",
        "cwmp.boot.unchanged",
        "cwmp.first_contact",
        "cwmp.open_session_kib",
        "cwmp.storm.20000",
        "cwmp.disk_kib_per_device",
    }
    for figure in FIGURES.values():
        assert all(not aim.of or aim.of in FIGURES for aim in figure.aims)
    assert FIGURES["cwmp.storm.20000"].kind is Kind.STORM


def test_the_page_shows_each_figure_with_what_was_aimed_at() -> None:
    figure, storm = measured(), measured("cwmp.storm.20000")
    storm.fields |= {"median_session_seconds": 0.4, "erpnext_queries_per_device": 0.01}
    storm.durations = [0.1, 0.4, 2.0]
    text = page([figure, storm], beside(figure, storm))
    assert "cwmp.periodic.7" in text
    assert "not reached" in text
    assert "cwmp.storm.20000" in text
    assert "erpnext_queries_per_device" in text


def test_what_is_too_little_to_be_measured_is_no_baseline() -> None:
    figure = Measured(FIGURES["cwmp.open_session_kib"])
    figure.add(6.5, 0.04)
    assert json.loads(as_json(figure, {}))["ratio"] is None
    assert "inf" not in as_row(figure, {}) and "nan" not in as_row(figure, {})


def test_a_smaller_storm_is_not_called_a_large_one() -> None:
    storm = Measured(FIGURES["cwmp.storm.20000"])
    storm.add(900.0, 5000.0)
    storm.fields |= {"median_session_seconds": 0.2, "erpnext_queries_per_device": 0.0}
    storm.fields["units"] = 20_000
    assert storm.label == "cwmp.storm.20000"
    storm.fields["units"] = 100
    assert as_row(storm, {}).startswith("cwmp.storm.20000 (of 100) ")
    assert json.loads(as_json(storm, {}))["name"] == "cwmp.storm.20000"


def test_the_page_shows_a_storm_over_time_and_who_had_to_wait() -> None:
    storm = Measured(
        FIGURES["cwmp.storm.20000"], durations=[0.1, 0.2], waits=[0.1, 40.2], at=[1.0, 44.0]
    )
    storm.add(900.0, 5000.0)
    storm.fields |= {"median_session_seconds": 0.2, "erpnext_queries_per_device": 0.0}
    html = page([storm], beside(storm))
    assert "from the first try to service" in html
    assert "cwmp.storm.20000: served" in html
