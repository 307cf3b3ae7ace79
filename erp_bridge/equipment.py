"""A row of the equipment list as our values: what the box is, and what it should have."""

from __future__ import annotations

import json
from collections.abc import Mapping as Row
from dataclasses import replace
from hashlib import sha256
from typing import Any

import msgspec

from acs.devices.identity import (
    Equipment,
    EquipmentStatus,
    Service,
    normal_gpon,
    normal_mac,
    normal_serial,
)
from acs.model import Secret
from acs.profiles.intent import (
    Band,
    Intent,
    Management,
    Radio,
    Role,
    VoiceLine,
    Wan,
    WifiNetwork,
)
from acs.profiles.intent_mapping import intent_to_mapping
from erp_bridge.mapping import PASSWORDS, Mapping, answered_as, site_fields, wished_links
from erp_bridge.wishes import NAMED, part, typed


def equipment_of(row: Row[str, Any], mapping: Mapping) -> Equipment:
    """Return the equipment of a list row, its identifiers in normal form."""
    text = _Texts(row, mapping)
    status = mapping.status_of(text["status"])
    return Equipment(
        name=str(row["name"]),
        serial_number=normal_serial(text["serial_number"]),
        cwmp_serial=normal_serial(text["cwmp_serial"]),
        barcode=normal_serial(text["barcode"]),
        gpon_serial=normal_gpon(text["gpon_serial"]),
        mac=normal_mac(text["mac_address"]),
        status=status,
        customer=text["customer"],
        service_location=text["service_location"],
        service_subscription=text["service_subscription"],
        modified=modified_of(row, mapping),
        treatment=mapping.treatment_of(status),
    )


def surrounded(
    equipment: Equipment, services: tuple[Service, ...], replaces: tuple[str, str] = ("", "")
) -> Equipment:
    """Return ``equipment`` with what stands around it and decides what it gets.

    ``replaces`` is name and ``modified`` of the box whose profile it has, or nothing. Its own
    ``modified`` then changes with all of this, too.
    """
    if not services and not any(replaces):
        return equipment
    told = [*replaces, *(f"{one.name} {one.category} {one.status}" for one in services)]
    tag = sha256("\n".join(told).encode()).hexdigest()[:12]
    modified = f"{equipment.modified} {tag}"
    return replace(equipment, services=services, modified=modified)


def modified_of(row: Row[str, Any], mapping: Mapping) -> str:
    """Return a text that changes with the equipment, and with documents that hold its wishes."""
    names = ("modified", *wished_links(mapping).values())
    return " ".join(str(row[name]) for name in names if row.get(name))


def type_of(row: Row[str, Any], mapping: Mapping) -> str:
    """Return the equipment's type in the site's words."""
    return _Texts(row, mapping)["equipment_type"]


def status_of(row: Row[str, Any], mapping: Mapping) -> EquipmentStatus:
    """Return the equipment's status."""
    return mapping.status_of(_Texts(row, mapping)["status"])


def location_of(row: Row[str, Any], mapping: Mapping) -> str:
    """Return the service location of the equipment, or ""."""
    return _Texts(row, mapping)["service_location"]


def has_profile(row: Row[str, Any], mapping: Mapping) -> bool:
    """Tell whether ERPNext says what the customer has: a Wi-Fi network or a telephone line."""
    text = _Texts(row, mapping)
    return bool(text["wifi_ssid"] or text["sip_username"])


def passwords_set(row: Row[str, Any], mapping: Mapping) -> tuple[str, ...]:
    """Return our names of the passwords the equipment has: a list shows them as asterisks."""
    text = _Texts(row, mapping)
    return tuple(ours for ours in PASSWORDS if text[ours])


def intent_of(row: Row[str, Any], secrets: Row[str, Secret], mapping: Mapping) -> Intent:
    """Return what the equipment should have; what ERPNext leaves empty is not enforced.

    ``secrets`` holds the passwords by our own field names. What a row shows of a password is
    never used: it is a mask.  Raises `ValueError` that names a field with a value that makes no
    sense.
    """
    given = _given(row, secrets, mapping)
    usual = _usual(mapping)
    return Intent(
        wifi=tuple(
            network
            for role in Role
            for network in _networks(
                role, part(given, f"wifi.{role}"), part(usual, f"wifi.{role}"), mapping
            )
        ),
        voice=_lines(part(given, "voice"), part(usual, "voice"), mapping),
        wan=_wan(part(given, "wan"), part(usual, "wan")),
        management=_management(part({**usual, **given}, "management")),
        admin_password=given.get("admin_password"),
        radios=tuple(
            Radio(band, **wanted)
            for band in Band
            if (wanted := part({**usual, **given}, f"radio.{band}"))
        ),
        band_steering=given.get("band_steering", usual.get("band_steering")),
    )


def _given(row: Row[str, Any], secrets: Row[str, Secret], mapping: Mapping) -> dict[str, Any]:
    """Return the settings that are filled, by name."""
    texts = _Texts(row, mapping)
    given: dict[str, Any] = {}
    for setting, ours in (*NAMED.items(), *((name, name) for name in mapping.wishes)):
        if ours in PASSWORDS:
            given[setting] = secrets.get(ours)
            continue
        try:
            given[setting] = typed(setting, texts[ours])
        except ValueError as error:
            theirs = site_fields(mapping)[ours]
            raise ValueError(f"{theirs} ({setting}): {error}; correct it in ERPNext") from None
    return {setting: value for setting, value in given.items() if value not in (None, "")}


def _usual(mapping: Mapping) -> dict[str, Any]:
    """Return the settings that all devices have, by name."""
    voice = msgspec.structs.asdict(mapping.voice)
    usual = {f"voice.{name}": value for name, value in voice.items() if value and name != "line"}
    if interval := mapping.management.periodic_inform_interval:
        usual["management.periodic_inform_interval"] = interval
    return usual | mapping.constants


_IDENTITY = (
    "serial_number", "cwmp_serial", "barcode", "gpon_serial", "mac", "status", "treatment",
)  # fmt: skip


def canonical(equipment: Equipment, intent: Intent) -> bytes:
    """Return one text for all that decides what is done to a device; it holds secrets.

    The equipment's status, what that means and its identifiers are part of it, its ``modified``
    is not: a change of an unrelated field must not look like a new wish. What its subscriptions
    take is off ``intent`` already.
    """
    identity = {name: getattr(equipment, name) for name in _IDENTITY}
    whole = {"equipment": identity, "intent": intent_to_mapping(intent)}
    return json.dumps(whole, sort_keys=True, separators=(",", ":")).encode()


class _Texts:
    """The row's texts by our own names; "" for what is empty, refused or not on the site."""

    def __init__(self, row: Row[str, Any], mapping: Mapping) -> None:
        self._row = row
        self._names = site_fields(mapping)

    def __getitem__(self, ours: str) -> str:
        theirs = self._names.get(ours)
        if theirs is None:
            return ""
        value = self._row.get(answered_as(ours, theirs))
        text = "" if value is None else str(value)
        return text if text.strip() else ""


def _networks(
    role: Role, given: dict[str, Any], usual: dict[str, Any], mapping: Mapping
) -> tuple[WifiNetwork, ...]:
    # Every device has a main network; of the others, a constant alone says at most on or off.
    if not given and role is not Role.MAIN and "enabled" not in usual:
        return ()
    wanted = {**usual, **given}
    ssid, passphrase = wanted.pop("ssid", None), wanted.get("passphrase")
    if passphrase:
        wanted.setdefault("security", mapping.wifi.security)
    elif "security" not in given:
        # Without a password there is nothing the security could protect with.
        wanted.pop("security", None)
    if ssid:
        # It may be off: a subscription was suspended, or the box was neutral.
        wanted.setdefault("enabled", True)
    if not (ssid or wanted):
        return ()
    return tuple(
        WifiNetwork(rule.band, role, ssid + rule.suffix if ssid else None, **wanted)
        for rule in mapping.wifi.bands
    )


def _lines(given: dict[str, Any], usual: dict[str, Any], mapping: Mapping) -> tuple[VoiceLine, ...]:
    if "username" not in given:
        return ()
    if "dial_plan" in given:
        # A digit map would win over it.
        usual.pop("digit_map", None)
    return (VoiceLine(mapping.voice.line, **{"enabled": True, **usual, **given}),)


def _wan(given: dict[str, Any], usual: dict[str, Any]) -> Wan | None:
    wanted = {**usual, **given}
    if "username" in given:
        wanted["mode"] = given.get("mode", "pppoe")
    elif wanted.get("mode") != "ipoe":
        # No account, no connection to make: the constants are for those who have one.
        wanted = given
    return Wan(**wanted) if wanted else None


def _management(wanted: dict[str, Any]) -> Management | None:
    if "periodic_inform_interval" in wanted:
        wanted.setdefault("periodic_inform", True)
    return Management(**wanted) if wanted else None
