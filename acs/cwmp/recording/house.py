"""The house of a replay: it answers what was recorded, in the same order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from inspect import iscoroutinefunction
from typing import Any, cast, get_args, get_type_hints

import msgspec

from acs.cwmp.recording.document import CURRENT, MARKER, Header
from acs.devices.effects import Effect
from acs.devices.house import House, Policy
from acs.devices.provisioning import wish_key
from acs.devices.record import Opened, Snapshot
from acs.devices.rules.book import Rulebook
from acs.devices.source import EquipmentSource, Wish
from acs.devices.vocabulary import Discovery
from acs.model import Secret, Value
from acs.profiles import Blueprint, Facts, Library, check, fingerprint, marker_of
from acs.profiles.changes import UNSURE, seal_written

KEY = b"replay"
_UNASKED: Mapping[str, object] = {
    "snapshot": Snapshot(),
    "holders": (),
    "pending_password": None,
    "missing": frozenset(),
    "discovery": Discovery.NONE,
    "layout": {},
    "learn_layout": {},
    "new_password": Secret("new-password"),
    "source.refresh": None,
}
"""Answers to what the flow did not ask when the session was recorded."""


class Unrecorded(Exception):  # noqa: N818 - an event of the replay
    """The flow asks for something that it did not ask for then."""


class ReplayHouse:
    """Implements `acs.devices.house.House`, with what a recording holds; see `as_house`."""

    def __init__(self, header: Header, library: Library) -> None:
        self.key = KEY
        self.policy = msgspec.convert(header.policy, Policy, strict=False)
        self.rules = Rulebook()
        """None: what rules do is done at a later contact."""
        self.effects: list[Effect] = []
        """What the flow learned."""
        self._header = header
        self._library = library
        self._answers = _Answers(header.answers)
        self._blueprint = library.get(header.blueprint)
        self.marker = self._marker()
        """The mark that the wish of the recording leaves today."""
        self.source = cast(EquipmentSource, _ReplaySource(self._answers))

    @property
    def as_house(self) -> House:
        """The same, as the flow takes it."""
        return cast(House, self)

    def translated(self, text: str) -> str:
        """Put today's mark in its place in what a device says."""
        return text.replace(MARKER, self.marker)

    async def open(self, _contact: object) -> Opened:
        """The device's row as it was, with digests of today."""
        opened: Opened = self._answers.next("open", Opened)
        device = opened.device
        device.marker = self.translated(device.marker)
        if device.fingerprint == CURRENT:
            device.fingerprint = self._fingerprint()
        if device.wish == CURRENT and self._blueprint is not None:
            device.wish = wish_key(opened.wish, self._blueprint, self.policy)
        return opened

    async def snapshot(self, _device_id: int) -> Snapshot:
        """The snapshot as it was, with digests of today."""
        kept: Snapshot = self._answers.next("snapshot", Snapshot)
        values = {
            path: Value(self.translated(value.text), value.type)
            for path, value in kept.values.items()
        }
        written = {
            path: seal_written(KEY, path, Value(word)) if word else UNSURE
            for path, word in kept.written.items()
        }
        return replace(kept, values=values, written=written)

    def blueprint(self, facts: Facts) -> Blueprint | None:
        """The blueprint of a device family, of today."""
        return self._library.choose(facts)

    def now(self) -> float:
        """The time of then."""
        return float(self._answers.next("now", float, self._header.at))

    async def commit(self, effects: Sequence[Effect]) -> None:
        """Keep what was learned."""
        self.effects.extend(effects)

    def post(self, effects: Sequence[Effect]) -> None:
        """Keep what was learned."""
        self.effects.extend(effects)

    def __getattr__(self, name: str) -> Any:
        return _service(self._answers, House, name, name)

    def _wish(self) -> Wish | None:
        recorded = self._header.answers.get("source.wish", ())
        found = next((each["Wish"] for each in recorded if _is_tagged(each, "Wish")), None)
        return None if found is None else _convert(found, Wish)

    def _fingerprint(self) -> str:
        wish = self._wish()
        if wish is None or self._blueprint is None:
            return ""
        return fingerprint(check(wish.intent).intent, self._blueprint, KEY)

    def _marker(self) -> str:
        print_ = self._fingerprint()
        return marker_of(print_) if print_ else MARKER


class _ReplaySource:
    def __init__(self, answers: _Answers) -> None:
        self._answers = answers

    @property
    def absent(self) -> str:
        """What people were told of a device that nothing fits."""
        return str(self._answers.next("source.absent", str, ""))

    def __getattr__(self, name: str) -> Any:
        return _service(self._answers, EquipmentSource, name, f"source.{name}")


class _Answers:
    """Recorded answers by service; the last one holds for whoever asks again."""

    def __init__(self, recorded: Mapping[str, list[Any]]) -> None:
        self._waiting = {service: list(some) for service, some in recorded.items()}

    def next(self, service: str, kind: Any, default: object = None) -> Any:
        """The next answer of ``service``; ``default`` where none was recorded."""
        some = self._waiting.get(service)
        if not some:
            if default is not None:
                return default
            if service in _UNASKED:
                return _UNASKED[service]
            raise Unrecorded(f"the house is asked for {service!r}, which it was not then")
        return _answer(some.pop(0) if len(some) > 1 else some[0], kind)


def _service(answers: _Answers, of: type, name: str, recorded_as: str) -> Any:
    described = getattr(of, name, None)
    if described is None:
        raise AttributeError(name)
    kind = get_type_hints(described)["return"]

    async def later(*_args: Any) -> Any:
        return answers.next(recorded_as, kind)

    def at_once(*_args: Any) -> Any:
        return answers.next(recorded_as, kind)

    return later if iscoroutinefunction(described) else at_once


def _answer(data: Any, kind: Any) -> Any:
    """Make the value of plain data, of the class it names where there are several."""
    classes = [each for each in (kind, *get_args(kind)) if isinstance(each, type)]
    for each in classes:
        if _is_tagged(data, each.__name__):
            return _convert(data[each.__name__], each)
    return None if data is None else _convert(data, kind)


def _is_tagged(data: Any, name: str) -> bool:
    return isinstance(data, dict) and list(data) == [name]


def _convert(data: Any, kind: Any) -> Any:
    return msgspec.convert(data, kind, strict=False, dec_hook=_hidden)


def _hidden(kind: type, value: Any) -> object:
    if kind is Secret and isinstance(value, str):
        return Secret(value)
    if kind is object:
        return value
    raise NotImplementedError(f"{kind.__name__} cannot be read from a recording")
