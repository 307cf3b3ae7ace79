"""What the subscriptions of a place mean for the wish of a box that stands there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from collections.abc import Mapping as Row
from dataclasses import dataclass, replace
from typing import Any, assert_never

from acs.devices.identity import Service, ServiceCategory, ServiceStatus
from acs.profiles.dial_plans import DialPlan
from acs.profiles.intent import Intent, VoiceLine, WifiNetwork
from erp_bridge.mapping import Mapping
from erp_bridge.mapping_services import (
    Effect,
    VoiceEffect,
    WifiEffect,
    subscription_fields,
)
from erp_bridge.neutral import Digest, neutral_line, neutral_network
from erp_bridge.words import meaning

BEST_FIRST = (
    ServiceStatus.ACTIVE,
    ServiceStatus.PENDING,
    ServiceStatus.SUSPENDED,
    ServiceStatus.CANCELLED,
    ServiceStatus.UNKNOWN,
)
"""Of several subscriptions of one category the best status counts: a place that changes plans
has the old one cancelled and the new one active."""

_CATEGORIES = {
    "internet": (ServiceCategory.INTERNET,),
    "voice": (ServiceCategory.VOICE,),
    "bundle": (ServiceCategory.INTERNET, ServiceCategory.VOICE),
}


@dataclass(frozen=True, slots=True)
class Subscription:
    """A subscription as it stands in ERPNext; no rebate."""

    name: str
    categories: tuple[ServiceCategory, ...]
    status: ServiceStatus
    service_location: str = ""
    customer: str = ""


def subscription_of(row: Row[str, Any], mapping: Mapping) -> Subscription | None:
    """Return the subscription of a list row; None for a rebate, whose price is negative."""
    names = subscription_fields(mapping)
    text = {ours: str(row.get(theirs) or "").strip() for ours, theirs in names.items()}
    if _is_negative(text.get("monthly_price", "")):
        return None
    table = mapping.subscription
    category = meaning(text.get("service_category", ""), table.category)
    status = meaning(text.get("status", ""), table.status)
    return Subscription(
        name=str(row["name"]),
        categories=_CATEGORIES.get(category, (ServiceCategory.OTHER,)),
        status=ServiceStatus(status or ServiceStatus.UNKNOWN),
        service_location=text.get("service_location", ""),
        customer=text.get("customer", ""),
    )


def services_of(
    subscriptions: Iterable[Subscription], *, customer: str, linked: str
) -> tuple[Service, ...]:
    """Return the services of a box, by name, from the subscriptions around it.

    ``customer`` is whose box it is, ``linked`` the subscription it links to. What somebody else
    at the place had and has no longer takes nothing from who lives there now.
    """
    counted = (
        one
        for one in subscriptions
        if one.name == linked
        or not (customer and one.customer and one.customer != customer)
        or one.status in (ServiceStatus.PENDING, ServiceStatus.ACTIVE)
    )
    services = {Service(one.name, each, one.status) for one in counted for each in one.categories}
    return tuple(sorted(services, key=lambda one: (one.name, one.category)))


def best_status(services: Iterable[Service], category: ServiceCategory) -> ServiceStatus:
    """Return the status that counts for ``category``; unknown where nothing is subscribed to."""
    found = [one.status for one in services if one.category is category]
    return min(found, key=BEST_FIRST.index, default=ServiceStatus.UNKNOWN)


def served(
    intent: Intent, services: Sequence[Service], mapping: Mapping, name: str, digest: Digest
) -> Intent:
    """Return ``intent`` without what the ``services`` of the equipment ``name`` take off.

    Only what the intent would switch on is ever taken off, so that the very intent brings it
    back. The connection and how the device reports are kept in any case: a device that is
    locked out cannot be given back what its customer paid for.
    """
    wifi = _effect(best_status(services, ServiceCategory.INTERNET), mapping)
    voice = _effect(best_status(services, ServiceCategory.VOICE), mapping)
    return replace(
        intent,
        wifi=tuple(_network(one, wifi, mapping, name, digest) for one in intent.wifi),
        voice=tuple(_line(one, voice, mapping, name, digest) for one in intent.voice),
    )


def _effect(status: ServiceStatus, mapping: Mapping) -> Effect | None:
    effects = mapping.subscription.effects
    match status:
        case ServiceStatus.ACTIVE | ServiceStatus.UNKNOWN:
            return None
        case ServiceStatus.PENDING:
            return effects.pending
        case ServiceStatus.SUSPENDED:
            return effects.suspended
        case ServiceStatus.CANCELLED:
            return effects.cancelled
        case _:
            assert_never(status)


def _network(
    network: WifiNetwork, effect: Effect | None, mapping: Mapping, name: str, digest: Digest
) -> WifiNetwork:
    if effect is None or not network.enabled:
        return network
    match effect.wifi:
        case WifiEffect.KEEP:
            return network
        case WifiEffect.OFF:
            return replace(network, enabled=False)
        case WifiEffect.NEUTRAL:
            return neutral_network(network.band, network.role, mapping, name, digest)
        case _:
            assert_never(effect.wifi)


def _line(
    line: VoiceLine, effect: Effect | None, mapping: Mapping, name: str, digest: Digest
) -> VoiceLine:
    if effect is None or not line.enabled:
        return line
    match effect.voice:
        case VoiceEffect.KEEP:
            return line
        case VoiceEffect.EMERGENCY:
            return replace(line, digit_map=None, dial_plan=DialPlan.EMERGENCY)
        case VoiceEffect.OFF:
            return replace(line, enabled=False)
        case VoiceEffect.NEUTRAL:
            return neutral_line(line.line, mapping, name, digest)
        case _:
            assert_never(effect.voice)


def _is_negative(price: str) -> bool:
    try:
        return float(price) < 0
    except ValueError:
        return False
