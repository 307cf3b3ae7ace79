"""Playing a recording through the code that serves devices, and saying where it differs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from acs.cwmp import announcement, soap
from acs.cwmp.dialect import Dialect
from acs.cwmp.messages import Envelope, Inform, Message, SoapFault
from acs.cwmp.recording.document import Exchange, Recording, Speaker, UnreadableRecording
from acs.cwmp.recording.house import ReplayHouse, Unrecorded
from acs.cwmp.session import Hold, Limits, Reject, Send, Session, Step
from acs.cwmp.versions import choose_version
from acs.devices.effects import Effect
from acs.devices.visit import Visit
from acs.model import DataModel, Secret
from acs.profiles import Blueprint, Library

_NOTHING = "nothing (the end of the session)"
SHOWN = 20
"""Differences within one message that are told."""


@dataclass(frozen=True, slots=True)
class Difference:
    """Where we say something else than then."""

    exchange: int
    """Number of our message, from 1."""
    then: str
    now: str
    detail: tuple[str, ...] = ()
    """What differs within the two."""

    def __str__(self) -> str:
        lines = [f"message {self.exchange}: said then {self.then}, now {self.now}"]
        return "\n".join([*lines, *(f"  {line}" for line in self.detail)])


@dataclass(frozen=True, slots=True)
class Replay:
    """What came of a replay."""

    said: tuple[str, ...]
    """Names of the messages that were the same."""
    difference: Difference | None = None
    notes: tuple[str, ...] = ()
    effects: Sequence[Effect] = field(default=())
    """What the flow learned."""


def replay(recording: Recording, library: Library) -> Replay:
    """Let the recorded device call, and compare what we say with what we said.

    It ends at the first difference: what the device would answer to another question is not
    known. Raises `UnreadableRecording` for one that does not begin with an Inform, or that nobody
    has recorded so.
    """
    try:
        return _Play(recording, library).run()
    except (soap.MalformedEnvelope, msgspec.ValidationError, OverflowError) as error:
        raise UnreadableRecording(f"{type(error).__name__}: {error}") from error


class _Play:
    def __init__(self, recording: Recording, library: Library) -> None:
        self._recording = recording
        self._house = ReplayHouse(recording.header, library)
        self._notes = list(_notes(recording, library))
        self._turns = list(_turns(recording.exchanges))
        self._session = self._begin(library)

    def _begin(self, library: Library) -> Session:
        header = self._recording.header
        if not self._turns:
            raise UnreadableRecording("it holds no message and its answer")
        first = self._decoded(self._turns[0][0])
        if first is None or not isinstance(first.message, Inform):
            raise UnreadableRecording("it does not begin with an Inform")
        contact = announcement.contact_of(
            first.message,
            at=header.at,
            address=header.address,
            credential=header.credential,
            account=header.account,
            session=header.session,
        )
        limits = msgspec.convert(header.limits, Limits)
        self._visit = Visit(contact, self._house.as_house)
        version = choose_version(first.supported_versions) if first.supported_versions else None
        return Session(
            first,
            self._visit.run(DataModel()),
            self._visit.notice,
            root=contact.root,
            dialect=_dialect(library.get(header.blueprint)),
            limits=limits,
            use_version=version,
            hold_requests=header.hold_requests,
        )

    def _decoded(self, exchange: Exchange) -> Envelope | None:
        body = self._house.translated(exchange.body)
        return soap.decode(body.encode(), "text/xml; charset=utf-8") if body else None

    def run(self) -> Replay:
        said: list[str] = []
        for number, (heard, answered) in enumerate(self._turns, start=1):
            if heard.unreadable:
                self._notes.append(f"message {number} of the device could not be kept")
                break
            step = self._step(heard, first=number == 1)
            now, then = self._said(step), self._decoded(answered)
            difference = _compare(number, then.message if then else None, answered.status, now)
            fault = self._session.fault
            if difference is not None and fault is not None:
                difference = replace(difference, detail=(*difference.detail, _told(fault)))
            if difference is not None:
                return self._result(said, difference)
            said.append(_name(now))
        if self._recording.cut:
            self._notes.append("the recording was longer than it may be: its rest is missing")
        return self._result(said, None)

    def _result(self, said: Sequence[str], difference: Difference | None) -> Replay:
        fault = self._session.fault
        if fault is not None:
            self._notes.append(_told(fault))
        self._session.lost("the recording ends here")
        return Replay(tuple(said), difference, tuple(self._notes), tuple(self._house.effects))

    def _step(self, heard: Exchange, *, first: bool) -> Step:
        if first:
            return self._session.begin()
        envelope = self._decoded(heard)
        if envelope is None:
            return self._session.empty_post()
        return self._session.message(envelope)

    def _said(self, step: Step) -> Message | int:
        """Our message in the form it has once it was sent, or the status of an answer without."""
        match step:
            case Send(message, id_):
                session = self._session
                body = soap.encode(
                    message, id=id_, namespace=session.namespace, dialect=session.dialect
                )
                return soap.decode(body, "text/xml; charset=utf-8").message
            case Reject():
                return 400
            case Hold():
                raise AssertionError("the house of a replay lets nobody wait")
            case _:
                return 204


def _told(fault: BaseException) -> str:
    return str(fault) if isinstance(fault, Unrecorded) else f"{type(fault).__name__}: {fault}"


def _turns(exchanges: Sequence[Exchange]) -> Iterator[tuple[Exchange, Exchange]]:
    """Pair what the device said with our answer; what was never answered is left out."""
    waiting: Exchange | None = None
    for exchange in exchanges:
        match exchange.speaker, waiting:
            case Speaker.CPE, _:
                waiting = exchange
            case Speaker.ACS, Exchange() as heard:
                yield heard, exchange
                waiting = None


def _notes(recording: Recording, library: Library) -> Iterator[str]:
    header = recording.header
    blueprint = library.get(header.blueprint)
    if header.blueprint and blueprint is None:
        yield f"there is no blueprint {header.blueprint} any more"
    elif blueprint is not None and blueprint.digest != header.blueprint_digest:
        yield f"the blueprint {blueprint.name} has changed since it was recorded"


def _dialect(blueprint: Blueprint | None) -> Dialect:
    wanted: dict[str, Any] = dict(blueprint.dialect) if blueprint else {}
    return Dialect(**wanted)


def _compare(
    number: int, then: Message | None, status: int, now: Message | int
) -> Difference | None:
    if then is None or isinstance(now, int):
        said = status if then is None else then
        return None if said == now else Difference(number, _name(said), _name(now))
    if type(then) is not type(now):
        return Difference(number, _name(then), _name(now), tuple(_flat_lines(then, now)))
    lines = tuple(_lines(_flat(then), _flat(now)))
    return Difference(number, _name(then), _name(now), lines[:SHOWN]) if lines else None


def _name(said: Message | int) -> str:
    match said:
        case int():
            return _NOTHING if said in (200, 204) else f"status {said}"
        case SoapFault(code=code, text=text):
            return f"fault {code} ({text})"
        case _:
            return type(said).__name__


def _flat_lines(then: Message, now: Message) -> Iterator[str]:
    yield from (f"then {place}: {text}" for place, text in list(_flat(then).items())[:SHOWN])
    yield from (f"now  {place}: {text}" for place, text in list(_flat(now).items())[:SHOWN])


def _lines(then: Mapping[str, str], now: Mapping[str, str]) -> Iterator[str]:
    for place in {**then, **now}:
        if place not in now:
            yield f"no longer {place}: {then[place]}"
        elif place not in then:
            yield f"newly {place}: {now[place]}"
        elif then[place] != now[place]:
            yield f"{place}: then {then[place]}, now {now[place]}"


def _flat(message: Message) -> dict[str, str]:
    """The members of a message by place; members of a list by their name."""
    found: dict[str, str] = {}
    _spread(msgspec.to_builtins(message, str_keys=True, enc_hook=_plain), "", found)
    return found


def _spread(data: Any, place: str, found: dict[str, str]) -> None:
    match data:
        case {"Name": str(name), "Value": value}:
            found[name] = " ".join(map(str, value)) if isinstance(value, tuple) else str(value)
        case dict():
            for key, value in data.items():
                _spread(value, f"{place}.{key}" if place else key, found)
        case [*members]:
            for number, member in enumerate(members):
                # A path that is read has its own place, whichever others stand before it.
                name = member if isinstance(member, str) else str(number)
                _spread(member, f"{place}.{name}" if not isinstance(member, str) else name, found)
        case _:
            found[place] = str(data)


def _plain(value: object) -> object:
    if isinstance(value, Secret):
        return value.reveal()
    if isinstance(value, bytes):
        return value.hex()
    raise NotImplementedError(f"{type(value).__name__} is no member of a message")
