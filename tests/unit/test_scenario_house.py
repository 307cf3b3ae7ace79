"""What a scenario is promised by the server's commands, and whether that is kept."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from simulators.scenario.house import House
from simulators.scenario.reading import find, read

STATES = ("waiting", "queued", "sent", "done", "failed", "expired", "cancelled", "forgotten")
ACS = """\
#!/bin/sh
printf '%s\\n' "$*" >> said
cat "$1-$2"
"""


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> House:
    acs = tmp_path / "acs"
    acs.write_text(ACS)
    acs.chmod(0o755)
    monkeypatch.setattr("simulators.scenario.house.beside", lambda _: str(acs))
    return House(read(find("first-boot")[1]), tmp_path)


def answers(house: House, words: str, told: object) -> None:
    (house.folder / words.replace(" ", "-")).write_text(json.dumps(told))


def campaign(name: str, **counts: int) -> dict[str, object]:
    progress = dict.fromkeys(STATES, 0) | counts
    return {"name": name, "progress": progress | {"total": sum(progress.values())}}


def begun(house: House, name: str, devices: int, job: Sequence[str]) -> None:
    answers(house, "bulk start", {"name": name, "devices": devices, "started": True})
    house.command(["bulk", "start", name, "--yes", *job])


def test_the_words_of_a_campaigns_job_are_left_alone(house: House) -> None:
    begun(house, "look", 3, ["read", "Device."])
    assert (house.folder / "said").read_text() == "bulk start --json look --yes read Device.\n"
    answers(house, "device reboot", {"job": {"id": 7}})
    house.command(["device", "reboot", "S1", "--yes"])
    assert house.asked == {7}


def test_what_a_campaign_forgot_is_lost(house: House) -> None:
    begun(house, "kept", 3, ["provision"])
    begun(house, "broken", 4, ["provision"])
    begun(house, "gone", 2, ["provision"])
    there = [campaign("kept", done=2, expired=1), campaign("broken", waiting=1, forgotten=2)]
    answers(house, "bulk list", {"campaigns": there})
    assert house.promised == {"kept": 3, "broken": 4, "gone": 2}
    assert house.campaigns_unmet() == 3 + 2
    assert house.campaigns_waiting() == 1
