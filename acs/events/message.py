"""The body of an event: what receivers are told, and what they never are."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from acs.profiles.secrets import Masks

TEST_KIND = "test.ping"
"""The kind of `acs events test`."""
_LIFTED = ("serial_number", "customer")
# News holds no secrets; should one ever slip in, its name stops it here.
_PRIVATE = re.compile(r"ssid|wi_?fi|wlan|sip", re.IGNORECASE)
_MASKS = Masks()
# What a device holds, or should hold, is quoted in texts: names of networks, SIP users …
# A quotation without an end goes on to the end: devices choose what is quoted, and looking for an
# end again from each sign of it would take for ever.
_QUOTED = re.compile(
    r"""(?<!\w)(?: '(?:\\.|[^'\\])*+(?:'|\\?\Z)
                | "(?:\\.|[^"\\])*+(?:"|\\?\Z) )""",
    re.DOTALL | re.VERBOSE,
)


def message_id(news_id: int, at: float) -> str:
    """Return what a message is known by, the same in every try; receivers drop those they know.

    The time keeps it apart from the messages of a database that was begun anew.
    """
    return f"evt_{news_id}_{int(at * 1000):x}"


def body(
    kind: str,
    at: float,
    *,
    text: str,
    device: str = "",
    equipment: str = "",
    detail: Mapping[str, object] | None = None,
) -> bytes:
    """Return the JSON of an event: ``{type, timestamp, data}``.

    ``at`` is when it happened (epoch seconds), ``device`` the device's key. ``serial_number`` and
    ``customer`` of ``detail`` stand beside them; the rest stays below ``detail``, without Wi-Fi,
    SIP and secrets. What ``text`` quotes is left out.
    """
    shown = _without_private(detail or {})
    data: dict[str, Any] = {"device": device, "equipment": equipment}
    lifted = {name: shown.pop(name, "") for name in _LIFTED}
    data |= {name: fact for name, fact in lifted.items() if fact}
    data |= {"text": _QUOTED.sub("'…'", text), "detail": shown}
    when = datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")
    document = {"type": kind, "timestamp": when.replace("+00:00", "Z"), "data": data}
    return msgspec.json.encode(document)


def _without_private(facts: Mapping[str, object]) -> dict[str, Any]:
    return {
        name: _without_private(value) if isinstance(value, Mapping) else value
        for name, value in facts.items()
        if not (_PRIVATE.search(name) or _MASKS.hides(name))
    }
