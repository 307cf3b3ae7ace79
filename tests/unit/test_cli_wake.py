"""`acs device wake`, and how the waking of a device is told wherever it is shown."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest
from cli_on_disk import KEY, SEEN, SERIAL, House

from acs.cli.device_wake import follow
from acs.cli.waiting import follow as follow_job
from acs.cli.wake_words import Waking, is_open, news, words
from acs.devices.record import Device
from acs.devices.waking import Wake, WakeState, Way
from acs.store import wakes

NOW = 1_790_000_100.0
DEVICE = Device(1, KEY, "1C61B4", "Device2", SERIAL, last_seen=NOW - 60)
ASKED = Wake(1, "asked by acs tester", asked_at=NOW - 3, next_at=NOW - 3)
ENDED = replace(ASKED, way=Way.HTTP, attempts=4, ended_at=NOW - 1, detail="nobody answers there")
SENT = replace(ASKED, state=WakeState.SENT, way=Way.HTTP, attempts=1, sent_at=NOW - 2)

SERVED = "served at its next Inform, by 14:25Z (in 10 min)"


@pytest.fixture
def house(tmp_path: Path) -> House:
    house = House(tmp_path / "data")
    house.matched_device()
    return house


def told(wake: Wake | None, *, due: float = NOW + 600, **device: object) -> str:
    return words(Waking(replace(DEVICE, **device), wake, due), NOW)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("wake", "expected"),
    [
        (ASKED, "is about to be called"),
        (
            replace(ASKED, attempts=1, next_at=NOW + 10, detail="it answered 503: it is busy"),
            "is called again in 10 s: it answered 503: it is busy",
        ),
        (SENT, "was told to call over HTTP 2 s ago, and has not yet"),
        (
            replace(ENDED, state=WakeState.UNREACHABLE),
            f"is unreachable: nobody answers there; {SERVED}",
        ),
        (
            replace(ENDED, state=WakeState.REFUSED, detail="not its address"),
            f"refused: not its address; {SERVED}",
        ),
        (
            replace(ENDED, state=WakeState.REFUSED, attempts=0, detail="it is elsewhere"),
            "must not be called: it is elsewhere; served at its next Inform, by 14:25Z (in 10 min)",
        ),
        (
            replace(ENDED, state=WakeState.BUSY, detail="it answered 503: it is busy"),
            f"is busy: it answered 503: it is busy; {SERVED}",
        ),
        (
            replace(ASKED, detail="withheld: safety.mode is dry-run", next_at=NOW + 600),
            "is not called, withheld: safety.mode is dry-run",
        ),
        (
            replace(ASKED, next_at=NOW - 60),
            f"is called by nobody (does `acs serve` run?); {SERVED}",
        ),
        (None, f"was not to be called; {SERVED}"),
    ],
)
def test_each_state_is_told_honestly(wake: Wake | None, expected: str) -> None:
    assert told(wake) == expected


def test_who_was_woken_took_so_long() -> None:
    woken = replace(SENT, state=WakeState.WOKEN, asked_at=NOW - 9, ended_at=NOW)
    assert (
        told(woken, last_seen=NOW - 5)
        == "was woken over HTTP: it called 4 s after it was asked for"
    )
    itself = replace(woken, sent_at=0.0, detail="it called by itself")
    assert told(itself) == "called by itself"


@pytest.mark.parametrize(
    ("due", "device", "expected"),
    [
        (0.0, {}, "served at its next Inform (last seen 1 min ago)"),
        (NOW - 7200, {}, "served at its next Inform, which was due 2 h ago"),
        (NOW + 90_000, {}, "served at its next Inform, by 2026-09-22 15:15:00Z (in 25 h)"),
        (0.0, {"protocol": "usp"}, "served when its agent connects"),
    ],
)
def test_when_it_is_served_instead(due: float, device: dict[str, object], expected: str) -> None:
    unreachable = replace(ENDED, state=WakeState.UNREACHABLE)
    assert (
        told(unreachable, due=due, **device) == f"is unreachable: nobody answers there; {expected}"
    )


def test_what_is_over_or_held_is_not_waited_for() -> None:
    assert is_open(ASKED, NOW)
    assert is_open(SENT, NOW)
    assert not is_open(replace(ENDED, state=WakeState.BUSY), NOW)
    assert not is_open(replace(ASKED, detail="withheld: so it is"), NOW)
    assert not is_open(replace(ASKED, next_at=NOW - 60), NOW)


def test_what_is_settled_is_no_news() -> None:
    refused = replace(ENDED, state=WakeState.REFUSED)
    assert news(Waking(DEVICE, refused), NOW, since=NOW - 3).startswith("refused")
    assert news(Waking(DEVICE, refused), NOW, since=NOW) == ""
    assert news(Waking(replace(DEVICE, last_seen=NOW), refused), NOW) == ""
    assert news(Waking(DEVICE, replace(refused, state=WakeState.WOKEN)), NOW) == ""


def test_the_command_asks_and_says_how_it_stands(house: House) -> None:
    answer = house.json("device", "wake", SERIAL)
    assert answer["device"] == KEY
    assert (answer["wake"]["state"], answer["wake"]["attempts"]) == ("waiting", 0)
    assert answer["wake"]["reason"].startswith("asked by acs ")
    shown = house.run("device", "show", SERIAL).stdout
    assert "is about to be called" in shown


def test_without_wake_ups_it_says_what_to_set(house: House) -> None:
    ended = house.run("device", "wake", SERIAL, ACS_WAKEUP_ENABLED="false")
    assert ended.exit_code == 1
    assert "set wakeup.enabled to true" in ended.stderr


def test_a_network_that_is_none_is_named(house: House) -> None:
    ended = house.run("device", "wake", SERIAL, ACS_WAKEUP_NETWORKS="100.64.0.0/10,all of them")
    assert ended.exit_code == 3
    assert "wakeup.networks: 'all of them' is no network" in ended.stderr


def test_who_waits_for_a_job_hears_that_its_device_cannot_be_called(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cannot_be_called(_seconds: float) -> None:
        database = house.open()
        database.run("test", wakes.ask_thd, [1], "job: read", time.time())
        [wake] = [wake for wake, _ in database.run("test", wakes.list_thd)]
        over = replace(ENDED, asked_at=wake.asked_at, state=WakeState.UNREACHABLE)
        database.run("test", wakes.save_thd, [over])
        database.dispose()

    said: list[str] = []
    monkeypatch.setattr(
        "acs.cli.job_request.follow",
        lambda database, job_id, _seconds, told: follow_job(
            database, job_id, 0.3, said.append, sleep=cannot_be_called
        ),
    )
    ended = house.run("device", "read", SERIAL, "Device.DeviceInfo.UpTime", "--wait", "1")
    assert ended.exit_code == 1
    assert said[-1].startswith("queued: its device is unreachable: nobody answers there; served")
    assert "is unreachable: nobody answers there; served at its next Inform" in ended.stdout


def test_it_is_followed_to_its_end(house: House) -> None:
    database = house.open()
    database.run("test", wakes.ask_thd, [1], "a test", SEEN)
    [asked] = [wake for wake, _ in database.run("test", wakes.list_thd)]
    sent = replace(SENT, asked_at=SEEN, sent_at=SEEN, next_at=SEEN + 30)
    ends = [sent, replace(sent, state=WakeState.UNREACHABLE, ended_at=SEEN + 2)]
    said: list[str] = []
    now = [SEEN]

    def sleep(seconds: float) -> None:
        now[0] += seconds
        database.run("test", wakes.save_thd, [ends.pop(0)])

    found = follow(
        database,
        asked.device_id,
        60,
        said.append,
        clock=lambda: now[0],
        sleep=sleep,
    )
    database.dispose()
    assert found is not None
    assert found.wake is not None
    assert found.wake.state is WakeState.UNREACHABLE
    assert [text.partition(" over")[0] for text in said] == [
        "is about to be called",
        "was told to call",
    ]
    assert now[0] < SEEN + 1 < time.time()
