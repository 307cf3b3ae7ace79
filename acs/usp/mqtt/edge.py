"""The MQTT edge: records from the broker to the controller, and back.

What came to which topic says who wrote it (`acs.usp.mqtt.topics`); what was published in which
form says how it is answered. The records themselves are not looked into.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from paho.mqtt.properties import Properties
from twisted.internet.defer import Deferred

from acs.usp.mqtt.link import Granted, Link, LinkState
from acs.usp.mqtt.packets import Published, pack_properties
from acs.usp.mqtt.presence import FILTERS, PresenceSource, is_presence, presence_of
from acs.usp.mqtt.remote import Broker, Version
from acs.usp.mqtt.topics import (
    CONTENT_TYPE,
    Address,
    Topics,
    carries_record,
    fault_of_reply,
    split_reply,
    with_reply,
)
from acs.usp.mtp import Mtp, Origin, Receiver, Route


class Watcher(Protocol):
    """Logs and counts, injected."""

    def rejected(self, reason: str, address: str) -> None:
        """What came is dropped; ``address`` is its topic."""

    def bug(self, where: str, error: BaseException) -> None:
        """Something of ours failed; the link goes on."""


@dataclass(frozen=True, slots=True)
class EdgeOptions:
    """How the edge speaks with agents."""

    topics: Topics
    qos: int = 1
    require_identity: bool = True
    """Drop what comes on a topic that vouches for nobody."""
    presence: PresenceSource = PresenceSource.MOSQUITTO


class MqttEdge:
    """A `Sender` over one link to a broker; gives what comes to ``receiver``."""

    def __init__(
        self,
        broker: Broker,
        options: EdgeOptions,
        receiver: Receiver,
        reactor: Any,
        watcher: Watcher,
        spread: Callable[[], float] = random.random,
    ) -> None:
        self._options = options
        self._topics = options.topics
        self._receiver = receiver
        self._watcher = watcher
        self._response_information = ""
        self._presence = options.presence
        self._link = Link(
            broker,
            needed=self._topics.filters(),
            wanted=FILTERS[options.presence],
            qos=options.qos,
            listener=self,
            reactor=reactor,
            spread=spread,
        )

    def start(self) -> None:
        """Connect, and stay connected; the receiver is told of each change."""
        self._link.start()

    def stop(self) -> Deferred[None]:
        """Leave the broker with a word of good-bye; fires at the end."""
        return self._link.stop()

    @property
    def up(self) -> bool:
        """Whether records come and go."""
        return self._link.state is LinkState.UP

    @property
    def condition(self) -> str:
        """How the link is, in words without secrets, for health pages."""
        broker, trouble = self._link.broker, self._link.trouble
        if not self.up:
            return f"{broker}: {self._link.state}" + (f", {trouble}" if trouble else "")
        if self._presence is not self._options.presence:
            return f"{broker}: up, but the broker does not tell us who comes and goes"
        return f"{broker}: up"

    # A `Sender`

    def send(self, route: Route, octets: bytes) -> bool:
        """Publish one record to an agent's topic; False: there is no way to it now."""
        address = Address.parse(route.address)
        reply = self._response_information or self._topics.reply_to(address)
        if address.version_3 or self._link.broker.version is Version.V3_1_1:
            return self._link.publish(with_reply(address.topic, reply), octets, _Packed(reply))
        return self._link.publish(address.topic, octets, _Packed(reply))

    def drop(self, route: Route, why: str) -> None:
        """Nothing: the connection of an agent is the broker's."""

    # A listener of the link

    def link_up(self, granted: Granted) -> None:
        """Tell the controller that agents can be reached."""
        self._response_information = granted.response_information
        asked = self._options.presence
        blind = bool(set(granted.refused) & set(FILTERS[asked]))
        self._presence = PresenceSource.OFF if blind else asked
        if blind:
            self._watcher.rejected("the broker refused the topic of presence", FILTERS[asked][0])
        self._receiver.link_up(Mtp.MQTT)

    def link_down(self, why: str) -> None:
        """Tell the controller that agents cannot be reached."""
        self._receiver.link_down(Mtp.MQTT, why)

    def published(self, message: Published) -> None:
        """Take what was published to us."""
        try:
            if is_presence(message.topic):
                self._take_presence(message)
            else:
                self._take_record(message)
        except Exception as error:
            self._watcher.bug("the MQTT edge", error)

    def _take_presence(self, message: Published) -> None:
        seen = presence_of(self._presence, message.topic, message.payload)
        if seen is None or seen.endpoint == self._topics.controller:
            return
        if seen.here:
            self._receiver.present(seen.endpoint, Mtp.MQTT, seen.evidence, seen.address)
        else:
            self._receiver.absent(seen.endpoint, Mtp.MQTT, seen.evidence)

    def _take_record(self, message: Published) -> None:
        if not carries_record(message.content_type):
            self._watcher.rejected("content type is not of USP", message.topic)
            return
        topic, reply = split_reply(message.topic)
        version_3 = bool(reply) and not message.response_topic
        reply = message.response_topic or reply
        vouching = self._topics.vouching(topic)
        if self._options.require_identity and not vouching.endpoint:
            self._watcher.rejected("no identity: its topic vouches for nobody", topic)
            return
        fault = fault_of_reply(reply, vouching.endpoint)
        shared = vouching.credential == "bootstrap"
        address = Address(reply, shared_account=shared, version_3=version_3)
        self._receiver.record(
            message.payload,
            Origin(
                mtp=Mtp.MQTT,
                reply=None if fault else Route(Mtp.MQTT, str(address)),
                vouched=vouching.endpoint,
                credential=str(vouching.credential),
                peer=topic,
                problem=fault and f"{fault}{self._why_no_reply(reply)}",
            ),
        )

    def _why_no_reply(self, reply: str) -> str:
        """R-MQTT.26a: without a reply topic, two versions of MQTT met on the way."""
        if reply:
            return ""
        return f": sent over another version of MQTT than ours, {self._link.broker.version}?"


class _Packed(Properties):
    """Content type and response topic of a PUBLISH, as octets.

    paho asks properties for nothing but `pack`; its own cost more than the rest of a PUBLISH.
    """

    def __init__(self, reply: str) -> None:
        self.__dict__["octets"] = pack_properties(CONTENT_TYPE, reply)

    def pack(self) -> bytes:
        """Return the length and the properties."""
        octets: bytes = self.__dict__["octets"]
        return octets
