"""The interface on the HTTP edge: limits, tokens, handlers, and an answer for whatever happens."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol, final

from twisted.internet.defer import Deferred, succeed

from acs.api.limits import RateLimit, client_of
from acs.api.problems import Problem, try_later
from acs.api.router import Router, decoded, problem_reply, reply, require_size
from acs.api.routes import Call, Caller, Route
from acs.api.words import Words, language_of
from acs.http import Reply, Request
from acs.log import get_logger
from acs.store.errors import StoreError

log = get_logger("acs.api")

FAILURE_WEIGHT = 10.0
"""Requests that a failed authentication counts as."""
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_STORE_SECONDS = 5.0


class Keeper(Protocol):
    """Who knows the callers (`acs.api.access.Access`)."""

    async def caller(self, route: Route, authorization: str) -> Caller:
        """Tell who asks for ``route``. Raises `Problem`."""


@final
class Site:
    """Answers requests by a table of routes.

    ``seconds`` gives time that only grows, ``new_id`` ids for requests that bring none,
    ``answered`` is told the status of each answer.
    """

    def __init__(
        self,
        router: Router,
        keeper: Keeper,
        limit: RateLimit,
        *,
        seconds: Callable[[], float],
        new_id: Callable[[], str],
        answered: Callable[[int], None] = lambda _status: None,
    ) -> None:
        self._router = router
        self._keeper = keeper
        self._limit = limit
        self._seconds = seconds
        self._new_id = new_id
        self._answered = answered
        self._under_way = 0
        self._quiet: list[Deferred[None]] = []

    def handle(self, request: Request) -> Deferred[Reply]:
        """Answer one request; for `acs.http.HttpFactory`."""
        return Deferred.fromCoroutine(self._handle(request))

    @property
    def under_way(self) -> int:
        """Requests that are not answered yet."""
        return self._under_way

    def finished(self) -> Deferred[None]:
        """Fires once no request is under way."""
        if not self._under_way:
            return succeed(None)
        waiting: Deferred[None] = Deferred()
        self._quiet.append(waiting)
        return waiting

    async def _handle(self, request: Request) -> Reply:
        self._under_way += 1
        try:
            return await self._answer(request)
        finally:
            self._under_way -= 1
            if not self._under_way:
                quiet, self._quiet = self._quiet, []
                for waiting in quiet:
                    waiting.callback(None)

    async def _answer(self, request: Request) -> Reply:
        began = self._seconds()
        headers = request.headers
        given = headers.get("x-request-id", "")
        path, _, query = request.target.partition("?")
        call = Call(
            path={},
            headers=headers,
            raw=request.body,
            address=client_of(request.connection.peer, headers.get("x-forwarded-for", "")),
            request_id=given if _REQUEST_ID.fullmatch(given) else self._new_id(),
            language=language_of(headers.get("accept-language", "")),
        )
        try:
            made = await self._carried_out(request.method, path, query, call)
        except Problem as problem:
            if problem.status == 401:
                self._limit.count(call.address, self._seconds(), FAILURE_WEIGHT)
            made = problem_reply(problem, call.language, call.request_id)
        except StoreError as error:
            log.warning("request not carried out", request=call.request_id, error=str(error))
            made = problem_reply(_BUSY, call.language, call.request_id)
        except Exception:
            log.exception("request failed", request=call.request_id, path=path)
            made = problem_reply(_DEFECT, call.language, call.request_id)
        self._answered(made.status)
        write = log.debug if request.method in ("GET", "HEAD") or made.status == 200 else log.info
        write(
            "request",
            method=request.method,
            path=path,
            status=made.status,
            address=call.address,
            request=call.request_id,
            ms=round((self._seconds() - began) * 1000),
        )
        always = (("X-Request-Id", call.request_id), ("Cache-Control", "no-store"))
        return Reply(made.status, made.body, (*made.headers, *always), close=made.close)

    async def _carried_out(self, method: str, path: str, query: str, call: Call) -> Reply:
        try:
            found = self._router.find(method, path)
            route, call = found.route, replace(call, path=found.path)
            require_size(route, call.raw)
            if route.check is not None:
                route.check(call)
        except Problem:
            self._spend(call.address)
            raise
        if route.check is None:  # who has proven itself is no stranger, and is not counted
            self._spend(call.address)
        authorization = call.headers.get("authorization", "")
        call = replace(call, caller=await self._keeper.caller(route, authorization))
        return reply(route, await route.handler(decoded(route, call, query)))

    def _spend(self, address: str) -> None:
        now = self._seconds()
        if wait := self._limit.wait(address, now):
            words = ("Too many requests from here.", "Trop de requêtes depuis cette adresse.")
            raise try_later(wait, *words, status=429)
        self._limit.count(address, now)


_BUSY = try_later(_STORE_SECONDS, "The store is busy.", "La base de données est occupée.")
_DEFECT = Problem(
    500,
    Words(
        "The log names this request by its id.",
        "Le journal désigne cette requête par son identifiant.",
    ),
)
