"""What a CPE still says after its session: kept before it is answered, and nothing is run again."""

from __future__ import annotations

from typing import Any

import pytest
from device_trees import xx230v
from house_in_memory import MemoryHouse, live, served
from lxml import etree
from raw_cpe import TRANSFER_COMPLETE, RawCpe
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from acs.cwmp.admission import Admission, Aim
from acs.cwmp.authenticate import Credential
from acs.cwmp.dialect import Dialect
from acs.cwmp.edge import REMEMBERED, CwmpEdge
from acs.cwmp.limits import EdgeLimits
from acs.cwmp.line import Line
from acs.cwmp.session import Limits
from acs.devices.effects import Effect
from acs.devices.record import Job, JobKind, JobState
from acs.http import Connection, Reply, Request
from acs.model import Contact
from acs.store.errors import StoreUnavailable

CPE = RawCpe(0, "22275A7000001", oui="1C61B4", product_class="Device2", manufacturer="TP-Link")
REQUESTS = 5


class SlowToKeep(MemoryHouse):
    """Keeps effects at once, or when the test says so."""

    slow: Deferred[Any] | None = None

    async def commit(self, effects: Any) -> None:
        if self.slow is not None:
            await self.slow
        await super().commit(effects)


class Gate:
    def __init__(self) -> None:
        self.kind = "own"

    def admit(self, request: Request) -> Credential:
        return Credential(self.kind)


class Watched:
    def __init__(self) -> None:
        self.bugs: list[BaseException] = []
        self.sessions = 0

    def session_ended(self, line: Line, contact: Contact, seconds: float) -> None:
        self.sessions += 1

    def bug(self, where: str, error: BaseException) -> None:
        self.bugs.append(error)

    def rejected(self, reason: str, address: str) -> None: ...
    def warned(self, warnings: tuple[str, ...], address: str) -> None: ...
    def sent(self, method: str) -> None: ...
    def faulted(self, code: int) -> None: ...


class Talk:
    """A live device with one download under way, and its connection to the edge."""

    def __init__(self) -> None:
        self.house = SlowToKeep()
        self.house.source = served().source
        live(xx230v(), self.house)
        # Nothing is asked of it but what the test wants.
        self.house.jobs = [
            Job(
                7,
                1,
                JobKind.DOWNLOAD,
                state=JobState.SENT,
                attempts=1,
                result={"sent_at": self.house.time, "file_type": "2 Web Content"},
            )
        ]
        self.house.time += 10
        self.clock, self.watched, self.gate = Clock(), Watched(), Gate()
        tokens = iter(f"token-number-{n:08d}" for n in range(999))
        gate: Any = self.gate
        self.edge = CwmpEdge(
            self.house,
            gate,
            self.clock,
            self.watched,
            EdgeLimits(session=Limits(requests=REQUESTS)),
            token=lambda: next(tokens),
            admission=Admission(Aim(), spread=lambda: 0.5),
            dialect=lambda contact: Dialect(),
        )
        self.connection = Connection("192.0.2.1")
        self.cookie = ""

    def post(self, body: bytes = b"", connection: Connection | None = None) -> list[Reply]:
        headers = {"cookie": self.cookie} if self.cookie else {}
        request = Request("POST", "/", headers, body, connection or self.connection, True)
        replies: list[Reply] = []
        answer = self.edge.handle(request)
        if isinstance(answer, Deferred):
            answer.addCallback(replies.append)
        else:
            replies.append(answer)
        for reply in replies:
            for name, value in reply.headers:
                if name == "Set-Cookie":
                    self.cookie = value.partition(";")[0]
        return replies

    def session(self) -> None:
        """A session from Inform to our last answer."""
        (reply,) = self.post(CPE.inform("2 PERIODIC"))
        assert reply.status == 200
        (reply,) = self.post()
        while reply.status == 200:
            # Whatever the visit wants to know, it hears that it is not known.
            (reply,) = self.post(CPE.form.fault(9001))
        assert reply.status == 204

    def report(self, key: str = "job-7", code: int = 0, **more: Any) -> list[Reply]:
        told = TRANSFER_COMPLETE.format(key=key, code=code)
        return self.post(CPE.form.call("TransferComplete", told, id="t1"), **more)

    @property
    def job(self) -> Job:
        (job,) = self.house.jobs
        return job


def name_of(reply: Reply) -> str:
    (method,) = etree.fromstring(reply.body)[-1]
    return etree.QName(method).localname


@pytest.fixture
def talk() -> Talk:
    talk = Talk()
    talk.session()
    assert talk.job.state is JobState.SENT
    return talk


@pytest.mark.parametrize("by", ["cookie", "new connection", "connection"])
def test_a_report_after_our_last_answer_is_taken(talk: Talk, by: str) -> None:
    if by == "connection":
        fresh = Talk()
        fresh.post = lambda *args, **kwargs: _without_cookie(fresh, *args, **kwargs)  # type: ignore[method-assign]
        fresh.session()
        talk = fresh
    before = len(talk.house.effects)
    (reply,) = talk.report(connection=Connection("192.0.2.1") if by == "new connection" else None)
    assert (reply.status, name_of(reply)) == (200, "TransferCompleteResponse")
    assert talk.job.state is JobState.DONE
    assert len(talk.house.effects) > before
    assert talk.watched.sessions == 1, "no other session was opened"
    assert talk.post()[0].status == 204


def _without_cookie(talk: Talk, *args: Any, **kwargs: Any) -> list[Reply]:
    talk.cookie = ""
    return Talk.post(talk, *args, **kwargs)


def test_the_flow_is_not_run_again(talk: Talk) -> None:
    looked = []
    talk.house.open = lambda contact: looked.append(contact)  # type: ignore[assignment,method-assign,return-value]
    talk.report()
    assert looked == []
    assert [effect for effect in talk.house.posted if effect] == talk.house.posted


def test_it_is_answered_when_it_is_kept_and_not_before(talk: Talk) -> None:
    talk.house.slow = Deferred()
    replies = talk.report()
    assert replies == []
    assert talk.report()[0].status == 400, "one at a time"
    waiting, talk.house.slow = talk.house.slow, None
    waiting.callback(None)
    assert [name_of(reply) for reply in replies] == ["TransferCompleteResponse"]


def test_what_cannot_be_kept_is_to_be_reported_again(talk: Talk) -> None:
    talk.house.slow = Deferred()
    replies = talk.report()
    waiting, talk.house.slow = talk.house.slow, None
    waiting.errback(StoreUnavailable("gone"))
    assert name_of(replies[0]) == "Fault"
    assert b"8002" in replies[0].body
    assert [type(bug) for bug in talk.watched.bugs] == [StoreUnavailable]
    assert talk.job.state is JobState.SENT
    talk.report()
    assert talk.job.state is JobState.DONE


def test_reports_after_the_end_are_bounded(talk: Talk) -> None:
    statuses = [talk.report(f"k{n}")[0].status for n in range(REQUESTS + 1)]
    assert statuses == [200] * REQUESTS + [400]


def test_a_session_is_known_for_a_minute(talk: Talk) -> None:
    talk.clock.advance(REMEMBERED + 1)
    talk.edge.sweep()
    assert talk.report()[0].status == 400
    assert talk.job.state is JobState.SENT


def test_a_response_after_the_end_is_out_of_turn(talk: Talk) -> None:
    assert talk.post(CPE.form.call("RebootResponse"))[0].status == 400


def test_an_inform_after_the_end_begins_a_session_and_has_to_show_who_it_is(talk: Talk) -> None:
    talk.gate.admit = lambda request: Reply(401)  # type: ignore[assignment,method-assign,return-value]
    assert talk.post(CPE.inform("2 PERIODIC"))[0].status == 401


def test_a_session_that_was_lost_takes_no_report() -> None:
    talk = Talk()
    talk.post(CPE.inform("2 PERIODIC"))
    talk.clock.advance(61)
    talk.edge.sweep()
    assert talk.report()[0].status == 400
    assert talk.job.state is JobState.SENT


def test_a_device_that_was_refused_reports_nothing() -> None:
    talk = Talk()
    assert talk.house.device is not None
    talk.house.device.own_credentials = True
    talk.gate.kind = "bootstrap"
    (reply,) = talk.post(CPE.inform("2 PERIODIC"))
    assert name_of(reply) == "Fault"
    assert talk.report()[0].status == 400
    assert talk.job.state is JobState.SENT


def test_a_report_on_an_ended_session_while_another_is_open_is_kept(talk: Talk) -> None:
    cookie = talk.cookie
    talk.post(CPE.inform("6 CONNECTION REQUEST"))
    talk.cookie = cookie
    (reply,) = talk.report()
    assert name_of(reply) == "TransferCompleteResponse"
    kept: list[Effect] = talk.house.effects
    assert kept
    assert talk.job.state is JobState.DONE


def test_a_session_without_jobs_is_remembered_by_its_cookie_alone() -> None:
    talk = Talk()
    talk.house.jobs = []
    talk.session()
    assert [ended.line for ended in talk.edge.lines.ended.values()] == [None]
    assert talk.post()[0].status == 204
    (reply,) = talk.report()
    assert reply.status == 400 and b"has ended" in reply.body
    assert talk.post(CPE.inform("2 PERIODIC"))[0].status == 200
