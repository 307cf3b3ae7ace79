"""The server's reactor: its time is not that of the wall."""

from __future__ import annotations

import time

import pytest

from acs.reactor import PlainReactor


def test_a_clock_that_is_set_does_not_move_the_time_of_the_reactor(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reactor = PlainReactor()  # type: ignore[no-untyped-call]
    called: list[float] = []
    reactor.callLater(30.0, lambda: called.append(1.0))
    reactor.callLater(0.0, lambda: called.append(0.0))
    began = time.time()
    monkeypatch.setattr(time, "time", lambda: began + 3600.0)
    before = time.monotonic()
    reactor.runUntilCurrent()
    assert called == [0.0]
    assert before <= reactor.seconds() <= time.monotonic()
    reactor.disconnectAll()
