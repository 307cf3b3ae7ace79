"""One session over HTTP without a socket: authentication, cookies, redirects.

An edge (`blocking`, `http`) sends what `start` and `received` return and feeds back the
answers, until it is told to stop.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from .backoff import retry_after
from .device import Ont
from .dialect import Opening, Proof
from .digest import Challenge, authorization, parse_challenges
from .render import Event
from .report import Lost, SessionReport
from .session import HangUpError, Session, SessionError, Talk
from .transfers import Transfer
from .wire import Response, Target, WireError, render_request

_MAX_REDIRECTS = 5


@dataclass(frozen=True, slots=True)
class Send:
    """Send ``data`` to ``target``; on a new connection where ``fresh``."""

    target: Target
    data: bytes
    fresh: bool = False
    after: float = 0.0
    """Seconds the unit takes first."""


@dataclass(frozen=True, slots=True)
class Carry:
    """Carry this file first (see `files`), then call `Exchange.carried`."""

    transfer: Transfer


@dataclass(frozen=True, slots=True)
class Stop:
    """The session is over. ``linger``: keep the connection until the ACS closes it."""

    linger: bool = False


class Exchange:
    """Drives one `Session` of ``ont`` with its ACS.

    ``keep`` False asks for a new connection for every request.  ``cnonce`` gives the
    client nonces of Digest, ``now`` is the time in epoch seconds.  ``talk`` speaks in place of
    such a session.
    """

    def __init__(
        self,
        ont: Ont,
        events: Sequence[Event],
        *,
        now: float,
        cnonce: Callable[[], str],
        keep: bool = True,
        talk: Talk | None = None,
    ) -> None:
        self._ont = ont
        self._url = ont.acs_url
        self._session = talk or Session(ont, events, now)
        self._username, self._password = ont.credentials
        self._cnonce = cnonce
        self._now = now
        self._keep = keep
        self._cookies: dict[str, str] = {}
        self._challenge: Challenge | None = None
        if ont.dialect.opening is Opening.BASIC and self._username:
            self._challenge = Challenge("basic")
        self._answered_challenge = False
        self._opening = ont.dialect.opening is Opening.EMPTY
        """An empty POST is out that wants to be challenged before the Inform."""
        self._redirects = 0
        self._body = b""
        self._fresh_next = False
        self._target: Target | None = None

    @property
    def report(self) -> SessionReport:
        """What has happened so far."""
        return self._session.report

    def start(self) -> Send | Stop:
        """Begin with the Inform."""
        try:
            self._target = Target.parse(self._url)
        except WireError as error:
            return self._failed(str(error))
        self._ont.in_session = True
        if not self._opening:
            self._body = self._session.start()
        return self._send(fresh=True)

    def received(self, response: Response) -> Send | Carry | Stop:
        """Take an answer; return what to do next."""
        fresh = not self._keep or response.closes
        for header in response.all("set-cookie"):
            name, _, given = header.partition("=")
            self._cookies[name.strip()] = given.strip()
        match response.status:
            case 200 | 204 if self._opening:
                return self._failed("the empty POST before the Inform was not challenged")
            case 200 | 204:
                return self._next(response, fresh)
            case 401:
                return self._authenticate(response, fresh)
            case 302 | 307:
                return self._redirected(response)
            case status:
                report = self._session.report
                report.status = status
                report.retry_after = retry_after(response.first("retry-after"), self._now)
                return self._failed(f"HTTP status {status}", Lost.STATUS)

    def carried(self) -> Send:
        """Go on after the file of `Carry` came or failed."""
        self._body = self._session.transferred()
        return self._send(self._fresh_next, self._session.thought)

    def lost(self, reason: str, lost: Lost = Lost.RESET) -> Stop:
        """Take note that the connection broke or timed out."""
        return self._failed(reason, lost)

    def _next(self, response: Response, fresh: bool) -> Send | Carry | Stop:
        self._answered_challenge = False
        kind = response.first("content-type").partition(";")[0].strip().lower()
        if response.body and kind != "text/xml":
            return self._failed(f"an envelope with Content-Type {kind!r}")
        try:
            body = self._session.receive(response.body)
        except SessionError:
            return self._stop()
        except HangUpError as error:
            return self._stop(linger=error.linger)
        if body is None:
            return self._stop()
        if isinstance(body, Transfer):
            self._fresh_next = fresh
            return Carry(body)
        self._body = body
        return self._send(fresh, self._session.thought)

    def _authenticate(self, response: Response, fresh: bool) -> Send | Stop:
        challenge = parse_challenges(response.all("www-authenticate"))
        if challenge is None:
            return self._failed("401 without a challenge it can answer", Lost.UNPROVEN)
        dialect = self._ont.dialect
        once = dialect.proof is Proof.INFORM_ONLY and self.report.informed
        if not self._username or self._answered_challenge or once:
            return self._failed("authentication refused", Lost.UNPROVEN)
        self._challenge = replace(
            challenge,
            qop=challenge.qop and dialect.digest_qop,
            nonce=challenge.nonce[: dialect.digest_memory or None],
            opaque=challenge.opaque if dialect.digest_opaque else "",
        )
        if self._opening:
            self._opening = False
            self._body = self._session.start()
        self._answered_challenge = True
        return self._send(fresh)

    def _redirected(self, response: Response) -> Send | Stop:
        self._redirects += 1
        if self._redirects > _MAX_REDIRECTS:
            return self._failed("too many redirects")
        try:
            self._target = Target.parse(response.first("location"))
        except WireError as error:
            return self._failed(str(error))
        self._challenge = None
        return self._send(fresh=True)

    def _send(self, fresh: bool, after: float = 0.0) -> Send:
        assert self._target is not None
        proof = ""
        report = self._session.report
        dialect = self._ont.dialect
        once = dialect.proof is Proof.INFORM_ONLY and report.informed
        if self._challenge is not None and not once:
            if not dialect.digest_counts:
                self._challenge.count = 0
            proof = authorization(
                self._challenge, self._username, self._password, self._target.path, self._cnonce
            )
            report.authentication = self._challenge.scheme
            report.username = self._username
        data = render_request(
            dialect,
            self._target,
            self._body,
            self._cookies,
            authorization=proof,
            keep=self._keep,
        )
        report.requests += 1
        return Send(self._target, data, fresh, after)

    def _failed(self, reason: str, lost: Lost = Lost.RULES) -> Stop:
        self._session.report.lost = lost
        self._session.fail(reason)
        return self._stop()

    def _stop(self, *, linger: bool = False) -> Stop:
        self._ont.in_session = False
        self._ont.finish(self._session.report, self._url)
        return Stop(linger)
