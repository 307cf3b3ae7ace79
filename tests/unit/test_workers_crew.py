"""Which workers are started, renewed and ended, and who does what is done once."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from acs.server.workers.crew import (
    LONGEST_PAUSE,
    STEADY_SECONDS,
    Action,
    Crew,
    Drain,
    Duties,
    GiveUp,
    NotRenewed,
    Serving,
    Start,
)


def serving(workers: int) -> Crew:
    """A crew that has begun to serve at time 0."""
    crew = Crew(workers)
    for action in list(crew.begin()):
        assert isinstance(action, Start)
        list(crew.ready(action.name, 0.0))
    assert len(crew.serving) == workers
    return crew


def names(actions: Iterable[Action]) -> list[tuple[str, str]]:
    return [(type(each).__name__, getattr(each, "name", "")) for each in actions]


def test_all_are_started_and_the_first_gets_the_duties() -> None:
    crew = Crew(2)
    assert list(crew.begin()) == [Start(1, "10"), Start(2, "20")]
    assert list(crew.ready("20", 0.0)) == [Duties("20")]
    assert list(crew.ready("10", 0.0)) == [Serving()]


def test_one_that_cannot_start_at_first_ends_the_server() -> None:
    crew = Crew(2)
    list(crew.begin())
    list(crew.ready("10", 0.0))
    assert list(crew.ended("20", 1.0)) == [GiveUp()]
    assert list(crew.stop()) == [Drain("10")]
    assert list(crew.ended("10", 2.0)) == []


def test_a_dead_worker_is_replaced_at_once_and_its_duties_go_to_another() -> None:
    crew = serving(2)
    assert list(crew.ended("10", 5.0)) == [Start(1, "11"), Duties("20")]
    assert crew.deaths == 1
    assert list(crew.ready("11", 6.0)) == []


def test_who_dies_over_and_over_is_started_ever_more_rarely() -> None:
    crew = serving(1)
    now, name, pauses = 0.0, "10", []
    for _ in range(9):
        (start,) = (each for each in crew.ended(name, now) if isinstance(each, Start))
        pauses.append(start.after)
        name, now = start.name, now + start.after
        list(crew.ready(name, now))
    assert pauses == [0.0, 1.0, 2.0, 4.0, 8.0, 16.0, LONGEST_PAUSE, LONGEST_PAUSE, LONGEST_PAUSE]
    assert [*crew.ended(name, now + STEADY_SECONDS)] == [Start(1, "1A", 0.0)]


def test_each_is_renewed_once_the_one_before_serves() -> None:
    crew = serving(2)
    assert list(crew.restart()) == [Start(1, "11")]
    assert names(crew.ready("11", 9.0)) == [("Drain", "10"), ("Start", "21"), ("Duties", "20")]
    assert names(crew.ready("21", 9.0)) == [("Drain", "20"), ("Duties", "11")]
    assert list(crew.ended("10", 10.0)) == []
    assert list(crew.ended("20", 10.0)) == []
    assert sorted(each.name for each in crew.serving) == ["11", "21"]
    assert crew.deaths == 0
    assert list(crew.restart()) == [Start(1, "12")]


def test_a_restart_in_the_middle_of_another_renews_each_once_more() -> None:
    """Those that were renewed do not know the settings that changed since."""
    crew = serving(3)
    list(crew.restart())
    assert names(crew.ready("11", 9.0))[:2] == [("Drain", "10"), ("Start", "21")]
    assert list(crew.restart()) == [], "one at a time"
    started = []
    for name in ("21", "12", "31", "22"):
        started += [each.name for each in crew.ready(name, 9.0) if isinstance(each, Start)]
    assert started == ["12", "31", "22"]
    assert sorted(each.name for each in crew.serving) == ["12", "22", "31"]


def test_a_restart_while_they_start_comes_when_they_have() -> None:
    crew = Crew(2)
    list(crew.begin())
    assert list(crew.restart()) == []
    assert list(crew.ready("10", 0.0)) == [Duties("10")]
    assert list(crew.ready("20", 0.0)) == [Serving(), Start(1, "11")]


def test_a_new_one_that_dies_while_its_predecessor_leaves_is_replaced() -> None:
    crew = serving(1)
    list(crew.restart())
    list(crew.ready("11", 1.0))
    assert list(crew.ended("11", 2.0)) == [Start(1, "12")]
    assert list(crew.ended("10", 3.0)) == []


def test_who_leaves_by_itself_is_replaced_at_once_and_has_not_died() -> None:
    crew = serving(2)
    assert list(crew.leaves("10")) == [Start(1, "11"), Duties("20")]
    assert list(crew.leaves("10")) == []
    assert list(crew.ended("10", 2.0)) == []
    assert list(crew.ready("11", 2.0)) == []
    assert sorted(each.name for each in crew.serving) == ["11", "20"]
    assert crew.deaths == 0


def test_who_leaves_while_it_is_renewed_is_not_replaced_twice() -> None:
    crew = serving(1)
    list(crew.restart())
    assert list(crew.leaves("10")) == []
    assert list(crew.ready("11", 2.0)) == [Duties("11")]


def test_a_new_one_that_cannot_serve_leaves_the_old_ones_alone() -> None:
    crew = serving(2)
    list(crew.restart())
    assert list(crew.ended("11", 9.0)) == [NotRenewed("11")]
    assert sorted(each.name for each in crew.serving) == ["10", "20"]


def test_an_old_one_that_dies_while_it_is_renewed_is_not_replaced_twice() -> None:
    crew = serving(1)
    list(crew.restart())
    assert list(crew.ended("10", 9.0)) == []
    assert list(crew.ready("11", 9.5)) == [Duties("11")]
    assert [each.name for each in crew.serving] == ["11"]


def test_a_restart_passes_over_one_that_waits_for_its_next_start() -> None:
    crew = serving(2)
    list(crew.ended("10", 1.0))
    list(crew.ready("11", 1.0))
    assert [*crew.ended("11", 2.0)][:1] == [Start(1, "12", 1.0)]
    assert list(crew.restart()) == [Start(2, "21")]


def test_a_stop_drains_those_that_serve_and_those_that_start() -> None:
    crew = serving(2)
    list(crew.restart())
    assert sorted(names(crew.stop())) == [("Drain", "10"), ("Drain", "11"), ("Drain", "20")]
    for name in ("10", "20", "11"):
        assert list(crew.ended(name, 3.0)) == []
    assert crew.members == {}


@pytest.mark.parametrize("late", ["10", "11"])
def test_a_ready_that_comes_after_the_order_to_leave_means_nothing(late: str) -> None:
    crew = serving(1)
    list(crew.restart())
    list(crew.stop())
    assert list(crew.ready(late, 4.0)) == []
