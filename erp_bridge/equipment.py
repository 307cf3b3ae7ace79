"""A row of the equipment list as our values: what the box is, and what it should have."""

from __future__ import annotations

import json
from collections.abc import Mapping as Row
from typing import Any

from acs.devices.identity import Equipment, normal_gpon, normal_mac, normal_serial
from acs.model import Secret
from acs.profiles.intent import Band, Intent, Management, Role, VoiceLine, WifiNetwork
from acs.profiles.intent_mapping import intent_to_mapping
from erp_bridge.mapping import PASSWORDS, Mapping, site_fields


def equipment_of(row: Row[str, Any], mapping: Mapping) -> Equipment:
    """Return the equipment of a list row, its identifiers in normal form."""
    text = _Texts(row, mapping)
    return Equipment(
        name=str(row["name"]),
        serial_number=normal_serial(text["serial_number"]),
        cwmp_serial=normal_serial(text["cwmp_serial"]),
        barcode=normal_serial(text["barcode"]),
        gpon_serial=normal_gpon(text["gpon_serial"]),
        mac=normal_mac(text["mac_address"]),
        status=mapping.status_of(text["status"]),
        customer=text["customer"],
        service_location=text["service_location"],
        service_subscription=text["service_subscription"],
        modified=str(row.get("modified") or ""),
    )


def type_of(row: Row[str, Any], mapping: Mapping) -> str:
    """Return the equipment's type in the site's words."""
    return _Texts(row, mapping)["equipment_type"]


def passwords_set(row: Row[str, Any], mapping: Mapping) -> tuple[str, ...]:
    """Return our names of the passwords the equipment has: a list shows them as asterisks."""
    text = _Texts(row, mapping)
    return tuple(ours for ours in PASSWORDS if text[ours])


def intent_of(row: Row[str, Any], secrets: Row[str, Secret], mapping: Mapping) -> Intent:
    """Return what the equipment should have; what ERPNext leaves empty is not enforced.

    ``secrets`` holds the passwords by our own field names. What a row shows of a password is
    never used: it is a mask.
    """
    text = _Texts(row, mapping)
    guest = text["wifi_ssid_guest"], secrets.get("wifi_password_guest")
    return Intent(
        wifi=(
            *_networks(Role.MAIN, text["wifi_ssid"], secrets.get("wifi_password"), mapping),
            *_networks(Role.GUEST, *guest, mapping),
        ),
        voice=_lines(text, secrets, mapping),
        management=_management(mapping),
    )


def canonical(equipment: Equipment, intent: Intent) -> bytes:
    """Return one text for all that decides what is done to a device; it holds secrets.

    The equipment's status and identifiers are part of it, its ``modified`` is not: a change of
    an unrelated field must not look like a new wish.
    """
    identity = {
        name: getattr(equipment, name)
        for name in ("serial_number", "cwmp_serial", "barcode", "gpon_serial", "mac", "status")
    }
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
        value = self._row.get(ours if "." in theirs else theirs)
        text = "" if value is None else str(value)
        return text if text.strip() else ""


def _networks(
    role: Role, ssid: str, passphrase: Secret | None, mapping: Mapping
) -> tuple[WifiNetwork, ...]:
    if not ssid and not passphrase:
        return ()
    return tuple(
        WifiNetwork(
            band=Band(rule.band),
            role=role,
            ssid=ssid + rule.suffix if ssid else None,
            passphrase=passphrase or None,
            # Without a password there is nothing the security could protect with.
            security=mapping.wifi.security if passphrase else None,
            enabled=True if role is Role.GUEST and ssid else None,
        )
        for rule in mapping.wifi.bands
    )


def _lines(text: _Texts, secrets: Row[str, Secret], mapping: Mapping) -> tuple[VoiceLine, ...]:
    username = text["sip_username"]
    if not username:
        return ()
    voice = mapping.voice
    return (
        VoiceLine(
            line=voice.line,
            enabled=True,
            username=username,
            auth_username=text["sip_auth_username"] or None,
            password=secrets.get("sip_password") or None,
            display_name=text["sip_display_name"] or None,
            registrar=text["sip_registrar"] or voice.registrar or None,
            registrar_port=voice.registrar_port or None,
            proxy=voice.proxy or None,
            proxy_port=voice.proxy_port or None,
            outbound_proxy=voice.outbound_proxy or None,
            outbound_proxy_port=voice.outbound_proxy_port or None,
            domain=text["sip_domain"] or voice.domain or None,
            digit_map=voice.digit_map or None,
        ),
    )


def _management(mapping: Mapping) -> Management | None:
    interval = mapping.management.periodic_inform_interval
    return Management(periodic_inform=True, periodic_inform_interval=interval) if interval else None
