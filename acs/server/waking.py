"""Devices are called when there is something for them: a duty of one server.

Who gets a job over CWMP is asked for here; whoever has another reason asks by
`acs.store.wakes.ask_thd`.  What is due is called, a bounded number at once and each device once at
a time, and what follows from the answer is for `acs.devices.wake_plan` to say.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection
from twisted.internet.defer import CancelledError, Deferred, maybeDeferred, succeed
from twisted.internet.task import LoopingCall
from twisted.python.failure import Failure

from acs.api.metrics import Metrics
from acs.cwmp.wakeup import (
    HttpCaller,
    Refused,
    StunServer,
    Target,
    allowed,
    allowed_datagram,
)
from acs.devices import wake_plan
from acs.devices.house import WakeAccount
from acs.devices.safety import Safety
from acs.devices.wake_plan import JOB, Limits, Ways
from acs.devices.waking import Answer, Reply, Wake, Way
from acs.http import split_address
from acs.log import get_logger
from acs.settings import Settings, StunSettings
from acs.store import wake_accounts, wakes
from acs.store.notes import leave_note_thd, read_note_thd
from acs.store.queues import Queues
from acs.store.wakes import Call
from acs.usp.controller import Controller
from acs.usp.mtp import Mtp, Route

log = get_logger("acs.server")

LOOK_SECONDS = 0.2
"""How often it is looked who is to be called."""
SOON_SECONDS = 0.05
"""The same, while more wait than were called at once, or answers are to be kept."""
SESSION_SECONDS = 1.0
"""How long a device is left alone that has a session with us right now."""
VERIFY_LOOK_SECONDS = 2.0
"""How often it is looked who applies what was written."""
VERIFIED_AT_ONCE = 200
"""Of these, asked for in one round."""
SENT_AT_ONCE = 1000
"""Devices that were told to call, looked at in one round."""
SPARE_SECONDS = 30.0
"""Beyond the time of a call, until another server may call the device."""
LIFETIME = 2.5
"""How many of the longest pauses between two STUN messages a binding is good for."""
NOTE = "wakes/jobs"
"""Up to which job devices were asked to call."""


@dataclass(frozen=True, slots=True)
class Found:
    """What one look into the store shows."""

    sent: Sequence[Call]
    """Told to call; they have, or their time is over."""
    due: Sequence[Call]
    accounts: dict[int, WakeAccount]


@dataclass(frozen=True, slots=True)
class Reach:
    """The ways to one device, with what each needs."""

    ways: Ways
    http: Target | Refused
    udp: Target | Refused
    account: WakeAccount | None


class Waking:
    """Calls devices; `start` it, `stop` it."""

    def __init__(
        self,
        settings: Settings,
        queues: Queues,
        reactor: Any,
        metrics: Metrics,
        safety: Safety,
        *,
        controller: Controller | None,
        is_open: Callable[[str], bool],
        has_room: Callable[[], bool] = lambda: True,
        bug: Callable[[str, BaseException | None], None],
    ) -> None:
        """Take the parts; nothing is called yet.

        ``controller`` asks agents over USP; None: there are none. ``is_open`` tells of a device,
        by its key, that it has a CWMP session here right now, ``has_room`` that new sessions are
        let in: who is called only to be sent away comes back when it suits him. ``bug`` takes what
        went wrong.
        """
        self._wakeup = wakeup = settings.wakeup
        self._queues = queues
        self._reactor = reactor
        self._safety = safety
        self._controller = controller
        self._is_open = is_open
        self._has_room = has_room
        self._bug = bug
        self._limits = Limits(wakeup.answer_seconds, wakeup.attempts)
        self._http = HttpCaller(reactor, wakeup.timeout, allow_basic=wakeup.basic)
        self._stun = self._stun_server(settings.stun)
        self._stun_listen = settings.stun.listen
        self.ports: list[tuple[str, Any]] = []
        """Open listeners by name."""
        self._calling: dict[int, Deferred[None]] = {}
        self._results: list[Wake] = []
        self._settle = settings.provisioning.settle_seconds
        self._verify_at = 0.0
        self._loop: LoopingCall | None = None
        self._soon: Any = None
        self._is_looking = False
        self._ended = metrics.counter("wakes", "Wakes of devices that ended, by result.", "result")
        self._called = metrics.counter(
            "connection_requests", "Devices that were asked to call, by what they said.", "reply"
        )
        metrics.watch("wakes_calling", "Devices being called now.", lambda: len(self._calling))

    def _stun_server(self, stun: StunSettings) -> StunServer | None:
        if not stun.listen:
            return None
        return StunServer(
            self._reactor,
            lambda name: self._queues.run("STUN", wakes.stun_password_thd, name),
            # A device that was given no account of ours could not sign.
            demand=self._wakeup.own_accounts,
            lifetime=LIFETIME * stun.keepalive[1],
            capacity=stun.bindings,
        )

    # --- life ----------------------------------------------------------------------------

    @property
    def is_wanted(self) -> bool:
        """True when devices are to be called at all."""
        return self._wakeup.enabled

    @property
    def _is_running(self) -> bool:
        return self._loop is not None

    def start(self) -> None:
        """Begin to look for devices that are to be called. Raises `CannotListenError`."""
        if self._stun is not None:
            host, number = split_address(self._stun_listen)
            port = self._reactor.listenUDP(number, self._stun, interface=host)
            self.ports.append(("stun", port))
        # What was withheld may be allowed by now: the mode changes with a start.
        released = self._queues.run("wakes", wakes.hasten_thd, wake_plan.WITHHELD, time.time())
        released.addErrback(self._failed)
        self._loop = LoopingCall(self.look)
        self._loop.clock = self._reactor
        self._loop.start(LOOK_SECONDS)

    def stop(self) -> Deferred[None]:
        """Call nobody any more; calls under way are cut and made again after a start."""
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        loop, self._loop = self._loop, None
        if loop is not None:
            loop.stop()
        ports, self.ports = self.ports, []
        for _name, port in ports:
            await maybeDeferred(port.stopListening)
        if self._soon is not None and self._soon.active():
            self._soon.cancel()
        for calling in list(self._calling.values()):
            calling.cancel()
        results, self._results = self._results, []
        if results:
            await self._queues.run("wakes", wakes.save_thd, results)

    # --- rounds --------------------------------------------------------------------------

    def look(self) -> Deferred[None]:
        """Keep what came of calls, and call who is due."""
        if self._is_looking or not self._is_running:
            return succeed(None)
        return Deferred.fromCoroutine(self._look()).addErrback(self._failed)

    def _failed(self, failure: Failure) -> None:
        self._bug("waking", failure.value)

    async def _look(self) -> None:
        self._is_looking = True
        room = self._wakeup.parallel - len(self._calling) if self._has_room() else 0
        results, self._results = self._results, []
        now = time.time()
        until = now + self._wakeup.timeout + SPARE_SECONDS
        try:
            found = await self._queues.run(
                "wakes", _look_thd, results, now, until, room, self._verify_after(now)
            )
        except Exception:
            self._results[:0] = results  # They are kept with the next look.
            raise
        finally:
            self._is_looking = False
        if not self._is_running:
            return  # We stop; who was taken is due again in a while.
        for call in found.sent:
            self._look_at_sent(call, now)
        for call in found.due:
            self._look_at_due(call, found.accounts.get(call.wake.device_id), now)
        if self._results or (room and len(found.due) == room):
            self._look_soon()

    def _verify_after(self, now: float) -> Sequence[float]:
        """The delays after which written devices are asked for; none while that was just done."""
        if now < self._verify_at:
            return ()
        self._verify_at = now + VERIFY_LOOK_SECONDS
        return sorted({min(wake_plan.VERIFY_SECONDS, self._settle), self._settle})

    def _look_soon(self) -> None:
        if self._is_running and (self._soon is None or not self._soon.active()):
            self._soon = self._reactor.callLater(SOON_SECONDS, self.look)

    def _keep(self, wake: Wake, key: str) -> None:
        """Keep how a wake stands; it is written with the next look."""
        self._results.append(wake)
        if wake.state not in wakes.OPEN:
            self._ended.add(wake.state.value)
            log.info(
                "wake",
                device=key,
                result=wake.state.value,
                reason=wake.reason,
                detail=wake.detail,
                seconds=round(wake.ended_at - wake.asked_at, 1),
            )

    def _look_at_sent(self, call: Call, now: float) -> None:
        wake = call.wake
        if call.last_seen >= wake.sent_at:
            self._keep(wake_plan.woken(wake, now), call.key)
        elif not self._is_open(call.key):
            self._keep(wake_plan.unanswered(wake, now, self._limits), call.key)

    def _look_at_due(self, call: Call, account: WakeAccount | None, now: float) -> None:
        wake = call.wake
        withheld = self._safety.withheld(call.key, call.customer, call.tags)
        if wake_plan.is_needless(wake, call.last_seen, now, has_jobs=call.has_jobs):
            self._keep(wake_plan.needless(wake, now), call.key)
        elif withheld:
            self._keep(wake_plan.withheld(wake, withheld, now), call.key)
        elif wake.device_id in self._calling or self._is_open(call.key):
            self._keep(replace(wake, next_at=now + SESSION_SECONDS), call.key)
        else:
            reach = self._reach(call, account)
            if way := wake_plan.chosen(reach.ways, wake):
                self._begin(call, reach, replace(wake, way=way))
            else:
                self._keep(wake_plan.no_way(wake, reach.ways, now), call.key)

    # --- one call ------------------------------------------------------------------------

    def _reach(self, call: Call, account: WakeAccount | None) -> Reach:
        networks = self._wakeup.networks
        address = self._udp_address(call, account)
        http = allowed(call.url, networks, call.address)
        udp = allowed_datagram(address, networks, call.address)
        agent = None
        if call.endpoint and self._controller is not None:
            agent = "" if call.is_present else "its USP agent is not connected"
        ways = wake_plan.ways(
            agent=agent,
            http=_objection(http) if call.url else None,
            udp=_objection(udp) if address else None,
        )
        return Reach(ways, http, udp, account)

    def _udp_address(self, call: Call, account: WakeAccount | None) -> str:
        """Where datagrams reach it; empty: nowhere, or it could not know that they are ours."""
        if self._stun is None or account is None:
            return ""
        binding = self._stun.binding_of(account.username)
        return binding.address if binding else call.udp_address

    def _begin(self, call: Call, reach: Reach, wake: Wake) -> None:
        begun = Deferred.fromCoroutine(self._answered(call, reach, wake)).addErrback(self._failed)
        if not begun.called:
            self._calling[wake.device_id] = begun

    async def _answered(self, call: Call, reach: Reach, wake: Wake) -> None:
        began = time.time()
        try:
            answer = await self._call(call, reach, wake)
        except CancelledError:
            # We stop: whoever serves next is to call it.
            self._results.append(replace(wake, next_at=began))
            return
        except Exception as error:
            # Its text may quote a secret: it is for the log, which knows how to mask.
            self._bug(f"waking {call.key}", error)
            answer = Answer(Reply.UNREACHABLE, "internal error: see the log")
        finally:
            self._calling.pop(wake.device_id, None)
        self._called.add(answer.reply.value)
        after = wake_plan.answered(wake, answer, began, time.time(), self._limits)
        self._keep(after, call.key)
        self._look_soon()

    async def _call(self, call: Call, reach: Reach, wake: Wake) -> Answer:
        # Until it was provisioned it has the account it came with.
        wakeup = self._wakeup
        username = reach.account.username if reach.account else wakeup.factory_username
        password = reach.account.password if reach.account else wakeup.factory_password or None
        match wake.way:
            case Way.USP if self._controller is not None:
                route = Route(Mtp.MQTT, call.reply_to) if call.reply_to else None
                if self._controller.wake(call.endpoint, wake.reason, route):
                    return Answer(Reply.ACCEPTED, "its USP agent is asked")
                return Answer(Reply.UNREACHABLE, "its USP agent is not connected")
            case Way.HTTP if isinstance(reach.http, Target):
                return await self._http.call(reach.http, username, password)
            case Way.UDP if isinstance(reach.udp, Target) and self._stun and password:
                if self._stun.call(reach.udp, username, password):
                    return Answer(Reply.ACCEPTED, "it was sent datagrams, which nobody answers")
                return Answer(Reply.UNREACHABLE, "no route leads there")
            case _:
                return Answer(Reply.UNREACHABLE, f"there is no way {wake.way} now")


def _objection(target: Target | Refused) -> str:
    return target.reason if isinstance(target, Refused) else ""


def _look_thd(
    conn: Connection,
    results: Sequence[Wake],
    now: float,
    until: float,
    room: int,
    verify_after: Sequence[float],
) -> Found:
    wakes.save_thd(conn, results)
    _ask_for_jobs_thd(conn, now)
    if verify_after:
        wakes.ask_to_verify_thd(conn, now, verify_after, wake_plan.VERIFY, VERIFIED_AT_ONCE)
    sent = wakes.called_thd(conn, now, SENT_AT_ONCE)
    due = wakes.take_thd(conn, now, until, room) if room > 0 else []
    accounts = wake_accounts.load_thd(conn, [call.wake.device_id for call in due]) if due else {}
    return Found(sent, due, accounts)


def _ask_for_jobs_thd(conn: Connection, now: float) -> None:
    """Ask for those that got a job since the last look, be it of another run."""
    note = read_note_thd(conn, NOTE)
    before = int(note) if note is not None else wakes.last_job_thd(conn)
    found, reached = wakes.with_jobs_thd(conn, before)
    kinds: dict[str, list[int]] = defaultdict(list)
    for device_id, kind in found.items():
        kinds[kind].append(device_id)
    for kind, device_ids in sorted(kinds.items()):
        wakes.ask_thd(conn, device_ids, JOB + kind, now)
    if note is None or reached != before:
        leave_note_thd(conn, NOTE, str(reached).encode())
