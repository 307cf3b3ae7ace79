"""For any intent: one run settles it, a second writes nothing, forbidden rows stay."""

from __future__ import annotations

from dataclasses import replace

from device_in_memory import MemoryDevice
from device_trees import ROLES_A, crossed_tr181, ex220, tr098, xx230v
from hypothesis import given, settings
from hypothesis import strategies as st

from acs.devices.record import Snapshot
from acs.model import Secret
from acs.profiles import (
    Band,
    DialPlan,
    Intent,
    Library,
    Management,
    OutcomeKind,
    Radio,
    Role,
    Security,
    Task,
    VoiceLine,
    WifiNetwork,
    check,
    converge,
    fingerprint,
    intent_from_mapping,
    intent_to_mapping,
)

LIBRARY = Library.load()
KEY = b"property"
FAMILIES = {"tplink-a": (xx230v, ex220), "tr181": (crossed_tr181,), "tr098": (tr098,)}
NEVER = {"Backhaul", "Public"}
SPARE = {"Guest"}


def rows_of(roles: set[str]) -> tuple[str, ...]:
    return tuple(
        f"Device.WiFi.{table}.{number}."
        for number, (_, role) in ROLES_A.items()
        if role in roles
        for table in ("SSID", "AccessPoint")
    )


words = st.text("abcdefghijklmnopqrstuvwxyz0123456789", min_size=1, max_size=12)
keys = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=6, max_size=66).map(
    Secret
)  # some too short, some too long


def maybe(strategy: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    return st.none() | strategy


networks = st.builds(
    WifiNetwork,
    band=st.sampled_from(Band),
    role=st.sampled_from(Role),
    ssid=maybe(st.text(max_size=40)),
    passphrase=maybe(keys),
    security=maybe(st.sampled_from(Security)),
    enabled=maybe(st.booleans()),
    hidden=maybe(st.booleans()),
    isolated=maybe(st.booleans()),
    max_clients=maybe(st.integers(-1, 300)),
)
radios = st.builds(
    Radio,
    band=st.sampled_from(Band),
    enabled=maybe(st.booleans()),
    channel=maybe(st.just("auto") | st.integers(0, 180)),
    width=maybe(st.sampled_from(["auto", 20, 80, 160, 320, 7])),
)
lines = st.builds(
    VoiceLine,
    line=st.integers(0, 3),
    enabled=maybe(st.booleans()),
    username=maybe(words),
    password=maybe(words.map(Secret)),
    registrar=maybe(words),
    registrar_port=maybe(st.integers(0, 70000)),
    proxy=maybe(st.just("") | words),
    display_name=maybe(st.text(max_size=10)),
    dial_plan=maybe(st.sampled_from(DialPlan)),
    region=maybe(st.sampled_from(["CA", "FR", "ca"])),
)
managements = st.builds(
    Management,
    periodic_inform=maybe(st.booleans()),
    periodic_inform_interval=maybe(st.integers(0, 100000)),
    acs_username=maybe(words),
    connection_request_password=maybe(words.map(Secret)),
    periodic_inform_time=maybe(st.sampled_from(["2026-01-31T04:00:00Z", "4 o'clock"])),
    stun_enabled=maybe(st.booleans()),
    stun_server=maybe(words),
    stun_port=maybe(st.integers(0, 70000)),
    stun_password=maybe(words.map(Secret)),
    stun_min_keepalive=maybe(st.integers(-1, 90)),
    stun_max_keepalive=maybe(st.integers(-2, 90)),
)
intents = st.builds(
    Intent,
    wifi=st.lists(networks, max_size=4).map(tuple),
    voice=st.lists(lines, max_size=2).map(tuple),
    management=maybe(managements),
    admin_password=maybe(words.map(Secret)),
    radios=st.lists(radios, max_size=3).map(tuple),
    band_steering=maybe(st.booleans()),
)


@settings(max_examples=150)
@given(st.sampled_from(sorted(FAMILIES)), st.integers(0, 1), intents)
def test_converge_settles_in_one_run_and_leaves_forbidden_rows_alone(
    family: str, which: int, intent: Intent
) -> None:
    makers = FAMILIES[family]
    device: MemoryDevice = makers[which % len(makers)]()
    blueprint = LIBRARY.get(family)
    assert blueprint is not None
    task = Task(intent, blueprint, Snapshot(), KEY, fingerprint(intent, blueprint, KEY))
    before = dict(device.values)
    first = device.run(converge(device.model, task))
    written = device.written
    spare_wanted = any(network.role in (Role.SECOND, Role.THIRD) for network in intent.wifi)
    forbidden = rows_of(NEVER if spare_wanted else NEVER | SPARE)
    assert family != "tplink-a" or not any(path.startswith(forbidden) for path in written)
    assert len(written) == len(set(written))
    assert first.fault is None
    device.next_session()
    second = device.run(converge(device.model, replace(task, snapshot=first.snapshot)))
    assert device.sets == []
    assert not second.plan
    assert second.kind in (OutcomeKind.IN_ORDER, OutcomeKind.NOTHING, OutcomeKind.FAILED)
    assert second.problems == first.problems
    changed = {path for path, value in device.values.items() if before[path] != value}
    assert changed <= set(written)


@given(intents)
def test_what_passes_the_check_passes_it_again_and_goes_through_plain_data(intent: Intent) -> None:
    checked = check(intent)
    again = check(checked.intent)
    assert again.problems == ()
    assert again.intent == checked.intent
    assert (checked.intent == intent) is (checked.problems == ())
    assert intent_from_mapping(intent_to_mapping(checked.intent)) == checked.intent
