"""What neighbours say to each other over a worker's local socket, each in one frame.

``id`` pairs an answer with what it answers, on one connection.
"""

from __future__ import annotations

from typing import Any

import msgspec

from acs.model import Contact


class Forward(msgspec.Struct, frozen=True, tag=True):
    """A request of a CPE that shows one of your cookies."""

    id: int
    connection: int
    """The CPE's connection, by a number of the asker's."""
    peer: str
    secure: bool
    certificate: bytes
    """The client's, verified, in DER; or nothing."""
    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    keep_alive: bool


class GiveWay(msgspec.Struct, frozen=True, tag=True):
    """End your session with this device: it calls anew. The contact comes without its values."""

    id: int
    contact: Contact


class Tell(msgspec.Struct, frozen=True, tag=True):
    """How are you?"""

    id: int


class Hung(msgspec.Struct, frozen=True, tag=True):
    """A CPE's connection of which you were told has ended. Nothing is answered."""

    connection: int


class Reply(msgspec.Struct, frozen=True, tag=True):
    """The answer to the CPE."""

    id: int
    status: int
    body: bytes
    headers: list[tuple[str, str]]
    close: bool


class Stranger(msgspec.Struct, frozen=True, tag=True):
    """No session here has, or had lately, that cookie."""

    id: int


class Gone(msgspec.Struct, frozen=True, tag=True):
    """There is no session with the device here any more; ``yes`` false: there is, and it stays."""

    id: int
    yes: bool


class Told(msgspec.Struct, frozen=True, tag=True):
    """State and parts of the worker's health, and its metrics as Prometheus reads them."""

    id: int
    parts: dict[str, tuple[str, str]]
    figures: bytes


Question = Forward | GiveWay | Tell
Answer = Reply | Stranger | Gone | Told

encode = msgspec.msgpack.Encoder().encode
_questions: msgspec.msgpack.Decoder[Any] = msgspec.msgpack.Decoder(Forward | GiveWay | Tell | Hung)
_answers: msgspec.msgpack.Decoder[Any] = msgspec.msgpack.Decoder(Reply | Stranger | Gone | Told)


def heard(frame: bytes) -> Question | Hung:
    """Read what an asker says. Raises `msgspec.ValidationError` or `msgspec.DecodeError`."""
    said: Question | Hung = _questions.decode(frame)
    return said


def answered(frame: bytes) -> Answer:
    """Read an answer. Raises `msgspec.ValidationError` or `msgspec.DecodeError`."""
    said: Answer = _answers.decode(frame)
    return said
