"""How devices are brought to what is wanted, and judged."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from msgspec import Meta, Struct

from acs.settings.sections.kinds import (
    WANT_OPTIONAL_ADDRESS,
    Bytes,
    Count,
    OptionalAddress,
    Seconds,
    says,
)


class Drift(StrEnum):
    """What becomes of a device that differs from what is wanted."""

    HEAL = "heal"
    REPORT = "report"


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


class RulesSettings(Struct, frozen=True, kw_only=True):
    """Rules that enqueue jobs and tag devices, see rules.md."""

    folder: Annotated[
        str, says("Directory of your rules, `*.toml`; read again when a file changes. Empty: none.")
    ] = ""
    per_hour: Annotated[Count, says("Most devices that one rule acts on in an hour.")] = 600


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
