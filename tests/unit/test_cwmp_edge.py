"""The CWMP edge with a house that fails: what a CPE is told, and what a flow learns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from house_in_memory import MemoryHouse
from raw_cpe import RawCpe
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from acs.cwmp.admission import Admission, Aim
from acs.cwmp.authenticate import Credential
from acs.cwmp.dialect import Dialect
from acs.cwmp.edge import CwmpEdge
from acs.cwmp.limits import EdgeLimits
from acs.cwmp.line import Line
from acs.cwmp.pace import Pace
from acs.devices.record import Job, JobKind, Opened, Standing
from acs.devices.source import Found, Pending
from acs.http import Connection, Reply, Request
from acs.model import Contact
from acs.store.errors import Overloaded, StoreUnavailable

CPE = RawCpe(0, "SN1")


class OpenGate:
    def admit(self, request: Request) -> Credential:
        return Credential("none")


class Watched:
    """Implements `acs.cwmp.watcher.Watcher`."""

    def __init__(self) -> None:
        self.ended: list[str] = []
        self.bugs: list[BaseException] = []
        self.refused: list[str] = []

    def session_ended(self, line: Line, contact: Contact, seconds: float) -> None:
        self.ended.append(line.ended)

    def bug(self, where: str, error: BaseException) -> None:
        self.bugs.append(error)

    def rejected(self, reason: str, address: str) -> None:
        self.refused.append(reason)

    def warned(self, warnings: tuple[str, ...], address: str) -> None:
        pass

    def sent(self, method: str) -> None:
        pass

    def faulted(self, code: int) -> None:
        pass


class SlowHouse(MemoryHouse):
    """Answers when the test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.waits: list[Deferred[Any]] = []
        self.source.find = self._find  # type: ignore[method-assign]
        self.slow_open = False

    async def open(self, contact: Contact) -> Opened:
        if self.slow_open:
            self.waits.append(Deferred())
            await self.waits[-1]
        return await super().open(contact)

    async def _find(self, terms: object) -> Found | Pending:
        self.waits.append(Deferred())
        try:
            await self.waits[-1]
        except TimeoutError as error:
            return Pending(f"timed out: {error}")
        return Found(())


OPEN: Any = OpenGate()


class SlowGate:
    """Looks each account up, and is answered by the test."""

    def __init__(self) -> None:
        self.waits: list[Deferred[Any]] = []

    def admit(self, request: Request) -> Deferred[Any]:
        self.waits.append(Deferred())
        return self.waits[-1]


class Edge:
    """An edge, one connection to it, and what came of each request."""

    def __init__(self, timeout: float = 60.0, gate: Any = None) -> None:
        self.house = SlowHouse()
        self.clock = Clock()
        self.watched = Watched()
        self.admission = Admission(Aim(), spread=lambda: 0.5)
        tokens = iter(f"token-number-{n:08d}" for n in range(999))
        self.edge = CwmpEdge(
            self.house,
            OPEN if gate is None else gate,
            self.clock,
            self.watched,
            EdgeLimits(timeout=timeout),
            token=lambda: next(tokens),
            admission=self.admission,
            dialect=lambda contact: Dialect(),
        )
        self.connection = Connection("192.0.2.1")

    def post(self, body: bytes = b"") -> list[Reply]:
        """POST; the list gets the reply when it is there."""
        request = Request("POST", "/", {}, body, self.connection, True)
        replies: list[Reply] = []
        answer = self.edge.handle(request)
        if isinstance(answer, Deferred):
            answer.addCallback(replies.append)
        else:
            replies.append(answer)
        return replies


@pytest.fixture
def edge() -> Edge:
    return Edge()


@pytest.mark.parametrize("error", [Overloaded("full"), StoreUnavailable("gone")])
def test_a_store_that_refuses_makes_the_cpe_come_back_later(edge: Edge, error: Exception) -> None:
    edge.house.slow_open = True
    replies = edge.post(CPE.inform("0 BOOTSTRAP"))
    assert replies == []
    edge.house.waits[0].errback(error)
    (reply,) = replies
    assert (reply.status, reply.close) == (503, True)
    assert int(dict(reply.headers)["Retry-After"]) >= 1
    assert len(edge.edge.lines) == 0


@pytest.mark.parametrize("error", [Overloaded("full"), StoreUnavailable("gone")])
def test_an_account_that_cannot_be_looked_up_makes_the_cpe_come_back_later(
    error: Exception,
) -> None:
    gate = SlowGate()
    edge = Edge(gate=gate)
    replies = edge.post(CPE.inform("2 PERIODIC"))
    gate.waits[0].errback(error)
    (reply,) = replies
    assert (reply.status, reply.close) == (503, True)
    assert int(dict(reply.headers)["Retry-After"]) >= 1


def test_another_failure_before_the_answer_is_fault_8002(edge: Edge) -> None:
    edge.house.slow_open = True
    replies = edge.post(CPE.inform("0 BOOTSTRAP"))
    edge.house.waits[0].errback(ZeroDivisionError("a bug"))
    (reply,) = replies
    assert reply.status == 200
    assert b"<FaultCode>8002</FaultCode>" in reply.body
    assert b"a bug" not in reply.body
    assert [type(bug) for bug in edge.watched.bugs] == [ZeroDivisionError]


def test_a_flow_learns_why_what_it_waited_for_failed(edge: Edge) -> None:
    assert edge.post(CPE.inform("0 BOOTSTRAP"))[0].status == 200
    replies = edge.post()
    edge.house.waits[0].errback(TimeoutError("2 s"))
    assert replies[0].status == 204
    device = edge.house.device
    assert device is not None
    assert (device.standing, device.reason) == (Standing.WAITING, "timed out: 2 s")
    assert edge.watched.bugs == []


@pytest.mark.parametrize("release", [lambda d: d.callback(None), lambda d: d.errback(OSError())])
def test_a_session_replaced_while_it_waits_is_answered_and_forgotten(
    edge: Edge, release: Callable[[Deferred[Any]], None]
) -> None:
    edge.post(CPE.inform("0 BOOTSTRAP"))
    held = edge.post()
    edge.connection = Connection("192.0.2.1")
    assert edge.post(CPE.inform("0 BOOTSTRAP"))[0].status == 200
    release(edge.house.waits[0])
    assert [reply.status for reply in held] == [400]
    assert len(edge.edge.lines) == 1
    assert edge.watched.ended == ["replaced"]


def test_no_session_is_silent_while_it_is_kept_waiting() -> None:
    edge = Edge(timeout=30)
    edge.post(CPE.inform("0 BOOTSTRAP"))
    held = edge.post()
    edge.clock.advance(31)
    edge.edge.sweep()
    assert len(edge.edge.lines) == 1
    edge.house.waits[0].callback(None)
    # What the server asks now is asked in time, and the silence begins anew.
    assert held[0].status == 200
    edge.clock.advance(29)
    edge.edge.sweep()
    assert len(edge.edge.lines) == 1
    edge.clock.advance(1)
    edge.edge.sweep()
    assert len(edge.edge.lines) == 0
    assert edge.watched.ended == ["timeout"]


def test_a_short_time_out_behind_a_long_one_is_kept() -> None:
    edge = Edge(timeout=30)
    patient = "<cwmp:SessionTimeout>300</cwmp:SessionTimeout>"
    edge.post(RawCpe(0, "SN2").inform("0 BOOTSTRAP", more=patient))
    edge.connection = Connection("192.0.2.2")
    edge.post(CPE.inform("0 BOOTSTRAP"))
    edge.clock.advance(31)
    edge.edge.sweep()
    assert [line.key for line in edge.edge.lines.by_cookie.values()] == ["A4B1C2-Gateway-SN2"]


class ChosenGate:
    """Admits with the credential the test chose last."""

    def __init__(self) -> None:
        self.kind: Any = "own"

    def admit(self, request: Request) -> Credential:
        return Credential(self.kind)


def test_a_stranger_with_the_shared_secret_does_not_end_the_session_of_a_device() -> None:
    gate = ChosenGate()
    edge = Edge(gate=gate)
    (begun,) = edge.post(CPE.inform("2 PERIODIC"))
    assert b"InformResponse" in begun.body
    (line,) = edge.edge.lines.by_cookie.values()
    gate.kind, edge.connection = "bootstrap", Connection("192.0.2.66")
    (refused,) = edge.post(CPE.inform("2 PERIODIC"))
    assert b"8001" in refused.body
    assert not line.ended
    edge.post(CPE.inform("0 BOOTSTRAP"))
    assert line.ended == "replaced", "a reset device comes back, where that is allowed"


def test_a_device_that_calls_all_the_time_is_sent_away_and_others_are_not() -> None:
    edge = Edge()
    statuses = []
    for _ in range(70):
        edge.connection = Connection("192.0.2.1")
        (reply,) = edge.post(CPE.inform("2 PERIODIC"))
        statuses.append(reply.status)
    assert statuses == [200] * 60 + [503] * 10
    assert dict(reply.headers)["Retry-After"]
    assert set(edge.watched.refused) == {"a device opens sessions too often"}
    (other,) = edge.post(RawCpe(0, "SN2").inform("2 PERIODIC"))
    assert other.status == 200
    edge.clock.advance(1.0)
    edge.connection = Connection("192.0.2.1")
    (again,) = edge.post(CPE.inform("2 PERIODIC"))
    assert again.status == 200


def test_the_devices_whose_pace_is_remembered_are_bounded() -> None:
    pace = Pace(per_minute=1)
    for number in range(pace.REMEMBERED + 10):
        assert pace.wait(number, 0.0) == 0.0
    assert pace.wait(0, 0.0) == 0.0, "forgotten"
    assert pace.wait(pace.REMEMBERED, 0.0) == pytest.approx(60.0)


def crowd(edge: Edge) -> None:
    """Let so many call that no new session is let in."""
    for _ in range(2):
        edge.admission.measured(9.0, 0, edge.clock.seconds())
    while edge.admission.wait("others", edge.clock.seconds()) is None:
        pass


def test_a_kept_connection_is_no_way_around_the_bound_on_sessions() -> None:
    edge = Edge()
    edge.post(CPE.inform("2 PERIODIC"))
    edge.clock.advance(61.0)
    crowd(edge)
    assert edge.edge.admission(edge.connection, {}) is None, "its session goes on"
    edge.edge.sweep()
    assert edge.edge.admission(edge.connection, {}) is not None
    assert edge.watched.refused == ["busy"]


def test_who_was_let_in_and_challenged_is_not_sent_away_when_he_answers() -> None:
    class Challenging:
        def admit(self, request: Request) -> Credential | Reply:
            return Credential("own") if "authorization" in request.headers else Reply(401)

    edge = Edge(gate=Challenging())
    assert edge.post(CPE.inform("2 PERIODIC"))[0].status == 401
    crowd(edge)
    assert edge.edge.admission(edge.connection, {}) is None
    assert edge.edge.admission(edge.connection, {}) is not None, "once"


@pytest.mark.parametrize("part", ["serial", "product_class"])
def test_an_identity_of_any_length_is_not_taken(edge: Edge, part: str) -> None:
    cpe = RawCpe(0, **{"serial": "SN1", part: "x" * 65})  # type: ignore[arg-type]
    (reply,) = edge.post(cpe.inform("2 PERIODIC"))
    assert b"8003" in reply.body
    assert edge.house.device is None


def test_what_an_inform_tells_is_cut_to_what_it_may_be(edge: Edge) -> None:
    values = {"Device.DeviceInfo.SoftwareVersion": ("1" * 5000, "string")}
    events = ["X" * 300] * 200
    edge.post(RawCpe(0, "SN1").inform(*events, values=values))
    device = edge.house.device
    assert device is not None
    assert len(device.software) == 256
    told = [line for line in edge.house.timeline if "XXX" in line]
    assert len(told) == 64
    assert max(map(len, told)) < 100


def test_a_text_that_xml_cannot_carry_ends_the_session_and_is_told(edge: Edge) -> None:
    edge.house.jobs = [Job(1, 1, JobKind.ADD, {"table": "Device.X\x01."})]
    edge.post(CPE.inform("2 PERIODIC"))
    edge.post()
    edge.house.waits[0].callback(None)
    nothing = CPE.form.call("GetParameterValuesResponse", CPE.form.values({}), "1")
    (reply,) = edge.post(nothing)
    assert reply.status == 204
    assert edge.watched.ended == ["lost"]
    assert any("U+0001" in line for line in edge.house.timeline)
