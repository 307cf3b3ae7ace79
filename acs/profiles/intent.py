"""Intent: the wanted service settings of one device, in terms no vendor owns.

Only what is set (not None) is enforced. `check` refuses impossible values before anything
is sent to a device.
"""

from __future__ import annotations

import string
from dataclasses import dataclass, field, fields
from enum import StrEnum

from acs.model import Secret


class Band(StrEnum):
    """Wi-Fi band in GHz."""

    GHZ_2_4 = "2.4"
    GHZ_5 = "5"
    GHZ_6 = "6"


class Role(StrEnum):
    """Which network of a band is meant."""

    MAIN = "main"
    GUEST = "guest"


class Security(StrEnum):
    """Wish for the security of a network; the blueprint finds the device's word for it."""

    OPEN = "open"
    WPA_WPA2 = "wpa-wpa2"
    WPA2 = "wpa2"
    WPA2_WPA3 = "wpa2-wpa3"
    WPA3 = "wpa3"


@dataclass(frozen=True, slots=True)
class WifiNetwork:
    """One Wi-Fi network on one band."""

    band: Band
    role: Role = Role.MAIN
    ssid: str | None = None
    passphrase: Secret | None = None
    security: Security | None = None
    enabled: bool | None = None
    hidden: bool | None = None


@dataclass(frozen=True, slots=True)
class VoiceLine:
    """One telephone line (``line`` counts from 1)."""

    line: int = 1
    enabled: bool | None = None
    username: str | None = None
    """User part of the SIP address, usually the telephone number."""
    auth_username: str | None = None
    """None: the same as ``username``."""
    password: Secret | None = None
    uri: str | None = None
    display_name: str | None = None
    registrar: str | None = None
    registrar_port: int | None = None
    proxy: str | None = None
    proxy_port: int | None = None
    outbound_proxy: str | None = None
    outbound_proxy_port: int | None = None
    domain: str | None = None
    digit_map: str | None = None


@dataclass(frozen=True, slots=True)
class Wan:
    """The Internet connection."""

    mode: str | None = None
    """``pppoe`` or ``ipoe``."""
    vlan: int | None = None
    username: str | None = None
    password: Secret | None = None


@dataclass(frozen=True, slots=True)
class Management:
    """How the device reports to us."""

    periodic_inform: bool | None = None
    periodic_inform_interval: int | None = None
    """Seconds."""
    acs_url: str | None = None
    acs_username: str | None = None
    acs_password: Secret | None = None
    connection_request_username: str | None = None
    connection_request_password: Secret | None = None


@dataclass(frozen=True, slots=True)
class Intent:
    """All that one device should have."""

    wifi: tuple[WifiNetwork, ...] = ()
    voice: tuple[VoiceLine, ...] = ()
    wan: Wan | None = None
    management: Management | None = None
    admin_password: Secret | None = None

    @property
    def empty(self) -> bool:
        """True when nothing is wanted."""
        return self == Intent()


@dataclass(frozen=True, slots=True)
class Problem:
    """A wish that cannot be: where (``wifi 5 main``), which setting, and why."""

    where: str
    setting: str
    reason: str

    def __str__(self) -> str:
        return f"{self.where}: {self.setting}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Checked:
    """An intent with its impossible parts named."""

    intent: Intent
    problems: tuple[Problem, ...] = field(default=())


MAX_SSID_OCTETS = 32
KEYED = (Security.WPA_WPA2, Security.WPA2, Security.WPA2_WPA3, Security.WPA3)
