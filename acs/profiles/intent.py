"""Intent: the wanted service settings of one device, in terms no vendor owns.

Only what is set (not None) is enforced. `acs.profiles.intent_check` refuses impossible values
before anything is sent to a device.
"""

from __future__ import annotations

import string
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from acs.model import Secret
from acs.profiles.dial_plans import DIGIT_MAPS, DialPlan


class Band(StrEnum):
    """Wi-Fi band in GHz."""

    GHZ_2_4 = "2.4"
    GHZ_5 = "5"
    GHZ_6 = "6"


class Role(StrEnum):
    """Which network of a band is meant."""

    MAIN = "main"
    GUEST = "guest"
    IOT = "iot"
    SECOND = "second"
    """A further network of the operator, where the family has spare ones."""
    THIRD = "third"


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
    isolated: bool | None = None
    """Its clients do not see each other."""
    max_clients: int | None = None
    """0: no limit."""

    @property
    def needless(self) -> bool:
        """True when a device without this network has what is wanted, too."""
        asked = (self.ssid, self.passphrase, self.security, self.enabled, self.hidden)
        return self.enabled is False or not any((*asked, self.isolated, self.max_clients))


@dataclass(frozen=True, slots=True)
class Radio:
    """What all networks of a band share."""

    band: Band
    enabled: bool | None = None
    channel: int | Literal["auto"] | None = None
    width: int | Literal["auto"] | None = None
    """MHz."""


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
    dial_plan: DialPlan | None = None
    """A digit map by name; ``digit_map`` wins over it."""
    region: str | None = None
    """Country whose tones and line voltages are used: two letters of ISO 3166 (TR-104 Region)."""

    @property
    def wanted_digit_map(self) -> str | None:
        """The digit map, whether given or named."""
        if self.digit_map is None and self.dial_plan is not None:
            return DIGIT_MAPS[self.dial_plan]
        return self.digit_map


@dataclass(frozen=True, slots=True)
class Wan:
    """The Internet connection."""

    mode: str | None = None
    """``pppoe`` or ``ipoe``."""
    vlan: int | None = None
    username: str | None = None
    password: Secret | None = None
    mtu: int | None = None
    """Octets of the largest packet."""
    ipv6: bool | None = None
    """None: as the family does it."""


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
    periodic_inform_time: str | None = None
    """A moment of the schedule, as xsd:dateTime: spreads a fleet (TR-069 PeriodicInformTime)."""
    stun_enabled: bool | None = None
    stun_server: str | None = None
    stun_port: int | None = None
    stun_username: str | None = None
    stun_password: Secret | None = None
    stun_min_keepalive: int | None = None
    """Seconds."""
    stun_max_keepalive: int | None = None
    """Seconds; -1: none (TR-069 STUNMaximumKeepAlivePeriod)."""


@dataclass(frozen=True, slots=True)
class Intent:
    """All that one device should have."""

    wifi: tuple[WifiNetwork, ...] = ()
    voice: tuple[VoiceLine, ...] = ()
    wan: Wan | None = None
    management: Management | None = None
    admin_password: Secret | None = None
    radios: tuple[Radio, ...] = ()
    band_steering: bool | None = None
    """One network on all bands; the device chooses the band of a client."""

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


_HEX = frozenset(string.hexdigits)


def where_wifi(network: WifiNetwork) -> str:
    """Name a network in problems and plans: ``wifi 5 main``."""
    return f"wifi {network.band} {network.role}"


def where_radio(radio: Radio) -> str:
    """Name a radio in problems and plans: ``radio 5``."""
    return f"radio {radio.band}"


def where_voice(line: VoiceLine) -> str:
    """Name a telephone line in problems and plans: ``voice line 1``."""
    return f"voice line {line.line}"


def raw_key(passphrase: Secret) -> bool:
    """Tell a 256-bit key in 64 hex digits from a passphrase of 8 to 63 characters."""
    return len(passphrase.reveal()) == 64 and _HEX.issuperset(passphrase.reveal())
