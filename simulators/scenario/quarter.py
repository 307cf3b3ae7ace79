"""The agents of a scenario that speak USP, and what is seen of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from google.protobuf.message import DecodeError

from acs.usp.pb import usp_msg_pb2 as usp
from acs.usp.pb import usp_record_pb2 as record_pb
from simulators.cpe.alarms import Alarms
from simulators.cpe.arrivals import Arrivals
from simulators.cpe.device import Ont
from simulators.demo.upgraded import agent_of
from simulators.usp.crowd import Crowd, Resident
from simulators.usp.dialling import Dialler, parse_address
from simulators.usp.files import Files
from simulators.usp.life import Life, Retry
from simulators.usp.links import Way
from simulators.usp.mischief import parse_mischief
from simulators.usp.mqtt_client import MqttWay
from simulators.usp.mqtt_session import MqttOptions
from simulators.usp.mqtt_wire import Version
from simulators.usp.options import AgentOptions
from simulators.usp.websocket_client import WebSocketOptions, WebSocketWay

from .evidence import Evidence, LostLink, Notified
from .ports import Ports
from .scenario import Member, Mtp, PaceTable
from .wishes import unit_of

_QUICK = 2.0
"""Seconds that writing an image, or a test, takes."""


class Quarter:
    """All agents of a town that speak USP.

    ``look`` is told which member may have come to have what is wished for it, ``came`` which one
    has been spoken to.
    """

    def __init__(
        self,
        pace: PaceTable,
        *,
        ports: Ports,
        account: tuple[str, str],
        reactor: Any,
        clock: Callable[[], float],
        seen: Evidence,
        look: Callable[[Member], None],
        came: Callable[[Member], None],
    ) -> None:
        self._pace = pace
        self._ports = ports
        self._account = account
        self._reactor = reactor
        self._clock = clock
        self._seen = seen
        self._look = look
        self._came = came
        self._alarms = Alarms(reactor)
        self._files = Files(reactor, timeout=pace.answer)
        self._ways: dict[Mtp, Way] = {}
        self._members: dict[str, Member] = {}
        """By endpoint id."""
        self._lives: dict[int, Life] = {}
        self._crowds: list[Crowd] = []
        self._notifies: dict[tuple[str, str], float] = {}
        """When a Notify that wants an answer was first sent, by endpoint and message id."""

    def join(self, joining: Sequence[Member], curve: Arrivals, seed: int) -> None:
        """Switch agents on, along ``curve``."""
        options = AgentOptions(
            periodic=max(1, round(self._pace.periodic)),
            boot_time=self._pace.reboot,
            transfer_time=_QUICK,
            flash_time=_QUICK,
            test_time=_QUICK,
        )
        crowd = Crowd(
            [Resident(_unit(member), options, self._way(member.mtp)) for member in joining],
            reactor=self._reactor,
            alarms=self._alarms,
            seed=seed,
            observe=self._observe,
            arrivals=curve,
            retry=Retry(),
            mischief=lambda place: parse_mischief(joining[place].faults),
            files=self._files,
        )
        for member, life in zip(joining, crowd.lives, strict=True):
            self._add(member, life)
        self._crowds.append(crowd)
        crowd.run()

    def take_over(self, member: Member, ont: Ont, seed: int) -> None:
        """Have a unit that spoke CWMP speak USP from now on, with what it was given."""
        now = self._reactor.seconds()
        life = Life(
            agent_of(ont, self._pace.reboot, now, seed),
            self._way(member.mtp),
            clock=self._reactor.seconds,
            alarms=self._alarms,
            observe=self._observe,
            retry=Retry(),
            seed=seed,
            first=now,
            files=self._files,
        )
        self._add(member, life)

    def power_cut(self, curve: Arrivals) -> None:
        """Take the power from all; it comes back along ``curve``."""
        for crowd in self._crowds:
            crowd.power_cut(curve)

    def stop(self) -> None:
        """Have all leave."""
        for life in self._lives.values():
            life.stop()

    def has(self, member: Member) -> bool:
        """Whether the agent of a member is, or was, switched on."""
        return member.number in self._lives

    def shown(self, member: Member) -> Callable[[str], str]:
        """Return what tells the values of an agent, secrets in clear."""
        return self._lives[member.number].agent.value

    # --- behind that ----------------------------------------------------------------------------

    def _add(self, member: Member, life: Life) -> None:
        self._members[life.agent.endpoint] = member
        self._lives[member.number] = life

    def _way(self, mtp: Mtp) -> Way:
        if mtp not in self._ways:
            self._ways[mtp] = self._make_way(mtp)
        return self._ways[mtp]

    def _make_way(self, mtp: Mtp) -> Way:
        username, password = self._account
        if mtp is Mtp.WEBSOCKET:
            address = parse_address(f"ws://{self._ports.websocket}/usp", ("ws",))
            options = WebSocketOptions(address, username, password)
            return WebSocketWay(options, Dialler(self._reactor, address), self._reactor)
        address = parse_address(f"mqtt://{self._ports.mqtt}", ("mqtt",))
        version = Version.V5 if mtp is Mtp.MQTT5 else Version.V3_1_1
        spoken = MqttOptions(
            version=version,
            username=username,
            password=password,
            controller="usp/v1/onboard/{endpoint}",
        )
        return MqttWay(spoken, Dialler(self._reactor, address), self._reactor, self._alarms)

    def _observe(self, life: Life, kind: str, fields: Mapping[str, Any]) -> None:
        member = self._members[life.agent.endpoint]
        match kind:
            case "connecting":
                self._seen.switched_on.setdefault(member.number, self._clock())
            case "sent":
                self._note_notify(life.agent.endpoint, fields["octets"])
            case "received":
                self._note_answer(member, life.agent.endpoint, fields["octets"])
                self._came(member)
                # What it asks of the agent is done when the observer has returned.
                self._reactor.callLater(0, self._look, member)
            case "down" if fields["wait"] is not None:
                self._seen.lost_links.append(LostLink(self._clock(), fields["why"], member.good))

    def _note_notify(self, endpoint: str, octets: bytes) -> None:
        message = _message(octets)
        if message is not None and message.body.request.notify.send_resp:
            self._notifies.setdefault((endpoint, message.header.msg_id), self._clock())

    def _note_answer(self, member: Member, endpoint: str, octets: bytes) -> None:
        message = _message(octets)
        if message is None or not message.body.response.HasField("notify_resp"):
            return
        began = self._notifies.pop((endpoint, message.header.msg_id), None)
        if began is not None:
            now = self._clock()
            self._seen.notifies.append(Notified(now, now - began, member.good))


def _unit(member: Member) -> Any:
    return unit_of(member, "", ("", ""))


def _message(octets: bytes) -> usp.Msg | None:
    """Return the message of a record without session context; None: there is none to read."""
    try:
        record = record_pb.Record.FromString(octets)
        return usp.Msg.FromString(record.no_session_context.payload)
    except DecodeError:
        return None
