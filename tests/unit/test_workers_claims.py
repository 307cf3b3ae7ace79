"""A device has one session in all workers: who asks whom, and what becomes of the claim."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred, fail, succeed

from acs.model import Contact, DeviceId, Value, ValueType
from acs.server.workers.board import Board
from acs.server.workers.claims import ROUNDS, Claims
from acs.server.workers.messages import GiveWay, Gone, Question, encode, heard
from acs.server.workers.neighbours import NeighbourGone

CONTACT = Contact(
    device=DeviceId("1C61B4", "Device2", "22275A7000001"),
    manufacturer="TP-Link",
    protocol="cwmp",
    root="Device.",
    events=(),
    values={"Device.DeviceInfo.SoftwareVersion": Value("1.0", ValueType.STRING)},
    at=1.0,
)
KEY = CONTACT.device.key


@dataclass
class Street:
    """Implements `Neighbours`: all that are ``living`` answer as told."""

    living: set[str]
    answer: Callable[[int], Deferred[Any]] = lambda number: succeed(Gone(number, True))
    asked: list[Question] = field(default_factory=list)

    def named(self, name: str) -> Street | None:
        return self if name in self.living else None

    def ask(self, make: Callable[[int], Question], _seconds: float) -> Deferred[Any]:
        self.asked.append(make(7))
        return self.answer(7)


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Claims, Claims, Street]:
    """Two workers, 10 and 20, of which the second asks the street."""
    tick = itertools.count().__next__
    boards = [Board(tmp_path / "claims", 8, tick) for _ in range(2)]
    street = Street({"10", "20"})
    first, second = (
        Claims(name, board, street)  # type: ignore[arg-type]
        for name, board in zip(("10", "20"), boards, strict=True)
    )

    def yields(number: int) -> Deferred[Any]:
        first.void(KEY)
        return succeed(Gone(number, True))

    street.answer = yields
    return first, second, street


def outcome(answer: Deferred[bool] | None) -> bool | None:
    if answer is None:
        return None
    seen: list[bool] = []
    answer.addCallback(seen.append)
    return seen[0]


Pair = tuple[Claims, Claims, Street]


def test_a_device_that_nobody_has_is_asked_of_nobody(pair: Pair) -> None:
    first, second, street = pair
    assert first.claim(CONTACT) is None
    first.release(KEY)
    assert second.claim(CONTACT) is None
    assert street.asked == []


def test_the_other_gives_way(pair: Pair) -> None:
    first, second, street = pair
    assert first.claim(CONTACT) is None
    assert outcome(second.claim(CONTACT)) is True
    (asked,) = street.asked
    assert isinstance(asked, GiveWay)
    assert asked.contact.device == CONTACT.device
    assert asked.contact.values == {}, "its values are nobody else's business"
    assert heard(encode(asked)) == asked
    first.release(KEY)  # its session has ended; the claim is the other's by now
    street.answer = lambda number: succeed(Gone(number, False))
    assert outcome(first.claim(CONTACT)) is False
    assert len(street.asked) == 2


def test_of_three_that_take_a_device_at_once_one_has_it_at_a_time(tmp_path: Path) -> None:
    """Each asks whoever has it; the answers come when all have asked."""
    tick = itertools.count().__next__
    sessions: list[str] = []
    waiting: list[Callable[[], None]] = []
    crew: dict[str, Claims] = {}

    @dataclass
    class Worker:
        name: str

        def ask(self, make: Callable[[int], Question], _seconds: float) -> Deferred[Any]:
            answer: Deferred[Any] = Deferred()

            def gives_way() -> None:
                if self.name in sessions:
                    sessions.remove(self.name)
                crew[self.name].void(KEY)
                answer.callback(Gone(make(7).id, True))

            waiting.append(gives_way)
            return answer

    class Others:
        def named(self, name: str) -> Worker:
            return Worker(name)

    def begin(name: str) -> Callable[[object], None]:
        def begun(_: object) -> None:
            assert sessions == [], f"{name} begins beside them"
            sessions.append(name)

        return begun

    for name in ("10", "20", "30"):
        crew[name] = Claims(name, Board(tmp_path / "claims", 8, tick), Others())  # type: ignore[arg-type]
    assert crew["10"].claim(CONTACT) is None
    begin("10")(None)
    answers = [crew[name].claim(CONTACT) for name in ("20", "30")]
    for name, answer in zip(("20", "30"), answers, strict=True):
        assert answer is not None
        answer.addCallback(begin(name))
    while waiting:
        waiting.pop(0)()
    assert sessions == ["30"], "the later one has it"
    assert all(answer is not None and outcome(answer) is None for answer in answers)


def test_the_other_stays_and_keeps_its_claim(pair: Pair) -> None:
    first, second, street = pair
    street.answer = lambda number: succeed(Gone(number, False))
    assert first.claim(CONTACT) is None
    assert outcome(second.claim(CONTACT)) is False
    street.asked.clear()
    assert outcome(second.claim(CONTACT)) is False
    assert len(street.asked) == 1
    first.release(KEY)
    assert second.claim(CONTACT) is None


@pytest.mark.parametrize("dies", ["before", "while it is asked"])
def test_a_claim_of_the_dead_is_void(pair: Pair, dies: str) -> None:
    first, second, street = pair
    assert first.claim(CONTACT) is None
    if dies == "before":
        street.living.remove("10")
    else:
        street.answer = lambda _number: fail(NeighbourGone("it has ended"))
    assert outcome(second.claim(CONTACT)) is True
    assert first.claim(CONTACT) is not None, "it is the other's now"


def test_a_session_that_follows_another_here_keeps_the_claim(pair: Pair) -> None:
    first, second, street = pair
    assert first.claim(CONTACT) is None
    assert first.claim(CONTACT) is None
    first.release(KEY)  # that of the older one
    assert outcome(second.claim(CONTACT)) is True
    assert len(street.asked) == 1


def test_who_never_lets_go_is_not_asked_for_ever(pair: Pair) -> None:
    first, second, street = pair
    assert first.claim(CONTACT) is None
    street.answer = lambda number: succeed(Gone(number, True))  # but its name stays
    assert outcome(second.claim(CONTACT)) is False
    assert len(street.asked) == ROUNDS
