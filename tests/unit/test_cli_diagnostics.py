"""`acs device ping` and its kin: what they ask for, what they show, how they end."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from cli_on_disk import KEY, SERIAL, House

from acs.cli.waiting import follow
from acs.devices.effects import SaveDevice, SaveJob
from acs.devices.record import JobKind, JobState
from acs.profiles.diagnostics.results import (
    Answer,
    Connection,
    Hop,
    Lookup,
    Neighbour,
    Neighbours,
    Ping,
    Result,
    Speed,
    Trace,
    document,
)

GOOD = Ping(4, 4, 0.0, 9.0, 12.5, 20.0)
URL = "http://speed.example.net/f"


@pytest.fixture
def house(tmp_path: Path) -> House:
    house = House(tmp_path / "data")
    house.matched_device()
    return house


def ending(
    house: House,
    monkeypatch: pytest.MonkeyPatch,
    result: Result | None,
    state: JobState = JobState.DONE,
    **more: object,
) -> House:
    """Let the device answer as soon as somebody waits."""
    kept = {"result": document(result) if result else None, "state": "Complete", **more}

    def end(_seconds: float) -> None:
        house.apply(SaveJob(1, state, time.time(), 1, kept))

    monkeypatch.setattr("acs.cli.job_request.follow", lambda *args: follow(*args, sleep=end))
    return house


def test_a_ping_is_kept_as_a_job_with_its_arguments(house: House) -> None:
    asked = house.run("device", "ping", SERIAL, "9.9.9.9", "--count", "20", "--wait", "0")
    assert asked.exit_code == 0, asked.output
    assert f"See it later: acs device diagnostics {KEY} 1" in asked.stdout
    job = house.job(1)
    assert job.kind is JobKind.DIAGNOSTIC
    assert job.payload == {
        "diagnostic": "ping",
        "arguments": {"host": "9.9.9.9", "count": 20, "size": 56, "timeout": 2000},
    }
    assert 3500 < job.expires_at - job.created_at < 3700


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["trace", SERIAL, "h"], {"host": "h", "tries": 3, "max_hops": 30, "timeout": 2000}),
        (["speed-download", SERIAL, URL], {"url": URL}),
        (
            ["speed-download", SERIAL, URL, "--connections", "4", "--duration", "10"],
            {"url": URL, "connections": 4, "duration": 10, "per_connection": True},
        ),
        (["speed-upload", SERIAL, URL, "--bytes", "5000"], {"url": URL, "bytes": 5000}),
        (
            ["lookup", SERIAL, "h", "--server", "192.0.2.53"],
            {"name": "h", "server": "192.0.2.53", "count": 1, "timeout": 5000},
        ),
        (["neighbours", SERIAL], {}),
    ],
)
def test_each_command_asks_for_its_test(
    house: House, arguments: list[str], expected: dict[str, object]
) -> None:
    asked = house.run("device", *arguments, "--wait", "0")
    assert asked.exit_code == 0, asked.output
    assert house.job(1).payload == {"diagnostic": arguments[0], "arguments": expected}


@pytest.mark.parametrize(
    ("result", "command", "shown"),
    [
        (GOOD, ["ping", SERIAL, "h"], ["good", "12.5 ms", "Came back", "0 %"]),
        (
            Trace((Hop(1, "gw", "192.0.2.1", 0, (1.5,)), Hop(2, "", "", None, ())), True, 3.0),
            ["trace", SERIAL, "h"],
            ["gw", "1.5", "*", "Reached."],
        ),
        (
            Speed(10**8, None, 8.0, 100.0, 50.0, 10.0, (Connection(1, 5 * 10**7, 8.0, 50.0),)),
            ["speed-download", SERIAL, URL],
            ["100 Mbit/s", "100.00 MB", "50 Mbit/s", "TCP connection"],
        ),
        (
            Lookup(1, (Answer(True, "answered", "h", ("192.0.2.1",), True, "192.0.2.53", 7.0),)),
            ["lookup", SERIAL, "h"],
            ["192.0.2.1", "192.0.2.53", "7 ms", "yes"],
        ),
        (
            Neighbours(
                (
                    Neighbour("a\x1b[31m", "AA", 6, "2.4GHz", "", -40.0, None, "WPA2", "", ""),
                    Neighbour("", "BB", 6, "2.4GHz", "", -60.0, None, "", "", ""),
                )
            ),
            ["neighbours", SERIAL],
            ["(hidden)", "-40 dBm", "Channel 6 2.4GHz: 2 networks, strongest -40 dBm", "a\\x1b"],
        ),
    ],
)
def test_what_it_found_is_shown_with_units(
    house: House,
    monkeypatch: pytest.MonkeyPatch,
    result: Result,
    command: list[str],
    shown: list[str],
) -> None:
    ended = ending(house, monkeypatch, result).run("device", *command)
    assert ended.exit_code == 0, ended.output
    assert "done" in ended.stdout and "\x1b" not in ended.stdout
    for words in shown:
        assert words in ended.stdout


@pytest.mark.parametrize(
    ("result", "command"),
    [
        (Ping(4, 0, 100.0, None, None, None), ["ping", SERIAL, "h"]),
        (Trace((), False, None), ["trace", SERIAL, "h"]),
        (Lookup(0, ()), ["lookup", SERIAL, "h"]),
        (Speed(None, None, None, None, None, None, note="why"), ["speed-download", SERIAL, URL]),
    ],
)
def test_a_bad_finding_ends_with_1(
    house: House, monkeypatch: pytest.MonkeyPatch, result: Result, command: list[str]
) -> None:
    assert ending(house, monkeypatch, result).run("device", *command).exit_code == 1


def test_a_failure_names_the_reason_and_what_was_left_out(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = "the name could not be resolved to an address (Error_CannotResolveHostName)"
    ended = ending(
        house, monkeypatch, None, JobState.FAILED, error=error, left_out=["timeout"]
    ).run("device", "ping", SERIAL, "nowhere.example")
    assert ended.exit_code == 1
    assert error in ended.stdout
    assert "Without timeout: the device does not take it." in ended.stdout


def test_a_document_has_the_typed_result(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = ending(house, monkeypatch, GOOD).json("device", "ping", SERIAL, "h")
    assert (answer["device"], answer["job"], answer["state"]) == (KEY, 1, "done")
    assert answer["result"]["average"] == 12.5
    assert answer["device_state"] == "Complete"
    assert answer["ended_at"].endswith("Z")


def test_results_are_found_again(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    ending(house, monkeypatch, GOOD, text="ping h: 4 of 4 came back").run(
        "device", "ping", SERIAL, "h"
    )
    listed = house.run("device", "diagnostics", SERIAL)
    assert listed.exit_code == 0 and "ping h: 4 of 4 came back" in listed.stdout
    again = house.run("device", "diagnostics", SERIAL, "1")
    assert again.exit_code == 0 and "12.5 ms" in again.stdout
    assert house.json("device", "diagnostics", SERIAL)["tests"][0]["job"] == 1
    missing = house.run("device", "diagnostics", SERIAL, "9")
    assert missing.exit_code != 0 and "job 9 is no kept test" in missing.output


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["speed-download", SERIAL, "http://u:geheim@h/"], "must not hold a user name"),
        (["speed-download", SERIAL, "file:///x"], "url must begin with"),
        (["ping", SERIAL, "a b"], "host must be"),
        (["ping", SERIAL, "h", "--count", "0"], "0 is not in the range"),
        (["ping", SERIAL, "h", "--interface", "wan"], "by which interface"),
    ],
)
def test_what_cannot_work_is_refused_while_somebody_looks(
    house: House, arguments: list[str], words: str
) -> None:
    refused = house.run("device", *arguments, "--wait", "0")
    assert refused.exit_code != 0
    assert words in " ".join(refused.output.split())
    assert "geheim" not in refused.output.replace(arguments[-1], "")


def test_a_family_without_the_test_says_so(house: House) -> None:
    house.apply(SaveDevice(1, {"blueprint": "tr098"}))
    refused = house.run("device", "neighbours", SERIAL, "--wait", "0")
    assert "the blueprint tr098 knows no neighbours" in " ".join(refused.output.split())
