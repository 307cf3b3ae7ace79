"""Who is this? Matching a device to its `Service Equipment`, and saying by which rule.

A device announces a serial number; ERPNext may know the box by the serial it informs with
(`cwmp_serial`), the serial of the label, the serial the OLT sees (`gpon_serial`) or its MAC
address, in whatever spelling a technician typed.  Rules are tried in a fixed order, the first
that finds equipment decides, and more than one hit on a rule is ambiguous: then a person decides.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from acs.model import DeviceId

_HEX12 = re.compile(r"[0-9A-F]{12}\Z")
_GPON_HEX = re.compile(r"[0-9A-F]{16}\Z")
_GPON_TEXT = re.compile(r"([A-Z]{4})([0-9A-F]{8})\Z")
_SEPARATORS = str.maketrans("", "", ":-. \t")

NEAR = 3
"""A recorded MAC this far above the base MAC may be its WAN or 5 GHz address."""


def normal_mac(text: str) -> str:
    """Bring a MAC address in any spelling to twelve upper-case hex digits, or "" if it is none.

    All zeros and broadcast are none.
    """
    plain = text.translate(_SEPARATORS).upper()
    if not _HEX12.match(plain) or plain in ("000000000000", "FFFFFFFFFFFF"):
        return ""
    return plain


def normal_gpon(text: str) -> str:
    """Bring a GPON serial to sixteen upper-case hex digits, or "" if it is none.

    The two spellings in use are four letters and eight hex digits (``TPLGB4FA11C8``) and all
    sixteen hex digits (``54504C47B4FA11C8``) (ITU-T G.984.3).
    """
    plain = text.translate(_SEPARATORS).upper()
    if _GPON_HEX.match(plain):
        return plain
    found = _GPON_TEXT.match(plain)
    return found[1].encode().hex().upper() + found[2] if found else ""


def normal_serial(text: str) -> str:
    """Serials are compared without blanks around them and in upper case."""
    return text.strip().upper()


def shift_mac(mac: str, by: int) -> str:
    """Return the normal form of ``mac`` plus ``by`` within its 48 bits."""
    return f"{(int(mac, 16) + by) % (1 << 48):012X}"


class EquipmentStatus(StrEnum):
    """Status of a `Service Equipment`, whatever the language of the site."""

    INVENTORY = "inventory"
    ACTIVE = "active"
    DEFECTIVE = "defective"
    RETURNED = "returned"
    UNKNOWN = "unknown"


class Treatment(StrEnum):
    """What the business system's words of status mean for a device."""

    PROVISION = "provision"
    """It is given its wish."""
    HOLD = "hold"
    """Nothing is pushed; it stays as it is."""
    NEUTRAL = "neutral"
    """It belongs to no customer: the wish is what takes the last one's settings off."""


class ServiceCategory(StrEnum):
    """Which part of a wish a subscription is about."""

    INTERNET = "internet"
    VOICE = "voice"
    OTHER = "other"


class ServiceStatus(StrEnum):
    """Status of a `Service Subscription`, whatever the language of the site."""

    PENDING = "pending"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Service:
    """One subscription of the place where a box stands."""

    name: str
    category: ServiceCategory
    status: ServiceStatus


@dataclass(frozen=True, slots=True)
class Equipment:
    """What ERPNext knows of a box. Identifiers are in their normal form, "" where unknown."""

    name: str
    serial_number: str = ""
    cwmp_serial: str = ""
    barcode: str = ""
    gpon_serial: str = ""
    mac: str = ""
    status: EquipmentStatus = EquipmentStatus.UNKNOWN
    customer: str = ""
    service_location: str = ""
    service_subscription: str = ""
    modified: str = ""
    """As ERPNext sent it: site time, compared as text only."""
    treatment: Treatment = Treatment.PROVISION
    services: tuple[Service, ...] = ()
    """Its subscriptions, by name; what they take away is off the wish already."""


@dataclass(frozen=True, slots=True)
class Hints:
    """What a device can be recognised by: its identity, and what was read from it."""

    device: DeviceId
    mac: str = ""
    gpon_serial: str = ""


@dataclass(frozen=True, slots=True)
class Terms:
    """What to look for in the mirror and in ERPNext, in normal form."""

    serials: tuple[str, ...] = ()
    macs: tuple[str, ...] = ()
    gpon_serials: tuple[str, ...] = ()


class Rule(StrEnum):
    """The rule that matched, in the order they are tried."""

    CWMP_SERIAL = "cwmp_serial"
    SERIAL_NUMBER = "serial_number"
    BARCODE = "barcode"
    GPON_SERIAL = "gpon_serial"
    MAC_IN_SERIAL = "mac_address (announced as serial)"
    MAC = "mac_address"


@dataclass(frozen=True, slots=True)
class Matched:
    """Exactly one equipment fits."""

    equipment: Equipment
    rule: Rule


@dataclass(frozen=True, slots=True)
class Ambiguous:
    """Several equipments fit the same rule."""

    equipment: tuple[Equipment, ...]
    rule: Rule


@dataclass(frozen=True, slots=True)
class Unmatched:
    """Nothing fits; ``suggestion`` has a MAC one to three away, for a person to look at."""

    suggestion: Equipment | None = None


Match = Matched | Ambiguous | Unmatched


def terms(hints: Hints) -> Terms:
    """Say what to look up for a device, near MACs included."""
    serial = normal_serial(hints.device.serial_number)
    macs = [mac for mac in (hints.mac, normal_mac(serial)) if mac]
    near = [shift_mac(mac, by) for mac in macs for by in range(1, NEAR + 1)]
    gpons = [gpon for gpon in (hints.gpon_serial, normal_gpon(serial)) if gpon]
    return Terms(
        serials=tuple(dict.fromkeys((serial, normal_serial(hints.device.key)))),
        macs=tuple(dict.fromkeys(macs + near)),
        gpon_serials=tuple(dict.fromkeys(gpons)),
    )


def match(hints: Hints, candidates: Iterable[Equipment]) -> Match:
    """Decide which of ``candidates`` the device is (customer's order of trust, strongest first)."""
    known = {equipment.name: equipment for equipment in candidates}.values()
    serial = normal_serial(hints.device.serial_number)
    key = normal_serial(hints.device.key)
    announced_mac = normal_mac(serial)
    gpons = {gpon for gpon in (hints.gpon_serial, normal_gpon(serial)) if gpon}
    rules: tuple[tuple[Rule, list[Equipment]], ...] = (
        (Rule.CWMP_SERIAL, [e for e in known if e.cwmp_serial and e.cwmp_serial in (serial, key)]),
        (Rule.SERIAL_NUMBER, [e for e in known if e.serial_number and e.serial_number == serial]),
        (Rule.BARCODE, [e for e in known if e.barcode and e.barcode == serial]),
        (Rule.GPON_SERIAL, [e for e in known if e.gpon_serial and e.gpon_serial in gpons]),
        (Rule.MAC_IN_SERIAL, [e for e in known if e.mac and e.mac == announced_mac]),
        (Rule.MAC, [e for e in known if e.mac and e.mac == hints.mac]),
    )
    for rule, hits in rules:
        if len(hits) == 1:
            return Matched(hits[0], rule)
        if hits:
            return Ambiguous(tuple(sorted(hits, key=lambda e: e.name)), rule)
    return Unmatched(_near(hints.mac or announced_mac, known))


def _near(mac: str, known: Iterable[Equipment]) -> Equipment | None:
    if not mac:
        return None
    near = {shift_mac(mac, by): by for by in range(1, NEAR + 1)}
    hits = sorted((near[e.mac], e.name, e) for e in known if e.mac in near)
    return hits[0][2] if hits else None
