"""Recordings on disk: whole from the moment they are seen, and pruned."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from acs.cwmp.recording import SessionFacts
from acs.model import Contact, DeviceId
from acs.server.recorder import LONGEST_WRITE, Recorder, prune_recordings, recordings
from acs.settings import RecordingSettings
from acs.store.recordings import RecordingRequest

CONTACT = Contact(
    device=DeviceId("1C61B4", "Device2", "22275A7000001"),
    manufacturer="TP-Link",
    protocol="cwmp",
    root="Device.",
    events=(),
    values={},
    at=1.0,
    session="abcdefghij",
)


def test_a_recording_is_whole_once_it_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[Any] = []
    recorder = Recorder(tmp_path, SessionFacts(1, 1, False, 1), lambda: 0.0, begun.append)
    recorder.record([RecordingRequest(CONTACT.device.key, 9.0, "a test", 0.0)])
    house: Any = SimpleNamespace(policy=None, source=None, key=b"")
    tape = recorder(CONTACT, house)
    assert tape is not None
    monkeypatch.setattr(tape, "recording", lambda: SimpleNamespace(dump=lambda: b"all of it"))
    seen: list[list[Path]] = []
    rename = Path.rename

    def renamed(path: Path, to: Path) -> Path:
        seen.append(recordings(tmp_path))
        return rename(path, to)

    monkeypatch.setattr(Path, "rename", renamed)
    tape.end("live")
    begun[0]()
    assert seen == [[]], "nobody finds it while it is written"
    (found,) = recordings(tmp_path)
    assert found.read_bytes() == b"all of it"
    assert list(tmp_path.iterdir()) == [found]
    assert found.stat().st_mode & 0o777 == 0o600


def test_what_a_crash_left_is_pruned(tmp_path: Path) -> None:
    kept, left, fresh = (tmp_path / name for name in ("a.jsonl", "b.part", "c.part"))
    for path in (kept, left, fresh):
        path.touch()
    now = left.stat().st_mtime
    os.utime(left, (now, now - LONGEST_WRITE - 1))
    assert prune_recordings(tmp_path, RecordingSettings(), now) == 1
    assert sorted(tmp_path.iterdir()) == [kept, fresh]
