"""The session machine, turn by turn (TR-069 3.7)."""

from collections.abc import Awaitable, Generator
from typing import Any

import pytest

from acs.cwmp import messages as m
from acs.cwmp import structures
from acs.cwmp.dialect import Dialect
from acs.cwmp.session import Finish, Flow, Hold, Limits, Reject, Send, Session, State
from acs.model import DataModel, EventKind, Fault, Notice, SessionLost, Value, Values

INFORM = m.Envelope(
    m.Inform(structures.DeviceIdStruct("TP-Link", "1C61B4", "Device2", "S1")),
    id="1000",
    namespace="urn:dslforum-org:cwmp-1-0",
)
LINE = DataModel()


class Later(Awaitable[str]):
    """Something of the house that takes time: awaiting it hands it out until it has a value."""

    value: str | None = None

    def __await__(self) -> Generator[Any, Any, str]:
        while self.value is None:
            yield self
        return self.value


async def nothing() -> None:
    await LINE.accept()


class Kept:
    """Keeps notices, at once or when told to."""

    def __init__(self, wait: Later | None = None) -> None:
        self.notices: list[Notice] = []
        self.wait = wait

    async def __call__(self, notice: Notice) -> None:
        if self.wait is not None:
            await self.wait
        self.notices.append(notice)


def session(flow: Flow, kept: Any = None, **options: Any) -> Session:
    options.setdefault("dialect", Dialect())
    options.setdefault("limits", Limits())
    return Session(INFORM, flow, kept or Kept(), root="Device.", **options)


def message(body: m.Message, id_: str | None = "1") -> m.Envelope:
    return m.Envelope(body, id=id_)


def read(value: str, path: str = "Device.X") -> m.Envelope:
    return message(m.GetParameterValuesResponse((structures.ParameterValue(path, Value(value)),)))


def test_a_periodic_session_is_inform_empty_204():
    s = session(nothing())
    assert s.begin() == Send(m.InformResponse(1), "1000")
    assert s.empty_post() == Finish()
    assert s.state is State.DONE


def test_trailing_empty_posts_are_answered_204():
    s = session(nothing())
    s.begin()
    assert [s.empty_post() for _ in range(4)] == [Finish()] * 4


def test_the_flow_asks_and_gets_its_answer():
    seen: list[object] = []

    async def flow() -> None:
        await LINE.accept()
        seen.append(await LINE.get("Device.X"))

    s = session(flow())
    s.begin()
    asked = s.empty_post()
    assert asked == Send(m.GetParameterValues(("Device.X",)), "1")
    assert s.message(read("7")) == Finish()
    assert seen == [Values({"Device.X": Value("7")})]


def test_a_fault_to_our_request_is_an_outcome_and_the_session_goes_on():
    seen: list[object] = []

    async def flow() -> None:
        await LINE.accept()
        seen.append(await LINE.add("Device.T."))
        seen.append(await LINE.get("Device.X"))

    s = session(flow())
    s.begin()
    s.empty_post()
    step = s.message(message(m.SoapFault(9004, "Resources exceeded")))
    assert step == Send(m.GetParameterValues(("Device.X",)), "2")
    assert s.message(read("7")) == Finish()
    assert [type(outcome).__name__ for outcome in seen] == ["Fault", "Values"]


def test_an_answer_without_id_belongs_to_the_only_open_request():
    async def flow() -> None:
        await LINE.accept()
        await LINE.get("Device.X")

    s = session(flow())
    s.begin()
    s.empty_post()
    fault = m.Envelope(m.SoapFault(9005, "Invalid parameter name"), id=None)
    assert s.message(fault) == Finish()


def test_requests_of_the_cpe_are_kept_then_answered_one_by_one():
    kept = Kept()
    s = session(nothing(), kept)
    s.begin()
    step = s.message(message(m.TransferComplete("job-1"), "77"))
    assert step == Send(m.TransferCompleteResponse(), "77")
    step = s.message(message(m.RequestDownload("1 Firmware Upgrade Image"), "78"))
    assert step == Send(m.RequestDownloadResponse(), "78")
    assert s.empty_post() == Finish()
    assert [n.kind for n in kept.notices] == [
        EventKind.TRANSFER_COMPLETE,
        EventKind.REQUEST_DOWNLOAD,
    ]
    assert kept.notices[0].key == "job-1"


def test_a_transfer_is_answered_only_when_it_is_stored():
    later = Later()
    kept = Kept(later)
    s = session(nothing(), kept)
    s.begin()
    assert s.message(message(m.TransferComplete("k"), "5")) == Hold(later)
    assert kept.notices == []
    later.value = "stored"
    assert s.resume() == Send(m.TransferCompleteResponse(), "5")
    assert len(kept.notices) == 1


def test_an_unknown_method_gets_8000_and_the_session_lives():
    s = session(nothing())
    s.begin()
    step = s.message(message(m.UnknownMethod("X_TP_Hello"), "9"))
    assert isinstance(step, Send)
    assert isinstance(step.message, m.SoapFault)
    assert (step.message.code, step.id) == (8000, "9")
    assert s.empty_post() == Finish()


def test_get_rpc_methods_lists_what_we_answer():
    s = session(nothing())
    s.begin()
    step = s.message(message(m.GetRPCMethods(), "3"))
    assert isinstance(step, Send)
    assert isinstance(step.message, m.GetRPCMethodsResponse)
    assert {"Inform", "TransferComplete", "RequestDownload"} <= set(step.message.method_list)


def test_the_flow_waits_for_the_house_before_and_after_the_inform_is_answered():
    first, second = Later(), Later()
    seen: list[str] = []

    async def flow() -> None:
        seen.append(await first)
        await LINE.accept()
        seen.append(await second)

    s = session(flow())
    assert s.begin() == Hold(first)
    first.value = "loaded"
    assert s.resume() == Send(m.InformResponse(1), "1000")
    assert s.empty_post() == Hold(second)
    second.value = "matched"
    assert s.resume() == Finish()
    assert seen == ["loaded", "matched"]


def test_a_refused_inform_is_a_fault():
    async def flow() -> None:
        await LINE.refuse("not you")

    step = session(flow()).begin()
    assert isinstance(step, Send)
    assert step.message == m.SoapFault(8001, "not you", (), "Server")


def test_a_bug_before_the_answer_makes_the_cpe_come_again():
    async def flow() -> None:
        raise RuntimeError("bug")

    s = session(flow())
    step = s.begin()
    assert isinstance(step, Send)
    assert isinstance(step.message, m.SoapFault)
    assert step.message.code == 8002
    assert isinstance(s.fault, RuntimeError)


def test_a_bug_after_the_answer_ends_the_session_cleanly():
    async def flow() -> None:
        await LINE.accept()
        raise RuntimeError("bug")

    s = session(flow())
    s.begin()
    assert s.empty_post() == Finish()
    assert isinstance(s.fault, RuntimeError)


def test_an_empty_post_as_answer_ends_the_session_and_the_flow_learns_it():
    lost: list[str] = []

    async def flow() -> None:
        await LINE.accept()
        try:
            await LINE.get("Device.X")
        except SessionLost as error:
            lost.append(str(error))
            raise

    s = session(flow())
    s.begin()
    s.empty_post()
    assert s.empty_post() == Finish()
    assert lost == ["the CPE answered our request with an empty POST"]
    assert s.fault is None


def test_an_empty_post_to_a_question_for_names_says_there_is_no_such_path():
    answers: list[object] = []

    async def flow() -> None:
        await LINE.accept()
        answers.append(await LINE.list("Device.X."))
        answers.append(await LINE.list("Device.Y."))

    s = session(flow())
    s.begin()
    s.empty_post()
    assert isinstance(s.empty_post(), Send)
    assert s.empty_post() == Finish()
    told = "Invalid parameter name: answered with an empty POST"
    assert answers == [Fault(9005, told)] * 2


def test_the_number_of_rpcs_is_bounded():
    async def endless() -> None:
        await LINE.accept()
        while True:
            await LINE.get("Device.X")

    s = session(endless(), limits=Limits(rpcs=3))
    s.begin()
    step = s.empty_post()
    for _ in range(2):
        assert isinstance(step, Send)
        step = s.message(read("1"))
    assert isinstance(step, Send)
    assert s.message(read("1")) == Finish()
    assert s.rpcs == 3


def test_the_number_of_cpe_requests_is_bounded():
    s = session(nothing(), limits=Limits(requests=2))
    s.begin()
    for _ in range(2):
        assert isinstance(s.message(message(m.GetRPCMethods())), Send)
    assert isinstance(s.message(message(m.GetRPCMethods())), Reject)


@pytest.mark.parametrize(
    "body", [m.GetParameterValuesResponse(), m.SoapFault(9002, "?"), m.InformResponse(1)]
)
def test_an_answer_nobody_asked_for_is_rejected(body: m.Message):
    s = session(nothing())
    s.begin()
    assert isinstance(s.message(message(body)), Reject)


def test_a_request_of_the_cpe_in_our_turn_is_rejected():
    async def flow() -> None:
        await LINE.accept()
        await LINE.get("Device.X")

    s = session(flow())
    s.begin()
    s.empty_post()
    assert isinstance(s.message(message(m.TransferComplete("k"))), Reject)


def test_hold_requests_is_raised_with_the_inform_and_released_with_our_first_request():
    async def flow() -> None:
        await LINE.accept()
        await LINE.get("Device.X")

    s = session(flow(), hold_requests=True)
    assert s.begin() == Send(m.InformResponse(1), "1000", hold_requests=True)
    asked = s.empty_post()
    assert isinstance(asked, Send)
    assert asked.hold_requests is False
    assert s.message(read("7")) == Finish()
    step = s.message(message(m.TransferComplete("k"), "4"))
    assert step == Send(m.TransferCompleteResponse(), "4")
    assert s.empty_post() == Finish()


def test_hold_requests_is_released_even_when_nothing_is_asked():
    s = session(nothing(), hold_requests=True)
    s.begin()
    asked = s.empty_post()
    assert isinstance(asked, Send)
    assert asked.message == m.GetParameterValues(("Device.ManagementServer.ParameterKey",))
    assert asked.hold_requests is False
    assert s.message(read("", "Device.ManagementServer.ParameterKey")) == Finish()


def test_the_chosen_version_goes_with_the_inform_response_only():
    async def flow() -> None:
        await LINE.accept()
        await LINE.get("Device.X")

    s = session(flow(), use_version="1.4")
    step = s.begin()
    assert isinstance(step, Send)
    assert step.use_version == "1.4"
    asked = s.empty_post()
    assert isinstance(asked, Send)
    assert asked.use_version is None


def test_a_flow_that_asks_out_of_turn_is_our_bug_and_harms_no_cpe():
    async def flow() -> None:
        await LINE.get("Device.X")

    s = session(flow())
    step = s.begin()
    assert isinstance(step, Send)
    assert isinstance(s.fault, RuntimeError)
