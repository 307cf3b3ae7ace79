"""A controller's desk beside one simulated agent: it asks, and keeps what the agent says."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import Any

from acs.usp.pb import usp_msg_pb2 as pb
from acs.usp.pb import usp_record_pb2 as record_pb
from simulators.cpe.modelfile import Identity
from simulators.usp.agent import Agent
from simulators.usp.model import usp_model
from simulators.usp.options import AgentOptions, OnBoarding
from simulators.usp.outgoing import LinkWish

CONTROLLER = "self::gigafibre-acs"
START = 1_700_000_000.0
IDENTITY = Identity("1C61B4", "Device2", "22275A7000001", "1C:61:B4:00:00:01")
SUBSCRIPTIONS = "Device.LocalAgent.Subscription."
_TYPES = {
    "get": "GET",
    "set": "SET",
    "add": "ADD",
    "delete": "DELETE",
    "operate": "OPERATE",
    "get_instances": "GET_INSTANCES",
    "get_supported_dm": "GET_SUPPORTED_DM",
    "get_supported_protocol": "GET_SUPPORTED_PROTO",
    "notify": "NOTIFY",
    "register": "REGISTER",
}


class Desk:
    """Drives one agent at a clock of its own. It answers each Notify, unless ``answering`` is off.

    Without options the agent speaks of itself only where it has to: no OnBoardRequest, no Boot!.
    """

    def __init__(
        self, model: str = "generic-tr181-full", *, connected: bool = True, **options: Any
    ):
        options = {"onboarding": OnBoarding.NEVER, "boot_subscription": False} | options
        self.now = START
        self.answering = True
        self.records: list[record_pb.Record] = []
        self.replies: list[pb.Msg] = []
        self.notifies: list[pb.Notify] = []
        self.ids: list[str] = []
        """Message ids of the notifies."""
        self.topics: list[str | None] = []
        self._number = 0
        self._closed = False
        self.agent = Agent(
            usp_model(model, onboarding=options["onboarding"] is OnBoarding.UNTIL_COMPLETE),
            IDENTITY,
            AgentOptions(**options),
            random=Random(7),
            now=self.now,
        )
        if connected:
            self.open()

    def open(self, mtp: str = "mqtt5", topic: str = "usp/v1/agent/one") -> None:
        """Have the link come up."""
        self.agent.opened(mtp, topic, self.now)
        self.collect()

    def wait(self, seconds: float, step: float = 1.0) -> None:
        """Let time pass; a link that the agent wants closed comes back when it says."""
        end = self.now + seconds
        while self.now < end:
            self.now = min(end, self.now + step)
            self.agent.tick(self.now)
            self.collect()
            if self.agent.wants is LinkWish.RECONNECT and not self._closed:
                self._closed = True
                self.agent.closed(self.now)
            if self._closed and self.now >= self.agent.back_at:
                self._closed = False
                self.open()

    def collect(self) -> None:
        """Take what the agent sends; answer its notifies."""
        for outgoing in self.agent.take():
            record = record_pb.Record.FromString(outgoing.octets)
            self.records.append(record)
            self.topics.append(outgoing.to)
            if record.WhichOneof("record_type") != "no_session_context":
                continue
            message = pb.Msg.FromString(record.no_session_context.payload)
            if message.body.WhichOneof("msg_body") == "request":
                self.notifies.append(message.body.request.notify)
                self.ids.append(message.header.msg_id)
                if self.answering and message.body.request.notify.send_resp:
                    self.answer(message.header.msg_id)
            else:
                self.replies.append(message)

    def answer(self, message_id: str, subscription_id: str = "") -> None:
        """Answer a Notify."""
        reply = pb.Msg()
        reply.header.msg_id, reply.header.msg_type = message_id, pb.Header.NOTIFY_RESP
        reply.body.response.notify_resp.subscription_id = subscription_id
        self.send(reply)

    def send(self, message: pb.Msg, reply_to: str | None = "reply/topic") -> None:
        """Send a message as the controller, without looking at what comes of it."""
        record = record_pb.Record(version="1.3", to_id=self.agent.endpoint, from_id=CONTROLLER)
        record.no_session_context.payload = message.SerializeToString()
        self.agent.received(record.SerializeToString(), reply_to, self.now)

    def request(self, kind: str, message_id: str = "", **fields: Any) -> pb.Msg:
        """Return a request, unsent."""
        self._number += 1
        message = pb.Msg()
        message.header.msg_id = message_id or f"ask-{self._number}"
        message.header.msg_type = pb.Header.MsgType.Value(_TYPES[kind])
        part = getattr(message.body.request, kind)
        part.SetInParent()
        part.MergeFrom(type(part)(**fields))
        return message

    def ask(self, kind: str, **fields: Any) -> pb.Msg:
        """Send a request, and return its answer."""
        message = self.request(kind, **fields)
        self.replies.clear()
        self.send(message)
        self.collect()
        (reply,) = self.replies
        assert reply.header.msg_id == message.header.msg_id
        return reply

    # --- short forms ------------------------------------------------------------------------

    def get(self, *paths: str, depth: int = 0) -> list[pb.GetResp.RequestedPathResult]:
        """Get, one result per path."""
        reply = self.ask("get", param_paths=paths, max_depth=depth)
        return list(reply.body.response.get_resp.req_path_results)

    def read(self, path: str) -> dict[str, str]:
        """Get one path that exists; parameters by their whole names."""
        (result,) = self.get(path)
        assert result.err_code == 0, result.err_msg
        return {
            found.resolved_path + name: text
            for found in result.resolved_path_results
            for name, text in found.result_params.items()
        }

    def set(
        self, *objects: tuple[str, Mapping[str, str]], partial: bool = False, optional: bool = False
    ) -> pb.Msg:
        """Set parameters of objects; required unless ``optional``."""
        updates = []
        for path, values in objects:
            update = pb.Set.UpdateObject(obj_path=path)
            for name, text in values.items():
                update.param_settings.add(param=name, value=text, required=not optional)
            updates.append(update)
        return self.ask("set", update_objs=updates, allow_partial=partial)

    def add(
        self, *objects: tuple[str, Mapping[str, str]], partial: bool = False, optional: bool = False
    ) -> pb.Msg:
        """Add rows; parameters are required unless ``optional``."""
        creates = []
        for path, values in objects:
            create = pb.Add.CreateObject(obj_path=path)
            for name, text in values.items():
                create.param_settings.add(param=name, value=text, required=not optional)
            creates.append(create)
        return self.ask("add", create_objs=creates, allow_partial=partial)

    def delete(self, *paths: str, partial: bool = False) -> pb.Msg:
        """Delete rows."""
        return self.ask("delete", obj_paths=paths, allow_partial=partial)

    def operate(self, command: str, key: str = "key", **arguments: str) -> pb.OperateResp:
        """Run a command."""
        reply = self.ask(
            "operate", command=command, command_key=key, send_resp=True, input_args=arguments
        )
        return reply.body.response.operate_resp

    def subscribe(self, kind: str, references: str, **settings: str) -> str:
        """Add a subscription with NotifRetry; return its path."""
        values = {"ID": f"sub-{kind}-{self._number}", "Enable": "true", "NotifRetry": "true"}
        values |= {"Persistent": "true", "NotifType": kind, "ReferenceList": references} | settings
        reply = self.add((SUBSCRIPTIONS, values))
        results = reply.body.response.add_resp.created_obj_results
        assert len(results) == 1, reply
        return results[0].oper_status.oper_success.instantiated_path

    def instances(
        self, *paths: str, first_level: bool = False
    ) -> list[pb.GetInstancesResp.RequestedPathResult]:
        """GetInstances, one result per path."""
        reply = self.ask("get_instances", obj_paths=paths, first_level_only=first_level)
        return list(reply.body.response.get_instances_resp.req_path_results)

    def supported(
        self, *paths: str, **flags: bool
    ) -> list[pb.GetSupportedDMResp.RequestedObjectResult]:
        """GetSupportedDM with everything but what a flag switches off."""
        flags = {"return_params": True, "return_commands": True, "return_events": True} | flags
        reply = self.ask("get_supported_dm", obj_paths=paths, **flags)
        return list(reply.body.response.get_supported_dm_resp.req_obj_results)

    def kinds(self) -> list[str]:
        """Return what kinds of Notify have come; forgets them."""
        kinds = [str(each.WhichOneof("notification")) for each in self.notifies]
        self.notifies.clear()
        self.ids.clear()
        return kinds
