"""Every setting: its section, name, type, bounds, default and meaning.

One class per section of the TOML file.  The constraints and descriptions sit in the types,
so that the loader, the error messages and docs/settings.md all read the same line.  Every
default runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from acs.model import Secret


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


class DigestOffer(StrEnum):
    """Which digest algorithms a device is offered."""

    MD5 = "md5"
    SHA256 = "sha-256"
    BOTH = "both"


class Rebootstrap(StrEnum):
    """May a device with its own password come back with the bootstrap one?"""

    ALLOW = "allow"
    DENY = "deny"


class Drift(StrEnum):
    """What becomes of a device that differs from what is wanted."""

    HEAL = "heal"
    REPORT = "report"


class SafetyMode(StrEnum):
    """How far what this server decides may reach."""

    DRY_RUN = "dry-run"
    ALLOW_LIST = "allow-list"
    ON = "on"


class TakenOver(StrEnum):
    """What becomes of a device that somebody else set up before us."""

    DRY_RUN = "dry-run"
    PROVISION = "provision"


class LogLevel(StrEnum):
    """Lowest severity that is written."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class LogFormat(StrEnum):
    """How a log line is written."""

    LOGFMT = "logfmt"
    JSON = "json"


def says(meaning: str, *, want: str = "", shown: str = "") -> Any:
    """Describe a setting.

    ``want`` says in words what is expected, where the type alone would not;
    ``shown`` is the default for the documentation, where the real one depends on the machine.
    """
    return Meta(description=meaning, extra={"want": want, "shown": shown})


HOST_PORT = r"^([^\s:\[\]]+|\[[0-9A-Fa-f:.%]+\]):\d{1,5}\Z"
WANT_ADDRESS = 'an address and a port, like "0.0.0.0:7547" or "[::]:7547"'
WANT_OPTIONAL_ADDRESS = WANT_ADDRESS + ', or "" for off'

OptionalAddress = Annotated[str, Meta(pattern=f"^\\Z|{HOST_PORT}")]
Count = Annotated[int, Meta(ge=1)]
Seconds = Annotated[float, Meta(gt=0)]
Bytes = Annotated[int, Meta(ge=1024)]


class ServerSettings(Struct, frozen=True, kw_only=True):
    """The process."""

    data_dir: Annotated[
        str,
        says(
            "Directory of the database, the generated secrets and the log; made when missing.",
            shown="$XDG_DATA_HOME/gigafibre-acs, else ~/.local/share/gigafibre-acs",
        ),
    ] = ""
    workers: Annotated[
        Count,
        Meta(le=32),
        says("Processes that serve devices; above 1 another one looks after them."),
    ] = 1
    drain_seconds: Annotated[
        float,
        Meta(ge=0, le=3600),
        says("Seconds that a worker which is stopped lets its open sessions end."),
    ] = 30.0


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


class DatabaseSettings(Struct, frozen=True, kw_only=True):
    """Where the state is kept."""

    url: Annotated[
        Secret,
        says(
            "`postgresql+psycopg://user:password@host/name`, or `sqlite:///path`.",
            shown="sqlite:///DATA_DIR/acs.db",
        ),
    ] = Secret("")


class SecretsSettings(Struct, frozen=True, kw_only=True):
    """The keys that secrets are encrypted with in the database."""

    keys: Annotated[
        Mapping[str, Secret],
        says(
            "Key id to key: 32 bytes in Base64. As a variable: `id:BASE64,id:BASE64`.",
            shown="one, generated",
        ),
    ] = msgspec.field(default_factory=dict)
    current: Annotated[
        str, says("Id of the key that new secrets are encrypted with.", shown="the generated one")
    ] = ""


class ErpSettings(Struct, frozen=True, kw_only=True):
    """ERPNext, the source of what each device should have. Empty `url`: no ERPNext."""

    url: Annotated[
        str,
        Meta(pattern=r"^(https?://[^\s@]+)?\Z"),
        says("Base address of the site.", want='an address like "https://erp.example.net"'),
    ] = ""
    api_key: Annotated[str, says("API key of the bridge's own ERPNext user.")] = ""
    api_secret: Annotated[Secret, says("API secret of that user.")] = Secret("")
    mapping: Annotated[
        str, says("TOML file that says which ERPNext field means what.", shown="built in")
    ] = ""
    timeout: Annotated[Seconds, says("Seconds that one call may take.")] = 10.0
    connections: Annotated[Count, Meta(le=64), says("Calls at the same time.")] = 4
    hold_seconds: Annotated[
        float, Meta(ge=0, le=10), says("Seconds a new device's session waits for its look-up.")
    ] = 2.0
    batch: Annotated[Count, Meta(le=500), says("Most look-ups in one call.")] = 500
    batch_wait_ms: Annotated[
        int, Meta(ge=0, le=1000), says("Milliseconds a look-up waits for others to share its call.")
    ] = 20
    negative_ttl: Annotated[Seconds, says('Seconds that "no such equipment" is believed.')] = 60.0
    refresh_seconds: Annotated[
        Seconds, says("Seconds a document is believed; an older one is read again at a contact.")
    ] = 900.0
    sweep_minutes: Annotated[
        float,
        Meta(ge=0),
        says(
            "Minutes between two sweeps, which fill the mirror with what changed, so that devices "
            "need not wait; 0: off. Keep it below refresh_seconds."
        ),
    ] = 10.0
    full_sweep_hours: Annotated[
        float,
        Meta(gt=0),
        says("Hours between two sweeps over all equipment, which notice what is deleted, too."),
    ] = 24.0
    forget_share: Annotated[
        float,
        Meta(ge=0, le=1),
        says("Share of the mirror that may be forgotten in a day; above it all is kept, alarmed."),
    ] = 0.1
    verify_tls: Annotated[bool, says("Check the site's certificate.")] = True
    webhook_secret: Annotated[
        Secret,
        says("Secret by which the site signs its webhooks; empty: none are taken."),
    ] = Secret("")
    queries_per_second: Annotated[
        float,
        Meta(gt=0),
        says("Most reads of ERPNext in a second: half of what one core of a site can spare."),
    ] = 25.0
    writes_per_second: Annotated[
        float, Meta(gt=0), says("Most writes to ERPNext in a second; one costs it three reads.")
    ] = 10.0
    write_back: Annotated[
        bool,
        says("Write to ERPNext what the field shows: last seen, firmware, light, proof."),
    ] = True
    write_back_hours: Annotated[
        float,
        Meta(gt=0),
        says("Hours between two writes of what changes all the time (last seen, light, address)."),
    ] = 6.0
    open_issue_hours: Annotated[
        float,
        Meta(ge=0),
        says("Hours a fault of a device lasts before an Issue is opened in ERPNext; 0: never."),
    ] = 0.0


class ApiSettings(Struct, frozen=True, kw_only=True):
    """The northbound interface: webhooks of ERPNext and REST, see api.md."""

    listen: Annotated[
        OptionalAddress,
        says("Address for plain HTTP; empty: off.", want=WANT_OPTIONAL_ADDRESS),
    ] = "127.0.0.1:7581"
    tls_listen: Annotated[
        OptionalAddress,
        says(
            "Address for HTTPS, with the certificate of `cwmp.tls_certificate`; empty: off.",
            want=WANT_OPTIONAL_ADDRESS,
        ),
    ] = ""
    body_bytes: Annotated[Bytes, says("Largest body of a request.")] = 1_048_576
    connections: Annotated[Count, says("Most open connections.")] = 1000
    requests_per_minute: Annotated[
        Count, says("Most requests of one address in a minute; above it: 429.")
    ] = 600


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


class EventsSettings(Struct, frozen=True, kw_only=True):
    """News for other systems, sent signed to those that subscribed, see events.md."""

    timeout: Annotated[Seconds, says("Seconds one delivery may take.")] = 10.0
    parallel: Annotated[Count, says("Most deliveries at the same time.")] = 4
    attempts: Annotated[
        Count, says("Tries of one delivery, over about two days, before it is given up.")
    ] = 12
    keep_days: Annotated[Count, says("Days news and deliveries are kept.")] = 30


class SafetySettings(Struct, frozen=True, kw_only=True):
    """Outbound safety: what may leave for devices, ERPNext and subscribers, see safety.md."""

    mode: Annotated[
        SafetyMode,
        says(
            "`on`: all is sent; `allow-list`: only to those named below; `dry-run`: all is planned "
            "and recorded, and nothing is sent."
        ),
    ] = SafetyMode.ON
    devices: Annotated[
        tuple[str, ...], says("Keys of devices on the allow-list; `*` fits anything.")
    ] = ()
    customers: Annotated[tuple[str, ...], says("Customers (names of documents) on the list.")] = ()
    tags: Annotated[tuple[str, ...], says("Tags of devices on the list.")] = ()
    taken_over: Annotated[
        TakenOver,
        says(
            "A device that shows another's settings at its first look: `dry-run` plans only, until "
            "it is released (`acs device release`); `provision` sets it up like any other."
        ),
    ] = TakenOver.DRY_RUN


class ProvisioningSettings(Struct, frozen=True, kw_only=True):
    """How devices are brought to what is wanted."""

    drift: Annotated[
        Drift,
        says(
            "A device that was right and differs now: `heal` writes again, `report` only says so."
        ),
    ] = Drift.HEAL
    check_interval_hours: Annotated[
        float,
        Meta(ge=0),
        says("Hours between two full comparisons of one device; 0: every session."),
    ] = 24.0
    max_changes: Annotated[
        Count, says("Most parameters one plan may change; a larger plan is refused.")
    ] = 200
    settle_seconds: Annotated[
        float,
        Meta(ge=0),
        says("Seconds a device may take to apply what it accepted, before an old value counts."),
    ] = 60.0
    backoff_seconds: Annotated[
        Seconds, says("Pause after a first failure; it doubles each time.")
    ] = 300.0
    backoff_max_seconds: Annotated[Seconds, says("Longest pause.")] = 86_400.0
    blueprint_dir: Annotated[
        str, says("Directory of your own blueprints; one of yours wins over a built-in one.")
    ] = ""
    firmware_rules: Annotated[
        str, says("TOML file that says which firmware a model and hardware should have.")
    ] = ""
    marker: Annotated[
        bool, says("Leave a mark on the device, so that a factory reset is noticed.")
    ] = True
    periodic_inform_interval: Annotated[
        int, Meta(ge=0), says("Seconds between two periodic Informs; 0: leave the device's own.")
    ] = 0
    change_carrier: Annotated[
        bool,
        says(
            "Move the connection by which a device reaches us to another VLAN or mode when that "
            "is wanted. Where the wish is wrong, the device is lost until somebody goes there."
        ),
    ] = False
    transfer_timeout_seconds: Annotated[
        Seconds,
        says("Seconds a file transfer may take before the device is asked what became of it."),
    ] = 1800.0


Dbm = Annotated[float, Meta(ge=-100, le=20)]


class HealthSettings(Struct, frozen=True, kw_only=True):
    """What is called good in `acs device health`. All in dBm; a limit itself is still good."""

    light_high: Annotated[Dbm, says("Receive power above which the light is too strong.")] = -8.0
    light_warning: Annotated[Dbm, says("Receive power below which the light is weak.")] = -23.0
    light_low: Annotated[Dbm, says("Receive power below which the light is too weak.")] = -25.0
    signal_weak: Annotated[
        Dbm, says("Signal of a Wi-Fi client or mesh node below which it is called weak.")
    ] = -75.0


class DiscoverySettings(Struct, frozen=True, kw_only=True):
    """What is learned of models and devices beyond what provisioning needs."""

    automatic: Annotated[
        bool, says("Ask one device of each model and firmware for all its names, once.")
    ] = True
    max_rpcs: Annotated[Count, says("Most requests of one such discovery.")] = 200
    trees: Annotated[Count, says("Whole trees kept of one device; the oldest go first.")] = 5


class RecordingSettings(Struct, frozen=True, kw_only=True):
    """Recordings of sessions, which an operator asks for; secrets are masked in them."""

    keep_days: Annotated[Count, says("Days a recording is kept.")] = 30
    max_files: Annotated[Count, says("Most recordings that are kept; the oldest go first.")] = 500
    max_bytes: Annotated[
        Bytes, says("Largest recording of one session; what comes after it is left out.")
    ] = 10_000_000


class RulesSettings(Struct, frozen=True, kw_only=True):
    """Rules that enqueue jobs and tag devices, see rules.md."""

    folder: Annotated[
        str, says("Directory of your rules, `*.toml`; read again when a file changes. Empty: none.")
    ] = ""
    per_hour: Annotated[Count, says("Most devices that one rule acts on in an hour.")] = 600


class TimelineSettings(Struct, frozen=True, kw_only=True):
    """What is remembered for people."""

    keep_days: Annotated[Count, says("Days an entry is kept.")] = 90
    max_per_device: Annotated[Count, says("Most entries of one device; the oldest go first.")] = (
        1000
    )


AMOUNT_OF_DISK = r"^\d+(\.\d+)? ?(%|[kKMGT]?i?B)\Z"
WANT_AMOUNT = 'an amount of disk, like "5%", "1 GB" or "500 MiB"'


class DiskSettings(Struct, frozen=True, kw_only=True):
    """What is done when the disk of `server.data_dir` fills, see operations.md."""

    low: Annotated[
        str,
        Meta(pattern=AMOUNT_OF_DISK),
        says(
            "Room below which history, recordings and old logs are given up, the oldest first.",
            want=WANT_AMOUNT,
        ),
    ] = "1 GB"
    critical: Annotated[
        str,
        Meta(pattern=AMOUNT_OF_DISK),
        says(
            "Room below which all of them go, and only warnings and errors are logged.",
            want=WANT_AMOUNT,
        ),
    ] = "250 MB"


class LogSettings(Struct, frozen=True, kw_only=True):
    """The log. Warnings and errors go to standard error as well."""

    file: Annotated[
        str, says("Log file; `-`: standard error only.", shown="DATA_DIR/logs/acs.log")
    ] = ""
    level: Annotated[LogLevel, says("Lowest severity that is written.")] = LogLevel.INFO
    max_bytes: Annotated[Bytes, says("Size at which the file is turned over.")] = 20_000_000
    backups: Annotated[int, Meta(ge=1, le=100), says("Old files that are kept.")] = 5
    format: Annotated[LogFormat, says("`logfmt`: key=value; `json`: an object per line.")] = (
        LogFormat.LOGFMT
    )


class FilesSettings(Struct, frozen=True, kw_only=True):
    """The file server: images for devices, and what they send."""

    listen: Annotated[
        OptionalAddress,
        says("Address for plain HTTP; empty: off.", want=WANT_OPTIONAL_ADDRESS),
    ] = ""
    tls_listen: Annotated[
        OptionalAddress,
        says(
            "Address for HTTPS, with the certificate of `cwmp.tls_certificate`; empty: off.",
            want=WANT_OPTIONAL_ADDRESS,
        ),
    ] = ""
    url: Annotated[
        str,
        Meta(pattern=r"^(https?://[^\s@?#]+)?\Z", max_length=120),
        says(
            "Address by which devices reach the file server.",
            want='an address like "http://acs.example.net:7548"',
            shown="that of files.listen, when it names one of this machine's addresses",
        ),
    ] = ""
    folder: Annotated[str, says("Directory of the files.", shown="DATA_DIR/files")] = ""
    link_seconds: Annotated[
        Seconds, says("Seconds an address is good from the time when its transfer may begin.")
    ] = 86_400.0
    bytes_per_second: Annotated[
        int, Meta(ge=0), says("Most bytes a second of one transfer to a device; 0: no bound.")
    ] = 2_000_000
    transfers: Annotated[
        Count, says("Most transfers at once; above it a device is told to come back later (503).")
    ] = 50
    max_upload_bytes: Annotated[
        Bytes, Meta(le=67_108_864), says("Largest file that a device may send.")
    ] = 16_777_216
    keep_days: Annotated[Count, says("Days a file that a device sent is kept.")] = 90


class AdminSettings(Struct, frozen=True, kw_only=True):
    """Health and metrics. Keep it off the Internet: it asks for no password."""

    listen: Annotated[
        OptionalAddress,
        says("Address of /health and /metrics; empty: off.", want=WANT_OPTIONAL_ADDRESS),
    ] = "127.0.0.1:7580"
