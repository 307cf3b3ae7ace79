"""The page for those who receive events says what is true."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from acs.devices.news import NewsKind
from acs.events.message import body, message_id
from acs.events.retrying import HOLDING, PAUSES
from acs.events.signing import headers

PAGE = (Path(__file__).parents[2] / "docs" / "events.md").read_text("utf-8")
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def example() -> Any:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    names: dict[str, Any] = {}
    exec(code, names)
    return names["is_from_acs"]


def test_the_example_takes_what_is_ours_and_new_and_nothing_else() -> None:
    is_from_acs = example()
    sent = headers(SECRET, "evt_1", 1_700_000_000.0, b'{"type": "device.online"}')
    fine = b'{"type": "device.online"}'
    assert is_from_acs(SECRET, sent, fine, now=1_700_000_010.0)
    assert not is_from_acs(SECRET, sent, fine + b" ", now=1_700_000_010.0)
    assert not is_from_acs(SECRET, {**sent, "webhook-id": "evt_2"}, fine, now=1_700_000_010.0)
    assert not is_from_acs(SECRET, sent, fine, now=1_700_001_000.0), "replayed later"
    assert not is_from_acs(SECRET, sent, fine), "long ago by now"


def test_the_message_on_the_page_is_one_of_ours() -> None:
    shown = re.search(r"webhook-id: (\S+)\n.*?webhook-timestamp: (\d+)\n.*?(\{\n.*?\n    \})\n",
                      PAGE, re.DOTALL)  # fmt: skip
    assert shown is not None
    document = json.loads(shown[3])
    data = document["data"]
    made = body(
        document["type"],
        1_700_000_000.5,
        text=data["text"],
        device=data["device"],
        equipment=data["equipment"],
        detail={name: data[name] for name in ("serial_number", "customer")} | data["detail"],
    )
    assert json.loads(made) == document
    assert shown[1] == message_id(17, 1_700_000_000.5)
    assert headers(SECRET, shown[1], float(shown[2]), made)["webhook-signature"] in PAGE


def test_every_kind_is_on_the_page() -> None:
    assert [kind for kind in NewsKind if f"`{kind}`" not in PAGE] == []


def test_the_pauses_are_those_on_the_page() -> None:
    words = "after 5 s, 30 s, 2, 10 and 30 min, 1, 2, 4, 8, 12 and 20 h; twelve tries"
    assert words in PAGE
    minutes, hours = [2, 10, 30], [1, 2, 4, 8, 12, 20]
    assert list(PAUSES) == [5, 30, *(60 * n for n in minutes), *(3600 * n for n in hours)]
    assert (HOLDING, sum(PAUSES[: HOLDING - 1]) // 60) == (4, 2), "about three minutes"
