"""The desk: whose request is it?

What shows the cookie of another worker's session is handed to that worker, and its answer handed
back; whatever comes of that, the CPE sees one server.  When a worker leaves, its desk sends those
whose session is over to the others.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from msgspec.structs import replace
from twisted.internet.defer import Deferred, succeed
from twisted.python.failure import Failure

from acs.cwmp import cookies
from acs.cwmp.edge import CwmpEdge
from acs.cwmp.line import Line
from acs.http import Connection, Refusal, Reply, Request
from acs.server.workers import messages
from acs.server.workers.messages import Answer, Forward
from acs.server.workers.names import owner_of
from acs.server.workers.neighbours import Hearing, Neighbour, NeighbourGone, Neighbours

_TWIN = "workers.twin"
"""Where the number of a connection is kept, with those who were told of it."""


class Desk:
    """Stands before the edge of one worker."""

    def __init__(self, name: str, edge: CwmpEdge, neighbours: Neighbours, patience: float) -> None:
        """``patience``: seconds another worker may take to answer a CPE."""
        self.leaving = False
        self.under_way = 0
        """Requests that another worker is at."""
        self._name = name
        self._edge = edge
        self._neighbours = neighbours
        self._patience = patience
        self._numbers = count(1)

    def handle(self, request: Request) -> Reply | Deferred[Reply]:
        """Answer one request of a CPE, in this worker or through another."""
        other = self._other(request.headers)
        answer = self._edge.handle(request) if other is None else self._there(other, request)
        if not self.leaving:
            return answer
        if isinstance(answer, Deferred):
            return answer.addCallback(self._last, request)
        return self._last(answer, request)

    def admission(self, connection: Connection, headers: Mapping[str, str]) -> float | None:
        """Seconds after which a CPE may come back; another worker judges of its own sessions."""
        if self._other(headers) is not None:
            return None
        return self._edge.admission(connection, headers)

    def asked(self, hearing: Hearing, question: Forward) -> Deferred[Answer]:
        """Answer the request that another worker got, if its session is one of ours."""
        edge = self._edge
        cookie = cookies.read(question.headers.get("cookie", "")) or ""
        if cookie not in edge.lines.by_cookie and cookie not in edge.lines.ended:
            return succeed(messages.Stranger(question.id))
        twin = hearing.twins.get(question.connection)
        if twin is None:
            certificate = question.certificate
            twin = hearing.twins[question.connection] = Connection(
                question.peer,
                secure=question.secure,
                certificate=x509.load_der_x509_certificate(certificate) if certificate else None,
            )
            hearing.hung = _hang_up
        request = Request(
            question.method,
            question.target,
            question.headers,
            question.body,
            twin,
            question.keep_alive,
        )
        answer = edge.handle(request)
        waiting = answer if isinstance(answer, Deferred) else succeed(answer)
        return waiting.addCallback(_packed, question.id)

    def _other(self, headers: Mapping[str, str]) -> Neighbour | None:
        """The worker whose session the cookie names, if it is not this one."""
        cookie = cookies.read(headers.get("cookie", ""))
        if cookie is None or (owner := owner_of(cookie)) == self._name:
            return None
        return self._neighbours.named(owner)

    def _there(self, other: Neighbour, request: Request) -> Deferred[Reply]:
        connection = request.connection
        number = self._number_of(connection, other)
        certificate = connection.certificate

        def forward(asked: int) -> Forward:
            return Forward(
                asked,
                number,
                connection.peer,
                connection.secure,
                certificate.public_bytes(Encoding.DER) if certificate else b"",
                request.method,
                request.target,
                dict(request.headers),
                request.body,
                request.keep_alive,
            )

        def over(result: object) -> object:
            self.under_way -= 1
            return result

        self.under_way += 1
        answer = other.ask(forward, self._patience)
        answer.addBoth(over)
        return answer.addCallbacks(
            self._unpacked, self._without, callbackArgs=(request,), errbackArgs=(request,)
        )

    def _number_of(self, connection: Connection, other: Neighbour) -> int:
        """Number the connection, and see that ``other`` hears of its end."""
        known = connection.state.get(_TWIN)
        if known is None:
            known = connection.state[_TWIN] = (next(self._numbers), set[Neighbour]())
        assert isinstance(known, tuple)
        number, told = known
        if other not in told:
            told.add(other)
            connection.on_lost.append(lambda: other.hung(number))
        return int(number)

    def _unpacked(self, answer: Answer, request: Request) -> Reply | Deferred[Reply]:
        if isinstance(answer, messages.Reply):
            return Reply(answer.status, answer.body, tuple(answer.headers), answer.close)
        # A cookie of former times: to us as well the CPE is nobody yet.
        return self._anew(request)

    def _without(self, failure: Failure, request: Request) -> Reply | Deferred[Reply]:
        failure.trap(NeighbourGone)
        return self._anew(request)

    def _anew(self, request: Request) -> Reply | Deferred[Reply]:
        """Serve one whose session is no more, if new ones are let in."""
        wait = self._edge.admission(request.connection, request.headers)
        if wait is not None:
            return Refusal(503, "busy, come back later", retry_after=wait).reply()
        return self._edge.handle(request)

    def _last(self, reply: Reply, request: Request) -> Reply:
        """Let the CPE go where it is still served, once nothing holds it here."""
        return reply if self._holds(request) else replace(reply, close=True)

    def _holds(self, request: Request) -> bool:
        line = request.connection.state.get("line")
        if isinstance(line, Line) and not line.ended:
            return True
        cookie = cookies.read(request.headers.get("cookie", ""))
        return cookie in self._edge.lines.by_cookie


def _packed(reply: Reply, number: int) -> Answer:
    return messages.Reply(number, reply.status, reply.body, list(reply.headers), reply.close)


def _hang_up(connection: Connection) -> None:
    callbacks, connection.on_lost = connection.on_lost, []
    for callback in callbacks:
        callback()
