"""The MQTT side of USP: a broker of our own where none is named, and our link to the broker."""

from __future__ import annotations

import socket
from dataclasses import replace
from typing import Any

from twisted.python.failure import Failure

from acs.http import split_address
from acs.log import get_logger
from acs.server.usp_watch import UspWatch
from acs.settings import Settings
from acs.usp.mqtt.broker import BrokerAddress, BrokerError, EmbeddedBroker
from acs.usp.mqtt.edge import EdgeOptions, MqttEdge
from acs.usp.mqtt.mosquitto import BrokerOptions, Tls
from acs.usp.mqtt.presence import PresenceSource
from acs.usp.mqtt.remote import Broker, Trust, Version
from acs.usp.mqtt.topics import Credential, Topics
from acs.usp.mtp import Receiver, Route

log = get_logger("acs.usp")

EMBEDDED = "embedded"
BROKER_FOLDER = "mosquitto"
"""Below the data directory."""


class MqttSide:
    """Implements `acs.usp.mtp.Sender` over one broker, wherever that is."""

    def __init__(
        self, settings: Settings, receiver: Receiver, reactor: Any, watch: UspWatch
    ) -> None:
        self._settings = settings
        self._receiver = receiver
        self._reactor = reactor
        self._watch = watch
        self._edge: MqttEdge | None = None
        self._embedded = self._own_broker() if settings.mqtt.broker == EMBEDDED else None

    @property
    def is_wanted(self) -> bool:
        """True unless the settings say `off`."""
        return self._settings.mqtt.broker != "off"

    @property
    def is_up(self) -> bool:
        """True while records come and go."""
        return self._edge is not None and self._edge.up

    @property
    def condition(self) -> str:
        """How the link is, in words without secrets."""
        if self._embedded is not None and not self._embedded.running:
            return f"embedded broker {self._embedded.condition}"
        if self._edge is not None:
            return self._edge.condition
        return "the broker is not reached yet" if self.is_wanted else "MQTT is off"

    @property
    def address(self) -> str:
        """Where our own broker is; empty where there is none."""
        return self._embedded.address if self._embedded is not None else ""

    def send(self, route: Route, octets: bytes) -> bool:
        """Carry one record; False: there is no way to ``route`` now."""
        return self._edge is not None and self._edge.send(route, octets)

    def drop(self, route: Route, why: str) -> None:
        """Nothing: an agent's connection is the broker's."""

    def start(self) -> None:
        """Begin to reach the broker."""
        if self._embedded is not None:
            self._embedded.start().addCallbacks(self._found, self._not_started)
        elif self.is_wanted:
            scheme, _, place = self._settings.mqtt.broker.partition("://")
            self._connect(self._broker(place, scheme == "mqtts"))

    async def stop(self) -> None:
        """Take leave."""
        if self._edge is not None:
            await self._edge.stop()
        if self._embedded is not None:
            await self._embedded.stop()

    def _own_broker(self) -> EmbeddedBroker:
        settings, mqtt = self._settings, self._settings.mqtt
        host, port = split_address(mqtt.listen)
        tls = None
        if mqtt.tls_listen:
            tls_host, tls_port = split_address(mqtt.tls_listen)
            tls = Tls(tls_host, tls_port, settings.cwmp.tls_certificate, settings.cwmp.tls_key)
        options = BrokerOptions(
            host=host,
            port=port,
            tls=tls,
            topic=mqtt.topic,
            largest_record=settings.usp.max_record_bytes,
            bootstrap_username=settings.auth.bootstrap_username if mqtt.bootstrap else "",
            bootstrap_password=settings.auth.bootstrap_password,
        )
        return EmbeddedBroker(options, settings.data_dir / BROKER_FOLDER, self._reactor)

    def _found(self, at: BrokerAddress) -> None:
        broker = self._broker(str(at), tls=False)
        self._connect(replace(broker, username=at.username, password=at.password))

    def _not_started(self, failure: Failure) -> None:
        failure.trap(BrokerError)
        log.error("USP over MQTT is off", reason=str(failure.value))

    def _connect(self, broker: Broker) -> None:
        mqtt = self._settings.mqtt
        options = EdgeOptions(
            topics=self._topics(),
            qos=mqtt.qos,
            require_identity=self._settings.usp.require_identity,
            presence=PresenceSource(mqtt.presence.value),
        )
        self._edge = MqttEdge(broker, options, self._receiver, self._reactor, self._watch)
        self._edge.start()
        log.info("USP over MQTT", broker=str(broker), topic=mqtt.topic)

    def _topics(self) -> Topics:
        mqtt = self._settings.mqtt
        certified = mqtt.identity.value == "certificate"
        return Topics(
            prefix=mqtt.topic,
            controller=self._settings.usp.endpoint_id,
            group=mqtt.share_group,
            instance=mqtt.instance or socket.gethostname(),
            proven_by=Credential.CERTIFICATE if certified else Credential.OWN,
        )

    def _broker(self, place: str, tls: bool) -> Broker:
        mqtt, endpoint = self._settings.mqtt, self._settings.usp.endpoint_id
        host, port = split_address(place)
        shared = f"{endpoint}:{mqtt.instance or socket.gethostname()}"
        return Broker(
            host,
            port,
            client_id=mqtt.client_id or (shared if mqtt.share_group else endpoint),
            endpoint=endpoint,
            version=Version(mqtt.version.value),
            username=mqtt.username,
            password=mqtt.password,
            trust=Trust(mqtt.tls_ca, mqtt.tls_certificate, mqtt.tls_key) if tls else None,
            keep_alive=mqtt.keep_alive,
            session_seconds=mqtt.session_seconds,
            largest_packet=self._settings.usp.max_record_bytes + 65_536,
            status=self._topics().status,
        )
