"""What the names and values of an unknown tree suggest; every answer is a guess."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from acs.model import Value
from acs.profiles.intent import Band, Role, Security

_INSTANCE = re.compile(r"\.\d+(?=\.)")
_BAND = re.compile(r"(2\.?4|5|6)\s*(?:ghz|g)?\b", re.IGNORECASE)
_BAND_LEAF = re.compile(r"band\Z|freq(uency)?\Z", re.IGNORECASE)
_ROLE_LEAF = re.compile(r"(ap|ssid|net(work)?|bss|interface)_?(type|role|usage|use)\Z", re.I)
_PASSPHRASE = re.compile(
    r"key_?passphrase\Z|pre_?shared_?key\Z|passphrase\Z|wpa_?psk\Z|password\Z", re.IGNORECASE
)
_POWER = re.compile(r"(?<![a-z])(rx|tx|receive|received|transmit)[a-z]*_?(power|level)|"
                    r"optical(?:signal|transmit)?level", re.IGNORECASE)  # fmt: skip
_LIGHT = re.compile(r"optic|pon|ont|transceiver|sfp|fib", re.IGNORECASE)
_VLAN = re.compile(r"\.(?:[A-Za-z0-9_-]*vlan_?id[A-Za-z]*|[A-Za-z0-9_-]*_vid|vid|"
                   r"[A-Za-z0-9_-]*_vlan)\Z", re.IGNORECASE)  # fmt: skip
_MAC = re.compile(r"(?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}")
_CLIENTS = re.compile(r"Host\.|AssociatedDevice\.|Client\.|Neighbor|BSSID|MultiAP|DataElements")
_NUMBER = re.compile(r"\s*([+-]?\d+(?:\.\d+)?)\s*(dbm)?\s*", re.IGNORECASE)


def general(path: str) -> str:
    """Return ``path`` with ``{i}`` for instance numbers."""
    return _INSTANCE.sub(".{i}", path)


def tables_with(values: Iterable[str], leaf: re.Pattern[str]) -> dict[str, list[str]]:
    """Return tables whose rows have a leaf that fits, each with the leaves, in order of names."""
    found: dict[str, dict[str, None]] = {}
    for path in sorted(values):
        table, row, rest = general(path).rpartition("{i}.")
        if row and leaf.search(rest):
            found.setdefault(table + row, {})[rest] = None
    return {table: list(leaves) for table, leaves in found.items()}


def passphrase_leaves(leaves: Iterable[str]) -> list[str]:
    """Return leaves that may hold a passphrase, the likeliest first."""
    fitting = [leaf for leaf in leaves if _PASSPHRASE.search(leaf)]
    return sorted(fitting, key=lambda leaf: ("assphrase" not in leaf, leaf.count("."), leaf))


def band_words(leaves: Mapping[str, Iterable[str]]) -> tuple[str, dict[str, Band]]:
    """Return the leaf that names bands and its words, of leaves with the texts their rows hold."""
    for leaf, texts in leaves.items():
        words = {text: band for text in texts if (band := _band(text))}
        if words and _BAND_LEAF.search(leaf):
            return leaf, words
    return "", {}


def role_words(leaves: Mapping[str, Iterable[str]]) -> tuple[str, dict[str, Role]]:
    """Return the leaf that tells networks apart by their use, and its words that have a role."""
    for leaf, texts in leaves.items():
        if _ROLE_LEAF.search(leaf):
            # Of "Guest" and "GuestNetwork" the one is a spare network: the longer word counts.
            by_role = {role: text for text in sorted(texts, key=len) if (role := _role(text))}
            if Role.MAIN in by_role:
                return leaf, {text: role for role, text in by_role.items()}
    return "", {}


def _role(text: str) -> Role | None:
    plain = text.casefold()
    for pattern, role in (("guest", Role.GUEST), ("iot", Role.IOT)):
        if pattern in plain:
            return role
    return Role.MAIN if plain in ("primary", "main", "home", "private", "lan") else None


def _band(text: str) -> Band | None:
    found = _BAND.fullmatch(text.strip())
    return {"2": Band.GHZ_2_4, "5": Band.GHZ_5, "6": Band.GHZ_6}[found[1][0]] if found else None


def security_of(word: str) -> Security | None:
    """Guess which wish a word of ModesSupported means; enterprise and WEP are none."""
    plain = word.casefold().replace("-", "").replace("/", "").replace(" ", "")
    if "enterprise" in plain or "wep" in plain or "radius" in plain:
        return None
    match ("wpa2" in plain or "11i" in plain, "wpa3" in plain or "sae" in plain):
        case (True, True):
            return Security.WPA2_WPA3
        case (False, True):
            return Security.WPA2_WPA3 if "transition" in plain else Security.WPA3
        case (True, False):
            rest = plain.replace("wpa2", "")
            return Security.WPA_WPA2 if "wpa" in rest else Security.WPA2
        case _:
            return Security.OPEN if plain in ("none", "open") else None


def optical(values: Mapping[str, Value]) -> Iterator[tuple[str, str, str]]:
    """Yield (``rx`` or ``tx``, path, unit) of parameters that may hold optical power."""
    for path in sorted(values):
        leaf = path.rpartition(".")[2]
        found = _POWER.search(leaf)
        if found is None or not _LIGHT.search(path) or ".WiFi." in path or "WLAN" in path:
            continue
        unit = _unit(values[path].text)
        if unit and "{i}" not in path:
            yield ("tx" if leaf[found.start()].casefold() == "t" else "rx"), path, unit


def _unit(text: str) -> str:
    found = _NUMBER.fullmatch(text)
    if found is None:
        return "" if text.strip() else "auto"
    number = float(found[1])
    if found[2] or -50 <= number < 0:
        return "dBm"
    if number == 0:
        return "auto"
    if number > 0:
        return "0.1uW"
    return "0.1dBm" if number > -600 else "0.001dBm"


def vlan_leaves(values: Iterable[str]) -> list[str]:
    """Return names, with ``{i}``, of parameters that look like the number of a VLAN."""
    return sorted({general(path) for path in values if _VLAN.search(path)})


def mac_paths(values: Mapping[str, Value]) -> list[str]:
    """Return parameters that may hold the unit's own MAC, the likeliest first."""
    fitting = [
        path
        for path, value in values.items()
        if _MAC.fullmatch(value.text.strip())
        and path.endswith(("MACAddress", "MacAddress", "PhysAddress"))
        and not _CLIENTS.search(path)
        and value.text.strip().strip("0:-")
    ]
    return sorted(fitting, key=lambda path: ("LAN" not in path and "Ethernet" not in path, path))
