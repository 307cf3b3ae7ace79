"""The way from the reactor to the database: one thread, grouped work.

Whatever is asked while the thread is busy waits, is taken together, is done in one transaction
per kind, and is answered on the reactor's thread.  So the busier the server, the larger the
groups and the cheaper each request.

A round is followed by a rest as long as `PACE` for each of its callers, at most `LONGEST_PACE`:
the first caller after a while is served at once, and under load each round finds a group.

What is seen by whom, within one process: a request sees every commit that was asked for before
it.  `open` and the look-ups also see what was posted before and would change their answer; `run`
sees all that was posted.  Posts are else written with the next commit, after `POST_DELAY`, or as
soon as `POST_EFFECTS` wait.  Processes see each other's work once it is committed.
"""

from __future__ import annotations

import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from math import exp2
from typing import Any, Concatenate, ParamSpec, TypeVar, final

import structlog
from sqlalchemy import Connection
from twisted.internet.defer import Deferred, fail
from twisted.python.failure import Failure

from acs.devices.agents import Holder, KnownAgent
from acs.devices.effects import Effect
from acs.devices.house import WakeAccount
from acs.devices.identity import Terms
from acs.devices.record import Device, Opened, Snapshot
from acs.devices.source import MirrorRow
from acs.model import Contact, DeviceId
from acs.store.apply import commit
from acs.store.credentials import Account
from acs.store.engine import Database
from acs.store.errors import Closed, Overloaded, StoreHindered, StoreUnavailable
from acs.store.lookups import (
    ACCOUNT,
    AGENT,
    EQUIPMENT,
    HOLDERS,
    PENDING_PASSWORD,
    PROVEN,
    SNAPSHOT,
    SUPPORTED,
    WAKE_ACCOUNT,
    WISH,
    Lookup,
)
from acs.store.opening import open_thd
from acs.store.posts import ANY, Group, Posts

P = ParamSpec("P")
T = TypeVar("T")
K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

PACE = 0.0025
"""Seconds between the beginnings of two rounds, for each caller of the first one: a round costs
about as much as ten callers, and while the thread rests it does not fight the reactor for the
interpreter."""
LONGEST_PACE = 0.02
"""Most seconds between the beginnings of two rounds."""
POST_DELAY = 0.2
"""Seconds a post waits for company."""
POST_EFFECTS = 500
"""Posted effects that are company enough."""
_PAUSE = 1.0
"""Seconds until posts are tried again that found no database."""
_CHUNK = 1000
"""Most keys of one statement: databases bound the number of parameters."""
_HALF_LIFE = 1.0
"""Seconds after which a measured delay counts half."""
_FEW = 2
"""Callers among whom nobody waits for others to speak of."""
_ROUNDS = 2.0
"""Rounds a caller may have to wait for anyway: the one under way, and his own."""

Committed = Callable[[int, float], None]
"""Told how many callers' effects one commit held, and how many seconds it took."""

_log = structlog.get_logger(__name__)


@dataclass(slots=True, eq=False)
class _Ask:
    """One caller who waits."""

    what: Any
    since: float
    deferred: Deferred[Any] = field(default_factory=Deferred)


@dataclass(slots=True, eq=False)
class _Batch:
    """What waits to be taken together."""

    commits: list[_Ask] = field(default_factory=list)
    opens: list[_Ask] = field(default_factory=list)
    lookups: dict[Lookup[Any, Any], list[_Ask]] = field(default_factory=lambda: defaultdict(list))
    runs: list[_Ask] = field(default_factory=list)
    since: float = float("inf")
    """When the first one came."""


@final
class Queues:
    """The store as the reactor sees it. Build it in the process that uses it, and `close` it.

    ``call_from_thread(f, *args)`` calls ``f`` on the reactor's thread. At most ``max_waiting``
    callers and ``max_effects`` effects wait; what comes beyond fails at once with `Overloaded`.
    """

    def __init__(
        self,
        database: Database,
        call_from_thread: Callable[..., object],
        *,
        max_waiting: int = 2000,
        max_effects: int = 20_000,
        committed: Committed = lambda _batch, _seconds: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._call_from_thread = call_from_thread
        self._max_waiting = max_waiting
        self._max_effects = max_effects
        self._committed = committed
        self._clock = clock
        self._changed = threading.Condition()
        # All below is touched only while holding the condition.
        self._batch = _Batch()
        self._posts = Posts(POST_DELAY, POST_EFFECTS)
        self._waiting = 0
        self._effects = 0
        self._busy_since = float("inf")
        self._next_round = float("-inf")
        self._recent = 0.0
        self._recent_at = clock()
        self._alone = 0.0
        self._asked = 0
        self._closed: Deferred[None] | None = None
        threading.Thread(target=self._serve, name="acs-store", daemon=True).start()

    # --- on the reactor's thread ------------------------------------------------------

    def open(self, contact: Contact) -> Deferred[Opened]:
        """Load the device that calls, creating it at first contact."""
        return self._ask(lambda batch: batch.opens, contact)

    def load(self, lookup: Lookup[K, V], key: K) -> Deferred[V | None]:
        """Look one key up, together with those of other callers; None: not found."""
        return self._ask(lambda batch: batch.lookups[lookup], key)

    def snapshot(self, device_id: int) -> Deferred[Snapshot]:
        """What the device last reported; empty where nothing is known."""
        return self.load(SNAPSHOT, device_id).addCallback(lambda found: found or Snapshot())

    def account(self, username: str) -> Deferred[Account | None]:
        """How to check the password of this user name."""
        return self.load(ACCOUNT, username)

    def pending_password(self, device_id: int) -> Deferred[str | None]:
        """The generated password the device may not have yet."""
        return self.load(PENDING_PASSWORD, device_id)

    def wake_account(self, device_id: int) -> Deferred[WakeAccount | None]:
        """By what the device believes our connection requests."""
        return self.load(WAKE_ACCOUNT, device_id)

    def find(self, terms: Terms) -> Deferred[tuple[MirrorRow, ...]]:
        """Mirrored equipment that fits any of ``terms``."""
        return self.load(EQUIPMENT, terms).addCallback(lambda found: found or ())

    def holders(self, equipment: str) -> Deferred[list[Device]]:
        """Devices that are matched to this equipment."""
        return self.load(HOLDERS, equipment).addCallback(lambda found: found or [])

    def wish(self, equipment: str) -> Deferred[MirrorRow | None]:
        """The mirrored equipment of this name."""
        return self.load(WISH, equipment)

    def agent(self, endpoint: str) -> Deferred[KnownAgent]:
        """What is kept of a USP agent, with its Notifies that wait for a visit."""
        return self.load(AGENT, endpoint).addCallback(lambda found: found or KnownAgent())

    def device_holders(self, device: DeviceId) -> Deferred[tuple[Holder, ...]]:
        """Who proved to be the unit with this OUI and serial number."""
        unit = (device.oui.upper(), device.serial_number)
        return self.load(PROVEN, unit).addCallback(lambda found: found or ())

    def supported(self, model_key: str) -> Deferred[bytes | None]:
        """What a model and firmware supports, packed; None: nobody asked yet."""
        return self.load(SUPPORTED, model_key)

    def commit(self, effects: Sequence[Effect]) -> Deferred[None]:
        """Write ``effects``, all or none; fires once they are durable."""
        return self._ask(lambda batch: batch.commits, tuple(effects), len(effects))

    def post(self, effects: Sequence[Effect]) -> None:
        """Write ``effects``, all or none, when it suits; a failure is logged.

        While the database is out of reach they are kept. Raises `Overloaded`, `Closed`.
        """
        with self._changed:
            self._admit(len(effects))
            self._effects += len(effects)
            due = self._posts.due
            self._posts.add(tuple(effects), self._clock())
            if self._posts.due < due:
                self._changed.notify()

    def run(
        self,
        name: str,
        fn_thd: Callable[Concatenate[Connection, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Deferred[T]:
        """Run ``fn_thd(connection, …)`` in a transaction of its own, for what is rare and short.

        Everybody else waits meanwhile. See `acs.store.engine.Database.run`.
        """
        call = partial(self._database.run, name, fn_thd, *args, **kwargs)
        return self._ask(lambda batch: batch.runs, call)

    @property
    def delay(self) -> float:
        """Seconds a caller has to wait, as lately measured; falls to 0 when all is quiet."""
        # Asked with every request: numbers of a moment ago will do, so nobody is locked out.
        now = self._clock()
        return max(self._faded(now), now - min(self._busy_since, self._batch.since), 0.0)

    @property
    def queueing(self) -> float:
        """The part of `delay` that is due to other callers, not to how slow the disk is."""
        return max(0.0, self.delay - _ROUNDS * self._alone)

    @property
    def asked(self) -> int:
        """Calls since the start that were taken."""
        return self._asked

    @property
    def waiting(self) -> int:
        """Callers who wait for an answer."""
        return self._waiting

    def close(self) -> Deferred[None]:
        """Write all that waits, answer everyone, and end the thread."""
        with self._changed:
            if self._closed is None:
                self._closed = Deferred()
                self._changed.notify()
            # Each caller gets a Deferred of his own: one may cancel it.
            answer: Deferred[None] = Deferred()
            self._closed.chainDeferred(answer)
            return answer

    def _ask(
        self, queue: Callable[[_Batch], list[_Ask]], what: object, effects: int = 0
    ) -> Deferred[Any]:
        with self._changed:
            try:
                self._admit(effects, callers=1)
            except (Closed, Overloaded) as refusal:
                return fail(refusal)
            ask = _Ask(what, self._clock())
            self._waiting += 1
            self._asked += 1
            self._effects += effects
            queue(self._batch).append(ask)
            if self._batch.since > ask.since:
                self._batch.since = ask.since
                self._changed.notify()
            return ask.deferred

    def _admit(self, effects: int, *, callers: int = 0) -> None:
        if self._closed is not None:
            raise Closed("the store is closing")
        if self._waiting + callers > self._max_waiting:
            raise Overloaded(f"{self._waiting} callers wait for the database")
        if effects and self._effects + effects > self._max_effects:
            raise Overloaded(f"{self._effects} effects wait to be written")

    # --- on the database thread -------------------------------------------------------

    def _serve(self) -> None:
        while (taken := self._take()) is not None:
            batch, posts = taken
            self._write(batch.commits, posts)
            for chunk in _chunks(batch.opens):
                self._open(chunk)
            for lookup, asks in batch.lookups.items():
                for chunk in _chunks(asks):
                    self._look_up(lookup, chunk)
            for ask in batch.runs:
                self._run(ask)
        assert self._closed is not None
        self._call_from_thread(self._closed.callback, None)

    def _take(self) -> tuple[_Batch, list[Group]] | None:
        """Wait for work and take all there is; None when closed and nothing is left."""
        with self._changed:
            self._busy_since = float("inf")
            while True:
                now = self._clock()
                asked = self._batch.since < float("inf")
                closing = self._closed is not None
                due = self._posts.due <= now or (closing and len(self._posts) > 0)
                if asked or due:
                    break
                if closing:
                    return None
                self._changed.wait(self._posts.due - now if self._posts else None)
            rest = self._next_round - now
            if asked and rest > 0 and not closing:
                self._changed.wait(rest)
            self._next_round = self._clock() + min(PACE * self._waiting, LONGEST_PACE)
            batch, self._batch = self._batch, _Batch()
            self._busy_since = batch.since
            free_ride = bool(batch.commits or batch.runs)
            return batch, self._posts.take() if due or free_ride else []

    def _write(self, commits: Sequence[_Ask], posts: Sequence[Group]) -> None:
        groups = [*posts, *(ask.what for ask in commits)]
        if not groups:
            return
        began = self._clock()
        failures = commit(self._database, groups)
        self._call_from_thread(self._committed, len(groups), self._clock() - began)
        kept = self._settle(posts, failures[: len(posts)])
        with self._changed:
            self._effects -= sum(map(len, groups)) - kept
        self._answer(commits, failures[len(posts) :])

    def _settle(self, posts: Sequence[Group], failures: Sequence[Exception | None]) -> int:
        """See to posts that were not written; return how many effects are kept for another try."""
        again = []
        lost: Counter[str] = Counter()
        why = ""
        for group, error in zip(posts, failures, strict=True):
            if isinstance(error, StoreUnavailable) and self._closed is None:
                again.append(group)
            elif error is not None:
                lost.update(type(effect).__name__ for effect in group)
                why = f"{type(error).__name__}: {error}"
        if lost:
            _log.error("effects lost", effects=dict(lost), error=why)
        if again:
            with self._changed:
                self._posts.put_back(again, self._clock() + _PAUSE)
        return sum(map(len, again))

    def _open(self, asks: Sequence[_Ask]) -> None:
        try:
            answers = self._opened([ask.what for ask in asks])
        except Exception as error:
            self._apart(asks, error, self._open)
        else:
            self._answer(asks, answers)

    def _opened(self, contacts: Sequence[Contact]) -> list[Opened]:
        with self._changed:
            posted = self._posts.devices
        if ANY in posted:
            self._write_posts()
            posted = frozenset()
        answers = self._database.run("open", open_thd, contacts)
        # Ids are known only now. Opening once more does nothing twice: it sets the same times.
        stale = [at for at, opened in enumerate(answers) if opened.device.id in posted]
        if stale:
            self._write_posts()
            again = self._database.run("open", open_thd, [contacts[at] for at in stale])
            for at, opened in zip(stale, again, strict=True):
                answers[at] = replace(opened, created=answers[at].created)
        return answers

    def _look_up(self, lookup: Lookup[Any, Any], asks: Sequence[_Ask]) -> None:
        with self._changed:
            written_first = self._posts.hold(lookup.reads)
        if written_first:
            self._write_posts()
        keys = list(dict.fromkeys(ask.what for ask in asks))
        try:
            found = self._database.run(lookup.name, lookup.fetch_thd, keys)
        except Exception as error:
            self._apart(asks, error, partial(self._look_up, lookup))
        else:
            self._answer(asks, [found.get(ask.what) for ask in asks])

    def _write_posts(self) -> None:
        with self._changed:
            if self._posts.rest_until > self._clock():
                return  # They could not be written a moment ago.
            posts = self._posts.take()
        self._write([], posts)

    def _apart(
        self,
        asks: Sequence[_Ask],
        error: Exception,
        again: Callable[[Sequence[_Ask]], None],
    ) -> None:
        """Try each request by itself, so that a bad one harms nobody else."""
        # Where the disk is full, a device that has nothing to write is still served.
        lost = isinstance(error, StoreUnavailable) and not isinstance(error, StoreHindered)
        if len(asks) == 1 or lost:
            self._answer(asks, [error] * len(asks))
            return
        for ask in asks:
            again([ask])

    def _run(self, ask: _Ask) -> None:
        try:
            answer = ask.what()
        except Exception as error:
            answer = error
        self._answer([ask], [answer])

    def _answer(self, asks: Sequence[_Ask], answers: Sequence[object]) -> None:
        if not asks:
            return
        now = self._clock()
        waited = sum(now - ask.since for ask in asks) / len(asks)
        with self._changed:
            if self._waiting <= _FEW:
                self._alone += 0.1 * (waited - self._alone)
            self._waiting -= len(asks)
            self._recent = 0.7 * self._faded(now) + 0.3 * waited
            self._recent_at = now
        self._call_from_thread(_fire, [ask.deferred for ask in asks], answers)

    def _faded(self, now: float) -> float:
        return self._recent * exp2((self._recent_at - now) / _HALF_LIFE)


def _fire(deferreds: Sequence[Deferred[Any]], answers: Sequence[object]) -> None:
    for deferred, answer in zip(deferreds, answers, strict=True):
        if isinstance(answer, Exception):
            deferred.errback(Failure(answer))
        else:
            deferred.callback(answer)


def _chunks(asks: Sequence[_Ask]) -> Iterator[Sequence[_Ask]]:
    for start in range(0, len(asks), _CHUNK):
        yield asks[start : start + _CHUNK]
