"""How little room a disk may have, and what is given up for it: the policy, and its edge."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs
from twisted.internet.defer import Deferred, succeed

from acs.api import State
from acs.server.disk import Level, Mark, Marks, Room, shed
from acs.server.disk_guard import DiskGuard
from acs.server.disk_sacrifice import wait_for_room
from acs.settings import LogSettings, ServerSettings, Settings

MARKS = Marks(Mark.parse("1 GB"), Mark.parse("250 MB"))
GB = 10**9


def room(gigabytes: float) -> Room:
    return Room(int(gigabytes * GB), 100 * GB)


@pytest.mark.parametrize(
    ("text", "octets"),
    [
        ("5%", 5 * GB),
        ("0.5 %", GB // 2),
        ("1 GB", GB),
        ("1GiB", 2**30),
        ("1.5 MB", 1_500_000),
        ("64kiB", 65_536),
        ("10B", 10),
    ],
)
def test_an_amount_of_disk_is_octets_or_a_share(text: str, octets: int) -> None:
    assert Mark.parse(text).of(room(1)) == octets


def test_a_small_disk_is_not_low_while_it_is_empty() -> None:
    small = Room(500_000_000, 512_000_000)
    assert MARKS.judge(small, Level.AMPLE) is Level.AMPLE
    assert MARKS.judge(Room(100_000_000, small.total), Level.AMPLE) is Level.CRITICAL
    assert Mark.parse("100%").of(small) == small.total


@pytest.mark.parametrize("text", ["", "much", "-1 GB", "5%%", "1 PB"])
def test_what_is_no_amount_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="1 GB"):
        Mark.parse(text)


@pytest.mark.parametrize(
    ("free", "before", "after"),
    [
        (1.5, Level.AMPLE, Level.AMPLE),
        (0.99, Level.AMPLE, Level.LOW),
        (0.2, Level.AMPLE, Level.CRITICAL),
        (1.05, Level.LOW, Level.LOW),
        (1.11, Level.LOW, Level.AMPLE),
        (0.26, Level.CRITICAL, Level.CRITICAL),
        (0.3, Level.CRITICAL, Level.LOW),
        (2.0, Level.CRITICAL, Level.AMPLE),
    ],
)
def test_a_level_is_left_only_with_some_room_to_spare(
    free: float, before: Level, after: Level
) -> None:
    assert MARKS.judge(room(free), before) is after


def test_nothing_is_given_up_while_there_is_room() -> None:
    assert shed(Level.AMPLE, 3, 90.0, 0) is None


def test_each_pass_keeps_half_as_many_days_and_a_day_at_least() -> None:
    passes = [shed(Level.LOW, number, 90.0, 0) for number in range(10)]
    days = [wanted.keep_days for wanted in passes if wanted]
    assert days[:3] == [45.0, 22.5, 11.25]
    assert days[-1] == 1.0


def test_a_critical_disk_keeps_no_history_in_the_end() -> None:
    wanted = shed(Level.CRITICAL, 8, 90.0, 0)
    assert wanted is not None
    assert (wanted.keep_days, wanted.trees, wanted.old_logs) == (0.0, 1, True)


@pytest.mark.parametrize("spare", [None, 100 * 2**20])
def test_history_stays_where_that_would_give_no_room(spare: int | None) -> None:
    wanted = shed(Level.CRITICAL, 9, 90.0, spare)
    assert wanted is not None
    assert (wanted.keep_days, wanted.trees) == (None, 0)
    assert wanted.recordings


def test_the_last_log_is_kept_in_the_first_pass_of_a_low_disk() -> None:
    first, second = shed(Level.LOW, 0, 90.0, 0), shed(Level.LOW, 1, 90.0, 0)
    assert first is not None
    assert second is not None
    assert (first.old_logs, second.old_logs) == (False, True)


@given(st.lists(st.integers(0, 3 * GB), min_size=1))
def test_whatever_is_measured_the_level_is_never_better_than_the_room(frees: list[int]) -> None:
    level = Level.AMPLE
    for free in frees:
        level = MARKS.judge(Room(free, 100 * GB), level)
        assert (free < GB) <= (level >= Level.LOW)
        assert (free < GB / 4) == (level is Level.CRITICAL) or free < 0.275 * GB


def test_a_start_on_a_full_disk_gives_up_old_logs_and_waits_for_room(tmp_path: Path) -> None:
    settings = Settings(
        server=ServerSettings(data_dir=str(tmp_path)),
        log=LogSettings(file=str(tmp_path / "acs.log")),
    )
    old = tmp_path / "acs.log.1"
    old.write_text("old")
    frees = iter([0, 0, 10, 10, GB])
    said: list[str] = []
    slept: list[float] = []
    wait_for_room(
        settings, said.append, measure=lambda _: Room(next(frees), GB), sleep=slept.append
    )
    assert not old.exists()
    assert said == [f"the disk of {tmp_path} is full; waiting for room"]
    assert slept == [5.0, 5.0]


class Given:
    """Implements `acs.server.disk_guard.Sacrifice`."""

    def __init__(self) -> None:
        self.up: list[object] = []
        self.fails = False

    async def spare(self) -> int | None:
        return 0

    async def history(self, keep_days: float, trees: int) -> int:
        self.up.append(("history", keep_days, trees))
        if self.fails:
            raise OSError("disk full")
        return 7

    async def recordings(self) -> int:
        self.up.append("recordings")
        return 0

    async def old_logs(self) -> int:
        self.up.append("old logs")
        return 100


class Guarded:
    """A guard whose disk is what the test says."""

    def __init__(self) -> None:
        self.free = 5.0
        self.quiet: list[bool] = []
        self.given = Given()

        def in_thread(work: Callable[[], Room]) -> Deferred[Room]:
            return succeed(work())

        self.guard = DiskGuard(
            MARKS, 90.0, lambda: room(self.free), in_thread, self.quiet.append, self.given
        )

    def look(self, free: float) -> Level:
        self.free = free
        Deferred.fromCoroutine(self.guard.look())
        return self.guard.level

    def shed(self) -> list[object]:
        self.given.up.clear()
        Deferred.fromCoroutine(self.guard.shed())
        return list(self.given.up)


def test_the_alarm_is_raised_once_and_ended_once() -> None:
    disk = Guarded()
    with capture_logs() as lines:
        for free in (5.0, 0.9, 0.8, 0.1, 0.1, 5.0, 5.0):
            disk.look(free)
    assert [(line["event"], line["log_level"]) for line in lines] == [
        ("disk low", "error"),
        ("disk critical", "error"),
        ("disk ample", "warning"),
    ]
    assert disk.quiet == [False, True, False]


def test_health_says_how_much_is_left_and_what_to_do() -> None:
    disk = Guarded()
    disk.look(5.0)
    assert disk.guard.health().state is State.OK
    disk.look(0.1)
    part = disk.guard.health()
    assert part.state is State.DEGRADED, "devices are served"
    assert "critical: 100.0 MB free of 100.0 GB" in part.detail
    assert "disk.low" in part.detail


def test_more_is_given_up_with_each_pass_until_there_is_room() -> None:
    disk = Guarded()
    disk.look(5.0)
    assert disk.shed() == []
    disk.look(0.9)
    assert disk.shed() == [("history", 45.0, 1), "recordings"]
    assert disk.shed() == [("history", 22.5, 1), "recordings", "old logs"]
    disk.look(5.0)
    assert disk.shed() == []
    disk.look(0.9)
    assert disk.shed() == [("history", 45.0, 1), "recordings"], "it begins anew"


def test_one_thing_that_cannot_be_given_up_does_not_keep_the_others() -> None:
    disk = Guarded()
    disk.look(0.1)
    disk.given.fails = True
    with capture_logs() as lines:
        assert disk.shed() == [("history", 45.0, 1), "recordings", "old logs"]
    assert [line["event"] for line in lines] == ["could not give up", "given up for want of disk"]
