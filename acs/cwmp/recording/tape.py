"""Recording one session: what was said on the line, and what the house answered the flow.

While the session lasts, the tape only collects; `Tape.recording` masks and may take its time, so
it is called off the reactor.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, is_dataclass
from inspect import iscoroutinefunction
from typing import Any, cast

import msgspec

from acs.cwmp.recording.document import (
    CURRENT,
    MARKER,
    Exchange,
    Header,
    Recording,
    Speaker,
)
from acs.cwmp.recording.masking import Secrets
from acs.cwmp.soap import MalformedEnvelope
from acs.devices.house import House
from acs.devices.provisioning import wish_key
from acs.devices.source import EquipmentSource, Wish
from acs.model import Contact, Value
from acs.profiles import Blueprint, Facts, check, fingerprint, marker_of
from acs.profiles.changes import seal_written
from acs.profiles.secrets import Masks

_HEADERS = ("content-type", "content-encoding", "soapaction", "user-agent")
"""What a device says of its messages; never Authorization."""
_UNRECORDED = frozenset({"commit", "post", "learn_layout"})
"""What the flow hands over rather than asks for."""


@dataclass(frozen=True, slots=True)
class SessionFacts:
    """How sessions of this server are led."""

    rpcs: int
    requests: int
    hold_requests: bool
    max_bytes: int
    """Octets of bodies after which a tape takes no more."""


@dataclass(frozen=True, slots=True)
class _Heard:
    at: float
    speaker: Speaker
    status: int
    headers: Mapping[str, str]
    body: bytes


class Tape:
    """What is collected of one session."""

    def __init__(
        self,
        contact: Contact,
        house: House,
        facts: SessionFacts,
        ended: Callable[[Tape], None],
    ) -> None:
        """``ended`` is told once, when the session is over."""
        self.contact = contact
        self.house = cast(House, _TapedHouse(house, self))
        """The house as the flow of this session sees it."""
        self.ended = ""
        self.blueprint: Blueprint | None = None
        self.facts: Facts | None = None
        self.wish: Wish | None = None
        self._real = house
        self._facts = facts
        self._ended = ended
        self._room = facts.max_bytes
        self._cut = False
        self._said: list[_Heard] = []
        self._answers: dict[str, list[bytes]] = defaultdict(list)
        self._masks = Masks()
        self._secrets = Secrets(lambda path: self._masks.hides(path))

    # --- on the line ------------------------------------------------------------------------

    def heard(self, headers: Mapping[str, str], body: bytes) -> None:
        """A request of the device; what it proves itself with is not kept."""
        kept = {name: headers[name] for name in _HEADERS if name in headers}
        self._keep(Speaker.CPE, 0, kept, body)

    def said(self, status: int, body: bytes) -> None:
        """An answer of ours."""
        self._keep(Speaker.ACS, status, {}, body)

    def _keep(self, speaker: Speaker, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self._room -= len(body)
        self._cut = self._cut or self._room < 0
        if not self._cut:
            at = self._real.now() - self.contact.at
            self._said.append(_Heard(round(at, 3), speaker, status, headers, body))

    def answered(self, service: str, answer: object) -> None:
        """An answer of the house, as it is now: the flow may change what it was given."""
        try:
            packed = msgspec.msgpack.encode(self._secrets.plain(_tagged(answer)))
        except (NotImplementedError, TypeError, ValueError, OverflowError, RecursionError):
            # Whatever it is, the session of a customer must not suffer from being recorded.
            self._cut = True
            return
        self._room -= len(packed)
        self._cut = self._cut or self._room < 0
        if not self._cut:
            self._answers[service].append(packed)

    def chose(self, blueprint: Blueprint | None, facts: Facts) -> None:
        """The family the house takes the device for."""
        if blueprint is not self.blueprint:
            self._masks = Masks.of(blueprint)
        self.blueprint, self.facts = blueprint, facts

    def end(self, how: str) -> None:
        """The session is over; said once."""
        if not self.ended:
            self.ended = how
            self._ended(self)

    # --- afterwards -------------------------------------------------------------------------

    def recording(self) -> Recording:
        """Make the recording, without secrets."""
        secrets = self._secrets
        messages = [self._message(heard) for heard in self._said]
        answers = {
            service: [msgspec.msgpack.decode(packed) for packed in some]
            for service, some in self._answers.items()
        }
        self._replace_digests(answers)
        contact, blueprint = self.contact, self.blueprint
        header = Header(
            device=contact.device.key,
            at=contact.at,
            address=contact.address,
            credential=contact.credential,
            account=contact.account,
            session=contact.session,
            blueprint=blueprint.name if blueprint else "",
            blueprint_digest=blueprint.digest if blueprint else "",
            facts=secrets.swept(msgspec.to_builtins(self.facts)) if self.facts else {},
            policy=msgspec.to_builtins(self._real.policy),
            limits={"rpcs": self._facts.rpcs, "requests": self._facts.requests},
            hold_requests=self._facts.hold_requests,
            answers=self._marked(secrets.swept(secrets.masked(answers))),
        )
        exchanges = tuple(
            Exchange(
                at=heard.at,
                speaker=heard.speaker,
                status=heard.status,
                headers=heard.headers,
                body="" if root is None else self._marked(secrets.swept_message(root)),
                unreadable=len(heard.body) if root is None and heard.body.strip() else 0,
            )
            for heard, root in zip(self._said, messages, strict=True)
        )
        return Recording(header=header, exchanges=exchanges, ended=self.ended, cut=self._cut)

    def _message(self, heard: _Heard) -> Any:
        if not heard.body.strip() or heard.status >= 400:
            return None
        try:
            return self._secrets.message(heard.body, heard.headers.get("content-type", ""))
        except MalformedEnvelope:
            return None

    @property
    def _fingerprint(self) -> str:
        if self.wish is None or self.blueprint is None:
            return ""
        return fingerprint(check(self.wish.intent).intent, self.blueprint, self._real.key)

    def _marked(self, data: Any) -> Any:
        """Say of our mark that it is the one of the session's own wish."""
        print_ = self._fingerprint
        return _replaced(data, marker_of(print_), MARKER) if print_ else data

    def _replace_digests(self, answers: Mapping[str, list[Any]]) -> None:
        """Say what keyed digests mean: the key is not here, and another one is used in a replay."""
        print_ = self._fingerprint
        for opened in answers.get("open", ()):
            device = opened["Opened"]["device"]
            if print_ and device["fingerprint"] == print_:
                device["fingerprint"] = CURRENT
            if self.blueprint is not None and device["wish"] == wish_key(
                opened["Opened"]["wish"], self.blueprint, self._real.policy
            ):
                device["wish"] = CURRENT
        for snapshot in answers.get("snapshot", ()):
            written = snapshot["Snapshot"]["written"]
            for path, digest in written.items():
                found = (
                    text
                    for text in self._secrets.texts
                    if seal_written(self._real.key, path, Value(text)) == digest
                )
                written[path] = self._secrets.word(next(found, ""))


class _TapedHouse:
    """Passes on what the house answers, and puts it on the tape."""

    def __init__(self, house: House, tape: Tape) -> None:
        self._house = house
        self._tape = tape
        self.policy = house.policy
        self.key = house.key
        self.source = cast(EquipmentSource, _TapedSource(house.source, tape))

    def blueprint(self, facts: Facts) -> Blueprint | None:
        """The blueprint of a device family."""
        found = self._house.blueprint(facts)
        self._tape.chose(found, facts)
        return found

    def __getattr__(self, name: str) -> Any:
        service = getattr(self._house, name)
        if name in _UNRECORDED or not callable(service):
            return service
        return _taped(service, name, self._tape, awaited=iscoroutinefunction(getattr(House, name)))


class _TapedSource:
    """The same, for where wishes come from."""

    def __init__(self, source: EquipmentSource, tape: Tape) -> None:
        self._source = source
        self._tape = tape

    @property
    def absent(self) -> str:
        """What to tell people of a device that nothing fits."""
        self._tape.answered("source.absent", self._source.absent)
        return self._source.absent

    async def wish(self, equipment: str) -> object:
        """What the equipment of this name should have."""
        found = await self._source.wish(equipment)
        if isinstance(found, Wish):
            self._tape.wish = found
        self._tape.answered("source.wish", found)
        return found

    def __getattr__(self, name: str) -> Any:
        awaited = iscoroutinefunction(getattr(EquipmentSource, name))
        return _taped(getattr(self._source, name), f"source.{name}", self._tape, awaited=awaited)


def _taped(
    service: Callable[..., Any], name: str, tape: Tape, *, awaited: bool
) -> Callable[..., Any]:
    async def later(*args: Any) -> Any:
        answer = await cast(Awaitable[Any], service(*args))
        tape.answered(name, answer)
        return answer

    def at_once(*args: Any) -> Any:
        answer = service(*args)
        tape.answered(name, answer)
        return answer

    return later if awaited else at_once


def _tagged(answer: object) -> object:
    """Say of which class an answer is: a service may have several."""
    if is_dataclass(answer) and not isinstance(answer, type):
        return {type(answer).__name__: answer}
    return answer


def _replaced(data: Any, old: str, new: str) -> Any:
    match data:
        case str():
            return data.replace(old, new)
        case dict():
            return {key: _replaced(value, old, new) for key, value in data.items()}
        case list():
            return [_replaced(each, old, new) for each in data]
        case _:
            return data
