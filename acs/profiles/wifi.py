"""Which row is which Wi-Fi network, and what a wanted network means for its leaves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import fields

from acs.model import ValueType
from acs.profiles.blueprint import Blueprint, Place, SecurityRule, Setting, Wifi
from acs.profiles.intent import (
    Band,
    Intent,
    Problem,
    Radio,
    Role,
    Security,
    WifiNetwork,
    raw_key,
    where_radio,
    where_wifi,
)
from acs.profiles.tree import Row, Tree
from acs.profiles.wants import Spot, Want, want_constants, want_setting, want_text

PLAIN_SETTINGS = ("ssid", "enabled", "hidden", "isolated", "max_clients")
"""Settings of a network that are written as they are wished."""
_SHARED = ("ssid", "passphrase", "security")
"""What band steering makes one for all bands."""


def tables_in_question(intent: Intent, blueprint: Blueprint) -> Iterator[Wifi]:
    """Yield the tables of networks that ``intent`` is about."""
    main, inner = blueprint.wifi, blueprint.wifi_inner
    if main and (intent.wifi or intent.radios or intent.band_steering is not None):
        yield main
    if inner and any(network.role in inner.roles for network in intent.wifi):
        yield inner


def rows_in_question(wifi: Wifi, intent: Intent, tree: Tree) -> Iterator[Row]:
    """Yield the rows of this table that ``intent`` is about."""
    networks = find_networks(wifi, tree)
    for network in intent.wifi:
        if row := networks.get((network.band, network.role)):
            yield row
    for radio in intent.radios if wifi.radio else ():
        if row := _row_on(wifi, tree, radio.band):
            yield row


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
    seen: Counter[tuple[Band, str]] = Counter()
    for row in rows:
        band = _band(wifi, tree, row)
        if band is None:
            continue
        word = _role_word(wifi, tree, row) if told else ""
        if told:
            roles = wifi.role_words.get(word, ())
        elif wifi.role_of_number:
            if role := wifi.role_of_number.get(row.number):
                found.setdefault((band, role), row)
            continue
        else:
            roles = wifi.role_order
        order = seen[band, word]
        seen[band, word] += 1
        if order < len(roles):
            found.setdefault((band, roles[order]), row)
    return found


def want_wifi(intent: Intent, blueprint: Blueprint, tree: Tree) -> Iterator[Want | Problem]:
    """Say what the wanted Wi-Fi means for the device's leaves, or why it cannot be."""
    wifi = blueprint.wifi
    if wifi is None:
        for network in intent.wifi:
            yield Problem(where_wifi(network), "network", "this blueprint knows no Wi-Fi")
        for radio in intent.radios:
            yield Problem(where_radio(radio), "radio", "this blueprint knows no Wi-Fi")
        if intent.band_steering is not None:
            yield Problem("wifi", "band_steering", "this blueprint knows no Wi-Fi")
        return
    if intent.band_steering is not None:
        yield from _want_steering(intent.band_steering, wifi, Spot(blueprint, tree))
    for radio in intent.radios:
        yield from _want_radio(radio, wifi, blueprint, tree)
    yield from _want_networks(intent, blueprint, tree)


def _want_networks(intent: Intent, blueprint: Blueprint, tree: Tree) -> Iterator[Want | Problem]:
    found = {
        place: (wifi, row)
        for wifi in reversed(tuple(tables_in_question(intent, blueprint)))
        for place, row in find_networks(wifi, tree).items()
    }
    leader = _leader(intent, blueprint, tree)
    for network in intent.wifi:
        place = found.get((network.band, network.role))
        if place is None:
            reason = f"the device has no {network.role} network in {network.band} GHz"
            yield Problem(where_wifi(network), "network", reason)
        elif leader and network.role is Role.MAIN and (odd := _differing(leader, network)):
            reason = f"band steering is on: {network.band} GHz follows {leader.band} GHz"
            yield Problem(where_wifi(network), odd, reason)
        else:
            wifi, row = place
            yield from _want_network(network, wifi, Spot(blueprint, tree, wifi.network, row))


def _want_steering(wish: bool, wifi: Wifi, spot: Spot) -> Iterator[Want | Problem]:
    switch = Setting(write=(Place("", wifi.steering),)) if wifi.steering else None
    yield from want_setting(wish, switch, spot, "wifi", "band_steering")


def radio_wishes(radio: Radio, wifi: Wifi) -> Iterator[tuple[str, bool | int | str]]:
    """Yield the blueprint's radio settings that ``radio`` wants, each with its value.

    A channel of one's choice means that the device does not choose; both are written, since
    TR-181 turns AutoChannelEnable off with the channel and not every device does.
    """
    if radio.enabled is not None:
        yield "enabled", radio.enabled
    if radio.width is not None:
        yield "width", radio.width
    if radio.channel is not None:
        chosen = radio.channel != "auto"
        if "auto_channel" in wifi.radio:
            yield "auto_channel", not chosen
        if chosen or "auto_channel" not in wifi.radio:
            yield "channel", radio.channel


def _want_radio(
    radio: Radio, wifi: Wifi, blueprint: Blueprint, tree: Tree
) -> Iterator[Want | Problem]:
    where = where_radio(radio)
    row = _row_on(wifi, tree, radio.band)
    if row is None:
        yield Problem(where, "radio", f"the device has no network in {radio.band} GHz")
        return
    spot = Spot(blueprint, tree, wifi.network, row)
    wants: dict[str, list[Want | Problem]] = {
        name: list(want_setting(wish, wifi.radio.get(name), spot, where, name))
        for name, wish in radio_wishes(radio, wifi)
    }
    # A channel that cannot be had must not take the device's own choice away.
    if any(isinstance(each, Problem) for each in wants.get("channel", ())):
        wants.pop("auto_channel", None)
    for each in wants.values():
        yield from each


def _row_on(wifi: Wifi, tree: Tree, band: Band) -> Row | None:
    """Return a network of ``band``, the main one if it is told: its radio is the band's."""
    main = find_networks(wifi, tree).get((band, Role.MAIN))
    return main or next((r for r in tree.rows(wifi.network) if _band(wifi, tree, r) is band), None)


def _want_network(network: WifiNetwork, wifi: Wifi, spot: Spot) -> Iterator[Want | Problem]:
    where = where_wifi(network)
    if network.enabled:
        yield from want_constants(wifi.also, spot, where, "enabled")
    for name in PLAIN_SETTINGS:
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


def _leader(intent: Intent, blueprint: Blueprint, tree: Tree) -> WifiNetwork | None:
    """Return the network all bands follow, when band steering is on or wanted."""
    steering = blueprint.wifi.steering if blueprint.wifi else ""
    switch = tree.value(steering) if steering else None
    on = intent.band_steering
    if switch is None or not (on if on is not None else switch.text in ("1", "true")):
        return None
    main = [network for network in intent.wifi if network.role is Role.MAIN]
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


def _role_word(wifi: Wifi, tree: Tree, row: Row) -> str:
    words = (tree.text(place, wifi.network, row) for place in wifi.role)
    return next((word.strip() for word in words if word is not None), "")


def identifying(wifi: Wifi) -> Iterator[Place]:
    """Yield the places that tell which row is which network."""
    yield from (*wifi.band, *wifi.channel, *wifi.role)
