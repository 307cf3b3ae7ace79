"""The conversation machine: one flow, one open request, and every way it may end."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from itertools import count
from typing import Any

import pytest

from acs.model import (
    Change,
    DataModel,
    EventKind,
    Fault,
    Notice,
    SessionLost,
    Value,
    Values,
    Written,
)
from acs.usp import messages
from acs.usp.conversation import Ask, Conversation, Flow, Hold, Over, Send, Step
from acs.usp.known import Known
from acs.usp.messages import Error, GetResp, RequestedPath, ResolvedPath

SERIAL = "Device.DeviceInfo.SerialNumber"
FOUND = GetResp(
    (RequestedPath(SERIAL, (ResolvedPath("Device.DeviceInfo.", {"SerialNumber": "7"}),)),)
)


class Moment:
    """Something of the house that a flow waits for."""

    def __init__(self) -> None:
        self.value: object = None

    def __await__(self) -> Any:
        yield self
        return self.value


def conversation(flow: Flow, **options: Any) -> Conversation:
    ids = count(1)
    return Conversation(flow, Known(), new_id=lambda: f"m{next(ids)}", **options)


def told(make: Callable[[list[Any]], Awaitable[None]]) -> tuple[Conversation, list[Any]]:
    """A conversation, and what its flow puts into a list."""
    came: list[Any] = []

    async def flow() -> None:
        await make(came)

    return conversation(flow()), came


def request_of(step: Step) -> messages.Body:
    assert isinstance(step, Send)
    return step.message.body


def test_a_flow_that_asks_nothing_is_over_at_once() -> None:
    async def flow() -> None:
        return

    assert conversation(flow()).begin() == Over()


def test_a_request_goes_out_and_its_answer_comes_back_as_it_is() -> None:
    async def flow(came: list[Any]) -> None:
        came.append(await Ask(messages.Get((SERIAL,))))

    asking, came = told(flow)
    step = asking.begin()
    assert request_of(step) == messages.Get((SERIAL,))
    assert (asking.open_id, asking.requests) == ("m1", 1)
    assert asking.answered(FOUND) == Over()
    assert came == [FOUND]
    assert asking.open_id == ""


def test_an_operation_of_the_core_becomes_messages_one_at_a_time() -> None:
    async def flow(came: list[Any]) -> None:
        line = DataModel()
        came.append(await line.get(SERIAL))
        came.append(await line.set(Change("Device.X.A", Value("1"))))

    asking, came = told(flow)
    asking.begin()
    step = asking.answered(FOUND)
    assert isinstance(request_of(step), messages.Set)
    assert asking.open_id == "m2"
    assert asking.answered(messages.SetResp(())) == Over()
    assert came == [Values({SERIAL: Value("7")}, ()), Written()]


def test_a_get_of_many_paths_is_several_requests_and_one_outcome() -> None:
    paths = [f"Device.X.{number}" for number in range(450)]

    async def flow(came: list[Any]) -> None:
        came.append(await DataModel().get(*paths))

    asking, came = told(flow)
    step = asking.begin()
    sizes = []
    while isinstance(step, Send):
        request = request_of(step)
        assert isinstance(request, messages.Get)
        sizes.append(len(request.paths))
        step = asking.answered(GetResp(tuple(RequestedPath(p, (), 7026) for p in request.paths)))
    assert sizes == [200, 200, 50]
    assert len(came[0].missing) == 450


@pytest.mark.parametrize(
    "answer",
    [Error(7003, "internal"), messages.SetResp(()), messages.NotifyResp("")],
    ids=lambda answer: type(answer).__name__,
)
def test_an_answer_of_another_kind_is_a_fault_and_no_crash(answer: Any) -> None:
    async def flow(came: list[Any]) -> None:
        came.append(await DataModel().get(SERIAL))

    asking, came = told(flow)
    asking.begin()
    assert asking.answered(answer) == Over()
    assert isinstance(came[0], Fault)
    assert asking.fault is None


def test_the_house_is_waited_for_and_answers_through_what_is_awaited() -> None:
    moment = Moment()

    async def flow(came: list[Any]) -> None:
        came.append(await moment)

    asking, came = told(flow)
    assert asking.begin() == Hold(moment)
    moment.value = "here"
    assert asking.resume() == Over()
    assert came == ["here"]


def test_what_the_house_failed_with_is_thrown_into_the_flow() -> None:
    async def flow(came: list[Any]) -> None:
        try:
            await Moment()
        except KeyError as error:
            came.append(error)

    asking, came = told(flow)
    asking.begin()
    error = KeyError("x")
    assert asking.resume(error) == Over()
    assert came == [error]


def test_a_flow_that_is_lost_is_told_so_and_can_await_nothing_more() -> None:
    async def flow(came: list[Any]) -> None:
        try:
            await Ask(messages.Get((SERIAL,)))
        except SessionLost as lost:
            came.append(str(lost))
            await Moment()
            came.append("never")

    asking, came = told(flow)
    asking.begin()
    assert asking.lost("it went away") == Over()
    assert came == ["it went away"]
    assert asking.open_id == "" and asking.fault is None
    assert asking.lost("again") == Over()
    assert asking.resume() == Over()


def test_a_flow_that_ignores_its_end_is_closed_all_the_same() -> None:
    async def flow(came: list[Any]) -> None:
        while True:
            try:
                await Ask(messages.Get((SERIAL,)))
            except SessionLost:
                came.append("ignored")

    asking, came = told(flow)
    asking.begin()
    assert asking.lost("it went away") == Over()
    assert came == ["ignored"]
    assert asking.resume() == Over()


def test_a_bug_in_a_flow_is_kept_for_the_log() -> None:
    async def flow(_came: list[Any]) -> None:
        await Ask(messages.Get((SERIAL,)))
        raise ZeroDivisionError

    asking, _ = told(flow)
    asking.begin()
    assert asking.answered(FOUND) == Over()
    assert isinstance(asking.fault, ZeroDivisionError)


def test_a_bug_in_an_operation_ends_the_flow_and_nothing_else() -> None:
    async def flow(came: list[Any]) -> None:
        try:
            await DataModel().get(SERIAL)
        except SessionLost as lost:
            came.append(str(lost))
            raise

    asking, came = told(flow)
    asking.begin()
    no_answer: Any = GetResp(7)  # type: ignore[arg-type]
    assert asking.answered(no_answer) == Over()
    assert isinstance(asking.fault, TypeError)
    assert came == ["internal error"]


def test_a_bug_on_the_way_out_is_kept_for_the_log() -> None:
    async def flow(_came: list[Any]) -> None:
        try:
            await Ask(messages.Get((SERIAL,)))
        except SessionLost:
            raise ZeroDivisionError from None

    asking, _ = told(flow)
    asking.begin()
    asking.lost("it went away")
    assert isinstance(asking.fault, ZeroDivisionError)


def test_so_many_requests_and_no_more() -> None:
    async def flow(came: list[Any]) -> None:
        try:
            while True:
                await Ask(messages.Get((SERIAL,)))
        except SessionLost as lost:
            came.append(str(lost))

    came: list[Any] = []
    asking = conversation(flow(came), limit=7)
    step = asking.begin()
    while isinstance(step, Send):
        step = asking.answered(FOUND)
    assert step == Over()
    assert asking.requests == 7
    assert came == ["more than 7 requests in one conversation"]


# --- accepting ---------------------------------------------------------------------------

DONE = Notice(EventKind.OPERATION_COMPLETE, "job-1")
MORE = Notice(EventKind.OPERATION_COMPLETE, "job-2")


def accepting(came: list[Any], keep: Callable[[Notice], Flow]) -> Conversation:
    async def flow() -> None:
        came.append("before")
        await DataModel().accept()
        came.append("after")

    made = conversation(flow(), on_notice=keep)
    made.announce([DONE, MORE])
    return made


def test_what_was_reported_is_kept_before_the_flow_goes_on() -> None:
    came: list[Any] = []

    async def keep(notice: Notice) -> None:
        await Moment()
        came.append(notice.key)

    asking = accepting(came, keep)
    assert isinstance(asking.begin(), Hold)
    assert came == ["before"] and not asking.accepted
    assert isinstance(asking.resume(), Hold)
    assert came == ["before", "job-1"] and not asking.accepted
    assert asking.resume() == Over()
    assert came == ["before", "job-1", "job-2", "after"]
    assert asking.accepted


def test_what_cannot_be_kept_ends_the_flow_and_is_not_accepted() -> None:
    came: list[Any] = []

    async def keep(_notice: Notice) -> None:
        await Moment()

    asking = accepting(came, keep)
    asking.begin()
    error = OSError("the store is full")
    assert asking.resume(error) == Over()
    assert came == ["before"]
    assert not asking.accepted and asking.fault is error


def test_an_agent_that_goes_while_its_reports_are_kept_is_not_accepted() -> None:
    came: list[Any] = []

    async def keep(_notice: Notice) -> None:
        try:
            await Moment()
        except SessionLost:
            came.append("lost")
            raise

    asking = accepting(came, keep)
    asking.begin()
    assert asking.lost("it went away") == Over()
    assert came == ["before", "lost"]
    assert not asking.accepted and asking.fault is None


def test_without_reports_it_is_accepted_at_once() -> None:
    async def flow(came: list[Any]) -> None:
        await DataModel().accept()
        came.append("after")

    asking, came = told(flow)
    assert asking.begin() == Over()
    assert asking.accepted and came == ["after"]


def test_who_is_refused_is_told_nothing_and_nothing_is_accepted() -> None:
    async def flow(came: list[Any]) -> None:
        try:
            await DataModel().refuse("no")
        finally:
            came.append("closed")

    asking, came = told(flow)
    assert asking.begin() == Over()
    assert came == ["closed"]
    assert not asking.accepted and asking.requests == 0
