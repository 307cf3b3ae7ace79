"""A first blueprint for a family nobody described, drafted from one device's own tree.

It extends the nearest blueprint there is and says only what differs. What is guessed is marked
in ``[doubts]``, and what a person has to look at stands in comments.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from glob import escape
from typing import Any

from acs.model import Value
from acs.profiles.blueprint import Blueprint, Certainty, Wifi
from acs.profiles.coverage import lines, networks, uncovered
from acs.profiles.draft_guesses import (
    band_words,
    mac_paths,
    optical,
    passphrase_leaves,
    role_words,
    security_of,
    tables_with,
    vlan_leaves,
)
from acs.profiles.dump import Dump
from acs.profiles.library import Facts, Library
from acs.profiles.tree import Tree, row_pattern
from acs.profiles.wants import Spot

_SSID = re.compile(r"(?:\A|\.)SSID\Z")
_LINE = re.compile(r"(?:AuthUserName|DirectoryNumber|VoipNum)\Z", re.IGNORECASE)
_ADVERTISED = ("SSIDAdvertisementEnabled", "SSIDAdvertisementEnable")
_GUESS = "guessed from one device's tree, not tried"
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(slots=True)
class _Draft:
    """Tables to write, comments, and what is not sure."""

    tables: dict[str, dict[str, Any]] = field(default_factory=dict)
    comments: list[str] = field(default_factory=list)
    doubts: dict[str, str] = field(default_factory=dict)

    def put(self, table: str, key: str, value: Any, doubt: str = "") -> None:
        self.tables.setdefault(table, {})[key] = value
        if doubt:
            self.doubts[f"{table}.{key}"] = doubt

    def say(self, comment: str) -> None:
        self.comments.append(comment)


def facts_of_dump(dump: Dump) -> Facts:
    """Return who a device is, as its own tree has it."""
    info = "DeviceInfo."
    return Facts(
        manufacturer=dump.text(info + "Manufacturer"),
        oui=dump.text(info + "ManufacturerOUI"),
        product_class=dump.text(info + "ProductClass"),
        model=dump.text(info + "ModelName"),
        hardware=dump.text(info + "HardwareVersion"),
        software=dump.text(info + "SoftwareVersion"),
        root=dump.root,
    )


def nearest_blueprint(dump: Dump, facts: Facts, library: Library) -> Blueprint:
    """Return the blueprint to extend: the one that fits, in the variant whose telephone is there.

    Raises ValueError when the library has none for the root, which shipped ones always have.
    """
    base = library.choose(facts)
    if base is None:
        raise ValueError(f"no blueprint is for the root {facts.root!r}")
    variant = library.get(f"{base.name}-voice1")
    if variant and not lines(base, Tree(base, dump.values)):
        return variant if lines(variant, Tree(variant, dump.values)) else base
    return base


def draft(dump: Dump, facts: Facts, library: Library, name: str) -> str:
    """Return the text of a blueprint file called ``name`` for the device of ``dump``."""
    base = nearest_blueprint(dump, facts, library)
    tree = Tree(base, dump.values)
    made = _Draft()
    _match(made, facts)
    _identity(made, dump, base)
    _wifi(made, dump, base, tree)
    _voice(made, dump, base, tree)
    _optical(made, dump, base)
    _rest(made, dump, base, tree)
    return _text(made, facts, base, name)


def _match(made: _Draft, facts: Facts) -> None:
    made.put("match", "root", facts.root)
    if facts.manufacturer:
        made.put("match", "manufacturer", [escape(facts.manufacturer)])
    if facts.model:
        made.put("match", "model", [escape(facts.model)])
    elif facts.hardware:
        made.put("match", "hardware", [escape(facts.hardware.partition(" ")[0]) + "*"])
    if not (facts.model or facts.hardware):
        made.say("The tree names no model: add model or hardware to [match], or it fits them all.")


def _identity(made: _Draft, dump: Dump, base: Blueprint) -> None:
    if not any(dump.values.get(path) and dump.values[path].text for path in base.mac_paths):
        if found := mac_paths(dump.values):
            made.put("identity", "mac", found[:3], f"{_GUESS}; is it the MAC on the label?")
        else:
            made.say("No parameter holds a MAC: devices are matched by serial number only.")
    if base.marker and base.marker not in dump.values:
        made.put("behaviour", "marker", "")
        made.say(f"{base.marker} is missing: a reset nobody announces is not noticed.")


def _wifi(made: _Draft, dump: Dump, base: Blueprint, tree: Tree) -> None:
    found = networks(base, tree)
    for network in found:
        made.say(f"{base.name} alone sees Wi-Fi {network.band} {network.role} at {network.row}")
    candidates = tables_with(dump.values, _SSID)
    if not candidates:
        made.say("No Wi-Fi: no table has a leaf SSID.")
        return
    wifi = base.wifi
    if wifi is None or not tree.rows(wifi.network):
        _own_wifi(made, dump, next(iter(candidates)))
        return
    rows = tree.rows(wifi.network)
    leaves = _leaves(dump, [row.path for row in rows])
    spots = [Spot(base, tree, wifi.network, row) for row in rows]
    if len(found) < 2 and not any(spot.text(place) for spot in spots for place in wifi.band):
        _band(made, wifi, leaves)
    if not any(spot.text(place) for spot in spots for place in wifi.role):
        _role(made, wifi.network, leaves)
    passphrase = wifi.settings.get("passphrase")
    places = (*passphrase.write, *passphrase.first_of) if passphrase else ()
    keys = passphrase_leaves(leaves)
    if keys and not any(spot.present(place) for spot in spots for place in places):
        _passphrase(made, wifi.network, keys)
    _security(made, wifi, spots)


def _leaves(dump: Dump, rows: Iterable[str]) -> dict[str, list[str]]:
    """Return leaves of rows with the texts they hold."""
    leaves: dict[str, list[str]] = {}
    for row in rows:
        for path, value in dump.values.items():
            if path.startswith(row):
                leaves.setdefault(path.removeprefix(row), []).append(value.text)
    return leaves


def _band(made: _Draft, wifi: Wifi, leaves: Mapping[str, list[str]]) -> None:
    leaf, words = band_words(leaves)
    if leaf:
        made.put("wifi.band", "from", [f"{wifi.network}:{leaf}"], _GUESS)
        made.put("wifi.band", "words", {word: str(band) for word, band in words.items()})
    else:
        made.say("Which network is on which band is not told: see [wifi.band] numbers.")


def _role(made: _Draft, table: str, leaves: Mapping[str, list[str]]) -> None:
    leaf, words = role_words(leaves)
    if leaf:
        made.put("wifi.role", "from", [f"{table}:{leaf}"], _GUESS)
        made.put("wifi.role", "words", {word: str(role) for word, role in words.items()})
        others = sorted({text for text in leaves[leaf] if text and text not in words})
        if others:
            made.say(f"Networks whose {leaf} is {', '.join(others)} are never touched.")


def _passphrase(made: _Draft, table: str, keys: list[str]) -> None:
    made.put("wifi.set.passphrase", "replace", True)
    made.put("wifi.set.passphrase", "first_of", [f"{table}:{leaf}" for leaf in keys[:4]], _GUESS)
    made.put("wifi.set.passphrase", "secret", True)


def _security(made: _Draft, wifi: Wifi, spots: list[Spot]) -> None:
    rule = wifi.security
    if rule is None or rule.supported is None:
        return
    known = {word for words in rule.words.values() for word in words}
    for spot in spots:
        for word in map(str.strip, (spot.text(rule.supported) or "").split(",")):
            wish = security_of(word)
            if word and wish and word not in known:
                known.add(word)
                _word(made, str(wish), [*rule.words.get(wish, ()), word])


def _word(made: _Draft, wish: str, words: list[str]) -> None:
    before = made.tables.get("wifi.security.words", {}).get(wish, [])
    merged = list(dict.fromkeys([*before, *words]))
    made.put("wifi.security.words", wish, merged, f"{_GUESS}: which of the device's words it is")


def _own_wifi(made: _Draft, dump: Dump, table: str) -> None:
    """Write the whole of [wifi] for a table of networks that no blueprint knows."""
    pattern = row_pattern(table)
    rows = {match[0] for path in dump.values if (match := pattern.match(path))}
    leaves = _leaves(dump, sorted(rows))
    made.put("tables", "net", table)
    made.put("wifi", "replace", True)
    made.put("wifi", "network", "net", f"{_GUESS}: no blueprint knows this table of networks")
    leaf, words = band_words(leaves)
    if leaf:
        made.put("wifi.band", "from", [f"net:{leaf}"])
        made.put("wifi.band", "words", {word: str(band) for word, band in words.items()})
    elif "Channel" in leaves:
        made.put("wifi.band", "channel", ["net:Channel"])
    made.put("wifi.role", "order", ["main"])
    ssid = next(leaf for leaf in leaves if _SSID.search(leaf))
    made.put("wifi.set", "ssid", {"write": [f"net:{ssid}"]})
    for name, wanted in (("enabled", ("Enable", "Enabled")), ("hidden", _ADVERTISED)):
        if leaf := next((leaf for leaf in wanted if leaf in leaves), ""):
            places = {"write": [f"net:{leaf}"]}
            inverted = {"invert": True} if name == "hidden" else {}
            made.put("wifi.set", name, {**places, **inverted})
    if keys := passphrase_leaves(leaves):
        first = [f"net:{leaf}" for leaf in keys[:4]]
        made.put("wifi.set", "passphrase", {"first_of": first, "secret": True})
    made.say("Security modes are not told: write [wifi.security] mode and words.")


def _voice(made: _Draft, dump: Dump, base: Blueprint, tree: Tree) -> None:
    found = lines(base, tree)
    for number, row in enumerate(found, 1):
        made.say(f"Telephone line {number}: {row}")
    if found:
        return
    others = tables_with(dump.values, _LINE)
    for table, leaves in others.items():
        made.say(f"May be telephone lines, see [voice]: {table} ({', '.join(leaves[:4])})")
    if not others:
        made.say("No telephone service.")


def _optical(made: _Draft, dump: Dump, base: Blueprint) -> None:
    places = base.health.optical if base.health else None
    read = {
        quantity: {candidate.path for candidate in candidates}
        for quantity, candidates in (places.quantities.items() if places else ())
    }
    found = {
        quantity
        for quantity, paths in read.items()
        if any(_measured(dump.values.get(path)) for path in paths)
    }
    for quantity, path, unit in optical(dump.values):
        if quantity not in found and path not in read.get(quantity, ()):
            doubt = f"{_GUESS}; the unit is from the sign and size of its value"
            made.put(f"health.optical.{quantity}", path, unit, doubt)


def _measured(value: Value | None) -> bool:
    return value is not None and value.text.strip() not in ("", "0")


def _rest(made: _Draft, dump: Dump, base: Blueprint, tree: Tree) -> None:
    for missing in uncovered(base, tree):
        made.say(f"Not on this device: {missing.key} ({', '.join(missing.places[:3])})")
    for name in vlan_leaves(dump.values)[:8]:
        made.say(f"May be the VLAN of a connection, see [wan]: {name}")


def _text(made: _Draft, facts: Facts, base: Blueprint, name: str) -> str:
    who = " ".join(filter(None, (facts.manufacturer, facts.model or facts.hardware))) or name
    tree = f"tree of {who}" + (f", firmware {facts.software}" if facts.software else "")
    head = {"name": name, "title": who, "extends": base.name, "sources": [tree]}
    out = [
        "# A draft from one device's tree: read it, correct it, then",
        "#   acs blueprint check FILE",
        "#   acs blueprint test FILE --tree DUMP",
        "# Every key is explained by `acs blueprint keys`.",
        "#",
        *(f"# {_one_line(comment)}" for comment in made.comments),
    ]
    doubts = {
        key: {"certainty": str(Certainty.INFERRED), "note": note}
        for key, note in made.doubts.items()
    }
    for table, entries in {"blueprint": head, **made.tables, "doubts": doubts}.items():
        if entries:
            out += ["", f"[{table}]", *(f"{_key(k)} = {_value(v)}" for k, v in entries.items())]
    return "\n".join(out) + "\n"


def _one_line(text: str) -> str:
    return "".join(sign if sign.isprintable() else "?" for sign in text)


def _key(key: str) -> str:
    return key if _BARE_KEY.fullmatch(key) else _quoted(key)


def _quoted(text: str) -> str:
    # A basic string of TOML is one of JSON, but for DEL and lone surrogates.
    text = text.encode(errors="replace").decode()
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _value(value: Any) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return _quoted(value)
        case list():
            return f"[{', '.join(map(_value, value))}]"
        case dict():
            return "{ " + ", ".join(f"{_key(k)} = {_value(v)}" for k, v in value.items()) + " }"
        case _:
            raise TypeError(type(value).__name__)
