"""An agent that answers as it is told to: for tests that are about the controller alone."""

from __future__ import annotations

from itertools import count
from typing import Any

from usp_world import AGENT, CONTROLLER, origin_of

from acs.usp import codec, messages, records
from acs.usp.messages import (
    Body,
    Created,
    CreatedObject,
    Deleted,
    DeletedObject,
    Error,
    Message,
    RequestedPath,
    ResolvedPath,
    Updated,
    UpdatedInstance,
    UpdatedObject,
)
from acs.usp.mtp import Origin
from acs.usp.records import Connect, Content, NoSession, Record

ROW = "Device.LocalAgent.Controller.1."
SUBSCRIPTIONS = "Device.LocalAgent.Subscription."
INFO = "Device.DeviceInfo."


class PlainAgent:
    """Has an identity, a Controller row and subscriptions, and no more.

    ``silent``: it hears and answers nothing. ``answers``: what it says to a kind of request
    instead. ``untrusted``: its role shows us nothing.
    """

    def __init__(
        self,
        endpoint: str = AGENT,
        *,
        serial: str = "22275A7000001",
        versions: tuple[str, ...] = ("1.0", "1.1", "1.2", "1.3"),
        untrusted: bool = False,
        **origin: Any,
    ) -> None:
        self.endpoint = endpoint
        self.origin: Origin = origin_of(endpoint, **origin)
        self.versions = versions
        self.untrusted = untrusted
        self.silent = False
        self.answers: dict[type, Body] = {}
        self.asked: list[Body] = []
        """Requests of the controller."""
        self.heard: list[Message] = []
        """Everything else of the controller."""
        self.info = {
            "ManufacturerOUI": "1C61B4",
            "ProductClass": "Device2",
            "SerialNumber": serial,
            "Manufacturer": "TP-Link",
            "ModelName": "XX230v",
            "HardwareVersion": "XX230v v1.0",
            "SoftwareVersion": "1.0.0",
        }
        self.subscriptions: dict[str, dict[str, str]] = {}
        self.row: dict[str, str] = {"EndpointID": CONTROLLER}
        self._ids = count(1)
        self._out: list[bytes] = []

    def tells(self, content: messages.Notification, id: str = "", subscription: str = "acs") -> str:
        """Send a Notify; return its id."""
        id = id or f"{self.endpoint[-3:]}-{next(self._ids)}"
        notify = messages.Notify(subscription, True, content)
        self.says(NoSession(codec.encode(Message(id, notify))))
        return id

    def connects(self, topic: str = "") -> None:
        """Send a Connect record."""
        self.says(Connect("mqtt", "5", topic or f"usp/v1/agent/{self.endpoint}"))

    def says(self, content: Content) -> None:
        """Send a record."""
        version = self.versions[-1]
        self._out.append(records.encode(Record(version, CONTROLLER, self.endpoint, content)))

    def confirmed(self) -> list[str]:
        """Return the ids of the Notifies that were answered."""
        answers = (messages.NotifyResp,)
        return [each.id for each in self.heard if isinstance(each.body, answers)]

    def kinds(self) -> list[str]:
        """Return what kinds of requests came, and forget them."""
        kinds = [type(each).__name__ for each in self.asked]
        self.asked.clear()
        return kinds

    # A member of the world

    def received(self, octets: bytes, topic: str, now: float) -> None:
        record = records.decode(octets)
        assert record.to_id == self.endpoint
        assert isinstance(record.content, NoSession)
        message = codec.decode(record.content.payload)
        if isinstance(message.body, Error | messages.NotifyResp):
            self.heard.append(message)
            return
        self.asked.append(message.body)
        if not self.silent:
            answer = self.answers.get(type(message.body)) or self._answer(message.body)
            self.says(NoSession(codec.encode(Message(message.id, answer))))

    def tick(self, now: float) -> None:
        """Do nothing by itself."""

    def take(self) -> list[bytes]:
        out, self._out = self._out, []
        return out

    # --- answers

    def _answer(self, request: Body) -> Body:
        match request:
            case messages.GetSupportedProtocol():
                return messages.GetSupportedProtocolResp(self.versions)
            case messages.Get(paths):
                return messages.GetResp(tuple(map(self._path, paths)))
            case messages.GetSupportedDM(paths):
                found = tuple(
                    messages.SupportedObject(path, messages.ObjectAccess.READ_ONLY)
                    for path in ("Device.", INFO)
                    if path.startswith(paths[0])
                )
                return messages.GetSupportedDMResp(
                    (messages.SupportedPath(paths[0], found, "tr-181"),)
                )
            case messages.Add(objects):
                return messages.AddResp(tuple(map(self._add, objects)))
            case messages.Set(objects):
                for each in objects:
                    row = self.row if each.path == ROW else self.subscriptions[each.path]
                    row |= {setting.name: setting.value for setting in each.settings}
                updated = (
                    UpdatedObject(o.path, Updated((UpdatedInstance(o.path, {}),))) for o in objects
                )
                return messages.SetResp(tuple(updated))
            case messages.Delete(paths):
                for path in paths:
                    self.subscriptions.pop(path, None)
                return messages.DeleteResp(
                    tuple(DeletedObject(path, Deleted((path,))) for path in paths)
                )
            case _:
                return Error(7001, "not supported")

    def _path(self, path: str) -> RequestedPath:
        if self.untrusted:
            return RequestedPath(path, (), 7026, "invalid path")
        name = path.removeprefix(INFO)
        if name in self.info:
            return RequestedPath(path, (ResolvedPath(INFO, {name: self.info[name]}),))
        if path.startswith("Device.LocalAgent.Controller."):
            return RequestedPath(path, (ResolvedPath(ROW, dict(self.row)),))
        if path == SUBSCRIPTIONS:
            rows = tuple(ResolvedPath(row, told) for row, told in self.subscriptions.items())
            return RequestedPath(path, rows)
        if path == f"{SUBSCRIPTIONS}*.ID":
            told = self.subscriptions.items()
            ids = tuple(ResolvedPath(row, {"ID": params["ID"]}) for row, params in told)
            return RequestedPath(path, ids)
        return RequestedPath(path, (), 7026, "invalid path")

    def _add(self, wanted: messages.ObjectSettings) -> CreatedObject:
        row = f"{SUBSCRIPTIONS}{len(self.subscriptions) + 1}."
        told = {setting.name: setting.value for setting in wanted.settings}
        self.subscriptions[row] = {"Recipient": ROW.rstrip("."), **told}
        return CreatedObject(wanted.path, Created(row))
