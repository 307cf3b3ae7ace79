"""Scenario files: what is read, and what an error says."""

from __future__ import annotations

import pytest

from simulators.scenario.reading import ScenarioError, find, library, read
from simulators.scenario.scenario import (
    FaultTable,
    LockTable,
    Profile,
    Until,
    members,
    paced,
    resized,
)
from simulators.scenario.toml_lines import line_of

TOWN = """\
name = "A town"
about = "What is tried."

[server]
settings = { "cwmp.max_sessions" = 500 }

[[units]]
model = "tplink-a-xx230v"
count = 30
faults = ["silent"]
share = 0.1

[[units]]
model = "tplink-a-ex220"
count = 10
joins = "storm"

[[phase]]
name = "calm"
minutes = 2
until = "served"

[[phase]]
name = "storm"
seconds = 30
arrivals = { curve = "storm", within = 20 }
events = ["1 BOOT"]
do = [
    { at = 3, erpnext = "down" },
    { at = 9, server = "restart" },
]

[expect]
provisioned_share = ">= 0.999"
failures.timeout = "<= 5"
"""


def refused(old: str, new: str) -> str:
    """What is said of the town with ``old`` replaced."""
    assert TOWN.count(old) == 1
    with pytest.raises(ScenarioError) as error:
        read(TOWN.replace(old, new), "town.toml")
    return str(error.value)


def test_a_scenario_is_read() -> None:
    town = read(TOWN)
    assert (town.count, town.length) == (40, 150)
    assert [phase.until for phase in town.phase] == [Until.SERVED, Until.TIME]
    assert dict(town.expect) == {"provisioned_share": ">= 0.999", "failures.timeout": "<= 5"}
    assert dict(town.server.settings) == {"cwmp.max_sessions": 500}
    assert town.phase[1].do[1].server == "restart"


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ("[server]", "[sever]", 4, "no key sever; did you mean server?"),
        ("settings =", "setings =", 5, "no key setings; did you mean settings?"),
        ("share = 0.1", "shore = 0.1", 11, "no key shore; did you mean share?"),
        ("erpnext = ", "erpnxt = ", 29, "no key erpnxt; did you mean erpnext?"),
        ('server = "restart"', 'server = "explode"', 30, "explode"),
        ("count = 30", 'count = "30"', 9, "Expected int"),
        ("count = 30", "count = 0", 9, "at least 1"),
        ("tplink-a-xx230v", "tplink-a-xx230w", 8, "did you mean tplink-a-xx230v?"),
        ('"silent"', '"silnt"', 10, "no fault 'silnt'; there are slow"),
        ('joins = "storm"', 'joins = "strm"', 16, "no phase 'strm'; there are: calm, storm"),
        ("count = 10", 'count = 10\nrecorded = "strm"', 16, "there are: calm, storm"),
        (
            "count = 10",
            'count = 10\nprofile = "unknown"\nrecorded = "storm"',
            17,
            "is recorded in no phase",
        ),
        ("count = 10", 'count = 10\nprotocol = "usp"\nlisten = true', 17, "need not listen"),
        ('curve = "storm"', 'curve = "strom"', 26, "no curve 'strom'"),
        ("at = 9", "at = 31", 30, "not within the phase's 30 seconds"),
        ("minutes = 2", "minutes = 0", 18, "seconds or minutes above 0"),
        ("provisioned_share", "provisoned_share", 34, "did you mean provisioned_share?"),
        ('"<= 5"', '"about 5"', 35, "is no comparison"),
        (
            '{ at = 3, erpnext = "down" }',
            '{ at = 3, erpnext = "down", server = "kill" }',
            29,
            "this one has erpnext and server",
        ),
        ("seconds = 30", "seconds = 30\nexpect = { lost_jobs = 0 }", 26, "into [expect]"),
    ],
)
def test_an_error_names_its_line_and_what_there_is(
    old: str, new: str, line: int, said: str
) -> None:
    told = refused(old, new)
    assert told.startswith(f"town.toml:{line}: "), told
    assert said in told


def test_all_that_makes_no_sense_is_told_together() -> None:
    text = TOWN.replace('"silent"', '"silnt"').replace("at = 9", "at = 31")
    with pytest.raises(ScenarioError) as error:
        read(text)
    assert len(str(error.value).splitlines()) == 2


def test_broken_toml_is_told_with_its_line() -> None:
    assert "line 9" in refused("count = 30", "count = ")


def test_a_telephone_is_not_wished_for_a_model_without_one() -> None:
    told = refused("count = 10", 'count = 10\nprofile = "telephone"')
    assert "town.toml:16: a tplink-a-ex220 has no telephone" in told


def test_calls_that_nobody_makes_are_an_error() -> None:
    text = TOWN.replace('events = ["1 BOOT"]\n', "").replace('joins = "storm"\n', "")
    with pytest.raises(ScenarioError, match="nobody calls"):
        read(text)


@pytest.mark.parametrize("name", library())
def test_each_scenario_of_the_library_can_be_read(name: str) -> None:
    found = read(find(name)[1], name)
    assert found.expect
    assert found.about.strip()
    assert any(member.good for member in members(found))


def test_an_unknown_name_is_told_with_the_nearest() -> None:
    with pytest.raises(ScenarioError, match="did you mean first-boot"):
        find("frist-boot")


def test_faults_are_spread_over_their_row() -> None:
    town = members(read(TOWN))
    faulty = [member.number for member in town if member.faults]
    assert len(faulty) == 3
    assert {number // 10 for number in faulty} == {0, 1, 2}
    assert not any(member.good for member in town if member.faults)
    assert [member.joins for member in town] == ["calm"] * 30 + ["storm"] * 10


@pytest.mark.parametrize(
    ("units", "counts"),
    [(4, [3, 1]), (8, [6, 2]), (1, [1, 1]), (80, [60, 20])],
)
def test_a_scenario_keeps_its_mixture_in_another_size(units: int, counts: list[int]) -> None:
    assert [row.count for row in resized(read(TOWN), units).units] == counts


def test_a_faster_scenario_keeps_its_shares() -> None:
    town = paced(read(TOWN), 0.5)
    assert [phase.length for phase in town.phase] == [60, 15]
    assert town.phase[1].arrivals == {"curve": "storm", "within": 10}
    assert [step.at for step in town.phase[1].do] == [1.5, 4.5]
    assert town.pace.periodic == read(TOWN).pace.periodic / 2


def test_profiles_that_can_be_met_are_those_that_are_served() -> None:
    assert {profile for profile in Profile if profile.served} == {Profile.WIFI, Profile.TELEPHONE}


def test_lines_are_found_in_inline_tables_and_later_headers() -> None:
    assert line_of(TOWN, ("phase", 1, "do", 0), "erpnext") == 29
    assert line_of(TOWN, ("expect",), "failures.timeout") == 35
    assert line_of(TOWN, ("phase", 1, "do", 1), "at") == 30
    assert line_of(TOWN, ("units", 1), "model") == 14
    assert line_of(TOWN, ("nowhere",), "nothing") == 1


def test_half_the_time_is_twice_the_rate_and_shorter_trouble() -> None:
    town = paced(
        read("""
        name = "t"
        about = "t"
        [[units]]
        model = "tplink-a-ex220"
        count = 1
        [[phase]]
        name = "a"
        seconds = 30
        arrivals = { curve = "ramp", start = 2, end = 20, seconds = 20 }
        do = [{ at = 4, database = { seconds = 2 } }, { erpnext = { kind = "503", seconds = 8 } }]
        [expect]
        sessions = "> 0"
        """),
        0.5,
    )
    (phase,) = town.phase
    assert phase.arrivals == {"curve": "ramp", "start": 4, "end": 40, "seconds": 10}
    lock, fault = phase.do
    assert (lock.at, lock.database) == (2, LockTable(seconds=1))
    assert fault.erpnext == FaultTable(kind="503", seconds=4)


@pytest.mark.parametrize(
    ("step", "told"),
    [
        ("{ at = 30, erpnext = 'up' }", "at = 30 is not within"),
        ("{ at = 5, every = 5, times = 6, erpnext = 'up' }", "the last time, at 30, is not within"),
        ("{ database = { seconds = 100_000 } }", "at most 120"),
    ],
)
def test_a_step_that_would_never_be_done_is_refused(step: str, told: str) -> None:
    text = find("first-boot")[1].replace("minutes = 4", f"seconds = 30\ndo = [{step}]")
    with pytest.raises(ScenarioError, match=told):
        read(text)
