"""The wish of a box that belongs to no customer: what takes the last one's settings off.

Its networks are switched off and bear a neutral name, with a passphrase that is derived from a
key and known to nobody; its telephone line is switched off, with another account. The connection
and how it reports stay as they are: nobody can tell whether the box reaches us by the customer's
PPPoE account, and one that cannot call can never be given to the next customer. What an account
may still do is for the access network to say.
"""

from __future__ import annotations

from collections.abc import Callable

from acs.model import Secret
from acs.profiles.intent import Band, Intent, Role, VoiceLine, WifiNetwork
from erp_bridge.mapping import Mapping, site_fields

Digest = Callable[[bytes], str]
"""A keyed digest in hex of at least 32 digits; nobody without the key can make it."""


def neutral_intent(mapping: Mapping, name: str, digest: Digest) -> Intent:
    """Return the neutral wish for the box that ``name`` names; the same at every call.

    Networks and lines that a device lacks are no problem: it has what is wanted, too.
    """
    networks = tuple(
        neutral_network(rule.band, role, mapping, name, digest)
        for role in Role
        for rule in mapping.wifi.bands
    )
    ours = "sip_username" in site_fields(mapping)
    line = neutral_line(mapping.voice.line, mapping, name, digest)
    return Intent(wifi=networks, voice=(line,) if ours else ())


def neutral_network(
    band: Band, role: Role, mapping: Mapping, name: str, digest: Digest
) -> WifiNetwork:
    """Return a network that is off. Where ERPNext names it, name and password are overwritten."""
    if role is not Role.MAIN and not _is_named(role, mapping):
        return WifiNetwork(band, role, enabled=False)
    return WifiNetwork(
        band,
        role,
        ssid=mapping.neutral.ssid,
        passphrase=_secret(name, "wifi", digest),
        security=mapping.wifi.security,
        enabled=False,
    )


def neutral_line(line: int, mapping: Mapping, name: str, digest: Digest) -> VoiceLine:
    """Return a telephone line that is off, with an account that is nobody's."""
    account = mapping.neutral.sip_username
    shown = "sip_display_name" in site_fields(mapping)
    return VoiceLine(
        line,
        enabled=False,
        username=account,
        auth_username=account,
        password=_secret(name, "voice", digest),
        display_name=account if shown else None,
    )


def _is_named(role: Role, mapping: Mapping) -> bool:
    names = site_fields(mapping)
    return f"wifi.{role}.ssid" in names or (role is Role.GUEST and "wifi_ssid_guest" in names)


def _secret(name: str, part: str, digest: Digest) -> Secret:
    # 32 digits: 64 would be taken for a raw key, which WPA3 cannot have.
    return Secret(digest(f"neutral {part} {name}".encode())[:32])
