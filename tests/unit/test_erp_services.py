"""What statuses and subscriptions mean for a wish, in both languages, and what is neutral."""

from __future__ import annotations

from dataclasses import replace
from importlib.resources import files
from typing import Any

import pytest
from erp_in_memory import keyed

from acs.devices.identity import (
    EquipmentStatus,
    Service,
    ServiceCategory,
    ServiceStatus,
    Treatment,
)
from acs.model import Secret
from acs.profiles import (
    Band,
    DialPlan,
    Intent,
    Management,
    Role,
    VoiceLine,
    Wan,
    WifiNetwork,
    check,
)
from erp_bridge.mapping import Mapping, MappingError, load, parse
from erp_bridge.neutral import neutral_intent
from erp_bridge.services import (
    BEST_FIRST,
    Subscription,
    best_status,
    served,
    services_of,
    subscription_of,
)

DEFAULT = (files("erp_bridge") / "mapping.toml").read_text("utf-8")
ROW = {
    "name": "SUB-1",
    "status": "Actif",
    "service_category": "Internet",
    "monthly_price": 69.95,
    "service_location": "LOC-1",
    "customer": "Luc Roy",
}
INTERNET, VOICE = ServiceCategory.INTERNET, ServiceCategory.VOICE
WISH = Intent(
    wifi=(
        WifiNetwork(Band.GHZ_5, ssid="Maison", passphrase=Secret("quai-1987"), enabled=True),
        WifiNetwork(Band.GHZ_5, Role.GUEST, enabled=False),
    ),
    voice=(
        VoiceLine(
            enabled=True,
            username="4505550101",
            password=Secret("s3cret"),
            digit_map="911|x.t",
            dial_plan=DialPlan.QUEBEC,
        ),
    ),
    wan=Wan("pppoe", 40, "roy@isp", Secret("p<w")),
    management=Management(periodic_inform=True, periodic_inform_interval=300),
)


def over(own: str) -> Mapping:
    return parse(own, "site.toml", DEFAULT)


def subscribed(**changes: Any) -> Subscription:
    found = subscription_of(ROW | changes, load())
    assert found is not None
    return found


def after(
    *services: tuple[ServiceCategory, ServiceStatus], mapping: Mapping | None = None
) -> Intent:
    listed = [Service(f"SUB-{n}", *each) for n, each in enumerate(services)]
    return served(WISH, listed, mapping or load(), "EQP-1", keyed)


# --- words ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("En attente", "pending"),
        ("pending", "pending"),
        ("Actif", "active"),
        ("ACTIVE", "active"),
        ("Suspendu", "suspended"),
        ("Paused", "suspended"),
        ("Annulé", "cancelled"),
        ("annule", "cancelled"),
        ("Annule\u0301", "cancelled"),
        ("Résilié", "cancelled"),
        ("Cancelled", "cancelled"),
        ("Terminé", "cancelled"),
        ("Hors tension", "unknown"),
        ("", "unknown"),
    ],
)
def test_status_words_of_both_languages_are_one_value(word: str, status: str) -> None:
    assert subscribed(status=word).status == status


@pytest.mark.parametrize(
    ("word", "categories"),
    [
        ("internet", (INTERNET,)),
        ("VoIP", (VOICE,)),
        ("Téléphonie", (VOICE,)),
        ("Bundle", (INTERNET, VOICE)),
        ("IPTV", (ServiceCategory.OTHER,)),
        (None, (ServiceCategory.OTHER,)),
    ],
)
def test_categories(word: str | None, categories: tuple[ServiceCategory, ...]) -> None:
    assert subscribed(service_category=word).categories == categories


@pytest.mark.parametrize(
    ("price", "counts"), [(-10, False), ("-0.01", False), (0, True), (None, True)]
)
def test_a_negative_price_is_a_rebate_and_never_a_service(price: Any, counts: bool) -> None:
    assert (subscription_of(ROW | {"monthly_price": price}, load()) is not None) is counts


@pytest.mark.parametrize(
    ("status", "treatment"),
    [
        (EquipmentStatus.INVENTORY, Treatment.PROVISION),
        (EquipmentStatus.ACTIVE, Treatment.PROVISION),
        (EquipmentStatus.DEFECTIVE, Treatment.NEUTRAL),
        (EquipmentStatus.RETURNED, Treatment.NEUTRAL),
        (EquipmentStatus.UNKNOWN, Treatment.PROVISION),
    ],
)
def test_what_a_status_of_equipment_means(status: EquipmentStatus, treatment: Treatment) -> None:
    assert load().treatment_of(status) is treatment
    own = f'[equipment.treatment]\n{status} = "hold"\n'
    assert over(own).treatment_of(status) is Treatment.HOLD


# --- what counts ------------------------------------------------------------------------------


def test_of_several_of_one_category_the_best_status_counts() -> None:
    services = [Service(f"SUB-{n}", INTERNET, status) for n, status in enumerate(BEST_FIRST)]
    for first, status in enumerate(BEST_FIRST):
        assert best_status(reversed(services[first:]), INTERNET) is status
    assert best_status(services, VOICE) is ServiceStatus.UNKNOWN


def test_what_a_former_customer_had_takes_nothing_from_who_lives_there_now() -> None:
    left = subscribed(name="SUB-0", status="Annulé", customer="Ann Roy")
    had = services_of([left, subscribed()], customer="Luc Roy", linked="")
    assert [one.name for one in had] == ["SUB-1"]
    mine = services_of([left], customer="Luc Roy", linked="SUB-0")
    assert [one.status for one in mine] == [ServiceStatus.CANCELLED], "its own link says it"
    both = services_of([subscribed(customer="Ann Roy")], customer="Luc Roy", linked="")
    assert [one.status for one in both] == [ServiceStatus.ACTIVE], "somebody pays"


# --- what is taken ------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["pending", "active", "unknown"])
def test_nothing_is_taken_before_and_while_it_is_paid_for(status: str) -> None:
    assert after((INTERNET, ServiceStatus(status)), (VOICE, ServiceStatus(status))) == WISH
    assert after() == WISH, "many migrated rows have no subscription"


def test_who_is_suspended_keeps_management_and_911() -> None:
    got = after((INTERNET, ServiceStatus.SUSPENDED), (VOICE, ServiceStatus.SUSPENDED))
    assert [network.enabled for network in got.wifi] == [False, False]
    assert got.wifi[0].ssid == "Maison", "it is switched on again as it was"
    assert got.voice[0].enabled
    assert got.voice[0].wanted_digit_map == "911"
    assert got.voice[0].username == "4505550101"
    assert (got.wan, got.management) == (WISH.wan, WISH.management)


def test_a_suspended_telephone_leaves_the_internet_alone() -> None:
    got = after((INTERNET, ServiceStatus.ACTIVE), (VOICE, ServiceStatus.SUSPENDED))
    assert got.wifi == WISH.wifi
    assert got.voice[0].dial_plan is DialPlan.EMERGENCY


def test_what_is_cancelled_is_overwritten_and_management_is_kept() -> None:
    got = after((INTERNET, ServiceStatus.CANCELLED), (VOICE, ServiceStatus.CANCELLED))
    assert "Maison" not in repr(got)
    assert "4505550101" not in repr(got)
    assert [network.enabled for network in got.wifi] == [False, False]
    assert not got.voice[0].enabled
    assert got.voice[0].password not in (None, WISH.voice[0].password)
    assert (got.wan, got.management) == (WISH.wan, WISH.management)
    assert check(got).problems == ()


def test_only_what_the_wish_switches_on_is_switched_off() -> None:
    """What it leaves to the device would never come on again."""
    bare = replace(WISH, wifi=(WifiNetwork(Band.GHZ_5, hidden=False),), voice=())
    services = [Service("SUB-1", INTERNET, ServiceStatus.CANCELLED)]
    assert served(bare, services, load(), "EQP-1", keyed) == bare


@pytest.mark.parametrize(("word", "enabled"), [("keep", True), ("off", False)])
def test_the_effects_are_a_sites_choice(word: str, enabled: bool) -> None:
    mapping = over(f'[subscription.effects.suspended]\nwifi = "{word}"\nvoice = "{word}"\n')
    got = after(
        (INTERNET, ServiceStatus.SUSPENDED), (VOICE, ServiceStatus.SUSPENDED), mapping=mapping
    )
    assert got.wifi[0].enabled is enabled
    assert got.voice[0].enabled is enabled
    assert got.voice[0].username == "4505550101"


@pytest.mark.parametrize(
    ("own", "said"),
    [
        ('[equipment.treatment]\nreturned = "erase"\n', "Invalid enum value 'erase'"),
        ('[subscription]\ndoctype = " "\n', "is blank"),
        ('[subscription.fields]\nstatus = ""\n', "is needed"),
        ('[subscription.fields]\nmonthly_price = "Prix mensuel"\n', "is no field name"),
        ('[subscription.fields]\nmontly_price = "prix"\n', "Did you mean 'monthly_price'?"),
        ('[subscription.status]\nactive = ["Annule"]\n', "also means active"),
        ('[subscription.category]\nvoice = ["internet"]\n', "also means internet"),
        ('[subscription.effects.suspended]\nwifi = "emergency"\n', "Invalid enum value"),
        ('[constants]\n"voice.dial_plan" = ""\n', "nothing would take it off again"),
        ('[neutral]\nssid = ""\n', "1 to 32 octets"),
        ('[neutral]\nsip_username = "no body"\n', "without blanks"),
    ],
)
def test_a_mapping_that_cannot_be_is_refused(own: str, said: str) -> None:
    with pytest.raises(MappingError, match=said):
        over(own)


# --- neutral ----------------------------------------------------------------------------------


def test_a_neutral_box_shows_nothing_of_a_customer_and_still_calls() -> None:
    got = neutral_intent(load(), "EQP-1", keyed)
    assert {(one.band, one.role) for one in got.wifi} == {
        (band, role) for band in (Band.GHZ_2_4, Band.GHZ_5) for role in Role
    }
    assert not any(network.enabled for network in got.wifi)
    assert not any(line.enabled for line in got.voice)
    main = [one for one in got.wifi if one.role is Role.MAIN]
    assert {one.ssid for one in main} == {"neutre"}
    assert len({one.passphrase for one in main}) == 1, "band steering wants one for all"
    assert (got.wan, got.management, got.admin_password) == (None, None, None)
    assert check(got).problems == ()


def test_its_passwords_are_stable_and_known_to_nobody() -> None:
    first, again = (neutral_intent(load(), "EQP-1", keyed) for _ in range(2))
    assert first == again
    other = neutral_intent(load(), "EQP-2", keyed)
    keyless = neutral_intent(load(), "EQP-1", lambda text: "0" * 64)
    secrets = {
        secret
        for one in (first, other, keyless)
        for secret in (one.wifi[0].passphrase, one.voice[0].password)
    }
    assert len(secrets) == 5


def test_a_guest_network_of_ours_is_overwritten_too() -> None:
    mapping = over('[equipment.fields]\nwifi_ssid_guest = "guest_ssid"\n')
    named = {one.role for one in neutral_intent(mapping, "EQP-1", keyed).wifi if one.ssid}
    assert named == {Role.MAIN, Role.GUEST}


def test_a_site_without_telephones_has_no_line_to_switch_off() -> None:
    mapping = over('[equipment.fields]\nsip_username = ""\n')
    assert neutral_intent(mapping, "EQP-1", keyed).voice == ()
