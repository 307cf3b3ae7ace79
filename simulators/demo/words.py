"""What ONTs tell of themselves, in words for the audience."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any


def in_words(event: dict[str, Any]) -> Iterator[str]:
    """Yield a line for each thing of an event of `cpe-sim` or `usp-sim` that is worth one."""
    match event.get("event"):
        case "boot":
            yield "is powered on"
        case "session-start":
            yield f"calls its ACS ({', '.join(event.get('events', []))})"
        case "set":
            yield f"is given {event.get('name', '')} = {event.get('value', '')}"
        case "applied":
            yield "puts what it was given into effect"
        case "session-end" if event.get("end") not in ("complete", None):
            yield f"session: {event['end']}"
        case "connecting":
            way = "WebSocket" if event["mtp"] == "websocket" else "MQTT"
            yield f"is powered on, connects over {way}"
        case "down":
            yield f"link: {event['why']}"
        case "sent":
            yield from _sent(event["message"])
        case "received":
            yield from _received(event["message"])


def _sent(message: Sequence[str]) -> Iterator[str]:
    """What an agent says by itself."""
    head = message[0].partition("] ")[2]
    if head.startswith("Notify "):
        yield f"says {head.split()[1].removeprefix('Device.')}"


def _received(message: Sequence[str]) -> Iterator[str]:
    """What an agent is given or asked to do; what is read is not told."""
    kind, _, rest = message[0].partition("] ")[2].partition(" ")
    match kind:
        case "Set":
            for line in message[1:]:
                if not line.startswith("Device.LocalAgent."):
                    yield f"is given {line}"
        case "Add":
            yield f"is told what to report: {len(message) - 1} subscriptions"
        case "GetSupportedDM" if rest == "Device.":
            yield "is asked what its model supports"
        case "Operate":
            yield f"is asked to {rest}"
