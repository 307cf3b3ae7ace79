"""How devices reach the server, prove who they are, and are called."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from msgspec import Meta, Struct

from acs.model import Secret
from acs.settings.sections.kinds import (
    WANT_OPTIONAL_ADDRESS,
    Bytes,
    Count,
    OptionalAddress,
    Seconds,
    says,
)


class TlsVersion(StrEnum):
    """Oldest TLS version that is spoken."""

    V1_0 = "TLSv1"
    V1_1 = "TLSv1.1"
    V1_2 = "TLSv1.2"
    V1_3 = "TLSv1.3"


class AuthMode(StrEnum):
    """How a device proves who it is."""

    DIGEST = "digest"
    BASIC = "basic"
    ANY = "any"
    NONE = "none"


class DigestOffer(StrEnum):
    """Which digest algorithms a device is offered."""

    MD5 = "md5"
    SHA256 = "sha-256"
    BOTH = "both"


class Rebootstrap(StrEnum):
    """May a device with its own password come back with the bootstrap one?"""

    ALLOW = "allow"
    DENY = "deny"


class CwmpSettings(Struct, frozen=True, kw_only=True):
    """TR-069: where devices call, and the bounds of a session."""

    listen: Annotated[
        OptionalAddress, says("Address for plain HTTP.", want=WANT_OPTIONAL_ADDRESS)
    ] = "0.0.0.0:7547"
    tls_listen: Annotated[
        OptionalAddress, says("Address for HTTPS; empty: off.", want=WANT_OPTIONAL_ADDRESS)
    ] = ""
    tls_certificate: Annotated[str, says("PEM file: the server's certificate and its chain.")] = ""
    tls_key: Annotated[str, says("PEM file: the key of that certificate.")] = ""
    tls_client_ca: Annotated[
        str, says("PEM file: authorities that sign devices' certificates.")
    ] = ""
    tls_require_client_certificate: Annotated[
        bool, says("Refuse a device that shows no certificate of `tls_client_ca`.")
    ] = False
    tls_minimum: Annotated[TlsVersion, says("Oldest TLS version that is spoken.")] = TlsVersion.V1_2
    path: Annotated[
        str,
        Meta(pattern=r"^(/\S*)?\Z"),
        says("The only URL path that is served; empty: any.", want='a path like "/acs", or ""'),
    ] = ""
    session_timeout: Annotated[
        Seconds, says("Seconds that a session waits for the device's next message.")
    ] = 60.0
    max_rpcs: Annotated[Count, says("Most requests of ours in one session.")] = 500
    max_exchanges: Annotated[Count, says("Most HTTP exchanges in one session.")] = 1000
    max_sessions: Annotated[
        Count, says("Most open sessions; above it a new one is told to come back later (503).")
    ] = 20_000
    sessions_per_minute: Annotated[
        Count,
        says("Most sessions one device may begin in a minute; then it is told to come back later."),
    ] = 60
    target_delay: Annotated[
        float,
        Meta(ge=0.05, le=30),
        says(
            "Seconds a session may wait for the server, all its exchanges together; when it is "
            "more, new sessions are told to come back later (503) until it is less."
        ),
    ] = 0.5
    hold_requests: Annotated[
        bool, says("Announce HoldRequests, so that a device keeps its own requests for the end.")
    ] = False
    xml_declaration: Annotated[bool, says("Begin each SOAP message with an XML declaration.")] = (
        True
    )


class HttpSettings(Struct, frozen=True, kw_only=True):
    """Bounds of every HTTP connection of a device."""

    header_bytes: Annotated[Bytes, says("Largest request line and headers.")] = 16_384
    body_bytes: Annotated[Bytes, says("Largest body, as sent.")] = 4_194_304
    decompressed_bytes: Annotated[Bytes, says("Largest body, once decompressed.")] = 8_388_608
    request_seconds: Annotated[
        Seconds, says("Seconds a device may take to send one whole request.")
    ] = 30.0
    idle_seconds: Annotated[Seconds, says("Seconds a connection may rest between requests.")] = 75.0
    connections: Annotated[Count, says("Most open connections.")] = 50_000
    connections_per_address: Annotated[
        Count, says("Most open connections of one address; raise it behind NAT or a proxy.")
    ] = 1000


class AuthSettings(Struct, frozen=True, kw_only=True):
    """How devices prove who they are."""

    mode: Annotated[
        AuthMode,
        says(
            "`digest`; `basic`; `any`: what the device offers of the two; `none`: for a lab only."
        ),
    ] = AuthMode.DIGEST
    digest: Annotated[
        DigestOffer,
        says(
            "Digest algorithms that are offered. TR-069 asks a device to know MD5 only, and some "
            "read just one of two challenges."
        ),
    ] = DigestOffer.MD5
    allow_basic_on_http: Annotated[
        bool, says("Accept Basic without TLS too, where the password travels in clear.")
    ] = False
    realm: Annotated[
        str,
        Meta(pattern=r'^[^"\\\r\n]+\Z'),
        says(
            "Realm of the challenge; changing it makes stored digests useless.",
            want="a text without quotes",
        ),
    ] = "gigafibre-acs"
    bootstrap_username: Annotated[
        str, Meta(min_length=1), says("User name that new devices share.", want="a text")
    ] = "bootstrap"
    bootstrap_password: Annotated[
        Secret,
        says(
            "Password that new devices share; empty: generated at the first start.",
            shown="generated",
        ),
    ] = Secret("")
    own_credentials: Annotated[
        bool, says("Give each device its own generated password after the first contact.")
    ] = True
    rebootstrap: Annotated[
        Rebootstrap,
        says(
            "Whether a device that has its own password may come back with the shared one, "
            "as it does after a factory reset."
        ),
    ] = Rebootstrap.ALLOW


class WakeupSettings(Struct, frozen=True, kw_only=True):
    """Waking devices: connection requests, see wakeup.md."""

    enabled: Annotated[bool, says("Ask devices to call when there is something for them.")] = True
    networks: Annotated[
        tuple[str, ...],
        says(
            "Networks that devices may be called in, like `100.64.0.0/10`. A request never goes "
            "elsewhere, whatever a device reports. Empty: the address that the device called from."
        ),
    ] = ()
    basic: Annotated[bool, says("Send the password in clear to a device that asks for Basic.")] = (
        False
    )
    own_accounts: Annotated[
        bool, says("Give each device a generated user name and password for connection requests.")
    ] = True
    factory_username: Annotated[
        str, says("User name for connection requests to devices that have no account of ours yet.")
    ] = ""
    factory_password: Annotated[Secret, says("Password to that, as devices are delivered.")] = (
        Secret("")
    )
    timeout: Annotated[Seconds, says("Seconds one connection request may take.")] = 10.0
    parallel: Annotated[Count, says("Most connection requests at the same time.")] = 50
    answer_seconds: Annotated[
        Seconds, says("Seconds a device that was asked has to begin its session.")
    ] = 30.0
    attempts: Annotated[
        Count, says("Connection requests until a device counts as unreachable.")
    ] = 4


class StunSettings(Struct, frozen=True, kw_only=True):
    """The STUN server, for devices behind a NAT (TR-069 Annex G), see wakeup.md."""

    listen: Annotated[
        OptionalAddress,
        says("Address (UDP), usually port 3478; empty: off.", want=WANT_OPTIONAL_ADDRESS),
    ] = ""
    server: Annotated[
        str,
        Meta(max_length=256),
        says("Name or address that devices are told; empty: STUN is not set up on devices."),
    ] = ""
    port: Annotated[int, Meta(ge=1, le=65535), says("Port that devices are told.")] = 3478
    keepalive: Annotated[
        tuple[int, int], says("Least and most seconds between two messages of a device.")
    ] = (30, 120)
    bindings: Annotated[Count, says("Most bindings of devices that are remembered.")] = 200_000
