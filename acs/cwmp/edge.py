"""The CWMP edge: HTTP requests in, HTTP replies out, with the session machine between.

It owns what the machine must not: cookies, connections, clocks, and the waiting for the house.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread
from twisted.python.failure import Failure

from acs.cwmp import announcement, cookies, soap
from acs.cwmp.admission import Admission
from acs.cwmp.authenticate import Credential, Gate
from acs.cwmp.dialect import Dialect
from acs.cwmp.digest import path_of
from acs.cwmp.early_leave import EarlyLeave
from acs.cwmp.limits import EdgeLimits
from acs.cwmp.line import Ended, Line, Lines
from acs.cwmp.messages import Envelope, Inform, SoapFault
from acs.cwmp.pace import Pace
from acs.cwmp.recording import Tape
from acs.cwmp.rivals import Rivals
from acs.cwmp.session import Hold, Reject, Send, Session, State, Step
from acs.cwmp.versions import choose_version
from acs.cwmp.watcher import Watcher
from acs.devices.house import House
from acs.devices.visit import Visit
from acs.http import Clock, Connection, Reply, Request
from acs.model import Contact, DataModel
from acs.store.errors import StoreError

PARSE_IN_THREAD = 256 * 1024
"""Octets from which a body is parsed off the reactor: 1.3 MB would block it for 28 ms."""
REMEMBERED = 60.0
"""Seconds a session is known after its end."""
_CHALLENGED = "challenged"
_XML = (("Content-Type", "text/xml; charset=utf-8"),)

Answer = Reply | Deferred[Reply]


class CwmpEdge:
    """Serves CPEs; `handle` is the handler of the HTTP edge."""

    def __init__(
        self,
        house: House,
        gate: Gate,
        clock: Clock,
        watcher: Watcher,
        limits: EdgeLimits,
        *,
        token: Callable[[], str],
        admission: Admission,
        dialect: Callable[[Contact], Dialect],
        recorder: Callable[[Contact, House], Tape | None] = lambda _contact, _house: None,
        rivals: Rivals | None = None,
        give_way: Callable[[Contact], None] = lambda _contact: None,
    ) -> None:
        """Take the parts.

        ``token`` makes unguessable cookies, ``admission`` lets sessions in as long as they need
        not wait too long, ``dialect`` tells how to speak to a device, ``recorder`` gives a tape
        for a session that is to be recorded, ``rivals`` knows of sessions in other processes,
        ``give_way`` ends what is done with a device over another protocol.
        """
        self.lines = Lines()
        self.served = 0
        """Sessions that ended."""
        self.exchanges = 0
        """Exchanges that those had."""
        self.answered = 0
        """Exchanges of sessions that were answered."""
        self._house = house
        self._gate = gate
        self._clock = clock
        self._watcher = watcher
        self._limits = limits
        self._token = token
        self._admission = admission
        self._dialect = dialect
        self._recorder = recorder
        self._rivals = rivals
        self._give_way = give_way
        self._early_leave = EarlyLeave()
        self._pace = Pace(limits.sessions_per_minute)

    # --- requests ------------------------------------------------------------------------

    def handle(self, request: Request) -> Answer:
        """Answer one HTTP request of a CPE."""
        wanted = self._limits.path
        if wanted and path_of(request.target) != path_of(wanted):
            return Reply(404, close=True)
        if request.method != "POST":
            return Reply(405, headers=(("Allow", "POST"),), close=True)
        line = self._line_of(request)
        if line is not None:
            return self._serve(line, request)
        ended = self._ended_on(request)
        if ended is not None:
            return self._afterwards(ended, request)
        return self._gated(request, lambda credential: self._first_word(credential, request))

    def _gated(self, request: Request, then: Callable[[Credential], Answer]) -> Answer:
        """Go on with the credential of ``request``, once it has shown a good one."""

        def let_in(admitted: Credential | Reply) -> Answer:
            if isinstance(admitted, Reply):
                request.connection.state[_CHALLENGED] = True
                return admitted
            return then(admitted)

        admitted = self._gate.admit(request)
        if isinstance(admitted, Deferred):
            return admitted.addCallbacks(let_in, self._unknown, errbackArgs=(request,))
        return let_in(admitted)

    def _line_of(self, request: Request) -> Line | None:
        cookie = cookies.read(request.headers.get("cookie", ""))
        if cookie is None:
            line = _begun_on(request.connection)
            return line if line and not line.ended else None
        line = self.lines.by_cookie.get(cookie)
        if line is not None:
            line.cookie_returned = True
        return line

    def _ended_on(self, request: Request) -> Ended | None:
        """The session that ended a moment ago on which ``request`` comes, if it does."""
        cookie = cookies.read(request.headers.get("cookie", ""))
        if cookie is not None:
            return self.lines.ended.get(cookie)
        line = _begun_on(request.connection)
        return self.lines.ended.get(line.cookie) if line else None

    def _afterwards(self, ended: Ended, request: Request) -> Answer:
        """Answer what comes after the end of a session."""
        if not request.body.strip():
            # FreeACS: devices of the first issue send one more empty POST.
            return Reply(204)
        if ended.line is not None and ended.line.waiting:
            return self._bad(request, "a request of this session is still open")
        return self._decoded(request, lambda envelope: self._late(ended.line, envelope, request))

    def _late(self, line: Line | None, envelope: Envelope, request: Request) -> Answer:
        if isinstance(envelope.message, Inform):
            return self._gated(
                request, lambda credential: self._open(envelope, credential, request)
            )
        if line is None:
            # It will report again in a session of its own.
            return self._bad(request, "the session has ended")
        return self._step(line, line.session.message(envelope))

    def admission(self, connection: Connection, headers: Mapping[str, str]) -> float | None:
        """Seconds after which a CPE may come back, asked before its body is read; None: now.

        Sessions that are open go on, however busy the house is.
        """
        full = len(self.lines) >= self._limits.sessions
        if self._admission.calm and not full:
            return None
        cookie = cookies.read(headers.get("cookie", ""))
        line = connection.state.get("line")
        if cookie in self.lines.by_cookie or (isinstance(line, Line) and not line.ended):
            return None
        if full:
            self._watcher.rejected("full", connection.peer)
            return self._admission.retry_after()
        # Who was let in and then challenged is not asked a second time.
        if line is None and connection.state.pop(_CHALLENGED, False):
            return None
        wait = self._admission.wait(connection.peer, self._clock.seconds())
        if wait is not None:
            self._watcher.rejected("busy", connection.peer)
        return wait

    def _later(self, reason: str, address: str, least: float = 0.0) -> Reply:
        self._watcher.rejected(reason, address)
        seconds = str(max(1, round(least + self._admission.retry_after())))
        return Reply(503, headers=(("Retry-After", seconds),), close=True)

    def _unknown(self, failure: Failure, request: Request) -> Reply:
        """Nobody can say whether the credentials are good: the store is away or full."""
        failure.trap(StoreError)
        return self._later("full", request.connection.peer)

    def _first_word(self, credential: Credential, request: Request) -> Answer:
        if not request.body.strip():
            return self._bad(request, "an empty POST opens no session")
        return self._decoded(request, lambda envelope: self._open(envelope, credential, request))

    def _serve(self, line: Line, request: Request) -> Answer:
        if line.waiting:
            # The CPE gave up on the request we hold and asks anew: the session has come apart.
            line.session.lost("a second request while one was open")
            self._end(line, "overlap")
            return self._bad(request, "a request of this session is still open")
        line.posts += 1
        self.lines.touch(line, self._clock.seconds())
        if line.tape is not None:
            line.tape.heard(request.headers, request.body)
        if not request.body.strip():
            return self._step(line, line.session.empty_post())
        return self._decoded(request, lambda envelope: self._continue(line, envelope, request))

    def _decoded(self, request: Request, then: Callable[[Envelope], Answer]) -> Answer:
        content_type = request.headers.get("content-type", "")
        if len(request.body) < PARSE_IN_THREAD:
            try:
                return then(self._noted(soap.decode(request.body, content_type), request))
            except soap.MalformedEnvelope as error:
                return self._malformed(request, str(error))
        parsed: Deferred[Any] = deferToThread(soap.decode, request.body, content_type)
        parsed.addCallback(lambda envelope: then(self._noted(envelope, request)))
        parsed.addErrback(self._malformed_later, request)
        return parsed

    def _noted(self, envelope: Envelope, request: Request) -> Envelope:
        if envelope.warnings:
            self._watcher.warned(envelope.warnings, request.connection.peer)
        return envelope

    def _malformed_later(self, failure: Failure, request: Request) -> Reply:
        failure.trap(soap.MalformedEnvelope)
        return self._malformed(request, str(failure.value))

    def _malformed(self, request: Request, error: str) -> Reply:
        line = self._line_of(request)
        if line is not None:
            line.session.lost(f"malformed message: {error}")
            self._end(line, "malformed")
        return self._bad(request, f"malformed message: {error}")

    def _bad(self, request: Request, reason: str) -> Reply:
        self._watcher.rejected(reason, request.connection.peer)
        return Reply(400, f"{reason}\n".encode(), (("Content-Type", "text/plain"),), close=True)

    # --- sessions --------------------------------------------------------------------------

    def _continue(self, line: Line, envelope: Envelope, request: Request) -> Answer:
        if isinstance(envelope.message, Inform):
            line.posts -= 1  # It is the first of another session.
            # A proxy that pools connections may bring another CPE's first word over this one.
            if line.cookie_returned or line.key == announcement.device_of(envelope.message).key:
                # The old session is dead (TR-069 3.7.2.4); it opens the door to no other one.
                line.session.lost("a new Inform in the session")
                self._end(line, "replaced")
            return self._gated(
                request, lambda credential: self._open(envelope, credential, request)
            )
        if isinstance(envelope.message, SoapFault):
            self._watcher.faulted(envelope.message.code)
        return self._step(line, line.session.message(envelope))

    def _open(self, envelope: Envelope, credential: Credential, request: Request) -> Answer:
        inform = envelope.message
        if not isinstance(inform, Inform):
            return self._bad(request, "the first message of a session must be an Inform")
        device = announcement.device_of(inform)
        if not device.serial_number or not device.oui:
            return self._fault(envelope, 8003, "Inform without OUI or SerialNumber")
        told = (device.oui, device.product_class, device.serial_number)
        if max(map(len, told)) > announcement.NAME_LENGTH:
            return self._fault(envelope, 8003, "Identity longer than TR-069 A.3.3.1 allows")
        if not credential.entitles(device):
            self._watcher.rejected("credentials of another device", request.connection.peer)
            return Reply(403, close=True)
        version = None
        if envelope.supported_versions:
            version = choose_version(envelope.supported_versions)
            if version is None:
                return self._fault(envelope, 8006, "No CWMP version in common")
        key = device.key
        peer = request.connection.peer
        now = self._clock.seconds()
        # Whoever calls in the name of another device does not use up what that one may.
        if wait := self._pace.wait((credential.kind, key, peer), now):
            return self._later("a device opens sessions too often", peer, wait)
        name = self._token()[:10]
        contact = announcement.contact_of(
            inform,
            at=self._house.now(),
            address=peer,
            credential=credential.kind,
            account=credential.account,
            session=name,
        )
        theirs = self._rivals.claim(contact) if self._rivals else None
        if theirs is None:
            return self._begin(envelope, contact, version, request)
        return theirs.addCallback(
            lambda gone: (
                self._begin(envelope, contact, version, request)
                if gone
                else self._kept_out(envelope)
            )
        )

    def gives_way(self, contact: Contact) -> bool:
        """End our session with the device that calls anew; False: it may not take its place."""
        old = self.lines.by_device.get(contact.device.key)
        if old is None:
            return True
        if not old.visit.yields_to(contact):
            return False
        old.session.lost("a newer Inform of the same device")
        self._end(old, "replaced")
        return True

    def _kept_out(self, envelope: Envelope) -> Reply:
        return self._fault(envelope, 8001, "Use the credentials this device was given")

    def _begin(
        self, envelope: Envelope, contact: Contact, version: str | None, request: Request
    ) -> Answer:
        key, name, now = contact.device.key, contact.session, self._clock.seconds()
        if not self.gives_way(contact):
            if self._rivals is not None:
                self._rivals.release(key)
            return self._kept_out(envelope)
        self._give_way(contact)
        tape = self._recorder(contact, self._house)
        if tape is not None:
            tape.heard(request.headers, request.body)
        visit = Visit(contact, self._house if tape is None else tape.house)
        dialect = self._dialect_of(contact, key)
        session = Session(
            envelope,
            visit.run(DataModel()),
            visit.notice,
            root=contact.root,
            dialect=dialect,
            limits=self._limits.session,
            use_version=version,
            hold_requests=self._limits.hold_requests,
        )
        asked = float(envelope.session_timeout or 0)
        line = Line(
            self._token(),
            name,
            key,
            session,
            visit,
            dialect.cookie_path,
            started=now,
            touched=now,
            timeout=min(max(self._limits.timeout, asked), self._limits.timeout_max),
            tape=tape,
        )
        self.lines.add(line)
        request.connection.state["line"] = line
        return self._step(line, session.begin())

    def _dialect_of(self, contact: Contact, key: str) -> Dialect:
        dialect = self._dialect(contact)
        if self._early_leave.wants_other(key):
            return replace(dialect, xml_declaration=not dialect.xml_declaration)
        return dialect

    def _fault(self, envelope: Envelope, code: int, text: str) -> Reply:
        fault = SoapFault(code, text, (), "Client" if code == 8003 else "Server")
        body = soap.encode(fault, id=envelope.id or "", namespace=envelope.namespace)
        return Reply(200, body, _XML, close=True)

    # --- steps -----------------------------------------------------------------------------

    def _step(self, line: Line, step: Step) -> Answer:
        if not isinstance(step, Hold):
            return self._reply(line, step)
        held = step.awaited
        if not isinstance(held, Deferred):
            line.session.fault = TypeError(f"a flow awaited {held!r}")
            return self._reply(line, line.session.lost("internal error"))
        line.waiting = True
        late = bool(line.ended)
        reply: Deferred[Reply] = Deferred()

        def go_on(result: object) -> None:
            line.waiting = False
            if line.ended and not late:
                reply.callback(Reply(400, close=True))
                return
            self.lines.touch(line, self._clock.seconds())
            # Inside its own callback the Deferred still holds its result, and the flow that
            # awaits it takes it when it is resumed here; a failure has to be thrown in.
            error = result.value if isinstance(result, Failure) else None
            answer = self._step(line, line.session.resume(error))
            if isinstance(answer, Deferred):
                answer.chainDeferred(reply)
            else:
                reply.callback(answer)

        held.addBoth(go_on)
        return reply

    def _reply(self, line: Line, step: Step) -> Reply:
        reply = self._rendered(line, step)
        self.answered += 1
        if line.tape is not None:
            line.tape.said(reply.status, reply.body)
            if line.ended:
                line.tape = None  # It is handed over, and an ended session is remembered a while.
        return reply

    def _rendered(self, line: Line, step: Step) -> Reply:
        match step:
            case Send() if line.posts == 1 and isinstance(line.session.fault, StoreError):
                self._end(line, "full")
                return self._later("full", line.visit.contact.address)
            case Send(message, id_, hold_requests, use_version):
                try:
                    body = soap.encode(
                        message,
                        id=id_,
                        namespace=line.session.namespace,
                        dialect=line.session.dialect,
                        hold_requests=hold_requests,
                        use_version=use_version,
                    )
                except ValueError as error:
                    # A text of a wish or job that XML cannot carry; whoever asked is told.
                    return self._rendered(line, line.session.lost(str(error)))
                self._watcher.sent(type(message).__name__)
                headers: tuple[tuple[str, str], ...] = _XML
                if line.posts == 1:
                    headers = (*_XML, cookies.render(line.cookie, line.cookie_path))
                if line.session.state is State.DONE:
                    self._end(line, "")
                return Reply(200, body, headers)
            case Reject(reason):
                self._end(line, "rejected")
                self._watcher.rejected(reason, line.visit.contact.address)
                return Reply(400, f"{reason}\n".encode(), close=True)
            case _:
                self._end(line, "")
                return Reply(204)

    def _end(self, line: Line, why: str) -> None:
        """Close a session once; a session that ended well has no ``why``."""
        if line.ended:
            self._tell_bug(line)
            return
        line.ended = why or line.visit.result
        self.served += 1
        self.exchanges += line.posts
        now = self._clock.seconds()
        reports = self._limits.hold_requests or line.visit.expects_reports
        self.lines.end(line, now, reports=reports)
        if self._rivals is not None:
            self._rivals.release(line.key)
        if self._tell_bug(line):
            line.ended = "error"
        if line.tape is not None:
            line.tape.end(line.ended)
        self._watcher.session_ended(line, line.visit.contact, now - line.started)
        if line.posts > 1:
            self._early_leave.stayed(line.key)
        elif why in ("replaced", "timeout") and not line.waiting:
            self._early_leave.left(line.key)

    def _tell_bug(self, line: Line) -> bool:
        fault, line.session.fault = line.session.fault, None
        if fault is not None:
            self._watcher.bug(f"session {line.name} of {line.key}", fault)
        return fault is not None

    def sweep(self) -> None:
        """End the sessions whose CPE fell silent; called about once a second."""
        now = self._clock.seconds()
        for line in self.lines.silent(now, self._limits.timeout):
            line.session.lost("the CPE fell silent")
            self._end(line, "timeout")
        self.lines.forget(now - REMEMBERED)


def _begun_on(connection: Connection) -> Line | None:
    """The session last begun on ``connection``, if its CPE shows no sign of knowing cookies."""
    line = connection.state.get("line")
    return line if isinstance(line, Line) and not line.cookie_returned else None
