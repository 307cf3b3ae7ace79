"""One simulated USP agent without I/O: records come in, records go out, time is told.

A link opens, carries octets and closes; see `opened`, `received`, `closed`, `take`, `tick`.
Times are epoch seconds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial
from random import Random

from google.protobuf.message import DecodeError

from acs.usp.pb import usp_msg_pb2 as pb
from acs.usp.pb import usp_record_pb2 as record_pb

from ..cpe.modelfile import Identity
from . import firmware, records
from .answering import Answers
from .errors import (
    CONTEXT_NOT_ALLOWED,
    CONTEXT_TERMINATED,
    DENIED,
    INVALID_RECORD,
    NOT_SUPPORTED,
    Refusal,
    text_of,
)
from .misdeeds import Misdeeds
from .model import UspModel
from .operating import Operations
from .options import AgentOptions, OnBoarding
from .outgoing import Fetch, LinkWish, Outgoing, Transferred
from .reporting import Reporter
from .session_context import Context
from .timers import Timer
from .unit import Controller, Unit

_FACTORY = "FactoryReset"
_MARGIN = 96
"""Octets of a record that are not payload, besides its endpoint ids."""
_MESSAGES = frozenset(pb.Header.MsgType.values())
_AWAY = 5.0, 10.0
"""Seconds a link stays closed after a Disconnect record."""


class Agent:
    """One agent. ``model`` is shared by all units of its kind."""

    __slots__ = (
        "_boot",
        "_contexts",
        "_known",
        "_misdeeds",
        "_mtp",
        "_operations",
        "_out",
        "_periodic",
        "_reporter",
        "_restarting",
        "_unit",
        "back_at",
        "wants",
    )  # fmt: skip

    def __init__(
        self,
        model: UspModel,
        identity: Identity,
        options: AgentOptions,
        *,
        random: Random,
        now: float,
    ) -> None:
        self._unit = Unit(model, identity, options, random, now)
        self._reporter = Reporter(self._unit, self._deliver)
        self._operations = Operations(self._unit, self._reporter, self._restart_soon)
        self._operations.reset_session = self._forget_contexts
        self._misdeeds = Misdeeds(options.mischief, random)
        self._contexts: dict[str, Context] = {}
        self._out: list[Outgoing] = []
        self._periodic: dict[str, tuple[str, Timer]] = {}
        """By Controller row: its settings, and when Periodic! is due."""
        self._mtp = ""
        """How the open link speaks; empty: there is none."""
        self._known = {each.row for each in self._unit.controllers()}
        """Controllers that need no introduction because they are new."""
        self._restarting = False
        self._boot: dict[str, str] | None = _boot_arguments("LocalFactoryReset", "", updated=False)
        """Arguments of the Boot! that has not gone out."""
        self.wants = LinkWish.STAY
        self.back_at = now
        """When the link is to be opened again, after `LinkWish.RECONNECT`."""

    @property
    def endpoint(self) -> str:
        """Endpoint id."""
        return self._unit.endpoint

    @property
    def identity(self) -> Identity:
        """Who the device is."""
        return self._unit.identity

    @property
    def counters(self) -> Counter[str]:
        """What has happened: ``request.get``, ``notify.event``, ``notify.retried``, ``error.7004``,
        ``ignored`` and the like."""
        return self._unit.counters

    @property
    def fetch(self) -> Fetch | None:
        """What carries files; None: transfers are pretended."""
        return self._operations.fetch

    @fetch.setter
    def fetch(self, fetch: Fetch | None) -> None:
        self._operations.fetch = fetch

    # --- the link ---------------------------------------------------------------------------

    def opened(self, mtp: str, topic: str, now: float) -> None:
        """The link is up: ``mqtt5``, ``mqtt3`` or ``websocket``; ``topic`` is our own (MQTT)."""
        self._mtp, self.wants, self._restarting = mtp, LinkWish.STAY, False
        self._forget_contexts()
        tree = self._unit.data.tree
        tree.put("Device.LocalAgent.MTP.1.Protocol", "WebSocket" if topic == "" else "MQTT")
        tree.put("Device.LocalAgent.MTP.1.MQTT.ResponseTopicDiscovered", topic)
        if self._unit.version not in ("1.0", "1.1"):
            for controller in self._unit.controllers():
                if controller.reachable:
                    ends = self._ends(controller.endpoint)
                    self._emit(records.connect(ends, mtp, topic), controller.topic, now)
        silent = self._unit.options.mischief.silent_after
        if silent:
            self._unit.timers.at(now + silent, self._hang)
        self._start(now)
        self._reporter.link_up(now)

    def _start(self, now: float) -> None:
        boot, self._boot = self._boot, None
        if boot is None:
            return
        self._unit.started = now
        self._unit.counters["boots"] += 1
        self._reporter.event("Device.", "Boot!", boot, now)
        self._operations.booted(now)
        onboarding = self._unit.options.onboarding
        for controller in self._unit.controllers():
            fresh = boot["Cause"].endswith(_FACTORY)
            if onboarding is OnBoarding.ONCE and not fresh:
                continue
            if onboarding is OnBoarding.NEVER or (
                onboarding is OnBoarding.UNTIL_COMPLETE and self._unit.onboarded(controller.row)
            ):
                continue
            self._reporter.onboard(controller, now)
        self._plan_periodic(now)

    def closed(self, now: float) -> None:
        """The link has closed."""
        self._mtp = ""
        self._out.clear()
        self._forget_contexts()
        if self.wants is LinkWish.SILENT:
            self.wants = LinkWish.STAY

    def tick(self, now: float) -> None:
        """Do what is due."""
        self._unit.timers.run(now)

    def due(self) -> float | None:
        """When `tick` wants to be called next; None: not before something comes."""
        return self._unit.timers.due()

    def take(self) -> list[Outgoing]:
        """Return the records to send, and forget them."""
        out, self._out = self._out, []
        return out

    def transferred(self, request: int, result: Transferred, now: float) -> None:
        """A transfer that `fetch` was told of is over."""
        self._operations.transferred(request, result, now)

    # --- the device -------------------------------------------------------------------------

    def value(self, path: str) -> str:
        """Return the value of a parameter, secrets in clear; empty where there is none."""
        return self._unit.data.value(path)

    def rows(self, table: str) -> list[str]:
        """Return the paths of the rows of a table."""
        return self._unit.data.rows(table)

    def change(self, path: str, text: str, now: float) -> None:
        """Change a value on the device's own account. Raises `KeyError`."""
        with self._reporter.watch(now):
            self._unit.data.tree.put(path, text)

    def make_row(self, table: str, values: Mapping[str, str], now: float) -> str:
        """Make a row on the device's own account, such as a host; return its path.

        Raises `KeyError`.
        """
        tree = self._unit.data.tree
        with self._reporter.watch(now):
            row = tree.make_row(table, tree.overlay.table(table).next_row)
            for leaf, text in values.items():
                tree.put(row + leaf, text)
        return row

    def drop_row(self, row: str, now: float) -> None:
        """Take a row away on the device's own account. Raises `KeyError`."""
        table, _, number = row.removesuffix(".").rpartition(".")
        with self._reporter.watch(now):
            self._unit.data.tree.drop_row(table + ".", int(number))

    def reboot(self, now: float, *, cause: str = "LocalReboot", key: str = "") -> None:
        """Restart: the power went, or a command asked for it. ``cause`` is that of Boot!."""
        self._restart(cause, key, now)

    def _restart_soon(self, cause: str, key: str, now: float) -> None:
        """Restart when the answer to the command has gone out."""
        if not self._restarting:
            self._restarting = True
            self._unit.timers.at(now + 0.2, lambda at: self._restart(cause, key, at))

    def _restart(self, cause: str, key: str, now: float) -> None:
        unit = self._unit
        unit.timers.clear()
        self._periodic.clear()
        self._operations.restart()
        if cause.endswith(_FACTORY):
            version = unit.data.value("Device.DeviceInfo.SoftwareVersion")
            unit.data.tree.factory_reset()
            unit.data.tree.put("Device.DeviceInfo.SoftwareVersion", version)
            unit.leave_factory()
        self._reporter.restart()
        unit.forget_rights()
        updated = firmware.boot(unit)
        self._boot = _boot_arguments(cause, key, updated=updated)
        self._leave(now + unit.options.boot_time)

    def _leave(self, back_at: float) -> None:
        self.wants, self.back_at = LinkWish.RECONNECT, back_at

    def _hang(self, now: float) -> None:
        self.wants = LinkWish.SILENT
        self._out.clear()

    # --- records ----------------------------------------------------------------------------

    def received(self, octets: bytes, reply_to: str | None, now: float) -> None:
        """Take a record; ``reply_to``: where its sender wants the answer, None: it did not say."""
        if self.wants is LinkWish.SILENT or self._restarting:
            return
        self._unit.counters["received"] += 1
        record = records.read(octets)
        controller = self._sender(record)
        if record is None or controller is None:
            self._unit.counters["ignored"] += 1
            return
        if reply_to is not None:
            controller = controller._replace(topic=reply_to)
        kind = record.WhichOneof("record_type")
        match kind:
            case "no_session_context" if record.payload_security != record_pb.Record.PLAINTEXT:
                self._disconnect(controller, INVALID_RECORD, now)
            case "no_session_context" if record.no_session_context.payload:
                self._message(record.no_session_context.payload, controller, now)
            case "session_context" if self._unit.options.session_context:
                self._segment(record.session_context, controller, now)
            case "session_context":
                self._disconnect(controller, CONTEXT_NOT_ALLOWED, now)
            case "disconnect":
                self._disconnect(controller, CONTEXT_TERMINATED, now)
            case _:  # A Connect record, an empty payload, no content.
                self._unit.counters["ignored"] += 1

    def _sender(self, record: record_pb.Record | None) -> Controller | None:
        """Return the controller a record comes from; None: it is not for us, or from nobody."""
        if record is None or record.to_id != self.endpoint or not record.from_id:
            return None
        known = (c for c in self._unit.controllers() if c.endpoint == record.from_id)
        return next(known, None)

    def _disconnect(self, controller: Controller, code: int, now: float) -> None:
        """Say why, and close the link for a while."""
        self._unit.counters[f"disconnect.{code}"] += 1
        ends = self._ends(controller.endpoint)
        self._emit(records.disconnect(ends, code, text_of(code)), controller.topic, now)
        wait = self._unit.random.uniform(*_AWAY)
        self._unit.timers.at(now + 0.2, lambda at: self._leave(at + wait))

    def _segment(
        self, segment: record_pb.SessionContextRecord, controller: Controller, now: float
    ) -> None:
        context = self._context(controller.endpoint)
        taken = context.receive(segment)
        for each in taken.send:
            self._emit(
                records.segment(self._ends(controller.endpoint), each), controller.topic, now
            )
        for payload in taken.payloads:
            self._message(payload, controller, now, in_context=True)

    def _context(self, peer: str) -> Context:
        if peer not in self._contexts:
            self._contexts[peer] = Context(lambda: self._unit.random.randrange(2, 2**32))
        return self._contexts[peer]

    def _forget_contexts(self) -> None:
        self._contexts.clear()

    def _ends(self, peer: str) -> records.Ends:
        return records.Ends(self._unit.version, self.endpoint, peer)

    # --- messages ---------------------------------------------------------------------------

    def _message(
        self, payload: bytes, controller: Controller, now: float, *, in_context: bool = False
    ) -> None:
        try:
            message = pb.Msg.FromString(payload)
        except DecodeError:
            self._unit.counters["ignored"] += 1
            return
        if not message.HasField("header"):
            self._unit.counters["ignored"] += 1
            return
        body = message.body.WhichOneof("msg_body") if message.HasField("body") else None
        if body is None or message.header.msg_type not in _MESSAGES:
            self._crash(now)
            return
        if body == "request":
            self._request(message, partial(self._answer, controller, in_context), controller, now)
        elif message.body.response.WhichOneof("resp_type") == "notify_resp":
            if not self._reporter.answered(message.header.msg_id, now):
                self._unit.counters["ignored"] += 1
        else:  # An answer to nothing, or an Error to a Notify: it will be sent again.
            self._unit.counters["ignored"] += 1

    def _crash(self, now: float) -> None:
        """Do what real agents do with a message without a body, or of an unknown type."""
        self._unit.counters["crashes"] += 1
        if not self._unit.options.hardened:
            self._restart("LocalReboot", "", now)

    def _request(
        self,
        message: pb.Msg,
        answer: Callable[[pb.Msg, float], None],
        controller: Controller,
        now: float,
    ) -> None:
        kind = message.body.request.WhichOneof("req_type") or ""
        self._unit.counters[f"request.{kind}"] += 1
        self._unit.tell_time(now)
        reply = pb.Msg()
        reply.header.msg_id = message.header.msg_id
        with self._reporter.watch(now):
            try:
                if pb.Header.MsgType.Name(message.header.msg_type) != _TYPES.get(kind):
                    raise Refusal(NOT_SUPPORTED)
                if kind in ("notify", "register", "deregister"):
                    raise Refusal(DENIED)
                answers = Answers(self._unit, self._operations, controller, now)
                silent = not answers.answer(kind, message.body.request, reply)
            except Refusal as refusal:
                _put_error(reply, refusal)
                self._unit.counters[f"error.{refusal.code}"] += 1
                silent = False
            if not silent:
                answer(reply, now)
        self._plan_periodic(now)
        self._greet(now)

    def _greet(self, now: float) -> None:
        """Introduce the agent to controllers that were added (R-NOT.5)."""
        rows = {each.row: each for each in self._unit.controllers()}
        new = rows.keys() - self._known
        self._known = set(rows)
        if self._unit.options.onboarding is OnBoarding.UNTIL_COMPLETE:
            for row in new:
                self._reporter.onboard(rows[row], now)

    def _answer(self, controller: Controller, in_context: bool, reply: pb.Msg, now: float) -> None:
        self._send(controller, reply.SerializeToString(), in_context, now)

    def _deliver(self, controller: Controller, payload: bytes, now: float) -> bool:
        """Send a Notify; see `reporting.Deliver`."""
        if not self._mtp or self.wants is not LinkWish.STAY or not controller.reachable:
            return False
        self._send(controller, payload, self._unit.options.session_context, now, answer=False)
        return True

    def _send(
        self,
        controller: Controller,
        payload: bytes,
        in_context: bool,
        now: float,
        *,
        answer: bool = True,
    ) -> None:
        ends = self._ends(controller.endpoint)
        if not in_context:
            self._emit(records.message(ends, payload), controller.topic, now, answer=answer)
            return
        largest = self._unit.options.max_record
        room = max(1, largest - _MARGIN - len(ends.own) - len(ends.peer)) if largest else 0
        for segment in self._context(controller.endpoint).send(payload, room):
            self._emit(records.segment(ends, segment), controller.topic, now, answer=answer)

    def _emit(
        self,
        record: record_pb.Record,
        topic: str | None,
        now: float,
        *,
        answer: bool | None = None,
    ) -> None:
        """Send a record, with what the agent does wrong; ``answer`` None: it is no message."""
        self._unit.counters["sent"] += 1
        if answer is None or self._unit.options.mischief.good:
            self._out.append(Outgoing(record.SerializeToString(), topic))
            return
        for delay, octets in self._misdeeds.of(record, answer=answer):
            outgoing = Outgoing(octets, topic)
            if delay:
                self._unit.timers.at(now + delay, partial(self._late, outgoing))
            else:
                self._out.append(outgoing)

    def _late(self, outgoing: Outgoing, _now: float) -> None:
        if self._mtp and self.wants is LinkWish.STAY:
            self._out.append(outgoing)

    # --- Periodic! --------------------------------------------------------------------------

    def _plan_periodic(self, now: float) -> None:
        """Plan Periodic! anew for controllers whose interval was changed."""
        data = self._unit.data
        if self._boot is not None:
            return
        wanted = {}
        for controller in self._unit.controllers():
            row = controller.row
            told = data.value(row + "PeriodicNotifInterval")
            wanted[row] = f"{told}/{data.value(row + 'PeriodicNotifTime')}"
        for row, (settings, timer) in list(self._periodic.items()):
            if wanted.get(row) != settings:
                timer.cancel()
                del self._periodic[row]
        for row, settings in wanted.items():
            if row not in self._periodic:
                self._plan_one(row, settings, now)

    def _plan_one(self, row: str, settings: str, now: float) -> None:
        interval = max(1, int(settings.partition("/")[0] or 1))
        timer = self._unit.timers.at(now + interval, lambda at: self._periodic_due(row, at))
        self._periodic[row] = settings, timer

    def _periodic_due(self, row: str, now: float) -> None:
        settings, _ = self._periodic.pop(row)
        self._reporter.event("Device.LocalAgent.", "Periodic!", {}, now, only=row)
        self._plan_one(row, settings, now)


_TYPES = {
    "get": "GET",
    "get_supported_dm": "GET_SUPPORTED_DM",
    "get_instances": "GET_INSTANCES",
    "set": "SET",
    "add": "ADD",
    "delete": "DELETE",
    "operate": "OPERATE",
    "notify": "NOTIFY",
    "get_supported_protocol": "GET_SUPPORTED_PROTO",
    "register": "REGISTER",
    "deregister": "DEREGISTER",
}


def _boot_arguments(cause: str, key: str, *, updated: bool) -> dict[str, str]:
    """Return what Boot! tells of a start."""
    return {
        "Cause": cause,
        "CommandKey": key,
        "FirmwareUpdated": "true" if updated else "false",
    }


def _put_error(reply: pb.Msg, refusal: Refusal) -> None:
    reply.body.Clear()
    reply.header.msg_type = pb.Header.ERROR
    error = reply.body.error
    error.err_code, error.err_msg = refusal.code, refusal.text
    for each in refusal.errors:
        error.param_errs.add(param_path=each.path, err_code=each.code, err_msg=each.text)
