"""Opening a connection to a broker, and what is said over it before records are."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Sequence
from typing import Any

from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from acs.usp.mqtt.client import BufferedClient
from acs.usp.mqtt.packets import Published
from acs.usp.mqtt.remote import Broker, Version

CONNECT_SECONDS = 10.0
"""From the beginning of an attempt until the last SUBACK."""
MOST_WAITING = 10_000
"""Publishes at QoS 1 that wait for the broker's word."""


def new_client(broker: Broker, published: Callable[[Published], None]) -> BufferedClient:
    """Make a client for one connection; whoever owns it sets its callbacks."""
    v5 = broker.version is Version.V5
    client = BufferedClient(
        published,
        callback_api_version=CallbackAPIVersion.VERSION2,
        client_id=broker.client_id,
        clean_session=None if v5 else False,
        protocol=MQTTProtocolVersion.MQTTv5 if v5 else MQTTProtocolVersion.MQTTv311,
        reconnect_on_failure=False,
    )
    client.connect_timeout = CONNECT_SECONDS
    client.max_queued_messages_set(MOST_WAITING)
    if broker.username:
        client.username_pw_set(broker.username, broker.password.reveal())
    if broker.status:
        client.will_set(broker.status, b"offline", qos=1, retain=True)
    return client


def open_blocking(client: BufferedClient, broker: Broker) -> None:
    """Connect TCP and TLS, and write CONNECT into the client's buffer. For a thread.

    Raises `OSError`, and `ValueError` for an address that is none.
    """
    if broker.trust is not None:
        client.tls_set_context(broker.trust.context())
    if broker.version is Version.V3_1_1:
        client.connect(broker.host, broker.port, broker.keep_alive)
        return
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    properties.RequestResponseInformation = 1
    properties.SessionExpiryInterval = broker.session_seconds
    properties.MaximumPacketSize = broker.largest_packet
    properties.UserProperty = ("usp-endpoint-id", broker.endpoint)
    client.connect(
        broker.host, broker.port, broker.keep_alive, clean_start=False, properties=properties
    )


def subscribe(client: Any, version: Version, filters: Sequence[str], qos: int) -> int:
    """Send one SUBSCRIBE; its packet id comes back with SUBACK."""
    if version is Version.V5:
        asked: list[Any] = [(each, SubscribeOptions(qos=qos)) for each in filters]
    else:
        asked = [(each, qos) for each in filters]
    _result, packet_id = client.subscribe(asked)
    return int(packet_id)


def disconnect(client: BufferedClient, version: Version, *, with_will: bool) -> None:
    """Say DISCONNECT, and close; ``with_will``: the broker is to publish our Will (MQTT 5)."""
    if version is Version.V5:
        reason = "Disconnect with will message" if with_will else "Normal disconnection"
        client.disconnect(ReasonCode(PacketTypes.DISCONNECT, reason))
    else:
        client.disconnect()
    client.abandon()


def in_words(error: BaseException | None) -> str:
    """Say why a connection was not made, or broke."""
    match error:
        case ssl.SSLCertVerificationError():
            return f"the broker's certificate is not trusted: {error.verify_message}"
        case ssl.SSLError():
            return f"TLS: {error.reason or error}"
        case OSError(filename=str() as name):
            return f"{name}: {error.strerror}"
        case OSError():
            return error.strerror or str(error) or type(error).__name__
        case _:
            return str(error) or type(error).__name__
