"""What the benchmark says, to machines and to people."""

from __future__ import annotations

import json

import pytest

from bench.figures import SUITES
from bench.report import Measured, as_json, as_row, heading


def measured() -> Measured:
    figure = Measured("cwmp.periodic.7")
    for rate, baseline in ((900.0, 5000.0), (1200.0, 4000.0), (1000.0, 6000.0)):
        figure.add(rate, baseline)
    return figure


def test_a_figure_is_one_json_object_on_one_line() -> None:
    line = as_json(measured())
    assert "\n" not in line
    assert json.loads(line) == {
        "name": "cwmp.periodic.7",
        "value": 1000.0,
        "unit": "sessions/CPU-second",
        "baseline": 5000.0,
        "ratio": 0.2,
    }


def test_value_and_baseline_are_medians_and_noise_is_their_range() -> None:
    figure = measured()
    assert (figure.value, figure.baseline) == (1000.0, 5000.0)
    assert figure.ratio == pytest.approx(0.2)
    assert figure.spread == "900..1200 (echo 4000..6000)"


def test_a_row_has_its_figures_under_the_headings() -> None:
    row, head = as_row(measured()), heading()
    for name, value in (("value", "1000"), ("baseline", "5000"), ("ratio", "0.20")):
        end = head.index(name) + len(name)
        assert row[:end].endswith(value)


def test_the_names_that_are_published_are_measured() -> None:
    assert {figure.name for figure in SUITES["cwmp"]} >= {
        "cwmp.periodic.7",
        "cwmp.periodic.800",
        "cwmp.periodic.kept",
        "cwmp.periodic.digest",
        "cwmp.first_contact",
        "cwmp.boot",
    }
