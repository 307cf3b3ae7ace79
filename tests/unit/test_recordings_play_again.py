"""Every recording in tests/recordings is a test: this release says what was said then.

A recording of a real device goes there as it is; `acs session record` makes them.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from acs.cwmp.recording import Recording, Speaker, replay
from acs.cwmp.recording.transcript import transcript
from acs.profiles import Library

FILES = sorted((Path(__file__).parents[1] / "recordings").glob("*.jsonl"))
LIBRARY = Library.load()


def test_there_are_recordings() -> None:
    names = {file.stem for file in FILES}
    assert {"tplink-a-first-boot", "tplink-a-reboot", "tplink-a-fault"} <= names


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_we_still_say_what_we_said(file: Path) -> None:
    recording = Recording.load(file.read_bytes())
    played = replay(recording, LIBRARY)
    assert played.difference is None, f"{file.name}: {played.difference}"
    answers = [each for each in recording.exchanges if each.speaker is Speaker.ACS]
    assert len(played.said) == len(answers)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_it_can_be_read_by_people(file: Path) -> None:
    recording = Recording.load(file.read_bytes())
    lines = list(transcript(recording))
    assert "Inform: " in lines[0]
    assert lines[-1] == f"Ended: {recording.ended}"
    assert len(lines) == len(recording.exchanges) + 1
    whole = "\n".join(transcript(recording, bodies=True))
    assert "<ParameterList" in whole


def test_the_recordings_say_what_their_names_promise() -> None:
    played = {
        file.stem: (
            Recording.load(file.read_bytes()),
            replay(Recording.load(file.read_bytes()), LIBRARY),
        )
        for file in FILES
    }
    assert "SetParameterValues" in played["tplink-a-first-boot"][1].said
    assert "SetParameterValues" not in played["tplink-a-reboot"][1].said
    assert "GetParameterValues" in played["tplink-a-reboot"][1].said
    assert any("fault 9007" in line for line in transcript(played["tplink-a-fault"][0]))
