"""The reactor of the server sees to every event, whatever one of them does."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from twisted.internet.error import ConnectionLost
from twisted.python.failure import Failure
from twisted.python.log import addObserver, removeObserver

from acs.reactor import PlainReactor


class Reader:
    """The reading end of a pipe."""

    def __init__(self, *, fails: bool = False) -> None:
        self.end, self.other = os.pipe()
        self.fails = fails
        self.heard = b""

    def fileno(self) -> int:
        return self.end

    def logPrefix(self) -> str:
        return "reader"

    def doRead(self) -> Exception | None:
        self.heard += os.read(self.end, 100)
        return ConnectionLost() if self.fails else None

    def connectionLost(self, reason: Failure) -> None:
        raise RuntimeError("the end of a connection failed")


@pytest.fixture
def reactor() -> Iterator[PlainReactor]:
    reactor = PlainReactor()
    yield reactor
    for reader in reactor.removeAll():
        if isinstance(reader, Reader):
            os.close(reader.end)
            os.close(reader.other)


def test_an_event_that_fails_costs_the_others_nothing(reactor: PlainReactor) -> None:
    readers = [Reader(), Reader(fails=True), Reader()]
    for reader in readers:
        reactor.addReader(reader)
        os.write(reader.other, b"x")
    logged: list[dict[str, object]] = []
    addObserver(logged.append)
    try:
        reactor.doPoll(0)
    finally:
        removeObserver(logged.append)
    assert [reader.heard for reader in readers] == [b"x"] * 3
    assert any("the end of a connection failed" in str(entry.get("failure")) for entry in logged)


def test_what_an_event_before_has_closed_is_left_alone(reactor: PlainReactor) -> None:
    class Rival(Reader):
        rival: Rival

        def doRead(self) -> Exception | None:
            reactor.removeReader(self.rival)
            return super().doRead()

    first, second = Rival(), Rival()
    first.rival, second.rival = second, first
    for reader in (first, second):
        reactor.addReader(reader)
        os.write(reader.other, b"x")
    reactor.doPoll(0)
    assert sorted((first.heard, second.heard)) == [b"", b"x"]
