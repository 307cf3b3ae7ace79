"""Jobs on a simulated USP agent, through our own messages, without sockets or a clock.

unit = UspUnit(Job(7, 1, JobKind.REBOOT))
unit.visit(); unit.wait(60); unit.visit()
unit.job().state
"""

from __future__ import annotations

from itertools import count
from typing import Any

from house_in_memory import MemoryHouse
from usp_desk import START, Desk

from acs.devices.agents import Agent, StoredNotify
from acs.devices.record import Job
from acs.devices.visit import Visit
from acs.model import DataModel, Event, EventKind
from acs.usp import announcement
from acs.usp.codec import decode, encode
from acs.usp.conversation import Conversation, Send, Step
from acs.usp.known import Known
from acs.usp.pb import usp_msg_pb2 as pb

SOFTWARE = "Device.DeviceInfo.SoftwareVersion"
ASKED = (Event(EventKind.ASKED),)


class UspUnit:
    """A unit, its agent, and the house that has jobs for it."""

    def __init__(self, *jobs: Job, **options: Any) -> None:
        self.desk = Desk(**options)
        self.desk.subscribe("OperationComplete", "Device.")
        self.desk.subscribe("Event", "Device.Boot!", ID="boot")
        self.desk.subscribe("Event", "Device.LocalAgent.TransferComplete!", ID="transfer")
        self.desk.kinds()
        self.house = MemoryHouse()
        self.house.jobs = list(jobs)
        self.asked: list[pb.Msg] = []
        """Every request that was sent."""
        self._ids = count(1)

    def job(self, job_id: int = 7) -> Job:
        """The job as the house keeps it."""
        (found,) = [job for job in self.house.jobs if job.id == job_id]
        return found

    def commands(self, name: str) -> list[Any]:
        """The requests that ran a command of this name."""
        operates = [each.body.request.operate for each in self.asked]
        return [each for each in operates if each.command.endswith(name)]

    def wait(self, seconds: float) -> None:
        """Let time pass for the agent."""
        self.desk.wait(seconds)

    def restart_controller(self) -> None:
        """Keep nothing but what the store has: jobs and the device's record."""
        house = MemoryHouse()
        house.device, house.jobs, house.effects = (
            self.house.device,
            self.house.jobs,
            self.house.effects,
        )
        self.house = house

    def visit(self, *, at_most: int | None = None, keep: bool = False) -> None:
        """Visit the agent with all it has reported.

        ``at_most``: answers that come before the line is lost. ``keep``: its reports are told
        again at the next visit.
        """
        desk = self.desk
        reports = zip(desk.ids, desk.notifies, strict=True)
        told = [self._stored(msg_id, notify) for msg_id, notify in reports]
        if not keep:
            desk.kinds()
        self.house.time = desk.now
        contact = announcement.contact_of(
            self._agent(), told, at=desk.now, session="s", address="", credential="own", more=ASKED
        )
        visit = Visit(contact, self.house)
        conversation = Conversation(
            visit.run(DataModel()),
            Known(),
            new_id=lambda: f"m{next(self._ids)}",
            on_notice=visit.notice,
        )
        conversation.announce([n for each in told if (n := announcement.notice_of(each))])
        step: Step = conversation.begin()
        answers = 0
        while isinstance(step, Send):
            answer = self._carry(step)
            if answer is None or answers == at_most:
                conversation.lost("the line is gone")
                return
            answers += 1
            step = conversation.answered(answer)
        assert conversation.fault is None, conversation.fault

    def _carry(self, step: Send) -> Any:
        message = pb.Msg.FromString(encode(step.message))
        self.asked.append(message)
        self.desk.replies.clear()
        self.desk.send(message)
        self.desk.collect()
        found = [m for m in self.desk.replies if m.header.msg_id == step.message.id]
        return decode(found[0].SerializeToString()).body if found else None

    def _stored(self, msg_id: str, notify: pb.Notify) -> StoredNotify:
        message = pb.Msg()
        message.header.msg_id, message.header.msg_type = msg_id, pb.Header.NOTIFY
        message.body.request.notify.CopyFrom(notify)
        body: Any = decode(message.SerializeToString()).body
        return announcement.stored(self.desk.agent.endpoint, msg_id, self.desk.now, body)

    def _agent(self) -> Agent:
        identity = self.desk.agent.identity
        return Agent(
            self.desk.agent.endpoint,
            oui=identity.oui,
            product_class=identity.product_class,
            serial_number=identity.serial,
            software=self.desk.agent.value(SOFTWARE),
            first_seen=START,
        )
