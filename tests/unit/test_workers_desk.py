"""A request that shows a cookie of another worker, when that one cannot answer it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from twisted.internet.defer import Deferred, fail, succeed

from acs.http import Connection, Reply, Request
from acs.server.workers.desk import Desk
from acs.server.workers.messages import Forward, Question, Stranger
from acs.server.workers.neighbours import NeighbourGone

COOKIE = "acs=20AAAAAAAAAAAAAAAAAAAAAA"


@dataclass
class Edge:
    """Implements what a desk needs of `CwmpEdge`; ``wait`` is what its admission says."""

    wait: float | None = None
    handled: list[Request] = field(default_factory=list)
    lines: Any = field(default_factory=lambda: SimpleNamespace(by_cookie={}, ended={}))

    def handle(self, request: Request) -> Reply:
        self.handled.append(request)
        return Reply(401)

    def admission(self, _connection: Connection, _headers: Mapping[str, str]) -> float | None:
        return self.wait


@dataclass(eq=False)
class Other:
    """Implements `Neighbours` and the one neighbour there is."""

    answer: Callable[[Question], Deferred[Any]]
    asked: list[Question] = field(default_factory=list)

    def named(self, name: str) -> Other | None:
        return self if name == "20" else None

    def ask(self, make: Callable[[int], Question], _seconds: float) -> Deferred[Any]:
        self.asked.append(make(7))
        return self.answer(self.asked[-1])


def reply(answer: Reply | Deferred[Reply]) -> Reply:
    if isinstance(answer, Reply):
        return answer
    seen: list[Reply] = []
    answer.addCallback(seen.append)
    return seen[0]


@pytest.mark.parametrize(
    "answer",
    [lambda asked: succeed(Stranger(asked.id)), lambda _: fail(NeighbourGone("it has ended"))],
)
def test_a_session_that_is_no_more_is_begun_anew_if_new_ones_are_let_in(
    answer: Callable[[Question], Deferred[Any]],
) -> None:
    """A town whose routers still show the cookies of their last sessions is a town."""
    edge, other = Edge(), Other(answer)
    desk = Desk("10", edge, other, 1.0)  # type: ignore[arg-type]
    connection = Connection("100.64.0.9")
    headers = {"cookie": COOKIE}
    assert desk.admission(connection, headers) is None, "the other judges of its sessions"
    request = Request("POST", "/", headers, b"<x/>", connection, True)
    assert reply(desk.handle(request)).status == 401
    edge.wait = 42.0
    refused = reply(desk.handle(request))
    assert (refused.status, refused.close) == (503, True)
    assert ("Retry-After", "42") in refused.headers
    assert edge.handled == [request]
    assert [type(each) for each in other.asked] == [Forward, Forward]
