"""Who asks: from the field Authorization to a `Caller`."""

from __future__ import annotations

from collections.abc import Callable
from typing import final

from twisted.internet.defer import Deferred

from acs.api.problems import Problem
from acs.api.routes import NOBODY, Caller, Route
from acs.api.scopes import Scope
from acs.api.words import Words
from acs.log import get_logger
from acs.store.queues import Queues
from acs.store.tokens import PREFIX, TOKEN, used_thd

log = get_logger(__name__)

_LONGEST = 200
_USED_SECONDS = 60.0
"""How exactly the last use of a token is known."""


@final
class Access:
    """Checks tokens against the store. ``now`` gives epoch seconds."""

    def __init__(self, queues: Queues, now: Callable[[], float]) -> None:
        self._queues = queues
        self._now = now
        self._noted: dict[int, float] = {}

    async def caller(self, route: Route, authorization: str) -> Caller:
        """Tell who asks for ``route``. Raises `Problem` 401, 403."""
        if route.scope is None:
            return NOBODY
        scheme, _, text = authorization.partition(" ")
        text = text.strip()
        if scheme.lower() != "bearer" or not text.startswith(PREFIX) or len(text) > _LONGEST:
            raise _unknown("", "Send the field Authorization: Bearer acs_…", _SEND)
        token = await self._queues.load(TOKEN, text)
        now = self._now()
        if token is None:
            raise _unknown(_INVALID, "This token is not known, or was revoked.", _UNKNOWN)
        if not token.is_good(now):
            raise _unknown(_INVALID, "The time of this token has passed.", _EXPIRED)
        self._note(token.id, max(token.last_used_at, self._noted.get(token.id, 0.0)), now)
        caller = Caller(token.name, token.scopes)
        if not caller.may(route.scope):
            raise _forbidden(route.scope)
        return caller

    def _note(self, token_id: int, last: float, now: float) -> None:
        if now - last < _USED_SECONDS:
            return
        self._noted[token_id] = now
        noted: Deferred[None] = self._queues.run("token used", used_thd, token_id, now)
        noted.addErrback(
            lambda failure: log.warning("token use not noted", error=str(failure.value))
        )


_INVALID = ', error="invalid_token"'
_SEND = "Envoyez le champ Authorization: Bearer acs_…"
_UNKNOWN = "Ce jeton est inconnu ou a été révoqué."
_EXPIRED = "Ce jeton est expiré."


def _unknown(error: str, english: str, french: str) -> Problem:
    challenge = ("WWW-Authenticate", f'Bearer realm="acs"{error}')
    return Problem(401, Words(english, french), headers=[challenge])


def _forbidden(scope: Scope) -> Problem:
    words = Words(
        f"This token lacks the scope {scope.value}.",
        f"Il manque à ce jeton la portée {scope.value}.",
    )
    challenge = f'Bearer realm="acs", error="insufficient_scope", scope="{scope.value}"'
    return Problem(403, words, headers=[("WWW-Authenticate", challenge)])
