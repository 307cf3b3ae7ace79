"""How USP agents reach the server."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from msgspec import Meta, Struct

from acs.model import Secret
from acs.settings.sections.kinds import (
    HOST_PORT,
    WANT_ADDRESS,
    WANT_OPTIONAL_ADDRESS,
    Bytes,
    Count,
    OptionalAddress,
    Seconds,
    says,
)


class MqttVersion(StrEnum):
    """The version of MQTT we speak to the broker."""

    V5 = "5"
    V3_1_1 = "3.1.1"


class MqttPresence(StrEnum):
    """Whose way of telling that clients come and go is read."""

    MOSQUITTO = "mosquitto"
    EMQX = "emqx"
    OFF = "off"


class MqttIdentity(StrEnum):
    """What the broker asks of an agent before it may speak as itself."""

    ACCOUNT = "account"
    CERTIFICATE = "certificate"


class WebSocketAuth(StrEnum):
    """How an agent that connects over WebSocket proves who it is."""

    CERTIFICATE = "certificate"
    BASIC = "basic"
    NONE = "none"


class UspSettings(Struct, frozen=True, kw_only=True):
    """TR-369: who we are to agents, and the bounds of a conversation."""

    endpoint_id: Annotated[
        str,
        Meta(pattern=r"^[a-z]+:[0-9A-Za-z._-]*:[0-9A-Za-z%._-]{1,50}\Z", max_length=120),
        says(
            "Our endpoint id, which agents have in their Controller table.",
            want='an endpoint id like "self::acs" or "fqdn::acs.example.net"',
        ),
    ] = "self::gigafibre-acs"
    request_seconds: Annotated[Seconds, says("Seconds an agent has to answer one request.")] = 30.0
    periodic_seconds: Annotated[
        int,
        Meta(ge=0),
        says("Seconds between two Periodic! of an agent; 0: leave the agent's own."),
    ] = 300
    max_record_bytes: Annotated[Bytes, says("Largest record that is taken.")] = 2_097_152
    require_identity: Annotated[
        bool,
        says(
            "Take records only from agents whose endpoint id the transport vouches for, by a "
            "certificate, an account or the broker's rules; false: from everybody, for a lab only."
        ),
    ] = True
    authorities: Annotated[
        str,
        says(
            "PEM file: authorities that sign agents' certificates. With it, the signature of a "
            "signed record is verified; empty: it is not looked at."
        ),
    ] = ""
    notifies_per_minute: Annotated[
        Count,
        says("Most Notifies of one agent in a minute; what is beyond is dropped and counted."),
    ] = 600
    notify_days: Annotated[Count, says("Days a Notify is kept.")] = 30


class MqttSettings(Struct, frozen=True, kw_only=True):
    """USP over MQTT: the broker, and how we and the agents use it."""

    broker: Annotated[
        str,
        Meta(pattern=r"^(embedded|off|mqtts?://([^\s:/@\[\]]+|\[[0-9A-Fa-f:.]+\]):\d{1,5})\Z"),
        says(
            "`embedded`: start and look after a Mosquitto of our own; `off`; or the address of "
            "another broker.",
            want='"embedded", "off", "mqtt://host:1883" or "mqtts://host:8883"',
        ),
    ] = "embedded"
    listen: Annotated[
        str,
        Meta(pattern=HOST_PORT),
        says("Address of the embedded broker, without TLS.", want=WANT_ADDRESS),
    ] = "127.0.0.1:7883"
    tls_listen: Annotated[
        OptionalAddress,
        says(
            "Address of the embedded broker with TLS and the certificate of "
            "`cwmp.tls_certificate`; empty: off.",
            want=WANT_OPTIONAL_ADDRESS,
        ),
    ] = ""
    bootstrap: Annotated[
        bool,
        says(
            "Let new agents into the embedded broker with the user name and password of "
            "`auth.bootstrap_username`."
        ),
    ] = True
    username: Annotated[str, says("Our user name at another broker.")] = ""
    password: Annotated[Secret, says("Our password at another broker.")] = Secret("")
    client_id: Annotated[
        str,
        says("Our client id.", shown="the endpoint id, and the instance where there is one"),
    ] = ""
    tls_ca: Annotated[
        str,
        says("PEM file: authorities that sign the broker's certificate.", shown="the system's"),
    ] = ""
    tls_certificate: Annotated[str, says("PEM file: our certificate for the broker.")] = ""
    tls_key: Annotated[str, says("PEM file: the key of that certificate.")] = ""
    version: Annotated[
        MqttVersion, says("Version of MQTT that we speak; agents may speak either.")
    ] = MqttVersion.V5
    qos: Annotated[int, Meta(ge=0, le=1), says("Quality of service of what we ask and read.")] = 1
    keep_alive: Annotated[
        int, Meta(ge=5, le=3600), says("Seconds of silence after which we ask the broker.")
    ] = 30
    session_seconds: Annotated[
        int, Meta(ge=0), says("Seconds the broker keeps what comes for us while we are away.")
    ] = 3600
    topic: Annotated[
        str,
        Meta(pattern=r"^[^\s/+#$][^\s+#]*[^\s/+#]\Z"),
        says("What all our topics begin with.", want='a topic like "usp/v1"'),
    ] = "usp/v1"
    share_group: Annotated[
        str,
        Meta(pattern=r"^[0-9A-Za-z._-]*\Z"),
        says("Name under which several servers share what agents begin; empty: no sharing."),
    ] = ""
    instance: Annotated[
        str,
        Meta(pattern=r"^[0-9A-Za-z._-]*\Z"),
        says("Name of this server among them.", shown="the host name"),
    ] = ""
    identity: Annotated[
        MqttIdentity,
        says("What another broker asks of an agent before it may write to `controller/ID`."),
    ] = MqttIdentity.ACCOUNT
    presence: Annotated[
        MqttPresence, says("How another broker tells us that agents come and go.")
    ] = MqttPresence.MOSQUITTO


class WebSocketSettings(Struct, frozen=True, kw_only=True):
    """USP over WebSocket: where agents connect. Certificate and key are those of `[cwmp]`."""

    listen: Annotated[
        OptionalAddress,
        says("Address without TLS, for a lab; empty: off.", want=WANT_OPTIONAL_ADDRESS),
    ] = ""
    tls_listen: Annotated[
        OptionalAddress, says("Address with TLS; empty: off.", want=WANT_OPTIONAL_ADDRESS)
    ] = ""
    tls_client_ca: Annotated[
        str,
        says(
            "PEM file: authorities that sign agents' certificates.",
            shown="that of cwmp.tls_client_ca",
        ),
    ] = ""
    path: Annotated[
        str,
        Meta(pattern=r"^/[^\s?#]*\Z"),
        says("The only URL path that is served.", want='a path like "/usp"'),
    ] = "/usp"
    auth: Annotated[
        WebSocketAuth,
        says(
            "What an agent has to show: a `certificate` with its endpoint id; `basic`: the "
            "bootstrap password; `none`: nothing, for a lab only. A certificate counts with each."
        ),
    ] = WebSocketAuth.CERTIFICATE
    handshake_seconds: Annotated[
        Seconds, says("Seconds from the connection to the end of the handshake, TLS included.")
    ] = 10.0
    ping_seconds: Annotated[
        Seconds, says("Seconds of silence after which an agent is asked for a sign of life.")
    ] = 60.0
    pong_seconds: Annotated[Seconds, says("Seconds it has for that; then it is gone.")] = 20.0
    record_seconds: Annotated[
        Seconds, says("Seconds from the first octet of a record to its last.")
    ] = 60.0
    connections: Annotated[Count, says("Most open connections.")] = 20_000
    connections_per_address: Annotated[
        Count, says("Most open connections of one address; raise it behind NAT or a proxy.")
    ] = 1000
