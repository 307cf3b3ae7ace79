"""Many questions, few queries; and what is remembered of the answers."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from erp_bridge.coalesce import Coalescer, Full
from erp_bridge.memory import ShortMemory


class Desk:
    """Runs batches when told to."""

    def __init__(self, **options: object) -> None:
        self.clock = Clock()
        self.batches: list[tuple[str, ...]] = []
        self.answers: list[Deferred[Mapping[str, str]]] = []
        settings: dict[str, object] = {"wait": 1.0, "size": 3, "parallel": 2, "waiting": 10}
        self.questions: Coalescer[str, str] = Coalescer(
            self.clock,
            self._run,
            **(settings | options),  # type: ignore[arg-type]
        )

    def _run(self, batch: tuple[str, ...]) -> Deferred[Mapping[str, str]]:
        self.batches.append(batch)
        answer: Deferred[Mapping[str, str]] = Deferred()
        self.answers.append(answer)
        return answer

    def finish(self, number: int) -> None:
        self.answers[number].callback({key: key.upper() for key in self.batches[number]})


def ask(desk: Desk, key: str) -> list[object]:
    heard: list[object] = []
    desk.questions.ask(key).addBoth(heard.append)
    return heard


def test_a_batch_waits_for_company() -> None:
    desk = Desk()
    first, second = ask(desk, "a"), ask(desk, "b")
    desk.clock.advance(0.9)
    assert desk.batches == []
    desk.clock.advance(0.1)
    assert desk.batches == [("a", "b")]
    desk.finish(0)
    assert (first, second) == (["A"], ["B"])


def test_a_full_batch_does_not_wait() -> None:
    desk = Desk()
    for key in "abcd":
        ask(desk, key)
    assert desk.batches == [("a", "b", "c")]
    desk.clock.advance(1)
    assert desk.batches == [("a", "b", "c"), ("d",)]


def test_the_same_question_is_asked_once_waiting_or_under_way() -> None:
    desk = Desk()
    first, second = ask(desk, "a"), ask(desk, "a")
    desk.clock.advance(1)
    third = ask(desk, "a")
    desk.clock.advance(1)
    assert desk.batches == [("a",)]
    assert desk.questions.wants("a")
    desk.finish(0)
    assert first == second == third == ["A"]
    assert not desk.questions.wants("a")


def test_parallel_batches_are_bounded_and_the_rest_follows() -> None:
    desk = Desk(parallel=1)
    heard = [ask(desk, key) for key in "abcde"]
    desk.clock.advance(5)
    assert desk.batches == [("a", "b", "c")]
    desk.finish(0)
    assert desk.batches == [("a", "b", "c"), ("d", "e")]
    desk.finish(1)
    assert heard == [["A"], ["B"], ["C"], ["D"], ["E"]]


def test_who_gives_up_does_not_stop_the_question() -> None:
    desk = Desk()
    impatient = desk.questions.ask("a").addErrback(lambda failure: None)
    patient = ask(desk, "a")
    desk.clock.advance(1)
    impatient.cancel()
    alone = desk.questions.ask("b").addErrback(lambda failure: None)
    alone.cancel()
    late = ask(desk, "b")
    desk.clock.advance(1)
    assert desk.batches == [("a",), ("b",)]
    desk.finish(0)
    desk.finish(1)
    assert (patient, late) == (["A"], ["B"])


def test_a_question_everyone_gave_up_is_still_shared() -> None:
    desk = Desk()
    desk.questions.ask("a").addErrback(lambda failure: None).cancel()
    desk.clock.advance(1)
    late = ask(desk, "a")
    desk.clock.advance(1)
    assert desk.batches == [("a",)]
    desk.finish(0)
    assert late == ["A"]


def test_a_failed_batch_fails_its_questions_and_only_those() -> None:
    desk = Desk(size=1)
    first, second = ask(desk, "a"), ask(desk, "b")
    desk.answers[0].errback(OSError("no answer"))
    desk.finish(1)
    assert first[0].check(OSError)  # type: ignore[attr-defined]
    assert second == ["B"]


def test_too_many_questions_are_refused() -> None:
    desk = Desk(parallel=1, size=1, waiting=2)
    for key in "abc":
        ask(desk, key)
    with pytest.raises(Full):
        desk.questions.ask("d")
    assert not desk.questions.wants("d")
    ask(desk, "c")


def test_nothing_goes_out_after_the_stop() -> None:
    desk = Desk()
    ask(desk, "a")
    desk.questions.stop()
    desk.clock.advance(5)
    assert desk.batches == []
    assert desk.clock.getDelayedCalls() == []


def test_memory_fades_and_is_bounded() -> None:
    clock = Clock()
    memory: ShortMemory[str] = ShortMemory(clock.seconds, ttl=60, size=2)
    memory.add("a")
    clock.advance(59)
    memory.add("b")
    assert "a" in memory
    clock.advance(1)
    assert "a" not in memory
    assert "b" in memory
    memory.add("c")
    memory.add("d")
    assert len(memory) == 2
    assert "b" not in memory
    memory.clear()
    assert "d" not in memory


def test_a_batch_waits_longer_where_questions_come_fast() -> None:
    desk = Desk(size=100, parallel=9, wait=1.0, longest=5.0)
    for key in "abc":
        ask(desk, key)
    desk.clock.advance(1)
    assert desk.batches == [("a", "b", "c")]
    ask(desk, "d")
    desk.clock.advance(2.9)
    assert len(desk.batches) == 1
    ask(desk, "e")
    desk.clock.advance(0.1)
    assert desk.batches[1] == ("d", "e")
    # All is quiet for a while: the next one waits no longer than the first did.
    desk.clock.advance(5.1)
    ask(desk, "f")
    desk.clock.advance(1)
    assert desk.batches[2] == ("f",)


def test_no_batch_waits_longer_than_the_longest() -> None:
    desk = Desk(size=100, waiting=100, wait=1.0, longest=2.0)
    for number in range(50):
        ask(desk, f"{number}")
    desk.clock.advance(1)
    ask(desk, "late")
    desk.clock.advance(2)
    assert desk.batches[1] == ("late",)
