"""What goes between this server and other systems, and what may leave."""

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


class SafetyMode(StrEnum):
    """How far what this server decides may reach."""

    DRY_RUN = "dry-run"
    ALLOW_LIST = "allow-list"
    ON = "on"


class TakenOver(StrEnum):
    """What becomes of a device that somebody else set up before us."""

    DRY_RUN = "dry-run"
    PROVISION = "provision"


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


class EventsSettings(Struct, frozen=True, kw_only=True):
    """News for other systems, sent signed to those that subscribed, see events.md."""

    timeout: Annotated[Seconds, says("Seconds one delivery may take.")] = 10.0
    parallel: Annotated[Count, says("Most deliveries at the same time.")] = 4
    attempts: Annotated[
        Count, says("Tries of one delivery, over about two days, before it is given up.")
    ] = 12
    keep_days: Annotated[Count, says("Days news and deliveries are kept.")] = 30
