"""One simulated USP agent without I/O: records come in, records go out, time is told.

A link opens, carries octets and closes; see `opened`, `received`, `closed`, `take`, `tick`.
Times are epoch seconds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from random import Random

from google.protobuf.message import DecodeError

from acs.usp.pb import usp_msg_pb2 as pb
from acs.usp.pb import usp_record_pb2 as record_pb

from ..cpe.modelfile import Identity
from . import firmware, records
from .answering import Answers
from .bulk import Bulk
from .errors import CONTEXT_NOT_ALLOWED, CONTEXT_TERMINATED, INVALID_RECORD
from .model import UspModel
from .operating import Operations
from .options import AgentOptions, OnBoarding
from .outgoing import Collect, Fetch, LinkWish, Outgoing, Transferred
from .periodic import Periodic
from .reporting import Reporter
from .speaking import Speaker
from .unit import Controller, Unit

_FACTORY = "FactoryReset"
_MESSAGES = frozenset(pb.Header.MsgType.values())
_AWAY = 5.0, 10.0
"""Seconds a link stays closed after a Disconnect record."""
_MOMENT = 0.2
"""Seconds for what was said last to go out."""


class Agent:
    """One agent. ``model`` is shared by all units of its kind."""

    __slots__ = (
        "_boot",
        "_bulk",
        "_known",
        "_operations",
        "_periodic",
        "_reporter",
        "_restarting",
        "_speaker",
        "_unit",
        "back_at",
        "wants",
    )

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
        self._speaker = Speaker(self._unit)
        self._reporter = Reporter(self._unit, self._speaker.notify)
        self._operations = Operations(self._unit, self._reporter, self._restart_soon)
        self._operations.reset_session = self._speaker.forget_contexts
        self._periodic = Periodic(self._unit, self._reporter)
        self._bulk = Bulk(self._unit, self._reporter)
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

    @property
    def collect(self) -> Collect | None:
        """What sends reports on bulk data; None: they are taken for sent."""
        return self._bulk.collect

    @collect.setter
    def collect(self, collect: Collect | None) -> None:
        self._bulk.collect = collect

    # --- the link ---------------------------------------------------------------------------

    def opened(self, mtp: str, topic: str, now: float) -> None:
        """The link is up: ``mqtt5``, ``mqtt3`` or ``websocket``; ``topic`` is our own (MQTT)."""
        self.wants, self._restarting = LinkWish.STAY, False
        tree = self._unit.data.tree
        tree.put("Device.LocalAgent.MTP.1.Protocol", "MQTT" if topic else "WebSocket")
        tree.put("Device.LocalAgent.MTP.1.MQTT.ResponseTopicDiscovered", topic)
        self._speaker.connect(mtp, topic, now)
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
        for controller in self._unit.controllers():
            if self._introduces_itself(controller, boot["Cause"]):
                self._reporter.onboard(controller, now)
        self._periodic.plan(now)
        self._bulk.plan(now)

    def _introduces_itself(self, controller: Controller, cause: str) -> bool:
        match self._unit.options.onboarding:
            case OnBoarding.NEVER:
                return False
            case OnBoarding.ONCE:
                return cause.endswith(_FACTORY)
            case OnBoarding.UNTIL_COMPLETE:
                return not self._unit.onboarded(controller.row)

    def closed(self, now: float) -> None:
        """The link has closed."""
        self._speaker.fall_silent()
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
        return self._speaker.take()

    def transferred(self, request: int, result: Transferred, now: float) -> None:
        """A transfer that `fetch` was told of is over."""
        self._operations.transferred(request, result, now)

    def reported(self, number: int, status: int, now: float) -> None:
        """Take the HTTP status that a report of `collect` was answered with; 0: none."""
        self._bulk.answered(number, status, now)

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
            self._unit.timers.at(now + _MOMENT, lambda at: self._restart(cause, key, at))

    def _restart(self, cause: str, key: str, now: float) -> None:
        unit = self._unit
        unit.timers.clear()
        self._periodic.clear()
        self._bulk.clear()
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
        self._speaker.fall_silent()

    # --- records ----------------------------------------------------------------------------

    def received(self, octets: bytes, reply_to: str | None, now: float) -> None:
        """Take a record; ``reply_to``: where its sender wants the answer, None: it did not say."""
        if self.wants is not LinkWish.STAY or self._restarting:
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
                for payload in self._speaker.hear(record.session_context, controller, now):
                    self._message(payload, controller, now, in_context=True)
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
        self._speaker.disconnect(controller, code, now)
        wait = self._unit.random.uniform(*_AWAY)
        self._unit.timers.at(now + _MOMENT, lambda at: self._leave(at + wait))

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
            self._request(message, controller, now, in_context=in_context)
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
        self, message: pb.Msg, controller: Controller, now: float, *, in_context: bool
    ) -> None:
        self._unit.tell_time(now)
        with self._reporter.watch(now):
            reply = Answers(self._unit, self._operations, controller, now).reply(message)
            if reply is not None:
                payload = reply.SerializeToString()
                self._speaker.answer(controller, payload, now, in_context=in_context)
        if self._boot is None:
            self._periodic.plan(now)
            self._bulk.plan(now)
        self._greet(now)

    def _greet(self, now: float) -> None:
        """Introduce the agent to controllers that were added (R-NOT.5)."""
        rows = {each.row: each for each in self._unit.controllers()}
        new = rows.keys() - self._known
        self._known = set(rows)
        if self._unit.options.onboarding is OnBoarding.UNTIL_COMPLETE:
            for row in new:
                self._reporter.onboard(rows[row], now)


def _boot_arguments(cause: str, key: str, *, updated: bool) -> dict[str, str]:
    """Return what Boot! tells of a start."""
    return {
        "Cause": cause,
        "CommandKey": key,
        "FirmwareUpdated": "true" if updated else "false",
    }
