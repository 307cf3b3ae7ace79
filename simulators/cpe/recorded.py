"""Recordings of sessions that the server made, read as lines of JSON.

The first line tells of the session, each line after it of one HTTP message, the last one of the
end.  Secrets are not in them: ``secret-1`` stands for one wherever it was.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from .dump import Leaf, is_parameter
from .render import Event
from .xml import Element, Envelope, XmlError, read_envelope

_VERSION = 1
_MOST_THOUGHT = 600.0
"""Seconds that a played device takes for an answer at most."""


class RecordingError(ValueError):
    """A file is no recording that can be played; the text says where."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What the device said, and what it was answered."""

    said: bytes
    headers: Mapping[str, str]
    """Of what it said: the few that are kept, names in lower case."""
    heard: bytes
    thought: float = 0.0
    """Seconds it took to say it, after it had heard the turn before."""


@dataclass(frozen=True, slots=True)
class Recording:
    """One session: its turns begin with the Inform."""

    turns: tuple[Turn, ...]
    inform: Envelope = field(repr=False)

    @property
    def device_id(self) -> tuple[str, str, str, str]:
        """Manufacturer, OUI, ProductClass, SerialNumber."""
        who = self.inform.body.child("DeviceId")
        names = ("Manufacturer", "OUI", "ProductClass", "SerialNumber")
        given = [who.child(name) if who else None for name in names]
        manufacturer, oui, product_class, serial = (each.text if each else "" for each in given)
        return manufacturer, oui, product_class, serial

    @property
    def events(self) -> tuple[Event, ...]:
        """Events of the Inform."""
        listed = self.inform.body.child("Event")
        found = []
        for entry in listed.children if listed else ():
            code, key = entry.child("EventCode"), entry.child("CommandKey")
            found.append(Event(code.text if code else "", key.text if key else ""))
        return tuple(found)

    def renamed(self, serial: str) -> Recording:
        """Return the same session of a device with another serial number."""
        old, new = self.device_id[3].encode(), serial.encode()
        if not old:
            raise RecordingError("its Inform names no serial number to put another for")
        turns = tuple(
            replace(turn, said=turn.said.replace(old, new), heard=turn.heard.replace(old, new))
            for turn in self.turns
        )
        return Recording(turns, read_envelope(turns[0].said))

    def leaves(self) -> Iterator[Leaf]:
        """Yield the parameters that were seen, in order; one may come several times.

        Of what was written the value before is what counts, where it was read.
        """
        for turn in self.turns:
            for body in (turn.said, turn.heard):
                element = message(body)
                if element is not None:
                    yield from _leaves(element)


def message(body: bytes) -> Element | None:
    """Return the element in the body of an envelope, None where there is none to be read."""
    try:
        return read_envelope(body).body if body else None
    except XmlError:
        return None


def read_recording(content: bytes) -> Recording:
    """Read a recording. Raises `RecordingError`."""
    lines = [line for line in content.splitlines() if line.strip()]
    if len(lines) < 3:
        raise RecordingError("it has less than three lines: it is empty or cut short")
    header, *exchanges, _end = [_line(line, number) for number, line in enumerate(lines, 1)]
    if header.get("version") != _VERSION:
        raise RecordingError(f"it has version {header.get('version')}; {_VERSION} can be read")
    turns = tuple(_turns(exchanges))
    for number, turn in enumerate(turns):
        element = message(turn.said)
        if element is not None and element.name == "Inform":
            inform = read_envelope(turn.said)
            return Recording(turns[number:], inform)
    raise RecordingError("the device says no Inform in it")


def _line(line: bytes, number: int) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except RecursionError:
        raise RecordingError(f"line {number}: it is nested too deeply") from None
    except ValueError as error:
        raise RecordingError(f"line {number}: {error}") from None
    if not isinstance(found, dict):
        raise RecordingError(f"line {number}: no object")
    return found


def _turns(exchanges: list[dict[str, Any]]) -> Iterator[Turn]:
    """Pair what was said with its answer; what was challenged was said again."""
    said: Turn | None = None
    heard_at = 0.0
    for number, exchange in enumerate(exchanges, 2):
        try:
            at, body = float(exchange["at"]), str(exchange.get("body", "")).encode()
            if not math.isfinite(at):
                raise ValueError(f"at {at}")
            speaker, status = exchange["from"], int(exchange.get("status", 0))
            headers = _headers(exchange.get("headers", {}))
        except (KeyError, TypeError, ValueError) as error:
            raise RecordingError(f"line {number}: no message: {error!r:.200}") from None
        if exchange.get("unreadable"):
            raise RecordingError(f"line {number}: a message that was not kept")
        if speaker == "cpe":
            said = Turn(body, headers, b"", min(max(0.0, at - heard_at), _MOST_THOUGHT))
        elif said is not None and status in (200, 204):
            yield replace(said, heard=body)
            said, heard_at = None, at


def _type(value: Element) -> str:
    try:
        return value.type[1] or "string"
    except XmlError:
        return "string"


def _headers(given: Any) -> dict[str, str]:
    """Check headers, which are sent again. Raises `ValueError`."""
    headers = {str(name): str(text) for name, text in dict(given).items()}
    if any(not text.isprintable() for entry in headers.items() for text in entry):
        raise ValueError("a header with what may not stand in one")
    return headers


def _leaves(element: Element) -> Iterator[Leaf]:
    listed = element.child("ParameterList")
    for entry in listed.children if listed is not None else ():
        name, value, writable = map(entry.child, ("Name", "Value", "Writable"))
        if name is None or not is_parameter(name.text):
            continue
        if value is not None:
            written = element.name == "SetParameterValues"
            secret = value.text.startswith("secret-")
            kind = _type(value)
            yield Leaf(name.text, "" if secret else value.text, kind, written, secret)
        elif writable is not None:
            yield Leaf(name.text, "", "", writable.text in ("1", "true"))
