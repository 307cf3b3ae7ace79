"""What a job asks for, in words."""

from __future__ import annotations

import pytest

from acs.cli.asked import in_words


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        ({}, ""),
        ({"paths": ["Device.A", "Device.B."]}, "paths: Device.A; Device.B."),
        (
            {"changes": [{"path": "Device.A", "value": "11", "type": "unsignedInt"}]},
            "changes: Device.A = 11",
        ),
        (
            {"file": "a.bin", "windows": [{"start": 7200, "end": 14400}]},
            "file: a.bin, windows: start 7200 end 14400",
        ),
        ({"rewrite": True}, "rewrite: yes"),
    ],
)
def test_a_payload_is_read_as_a_sentence(payload: dict[str, object], words: str) -> None:
    assert in_words(payload) == words


def test_a_long_value_is_cut() -> None:
    words = in_words({"paths": ["Device." * 10] * 10})
    assert len(words) < 220 and words.endswith("…")
