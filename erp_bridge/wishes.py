"""The settings of a wish by name: which field of the site holds one, or which value all have.

A setting is called as in `acs.profiles.intent`, after the part it belongs to: ``wan.vlan``,
``wifi.guest.isolated``, ``radio.5.channel``, ``voice.region``, ``band_steering``.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, Literal, get_args, get_type_hints

from acs.model import Secret
from acs.profiles.dial_plans import DialPlan
from acs.profiles.intent import (
    Band,
    Intent,
    Management,
    Radio,
    Role,
    Security,
    VoiceLine,
    Wan,
    WifiNetwork,
)
from acs.profiles.intent_check import check

_OURS = ("acs_url", "acs_username", "acs_password")
"""How a device finds and calls this server is no matter of its equipment."""


def _settings(part: str, kind: type, without: tuple[str, ...] = ()) -> dict[str, frozenset[Any]]:
    hints = get_type_hints(kind)
    names = [each.name for each in dataclasses.fields(kind) if each.name not in without]
    return {f"{part}.{name}": frozenset(get_args(hints[name])) - {type(None)} for name in names}


SETTINGS: Mapping[str, frozenset[Any]] = {
    **{
        name: kinds
        for role in Role
        for name, kinds in _settings(f"wifi.{role}", WifiNetwork, ("band", "role")).items()
    },
    **{
        name: kinds
        for band in Band
        for name, kinds in _settings(f"radio.{band}", Radio, ("band",)).items()
    },
    **_settings("voice", VoiceLine, ("line",)),
    **_settings("wan", Wan),
    **_settings("management", Management, _OURS),
    "band_steering": frozenset({bool}),
    "admin_password": frozenset({Secret}),
}
"""Every setting that ERPNext can wish for, and the types its value may have."""

NAMED: Mapping[str, str] = {
    "wifi.main.ssid": "wifi_ssid",
    "wifi.main.passphrase": "wifi_password",
    "wifi.guest.ssid": "wifi_ssid_guest",
    "wifi.guest.passphrase": "wifi_password_guest",
    "voice.username": "sip_username",
    "voice.auth_username": "sip_auth_username",
    "voice.password": "sip_password",
    "voice.display_name": "sip_display_name",
    "voice.registrar": "sip_registrar",
    "voice.domain": "sip_domain",
}
"""Settings whose field is named in ``[equipment.fields]``, with the key they have there."""

SECRETS = tuple(name for name, kinds in SETTINGS.items() if Secret in kinds and name not in NAMED)
"""Secret settings whose field is named in ``[wishes]``."""

FIELD = re.compile(r"[a-z][a-z0-9_]*\Z")
LINKED = re.compile(r"[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*\Z")
"""A field of a linked document, like ``service_subscription.vlan``."""
NO_FIELD = "{!r} is no field name. Use the field's name (small letters, digits, _), not its label"

_IN_VOICE = (
    "registrar", "registrar_port", "proxy", "proxy_port", "outbound_proxy",
    "outbound_proxy_port", "domain", "digit_map",
)  # fmt: skip
_ELSEWHERE = {
    **{f"voice.{name}": f"{name} of [voice]" for name in _IN_VOICE},
    "management.periodic_inform_interval": "periodic_inform_interval of [management]",
}
"""Constants that have a table of their own."""
_EACH = ("wifi.main.ssid", "voice.username", "voice.auth_username", "voice.uri", "wan.username")
"""What no two customers share."""
_BOOLEANS = {
    **dict.fromkeys(("1", "true", "yes", "oui", "on"), True),
    **dict.fromkeys(("0", "false", "no", "non", "off"), False),
}
_MODES = {"dhcp": "ipoe"}


def field_of(setting: str, value: object) -> str:
    """Check an entry of ``[wishes]``: a field name, or "" for none. Raises `ValueError`."""
    _require(setting)
    if ours := NAMED.get(setting):
        raise ValueError(f"name the field as equipment.fields.{ours}")
    if not isinstance(value, str):
        raise ValueError('must be the name of a field, or "" for none')
    if value and not (FIELD.match(value) or LINKED.match(value)):
        raise ValueError(NO_FIELD.format(value))
    return value


def constant_of(setting: str, value: object) -> Any:
    """Check an entry of ``[constants]`` and return it typed, None for "". Raises `ValueError`."""
    _require(setting)
    if Secret in SETTINGS[setting]:
        raise ValueError("a secret is never one for all: name a field of type Password in [wishes]")
    if setting in _EACH:
        raise ValueError("no two customers share it: name its field")
    if place := _ELSEWHERE.get(setting):
        raise ValueError(f"write it as {place}")
    if not isinstance(value, str | int):
        raise ValueError("must be a text, a whole number, true or false")
    constant = typed(setting, value)
    if constant is not None and (reason := _impossible(setting, constant)):
        raise ValueError(reason)
    return constant


def _require(setting: str) -> None:
    if setting not in SETTINGS:
        near = get_close_matches(setting, SETTINGS, n=1)
        fix = f"Did you mean {near[0]!r}?" if near else "docs/erpnext-mapping.md lists them"
        raise ValueError(f"there is no such setting. {fix}")


def typed(name: str, value: object) -> Any:
    """Return the value of a setting in its type; None for nothing.

    A number field of Frappe cannot be empty, so 0 is nothing.  Raises `ValueError` that says what
    is wanted.
    """
    kinds, text = SETTINGS[name], str(value)
    word = text.strip().casefold()
    if not word:
        return None
    if bool in kinds:
        if word not in _BOOLEANS:
            raise ValueError(f"{text!r} is neither yes nor no")
        return _BOOLEANS[word]
    if int in kinds:
        if Literal["auto"] in kinds and word == "auto":
            return word
        # Frappe writes a Float without a fraction as 40.0.
        number = word.removesuffix(".0")
        if not number.removeprefix("-").isdecimal():
            also = ", nor auto" if Literal["auto"] in kinds else ""
            raise ValueError(f"{text!r} is no whole number{also}")
        return int(number) or None
    for words in (Security, DialPlan):
        if words in kinds:
            if word not in list(words):
                raise ValueError(f"{text!r} is none of {', '.join(words)}")
            return words(word)
    match name:
        case "wan.mode":
            return _MODES.get(word, word)
        case "voice.region":
            return text.strip().upper()
        case _:
            return text


def _impossible(name: str, value: Any) -> str:
    where, _, setting = name.rpartition(".")
    # A network is not complete here: its password comes from the equipment.
    problems = check(_alone(where, setting, value)).problems
    return next((each.reason for each in problems if each.setting == setting), "")


def part(settings: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return the settings of a part of the wish, by their own names."""
    return {
        key.rpartition(".")[2]: value
        for key, value in settings.items()
        if key.rpartition(".")[0] == name
    }


def _alone(part: str, setting: str, value: Any) -> Intent:
    values = {setting: value}
    kind, _, which = part.partition(".")
    match kind:
        case "wifi":
            return Intent(wifi=(WifiNetwork(Band.GHZ_5, Role(which), **values),))
        case "radio":
            return Intent(radios=(Radio(Band(which), **values),))
        case "voice":
            return Intent(voice=(VoiceLine(**values),))
        case "wan":
            return Intent(wan=Wan(**values))
        case "management":
            return Intent(management=Management(**values))
        case _:
            return Intent(**values)
