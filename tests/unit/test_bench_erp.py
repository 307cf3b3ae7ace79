"""What the figures of ERPNext are made of: kinds of calls, stages, percentiles, names."""

from __future__ import annotations

import tomllib

import pytest

from bench.business import _documents
from bench.erp.stages import Course, medians, percentiles
from bench.erp.storm import by_kind, reached_at
from bench.figures import SUITES
from bench.run import _ERP, _USP
from bench.units import Unit

COURSE = Course(saved=10.0, at_door=10.1, read=10.3, called=10.6, session=10.7, proven=11.5)


def test_the_names_that_are_published_are_measured() -> None:
    assert {figure.name for figure in SUITES["erp"]} == {
        "erp.storm.cold",
        "erp.storm.warm",
        "erp.webhook_to_proof.cwmp",
        "erp.webhook_to_proof.usp",
        "erp.sweep",
    }
    # A quick run takes one figure of each kind: here that is all of them.
    assert len({figure.kind for figure in SUITES["erp"]}) == 5
    assert not _ERP & _USP


def test_calls_are_told_by_what_they_are_for() -> None:
    calls = {
        "list Service Equipment": 3,
        "frappe.client.get_list Service Subscription": 2,
        "acs_equipment_secrets Service Equipment": 4,
        "acs_write_back": 5,
        "update Service Equipment": 6,
        "frappe.client.get_time_zone": 1,
    }
    assert by_kind(calls) == {"list": 5, "secrets": 4, "write": 11, "other": 1}


def test_a_share_of_a_storm_is_served_at_a_time_or_never() -> None:
    assert reached_at([1.0, 2.0, 3.0], 4, 50) == 2.0
    assert reached_at([1.0, 2.0, 3.0], 4, 99) == 0.0
    assert reached_at([], 0, 50) == 0.0


def test_stages_of_a_change_add_up_to_the_whole() -> None:
    assert sum(COURSE.stages().values()) == pytest.approx(COURSE.whole) == pytest.approx(1.5)
    assert COURSE.ours == pytest.approx(1.4)
    slow = Course(20.0, 20.3, 20.5, 20.8, 20.9, 21.7)
    assert medians([COURSE, slow])["to_webhook"] == pytest.approx(0.2)


@pytest.mark.parametrize(
    ("seconds", "found"),
    [
        ([], (0, 0, 0)),
        ([2.0], (2, 2, 2)),
        ([float(number) for number in range(101)], (50, 95, 99)),
    ],
)
def test_percentiles(seconds: list[float], found: tuple[float, float, float]) -> None:
    assert percentiles(seconds) == pytest.approx(found)


def test_a_unit_may_stand_at_a_place_with_a_subscription() -> None:
    plain = tomllib.loads(_documents(0, 2, subscribed=False))["document"]
    assert [each["doctype"] for each in plain] == ["Customer", *["Service Equipment"] * 2]
    found = tomllib.loads(_documents(5, 1, subscribed=True))["document"]
    _customer, location, subscription, equipment = found
    assert equipment["name"] == Unit(5).equipment
    assert equipment["service_location"] == location["name"] == subscription["service_location"]
    assert subscription["status"] == "Actif"
