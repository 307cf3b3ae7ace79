"""What an agent reports: subscriptions, Notify and its retries (TR-369, Notifications)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from acs.usp.pb import usp_msg_pb2 as pb

from ..cpe.backoff import retry_wait
from ..cpe.nodes import Node
from .data import Changes
from .model import schema_path
from .subscriptions import Kind, Subscription, read_subscriptions
from .timers import Timer
from .triggers import Action
from .unit import CONTROLLERS, SUBSCRIPTIONS, TRUST, Controller, Unit
from .writing import set_

Deliver = Callable[[Controller, bytes, float], bool]
"""Sends a message to a controller at a time; False: there is no link."""
Params = Mapping[str, str]
_MOST_PENDING = 256
"""Notifies that wait for an answer; what is beyond is not repeated."""
_MOMENT = 0.2
"""Seconds until a subscription that fires sets what it is to set: two that set each other off
do so at this pace."""


@dataclass(slots=True)
class _Pending:
    """A Notify that waits for its answer."""

    id: str
    to: Controller
    payload: bytes
    expires: float
    """0: never."""
    onboarding: bool = False
    tries: int = 0
    timer: Timer | None = None
    """None: it waits for the link."""


class Reporter:
    """Sends the Notify messages of one unit, and again until they are answered."""

    __slots__ = ("_deliver", "_pending", "_restarts", "_stale", "_subscribed", "_unit")

    def __init__(self, unit: Unit, deliver: Deliver) -> None:
        self._unit = unit
        self._deliver = deliver
        self._pending: dict[str, _Pending] = {}
        self._stale: dict[str, None] | None = None
        """Values that have changed since they were last looked for; None: nothing has."""
        self._restarts: dict[str, Timer] = {}
        """When OnBoardRequest is sent again, by Controller row."""
        self._subscribed: tuple[Subscription, ...] | None = None

    # --- what happens -----------------------------------------------------------------------

    @contextmanager
    def watch(self, now: float) -> Iterator[None]:
        """Report what the body of the ``with`` statement changes, after it."""
        data = self._unit.data
        before = data.snapshot()
        yield
        changes = data.since(before)
        if changes.values or changes.filled:
            data.settle((*changes.values, *changes.filled))
            changes = data.since(before)
        if changes:
            self._changed(changes, now)

    def event(self, path: str, name: str, params: Params, now: float, *, only: str = "") -> None:
        """Report event ``name`` of the object at ``path``; ``only`` to one Controller row."""
        for subscription in self._matching(Kind.EVENT, path + name):
            if only not in ("", subscription.recipient):
                continue
            notify = self._notify(subscription)
            notify.event.obj_path, notify.event.event_name = path, name
            notify.event.params.update(params)
            if name == "Boot!":
                notify.event.params["ParameterMap"] = self._boot_map(subscription.recipient)
            self._send(subscription, notify, now)

    def complete(
        self,
        path: str,
        name: str,
        key: str,
        outcome: Params | tuple[int, str],
        now: float,
    ) -> None:
        """Report the end of command ``name`` of the object at ``path``: outputs, or a failure."""
        for subscription in self._matching(Kind.OPERATION_COMPLETE, path + name):
            notify = self._notify(subscription)
            done = notify.oper_complete
            done.obj_path, done.command_name, done.command_key = path, name, key
            if isinstance(outcome, tuple):
                done.cmd_failure.err_code, done.cmd_failure.err_msg = outcome
            else:
                done.req_output_args.SetInParent()
                done.req_output_args.output_args.update(outcome)
            self._send(subscription, notify, now)

    def onboard(self, to: Controller, now: float) -> None:
        """Send OnBoardRequest to a controller, until it is answered (R-NOT.6)."""
        if any(each.onboarding and each.to.row == to.row for each in self._pending.values()):
            return
        identity = self._unit.identity
        notify = pb.Notify(send_resp=True)
        request = notify.on_board_req
        request.oui, request.product_class = identity.oui, identity.product_class
        request.serial_number = identity.serial
        request.agent_supported_protocol_versions = ",".join(self._unit.options.versions)
        self._post(to, notify, 0.0, now, onboarding=True)

    def answered(self, message_id: str, now: float) -> bool:
        """Take note of a NotifyResp; False: nobody waits for it."""
        pending = self._pending.pop(message_id, None)
        if pending is None:
            return False
        self._unit.counters["notify.answered"] += 1
        if pending.timer is not None:
            pending.timer.cancel()
        if pending.onboarding:
            self._onboard_later(pending.to, now)
        return True

    def _onboard_later(self, to: Controller, now: float) -> None:
        if self._unit.onboarded(to.row):
            return
        seconds = int(self._unit.data.value(to.row + "OnBoardingRestartTime") or 60)

        def again(at: float) -> None:
            if self._unit.data.thing(to.row) and not self._unit.onboarded(to.row):
                self.onboard(self._unit.controller(to.row), at)

        if (before := self._restarts.get(to.row)) is not None:
            before.cancel()
        self._restarts[to.row] = self._unit.timers.at(now + seconds, again)

    # --- the link ---------------------------------------------------------------------------

    def link_up(self, now: float) -> None:
        """Send again what could not be sent."""
        for pending in list(self._pending.values()):
            if pending.timer is None:
                pending.to = self._unit.controller(pending.to.row)
                self._try(pending, now)

    def restart(self) -> None:
        """Forget what waits, as a reboot does; subscriptions that do not persist are gone."""
        data = self._unit.data
        for row in data.rows(SUBSCRIPTIONS):
            if not data.is_on(row + "Persistent"):
                data.tree.drop_row(SUBSCRIPTIONS, int(row[len(SUBSCRIPTIONS) : -1]))
        self._pending.clear()
        self._restarts.clear()
        self._stale = None
        self._subscribed = None

    # --- behind that ------------------------------------------------------------------------

    def _changed(self, changes: Changes, now: float) -> None:
        if changes.touch(SUBSCRIPTIONS):
            self._subscribed = None
            self._expire(changes.created, now)
        if changes.touch(TRUST) or changes.touch(CONTROLLERS):
            self._unit.forget_rights()
            self.link_up(now)
        for path in changes.created:
            self._created(path, now)
        for path in changes.deleted:
            for subscription in self._matching(Kind.OBJECT_DELETION, path):
                notify = self._notify(subscription)
                notify.obj_deletion.obj_path = path
                self._send(subscription, notify, now)
        if self._unit.options.poll:
            self._look_later(changes.values, now)
        else:
            self._values(changes.values, now)

    def _created(self, path: str, now: float) -> None:
        for subscription in self._matching(Kind.OBJECT_CREATION, path):
            notify = self._notify(subscription)
            notify.obj_creation.obj_path = path
            notify.obj_creation.unique_keys.update(self._unit.data.unique_keys(path))
            self._send(subscription, notify, now)

    def _values(self, paths: Iterator[str] | tuple[str, ...], now: float) -> None:
        data = self._unit.data
        for path in paths:
            for subscription in self._matching(Kind.VALUE_CHANGE, path):
                node, spec = data.tree.overlay.parameter(path)
                secured = self._unit.rights(subscription.recipient).secured
                notify = self._notify(subscription)
                notify.value_change.param_path = path
                notify.value_change.param_value = data.shown(
                    path.removesuffix(spec.name), node, spec, secured=secured
                )
                self._send(subscription, notify, now)

    def _look_later(self, paths: tuple[str, ...], now: float) -> None:
        if self._stale is None:
            self._stale = {}
            self._unit.timers.at(now + self._unit.options.poll, self._look)
        self._stale.update(dict.fromkeys(paths))

    def _look(self, now: float) -> None:
        stale, self._stale = self._stale or {}, None
        self._values(tuple(path for path in stale if path in self._unit.data.tree), now)

    def _expire(self, created: tuple[str, ...], now: float) -> None:
        """End subscriptions whose TimeToLive is over."""
        data = self._unit.data
        for row in created:
            seconds = int(data.value(row + "TimeToLive") or 0)
            if row.startswith(SUBSCRIPTIONS) and seconds:

                def end(at: float, row: str = row) -> None:
                    if data.thing(row) is not None:
                        with self.watch(at):
                            data.tree.drop_row(SUBSCRIPTIONS, int(row[len(SUBSCRIPTIONS) : -1]))

                self._unit.timers.at(now + seconds, end)

    def _matching(self, kind: Kind, path: str) -> list[Subscription]:
        """Return the subscriptions on ``path`` whose controllers may be told of it."""
        if self._subscribed is None:
            self._subscribed = read_subscriptions(self._unit.data)
        return [
            each
            for each in self._subscribed
            if each.kind is kind
            and self._may(each, kind, path)
            and each.covers(self._unit.data, self._unit.rights(each.recipient), path)
        ]

    def _may(self, subscription: Subscription, kind: Kind, path: str) -> bool:
        rights, schema = self._unit.rights(subscription.recipient), schema_path(path)
        match kind:
            case Kind.VALUE_CHANGE:
                return rights.param(schema, "n")
            case Kind.OBJECT_CREATION:
                return rights.obj(schema, "n")
            case Kind.OBJECT_DELETION:
                return rights.instantiated(schema, "n")
            case Kind.EVENT | Kind.OPERATION_COMPLETE:
                return rights.command_event(schema, "n")

    def _boot_map(self, controller: str) -> str:
        """Return the BootParameters of a controller as JSON."""
        data, rights = self._unit.data, self._unit.rights(controller)
        found: dict[str, str] = {}
        for row in data.rows(controller + "BootParameter."):
            path = data.value(row + "ParameterName")
            if data.is_on(row + "Enable") and path in data.tree:
                node, spec = data.tree.overlay.parameter(path)
                if isinstance(node, Node) and rights.param(schema_path(path), "r"):
                    found[path] = data.shown(path.removesuffix(spec.name), node, spec)
        return json.dumps(found)

    def _notify(self, subscription: Subscription) -> pb.Notify:
        return pb.Notify(subscription_id=subscription.id, send_resp=subscription.retry)

    def _send(self, subscription: Subscription, notify: pb.Notify, now: float) -> None:
        """Do what the subscription is for, now that it fires (TR-181 TriggerAction)."""
        if subscription.action is not Action.NOTIFY:
            self._unit.timers.at(now + _MOMENT, lambda at: self._configure(subscription, at))
        if subscription.action is Action.CONFIG:
            return
        to = self._unit.controller(subscription.recipient)
        expires = now + subscription.expiration if subscription.expiration else 0.0
        self._post(to, notify, expires, now)

    def _configure(self, subscription: Subscription, now: float) -> None:
        """Set what a subscription asks for, with the rights of the controller it belongs to."""
        unit = self._unit
        if unit.data.thing(subscription.recipient) is None:
            return
        request = pb.Set(allow_partial=True)
        for setting in subscription.settings:
            update = request.update_objs.add(obj_path=setting.object)
            update.param_settings.add(param=setting.name, value=setting.value, required=True)
        with self.watch(now):
            response = set_(unit.data, unit.rights(subscription.recipient), request)
        for result in response.updated_obj_results:
            failed = result.oper_status.HasField("oper_failure")
            unit.counters["trigger.refused" if failed else "trigger.set"] += 1

    def _post(
        self,
        to: Controller,
        notify: pb.Notify,
        expires: float,
        now: float,
        *,
        onboarding: bool = False,
    ) -> None:
        message = pb.Msg()
        # The time is in it: an agent that starts anew with the same chance repeats no id.
        message.header.msg_id = f"{int(now * 1000):x}-{self._unit.random.getrandbits(32):08x}"
        message.header.msg_type = pb.Header.NOTIFY
        message.body.request.notify.CopyFrom(notify)
        self._unit.counters[f"notify.{notify.WhichOneof('notification')}"] += 1
        pending = _Pending(
            message.header.msg_id, to, message.SerializeToString(), expires, onboarding
        )
        if notify.send_resp and len(self._pending) < _MOST_PENDING:
            self._pending[pending.id] = pending
            self._try(pending, now)
        elif not self._deliver(to, pending.payload, now):
            self._unit.counters["notify.lost"] += 1

    def _try(self, pending: _Pending, now: float) -> None:
        """Send, and plan the next time (R-NOT.1 to R-NOT.4)."""
        if pending.id not in self._pending:
            return
        if self._unit.data.thing(pending.to.row) is None:
            del self._pending[pending.id]
            return
        if pending.expires and now >= pending.expires:
            del self._pending[pending.id]
            self._unit.counters["notify.expired"] += 1
            return
        if not self._deliver(pending.to, pending.payload, now):
            pending.timer = None
            return
        if pending.tries:
            self._unit.counters["notify.retried"] += 1
        pending.tries += 1
        data, row = self._unit.data, pending.to.row
        wait = retry_wait(
            pending.tries,
            int(data.value(row + "USPNotifRetryMinimumWaitInterval") or 5),
            int(data.value(row + "USPNotifRetryIntervalMultiplier") or 2000),
            self._unit.random,
        )
        pending.timer = self._unit.timers.at(now + wait, lambda at: self._try(pending, at))
