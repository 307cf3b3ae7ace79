"""What supervisor and worker say to each other over the worker's standard input and output."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

import msgspec


class Assignment(msgspec.Struct, frozen=True):
    """What a worker is told when it is started, as its only argument."""

    name: str
    number: int
    """From 1."""
    workers: int
    sessions: int
    """`cwmp.max_sessions` of when the supervisor began: the size of a board is the same for all."""
    folder: str
    """The supervisor's directory."""
    ports: Mapping[str, int]
    """Listening sockets it inherits: descriptors by name (``http``)."""
    config: str = ""
    """The settings file that was named on the command line."""


class Order(StrEnum):
    """One line on the worker's standard input; its end is an order to drain too."""

    DUTIES = "duties"
    """Do what is to be done once for all workers."""
    DRAIN = "drain"
    """Take no more connections, let sessions end, and end."""


class Ready(msgspec.Struct, frozen=True, tag="ready"):
    """The worker serves."""


class Leaving(msgspec.Struct, frozen=True, tag="leaving"):
    """The worker takes no more sessions: somebody else has told it to end (SIGTERM)."""


class Last(msgspec.Struct, frozen=True, tag="last"):
    """What the worker has counted, at its end, as Prometheus reads it."""

    figures: str


Word = Ready | Leaving | Last
"""One line of JSON on the worker's standard output."""

_decoder: msgspec.json.Decoder[Word] = msgspec.json.Decoder(Ready | Leaving | Last)
encode = msgspec.json.Encoder().encode


def read(line: bytes) -> Word:
    """Read a word of a worker. Raises `msgspec.DecodeError`."""
    return _decoder.decode(line)
