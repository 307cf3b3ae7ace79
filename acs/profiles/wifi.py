"""Which row is which Wi-Fi network, and what a wanted network means for its leaves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields

from acs.model import ValueType
from acs.profiles.blueprint import Blueprint, Place, SecurityRule, Wifi
from acs.profiles.intent import (
    Band,
    Problem,
    Role,
    Security,
    WifiNetwork,
    raw_key,
    where_wifi,
)
from acs.profiles.tree import Row, Tree
from acs.profiles.wants import Spot, Want, want_constants, want_setting, want_text

_SHARED = ("ssid", "passphrase", "security")
"""What band steering makes one for all bands."""


def find_networks(wifi: Wifi, tree: Tree) -> Mapping[tuple[Band, Role], Row]:
    """Return the row of each (band, role).

    Rows of another role (Backhaul, Public, one we have no word for) are in no answer, so
    nothing can be written to them.
    """
    rows = tree.rows(wifi.network)
    told = any(
        tree.text(place, wifi.network, row) is not None for row in rows for place in wifi.role
    )
    found: dict[tuple[Band, Role], Row] = {}
    place_in_band: dict[Band, int] = {}
    for row in rows:
        band = _band(wifi, tree, row)
        if band is None:
            continue
        if told:
            role = _role_word(wifi, tree, row)
        else:
            order = place_in_band.get(band, 0)
            place_in_band[band] = order + 1
            role = wifi.role_order[order] if order < len(wifi.role_order) else None
        if role is not None:
            found.setdefault((band, role), row)
    return found


def want_wifi(
    networks: tuple[WifiNetwork, ...], blueprint: Blueprint, tree: Tree
) -> Iterator[Want | Problem]:
    """Say what each wanted network means for the device's leaves, or why it cannot be."""
    wifi = blueprint.wifi
    if wifi is None:
        for network in networks:
            yield Problem(where_wifi(network), "network", "this blueprint knows no Wi-Fi")
        return
    rows = find_networks(wifi, tree)
    leader = _leader(wifi, networks, tree)
    for network in networks:
        row = rows.get((network.band, network.role))
        if row is None:
            reason = f"the device has no {network.role} network in {network.band} GHz"
            yield Problem(where_wifi(network), "network", reason)
        elif leader and network.role is Role.MAIN and (odd := _differing(leader, network)):
            reason = f"band steering is on: {network.band} GHz follows {leader.band} GHz"
            yield Problem(where_wifi(network), odd, reason)
        else:
            yield from _want_network(network, wifi, Spot(blueprint, tree, wifi.network, row))


def _want_network(network: WifiNetwork, wifi: Wifi, spot: Spot) -> Iterator[Want | Problem]:
    where = where_wifi(network)
    for name in ("ssid", "enabled", "hidden"):
        wish = getattr(network, name)
        if wish is not None:
            yield from want_setting(wish, wifi.settings.get(name), spot, where, name)
    if network.security is not None:
        yield from _want_security(network.security, wifi.security, spot, where)
    if network.passphrase is not None:
        setting = wifi.hex_key if raw_key(network.passphrase) else wifi.settings.get("passphrase")
        yield from want_setting(network.passphrase, setting, spot, where, "passphrase")
        if wifi.sae and network.security in (Security.WPA3, Security.WPA2_WPA3):
            yield from want_setting(network.passphrase, wifi.sae, spot, where, "passphrase")


def _want_security(
    wish: Security, rule: SecurityRule | None, spot: Spot, where: str
) -> Iterator[Want | Problem]:
    words = rule.words.get(wish, ()) if rule else ()
    if rule is None or not words:
        yield Problem(where, "security", f"this blueprint has no word for {wish}")
        return
    word: str | None = words[0]
    listed = spot.text(rule.supported) if rule.supported else None
    if listed:
        supported = [entry.strip() for entry in listed.split(",")]
        word = next((word for word in words if word in supported), None)
    if word is None:
        reason = f"the device cannot do {wish}; it can do {', '.join(supported)}"
        yield Problem(where, "security", reason)
        return
    yield from want_text(word, ValueType.STRING, rule.mode, spot, where, "security")
    yield from want_constants(rule.also.get(wish, ()), spot, where, "security")


def _leader(wifi: Wifi, networks: tuple[WifiNetwork, ...], tree: Tree) -> WifiNetwork | None:
    """Return the network all bands follow, when band steering is on."""
    switch = tree.value(wifi.steering) if wifi.steering else None
    if switch is None or switch.text not in ("1", "true"):
        return None
    main = [network for network in networks if network.role is Role.MAIN]
    return min(main, key=lambda network: network.band, default=None)


def _differing(leader: WifiNetwork, network: WifiNetwork) -> str:
    for item in fields(network):
        wish, led = getattr(network, item.name), getattr(leader, item.name)
        if item.name in _SHARED and wish is not None and wish != led:
            return item.name
    return ""


def _band(wifi: Wifi, tree: Tree, row: Row) -> Band | None:
    for place in wifi.band:
        word = tree.text(place, wifi.network, row)
        if word and (band := wifi.band_words.get(word.strip())):
            return band
    for place in wifi.channel:
        channel = tree.text(place, wifi.network, row) or ""
        # 802.11: 1 to 14 stand in 2.4 GHz, 32 to 177 in 5 GHz.  6 GHz counts from 1 again, so a
        # device that has it must say the band.
        if channel.isdecimal() and len(channel) <= 3 and 1 <= int(channel) <= 177:
            return Band.GHZ_2_4 if int(channel) <= 14 else Band.GHZ_5
    return wifi.band_of_number.get(row.number)


def _role_word(wifi: Wifi, tree: Tree, row: Row) -> Role | None:
    for place in wifi.role:
        word = tree.text(place, wifi.network, row)
        if word is not None:
            return wifi.role_words.get(word.strip())
    return None


def identifying(wifi: Wifi) -> Iterator[Place]:
    """Yield the places that tell which row is which network."""
    yield from (*wifi.band, *wifi.channel, *wifi.role)
