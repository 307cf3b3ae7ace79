"""Floods of lines, a log that cannot be written, and old log files."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from weakref import ref

import pytest

from acs import log
from acs.log_bounds import Complaints, FloodFilter, drop_old, quieten


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def passed(flood: FloodFilter, event: str, **pairs: object) -> dict[str, object] | None:
    """The pairs of a line as they are written, None: it is not."""
    record = logging.makeLogRecord({"name": "acs", "msg": {"event": event, **pairs}})
    first = flood.filter(record)
    assert flood.filter(record) is first, "it is asked for each handler"
    said = record.msg
    assert isinstance(said, dict)
    return said if first else None


def test_a_flood_of_one_device_leaves_the_others_their_lines(clock: Clock) -> None:
    flood = FloodFilter(of_kind=100, of_device=3, clock=clock)
    said = [passed(flood, "session", device="loud") for _ in range(50)]
    assert sum(line is not None for line in said) == 3
    assert passed(flood, "session", device="calm") == {"event": "session", "device": "calm"}
    assert passed(flood, "job", device="loud") is not None, "another kind"
    clock.now += 60
    line = passed(flood, "session", device="loud")
    assert line is not None
    assert line["unsaid"] == 47
    line = passed(flood, "session", device="loud")
    assert line is not None
    assert "unsaid" not in line


def test_a_crowd_of_devices_is_no_way_around_the_bound_of_a_kind(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FloodFilter, "REMEMBERED", 20)
    flood = FloodFilter(of_kind=10, of_device=3, clock=clock)
    said = [passed(flood, "session", device=f"d{n}") for n in range(200)]
    assert sum(line is not None for line in said) == 10


def test_what_other_libraries_say_is_bounded_and_not_kept(clock: Clock) -> None:
    """Twisted hands over an object that becomes text when it is written."""

    class Text:
        pass

    flood = FloodFilter(of_kind=10, of_device=3, clock=clock)
    texts = [Text() for _ in range(50)]
    kept = ref(texts[0])
    records = [logging.makeLogRecord({"name": "twisted", "msg": text}) for text in texts]
    assert sum(map(flood.filter, records)) == 10
    del texts, records
    assert kept() is None
    assert flood.filter(logging.makeLogRecord({"name": "other", "msg": ["not", "hashable"]}))


def test_a_flood_of_one_kind_is_bounded_whoever_it_is_about(clock: Clock) -> None:
    flood = FloodFilter(of_kind=10, of_device=3, clock=clock)
    said = [passed(flood, "request refused", address=f"192.0.2.{n}") for n in range(200)]
    assert sum(line is not None for line in said) == 10
    assert passed(flood, "serving") is not None
    clock.now += 61
    line = passed(flood, "request refused", address="192.0.2.250", unsaid=2)
    assert line is not None
    assert line["unsaid"] == 2 + 190


def test_what_is_remembered_is_bounded(clock: Clock) -> None:
    flood = FloodFilter(of_kind=10**9, of_device=1, clock=clock)
    for n in range(FloodFilter.REMEMBERED + 100):
        assert passed(flood, "session", device=n) is not None
    assert len(flood._devices) == FloodFilter.REMEMBERED


def test_lines_of_libraries_are_bounded_too(clock: Clock) -> None:
    flood = FloodFilter(of_kind=2, of_device=1, clock=clock)
    records = [logging.makeLogRecord({"name": "lib", "msg": "lost %s"}) for _ in range(5)]
    assert [flood.filter(record) for record in records] == [True, True, False, False, False]


@pytest.fixture
def logged(tmp_path: Path) -> Iterator[Path]:
    file = tmp_path / "acs.log"
    end = log.configure(file=file, stderr=StringIO())
    yield file
    end()


def test_a_flood_is_bounded_in_the_file_itself(logged: Path) -> None:
    logger = log.get_logger("acs.test")
    for _ in range(log.LINES_OF_DEVICE + 20):
        logger.info("session", device="A4B1C2-SN1")
    assert logged.read_text().count("event=session") == log.LINES_OF_DEVICE


def test_on_a_critical_disk_only_warnings_are_written(logged: Path) -> None:
    logger = log.get_logger("acs.test")
    quieten(True, "info")
    logger.info("unimportant")
    logger.warning("important")
    quieten(False, "info")
    logger.info("as before")
    told = logged.read_text()
    assert "unimportant" not in told
    assert "important" in told
    assert "as before" in told


def test_a_log_that_cannot_be_written_is_told_once_a_minute_without_a_trace(
    clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    complain = Complaints(clock)
    for _ in range(100):
        try:
            raise OSError(28, "No space left on device")
        except OSError:
            complain("/var/log/acs.log")
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "/var/log/acs.log cannot be written: [Errno 28] No space left on device" in told
    clock.now += 61
    complain("/var/log/acs.log")
    assert capsys.readouterr().err.count("\n") == 1


def test_a_full_disk_under_the_log_raises_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log, "_complain", Complaints(Clock()))
    (tmp_path / "full").symlink_to("/dev/full")
    end = log.configure(file=tmp_path / "full", stderr=StringIO())
    try:
        for _ in range(20):
            log.get_logger("acs.test").info("session")
    finally:
        end()
    told = capsys.readouterr().err
    assert told.count("cannot be written") == 1
    assert "Traceback" not in told


def test_a_log_goes_on_when_there_is_room_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log, "_complain", Complaints(Clock()))
    file = tmp_path / "acs.log"
    file.symlink_to("/dev/full")
    end = log.configure(file=file, stderr=StringIO())
    logger = log.get_logger("acs.test")
    logger.info("lost")
    file.unlink()
    logger.info("kept")
    end()
    assert "event=kept" in file.read_text()
    assert "lost" not in file.read_text()


def test_old_log_files_are_deleted_and_nothing_else(tmp_path: Path) -> None:
    for name in ("acs.log", "acs.log.1", "acs.log.2", "acs.log.12", "acs.log.note", "other.log.1"):
        (tmp_path / name).write_text("x" * 10)
    assert drop_old(tmp_path / "acs.log", keep=1) == 20
    assert drop_old(tmp_path / "acs.log") == 10
    left = sorted(path.name for path in tmp_path.iterdir())
    assert left == ["acs.log", "acs.log.note", "other.log.1"]
