from __future__ import annotations

import io
import json
import logging
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from twisted.logger import LogBeginner, globalLogPublisher
from twisted.logger import Logger as TwistedLogger

from acs.log import MAX_VALUE, OncePer, configure, get_logger, redact
from acs.model import Secret


class Begin:
    """Begins the log as the server does, and ends it with the test."""

    def __init__(self, directory: Path) -> None:
        self.file = directory / "logs" / "acs.log"
        self.stderr = io.StringIO()
        self.end: Callable[[], None] = lambda: None

    def __call__(self, **options: object) -> None:
        self.end()
        self.end = configure(**{"file": self.file, "stderr": self.stderr, **options})

    def lines(self) -> list[str]:
        return self.file.read_text().splitlines()

    def objects(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self.lines()]


@pytest.fixture
def begin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Begin]:
    # Twisted begins to log once per process; each test is one.
    beginner = LogBeginner(globalLogPublisher, io.StringIO(), sys, warnings)
    monkeypatch.setattr("acs.log.globalLogBeginner", beginner)
    begin = Begin(tmp_path)
    yield begin
    begin.end()


def test_a_line_is_key_value_pairs(begin: Begin) -> None:
    begin()
    get_logger("acs.x").info("session over", device="00-A-1", rpcs=3, ok=True)
    (line,) = begin.lines()
    assert line.startswith("timestamp=")
    assert line.endswith(
        'Z level=info logger=acs.x event="session over" device=00-A-1 rpcs=3 ok=true'
    )
    assert begin.stderr.getvalue() == ""


def test_a_line_as_json(begin: Begin) -> None:
    begin(json=True)
    get_logger("acs.x").info("session", device="00-A-1", secret_thing=Secret("hunter2"))
    (line,) = begin.objects()
    assert line["event"] == "session"
    assert line["device"] == "00-A-1"
    assert line["level"] == "info"
    assert line["secret_thing"] == "***"


def test_warnings_and_errors_go_to_standard_error_too(begin: Begin) -> None:
    begin()
    log = get_logger("acs.x")
    log.info("one")
    log.warning("two")
    log.error("three")
    assert [line.split("event=")[1] for line in begin.lines()] == ["one", "two", "three"]
    assert [line.split("event=")[1] for line in begin.stderr.getvalue().splitlines()] == [
        "two",
        "three",
    ]


def test_without_a_file_everything_goes_to_standard_error(begin: Begin) -> None:
    begin(file=None)
    get_logger("acs.x").info("one")
    assert "event=one" in begin.stderr.getvalue()


def test_a_level_that_is_off_writes_nothing(begin: Begin) -> None:
    begin(level="warning")
    get_logger("acs.x").info("one")
    logging.getLogger("other").info("two")
    assert begin.lines() == []


def test_a_level_that_is_on_writes(begin: Begin) -> None:
    begin(level="debug")
    get_logger("acs.x").debug("three")
    assert "event=three" in begin.lines()[-1]


def test_other_peoples_lines_take_the_same_form(begin: Begin) -> None:
    begin(json=True)
    logging.getLogger("library").info("said %s", "something")
    TwistedLogger("their.module").warn("twisted said {thing}", thing="this")
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("careful", stacklevel=1)
    found = {(line["logger"], line["level"]): str(line["event"]) for line in begin.objects()}
    assert found["library", "info"] == "said something"
    assert found["twisted", "warning"] == "twisted said this"
    assert "UserWarning: careful" in found["py.warnings", "warning"]


def test_chatter_of_libraries_is_left_out(begin: Begin) -> None:
    begin(level="debug")
    logging.getLogger("urllib3.connectionpool").debug("GET /?secret=1")
    TwistedLogger("t").info("Starting factory")
    assert begin.lines() == []


def test_an_exception_stays_on_its_line(begin: Begin) -> None:
    begin()
    try:
        raise ValueError("first\nsecond")
    except ValueError:
        get_logger("acs.x").exception("it broke")
    (line,) = begin.lines()
    assert 'event="it broke"' in line
    assert r"ValueError: first\nsecond" in line


def test_the_file_is_bounded(begin: Begin) -> None:
    begin(max_bytes=2000, backups=2)
    log = get_logger("acs.x")
    for number in range(200):
        log.info("line", number=number)
    files = sorted(begin.file.parent.iterdir())
    assert [each.name for each in files] == ["acs.log", "acs.log.1", "acs.log.2"]
    assert all(each.stat().st_size <= 2000 + 100 for each in files)
    newest = files[0].read_text() + files[1].read_text()
    assert "number=199" in newest
    assert "number=0\n" not in newest + files[2].read_text()


def test_the_files_are_not_for_everybody_to_read(begin: Begin) -> None:
    before = os.umask(0)
    try:
        begin(max_bytes=1024)
        for number in range(40):
            get_logger("acs.x").info("x" * 100, number=number)
    finally:
        os.umask(before)
    files = list(begin.file.parent.iterdir())
    assert len(files) > 1
    assert {file.stat().st_mode & 0o007 for file in (begin.file.parent, *files)} == {0}


def test_the_end_gives_the_process_back(begin: Begin) -> None:
    handlers = list(logging.getLogger().handlers)
    shown = warnings.showwarning
    begin()
    begin.end()
    assert logging.getLogger().handlers == handlers
    assert warnings.showwarning is shown


@pytest.mark.parametrize(
    "name",
    [
        "password",
        "acs_password",
        "ConnectionRequestPassword",
        "api_secret",
        "api_key",
        "token",
        "KeyPassphrase",
        "Authorization",
        "PreSharedKey",
    ],
)
def test_values_under_a_secret_name_are_masked(name: str) -> None:
    assert redact(None, "", {name: "hunter2"}) == {name: "***"}
    assert redact(None, "", {name: 271828}) == {name: "***"}
    assert redact(None, "", {name: {"of": "hunter2"}}) == {name: "***"}
    assert redact(None, "", {"deep": {name: "hunter2"}}) == {"deep": {name: "***"}}


def test_names_that_are_no_secret_stay_readable() -> None:
    event = {"event": "password changed", "device": "x", "password": None, "own_credentials": True}
    assert redact(None, "", dict(event)) == event


def test_a_secret_masks_itself_at_any_depth() -> None:
    found = redact(None, "", {"a": Secret("hunter2"), "b": [{"c": (Secret("hunter2"),)}]})
    assert found == {"a": "***", "b": [{"c": ["***"]}]}


def test_the_user_part_of_a_url_is_masked() -> None:
    found = redact(None, "", {"event": "GET http://u:p@[::1]/x?y=a@b then ftp://me@h/"})
    assert found == {"event": "GET http://***@[::1]/x?y=a@b then ftp://***@h/"}


def test_what_a_device_says_cannot_forge_a_line_or_fill_the_disk(begin: Begin) -> None:
    begin()
    said = "a\r\nlevel=error event=forged \x1b[31m\x00\u202e"
    get_logger("acs.x").info("said", text=said, long="x" * (MAX_VALUE + 1))
    (line,) = begin.lines()
    assert r'text="a\\r\nlevel=error event=forged \\x1b[31m\\x00\\u202e" long=' in line
    assert line.endswith(f'{"x" * MAX_VALUE}… ({MAX_VALUE + 1} characters)"')


def test_once_per_lets_one_line_through_and_counts_the_rest() -> None:
    now = 100.0
    gate = OncePer(60, lambda: now, keys=2)
    assert gate("a") == 0
    assert gate("a") is None
    assert gate("b") == 0
    now += 59.9
    assert gate("a") is None
    now += 0.1
    assert gate("a") == 2
    assert gate("a") is None
    assert gate("c") == 0  # pushes out the oldest, b
    assert gate("a") is None
    assert gate("b") == 0
