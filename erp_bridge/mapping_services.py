"""The tables of the mapping that say what statuses and subscriptions mean for a device."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec

from acs.devices.identity import Treatment
from erp_bridge.wishes import FIELD, NO_FIELD
from erp_bridge.words import fold

if TYPE_CHECKING:
    from erp_bridge.mapping import Mapping

Refuse = Callable[[tuple[str, ...], str], None]
"""Told the place in the file and what is wrong there; does not return."""


class Treatments(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What each status of equipment means for the device."""

    inventory: Treatment
    active: Treatment
    defective: Treatment
    returned: Treatment
    unknown: Treatment


class SubscriptionFields(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Field names of the subscription doctype by our own names; "" where the site has none."""

    status: str
    service_category: str
    monthly_price: str
    service_location: str
    customer: str


class SubscriptionWords(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Words of the status of a subscription."""

    pending: tuple[str, ...]
    active: tuple[str, ...]
    suspended: tuple[str, ...]
    cancelled: tuple[str, ...]


class CategoryWords(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Words of the category of a subscription."""

    internet: tuple[str, ...]
    voice: tuple[str, ...]
    bundle: tuple[str, ...]
    """Internet and voice in one."""
    other: tuple[str, ...]


class WifiEffect(StrEnum):
    """What is taken off the Wi-Fi of a wish."""

    KEEP = "keep"
    OFF = "off"
    """The networks are switched off, their names and passwords stay."""
    NEUTRAL = "neutral"
    """They are switched off, and names and passwords are overwritten."""


class VoiceEffect(StrEnum):
    """What is taken off the telephone line of a wish."""

    KEEP = "keep"
    EMERGENCY = "emergency"
    """Only 911 is let through."""
    OFF = "off"
    NEUTRAL = "neutral"
    """The line is switched off, and its account is overwritten."""


class Effect(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a status of a subscription takes off the wish, by what is subscribed to."""

    wifi: WifiEffect
    voice: VoiceEffect


class Effects(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What each status takes; an active one, and one we do not understand, takes nothing."""

    pending: Effect
    suspended: Effect
    cancelled: Effect


class SubscriptionTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The subscription doctype; doctype "" reads none."""

    doctype: str
    fields: SubscriptionFields
    status: SubscriptionWords
    category: CategoryWords
    effects: Effects


class SwapTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What happens when a box is replaced."""

    inherit: bool
    """A new box with an empty profile has that of the defective one at its place."""


class NeutralTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is put in place of a customer's settings."""

    ssid: str
    sip_username: str


NEEDED = ("status", "service_category", "monthly_price", "service_location")
"""Our names of the fields without which a subscription would be misread."""


def subscription_fields(mapping: Mapping) -> dict[str, str]:
    """Return the site's field names of a subscription by ours, those it has."""
    own = msgspec.structs.asdict(mapping.subscription.fields)
    return {ours: theirs for ours, theirs in own.items() if theirs}


def check_services(mapping: Mapping, refuse: Refuse) -> None:
    """Hand what cannot be to ``refuse``."""
    table = mapping.subscription
    if table.doctype and not table.doctype.strip():
        refuse(("subscription", "doctype"), 'is blank. Name the doctype, or write "" for none')
    names = subscription_fields(mapping)
    for ours, theirs in names.items():
        if not FIELD.match(theirs):
            refuse(("subscription", "fields", ours), NO_FIELD.format(theirs))
    if "status" not in names:
        refuse(("subscription", "fields", "status"), "is needed. Name the field of the site")
    for part, words in (("status", table.status), ("category", table.category)):
        check_words(words, ("subscription", part), refuse)
    for status, effect in msgspec.structs.asdict(table.effects).items():
        if table.doctype and effect.voice is VoiceEffect.EMERGENCY and not _has_way_back(mapping):
            refuse(
                ("subscription", "effects", status, "voice"),
                "emergency puts a dial plan on the line, and nothing would take it off again. Set"
                ' voice.digit_map, or "voice.dial_plan" in [constants], or keep the voice here',
            )
    if not 1 <= len(mapping.neutral.ssid.encode()) <= 32:
        refuse(("neutral", "ssid"), "must have 1 to 32 octets")
    account = mapping.neutral.sip_username
    if not account or not account.isascii() or not account.isprintable() or " " in account:
        refuse(("neutral", "sip_username"), "must be plain characters without blanks")


def check_words(words: msgspec.Struct, path: tuple[str, ...], refuse: Refuse) -> None:
    """See that no word means two things."""
    seen: dict[str, str] = {}
    for name, listed in msgspec.structs.asdict(words).items():
        for word in listed:
            if seen.setdefault(fold(word), name) != name:
                other = seen[fold(word)]
                refuse((*path, name), f"{word!r} also means {other}. Keep it in one list")


def _has_way_back(mapping: Mapping) -> bool:
    return bool(mapping.voice.digit_map) or "voice.dial_plan" in mapping.constants
