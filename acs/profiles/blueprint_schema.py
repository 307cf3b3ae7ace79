"""Which keys a blueprint file may hold, and of which kind; `models/tr181.toml` explains them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from difflib import get_close_matches
from enum import Enum
from typing import Any

from acs.profiles.diagnostics.names import NAMES as DIAGNOSTICS
from acs.profiles.intent import Security


class Kind(Enum):
    """Kind of a value in a blueprint file."""

    TEXT = "text"
    TEXTS = "a list of texts"
    TEXT_OR_TEXTS = "a text or a list of texts"
    FLAG = "true or false"
    NUMBER = "a whole number"
    SCALAR = "a text, a whole number, or true or false"


ANY = "*"
"""Key that stands for every key."""
REPLACE = "replace"
"""In any table: take nothing from the same table of the blueprint that is extended."""

Spec = Kind | Mapping[str, Any]
Path = tuple[str, ...]

_ALSO: Spec = {ANY: Kind.SCALAR}
_SETTING: Spec = {
    "write": Kind.TEXTS,
    "first_of": Kind.TEXTS,
    "if_present": Kind.TEXTS,
    "also": _ALSO,
    "words": {ANY: Kind.TEXT},
    "type": Kind.TEXT,
    "invert": Kind.FLAG,
    "secret": Kind.FLAG,
    "fold": Kind.FLAG,
    "reference": Kind.FLAG,
    "supported": Kind.TEXT,
    "closed": Kind.FLAG,
}
WIFI_SETTINGS = (
    "ssid", "enabled", "hidden", "isolated", "max_clients", "passphrase", "hex_key", "sae",
)  # fmt: skip
RADIO_SETTINGS = ("enabled", "channel", "auto_channel", "width")
VOICE_SETTINGS = (
    "enabled", "line_enabled", "username", "auth_username", "password", "uri", "display_name",
    "registrar", "registrar_port", "proxy", "proxy_port",
    "outbound_proxy", "outbound_proxy_port", "domain", "digit_map", "region",
)  # fmt: skip
MANAGEMENT_SETTINGS = (
    "periodic_inform", "periodic_inform_interval", "acs_url", "acs_username", "acs_password",
    "connection_request_username", "connection_request_password", "periodic_inform_time",
    "stun_enabled", "stun_server", "stun_port", "stun_username", "stun_password",
    "stun_min_keepalive", "stun_max_keepalive",
)  # fmt: skip
WAN_SETTINGS = ("vlan", "username", "password", "mtu", "ipv6")
HEALTH_QUANTITIES = ("rx", "tx", "temperature", "voltage", "bias")
HEALTH_ROWS: Mapping[str, tuple[str, ...]] = {
    "wan": ("name", "kind", "enabled", "status", "service", "addresses", "sent", "received"),
    "radios": ("name", "band", "enabled", "status", "channel", "auto", "width", "power"),
    "stations": ("mac", "signal"),
    "hosts": ("mac", "name", "address", "active", "kind"),
    "mesh": ("mac", "name", "model", "address", "active", "uptime", "backhaul", "signal"),
    "clients": ("mac", "signal"),
    "voice": ("number", "enabled", "status", "call"),
}
"""What the leaves of a row tell, by the part of ``[health]``."""
_HEALTH_OPTIONS: Mapping[str, Mapping[str, Spec]] = {
    "wan": {"swapped": Kind.FLAG, "lan": Kind.TEXTS},
    "radios": {"networks": Kind.FLAG},
    "stations": {"signal_unit": Kind.TEXT},
    "mesh": {"signal_unit": Kind.TEXT},
    "clients": {"signal_unit": Kind.TEXT},
    "hosts": {"active_trusted": Kind.FLAG, "words": {ANY: Kind.TEXT}},
}
PATTERNS = ("manufacturer", "oui", "product_class", "model", "hardware", "software")

_WIFI: Mapping[str, Any] = {
    "network": Kind.TEXT,
    "steering": Kind.TEXT,
    "also": _ALSO,
    "band": {
        "from": Kind.TEXTS,
        "words": {ANY: Kind.TEXT},
        "channel": Kind.TEXTS,
        "numbers": {ANY: Kind.TEXT},
    },
    "role": {
        "from": Kind.TEXTS,
        "words": {ANY: Kind.TEXT_OR_TEXTS},
        "numbers": {ANY: Kind.TEXT},
        "order": Kind.TEXTS,
    },
    "set": dict.fromkeys(WIFI_SETTINGS, _SETTING),
    "radio": dict.fromkeys(RADIO_SETTINGS, _SETTING),
    "security": {
        "mode": Kind.TEXT,
        "supported": Kind.TEXT,
        "words": dict.fromkeys(map(str, Security), Kind.TEXTS),
        "also": dict.fromkeys(map(str, Security), _ALSO),
    },
}

_WAN: Mapping[str, Any] = {
    "connections": Kind.TEXTS,
    "layers": Kind.TEXTS,
    "reference": Kind.TEXT,
    "final_dot": Kind.FLAG,
    "alias": Kind.TEXT,
    "name": Kind.TEXT,
    "media": {ANY: Kind.TEXT},
    "mode": {
        "from": Kind.TEXTS,
        "words": {ANY: Kind.TEXT},
        "tables": {ANY: Kind.TEXT},
        "layers": {ANY: Kind.TEXT},
    },
    "service": {"from": Kind.TEXT, "wanted": Kind.TEXT, "keep": Kind.TEXTS},
    "enable": Kind.TEXTS,
    "disable": Kind.TEXTS,
    "separate": Kind.FLAG,
    "set": dict.fromkeys(WAN_SETTINGS, _SETTING),
    "build": {
        ANY: {
            "add": Kind.TEXT,
            "find": Kind.TEXTS,
            "modes": Kind.TEXTS,
            "medium": Kind.TEXT,
            "needs": Kind.TEXTS,
            "set": _ALSO,
            "also": _ALSO,
            "wish": Kind.TEXTS,
        }
    },
}

_WHOLE: Mapping[str, Any] = {
    "blueprint": {
        "name": Kind.TEXT,
        "title": Kind.TEXT,
        "extends": Kind.TEXT,
        "sources": Kind.TEXTS,
    },
    "match": {"root": Kind.TEXT, **dict.fromkeys(PATTERNS, Kind.TEXTS)},
    "dialect": {
        "booleans": Kind.TEXT,
        "xml_declaration": Kind.FLAG,
        "get_batch": Kind.NUMBER,
        "set_batch": Kind.NUMBER,
        "cookie_path": Kind.TEXT,
    },
    "behaviour": {"verify": Kind.TEXT, "marker": Kind.TEXT, "factory_ssid": Kind.TEXT},
    "identity": {"mac": Kind.TEXTS, "model": Kind.TEXT, "gpon_serial": Kind.TEXTS},
    "tables": {ANY: Kind.TEXT},
    "joins": {
        ANY: {
            "start": Kind.TEXT,
            "reference": Kind.TEXT,
            "same_number": Kind.FLAG,
            "numbers": {ANY: Kind.NUMBER},
        }
    },
    "wifi": _WIFI,
    "wifi_inner": _WIFI,
    "voice": {
        "line": Kind.TEXT,
        "ignore": Kind.TEXTS,
        "also": _ALSO,
        "set": dict.fromkeys(VOICE_SETTINGS, _SETTING),
    },
    "wan": _WAN,
    "management": {
        "ignore": Kind.TEXTS,
        "set": dict.fromkeys(MANAGEMENT_SETTINGS, _SETTING),
    },
    "admin": {"password": _SETTING},
    "order": {"switches": Kind.TEXTS, "separate": Kind.TEXTS},
    "doubts": {ANY: {"certainty": Kind.TEXT, "note": Kind.TEXT, "source": Kind.TEXT}},
    "health": {
        "uptime": Kind.TEXTS,
        "notes": {ANY: Kind.TEXT},
        "optical": {
            "state": Kind.TEXTS,
            "operating": Kind.TEXTS,
            **{name: {ANY: Kind.TEXT} for name in HEALTH_QUANTITIES},
        },
        **{
            part: {
                "tables": Kind.TEXTS,
                **dict.fromkeys(leaves, Kind.TEXTS),
                **_HEALTH_OPTIONS.get(part, {}),
            }
            for part, leaves in HEALTH_ROWS.items()
        },
    },
    "diagnostics": {
        diagnostic.value: {
            "object": Kind.TEXT,
            "arguments": dict.fromkeys(names.arguments, Kind.TEXT),
            "results": dict.fromkeys(names.results, Kind.TEXT),
            "table": Kind.TEXT,
            "row": dict.fromkeys(names.row, Kind.TEXT),
        }
        for diagnostic, names in DIAGNOSTICS.items()
    },
}
"""Of a whole file, but for its ``[usp]``."""
_OVER_USP: Mapping[str, Any] = {
    **{key: spec for key, spec in _WHOLE.items() if key not in ("blueprint", "match", "doubts")},
    "dialect": {"booleans": Kind.TEXT},
    "commands": {ANY: Kind.TEXT},
}
SCHEMA: Mapping[str, Any] = {**_WHOLE, "usp": _OVER_USP}


def check_shape(data: Any, spec: Spec = SCHEMA, path: Path = ()) -> Iterator[tuple[Path, str]]:
    """Yield the key path and the reason of everything in ``data`` that ``spec`` does not allow."""
    name = ".".join(path)
    if isinstance(spec, Kind):
        if not _fits(data, spec):
            yield path, f"{name} must be {spec.value}"
        return
    if not isinstance(data, Mapping):
        yield path, f"{name} must be a table"
        return
    for key, value in data.items():
        inner = (*path, key)
        if key in spec:
            yield from check_shape(value, spec[key], inner)
        elif key == REPLACE and path:
            yield from check_shape(value, Kind.FLAG, inner)
        elif ANY in spec:
            yield from check_shape(value, spec[ANY], inner)
        else:
            yield inner, f"unknown key {'.'.join(inner)}{nearest(key, spec)}"


def without(data: Mapping[str, Any], paths: Collection[Path]) -> dict[str, Any]:
    """Return ``data`` less what stands at ``paths``, so that the rest can be read."""
    kept = {}
    for key, value in data.items():
        inner = [path[1:] for path in paths if path[0] == key]
        if () not in inner:
            kept[key] = without(value, inner) if inner else value
    return kept


def nearest(word: str, known: Any) -> str:
    """Return `` (did you mean …?)`` with the known word closest to ``word``, or nothing."""
    near = get_close_matches(word, [str(name) for name in known], 1, 0.5)
    return f" (did you mean {near[0]}?)" if near else ""


def merge(base: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """Lay ``own`` over ``base``: tables are merged key by key, everything else is replaced."""
    merged = {} if own.get(REPLACE) else dict(base)
    for key, value in own.items():
        if key == REPLACE:
            continue
        inherited = merged.get(key)
        if isinstance(value, Mapping):
            value = merge(inherited if isinstance(inherited, Mapping) else {}, value)
        merged[key] = value
    return merged


def _fits(value: Any, kind: Kind) -> bool:
    match kind:
        case Kind.TEXT:
            return isinstance(value, str)
        case Kind.TEXTS:
            return isinstance(value, list) and all(isinstance(entry, str) for entry in value)
        case Kind.TEXT_OR_TEXTS:
            return _fits(value, Kind.TEXT) or _fits(value, Kind.TEXTS)
        case Kind.FLAG:
            return isinstance(value, bool)
        case Kind.NUMBER:
            return isinstance(value, int) and not isinstance(value, bool)
        case Kind.SCALAR:
            return isinstance(value, str | int)
