"""Each gap between this server and the business system is named, with what to do about it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acs.devices.identity import Equipment, Hints, Treatment, normal_gpon
from acs.devices.reconcile import Entry, Finding, Gap, reconcile
from acs.devices.record import Device, Standing
from acs.devices.source import MirrorRow
from acs.devices.suggesting import Suggestions, one_error
from acs.model import DeviceId, Secret
from acs.profiles.intent import Band, Intent, VoiceLine, WifiNetwork

HOME = Intent(
    wifi=(WifiNetwork(Band.GHZ_5, ssid="Maison", passphrase=Secret("motdepasse")),),
    voice=(VoiceLine(username="4505550101", password=Secret("sip-secret")),),
)


def entry(name: str, intent: Intent = HOME, **fields: object) -> Entry:
    box = replace(Equipment(name, serial_number=f"S-{name}"), **fields)
    return Entry.of(MirrorRow(box, intent, "d", 0.0))


def device(number: int, serial: str, equipment: str = "", **fields: object) -> Device:
    standing = Standing.LIVE if equipment else Standing.QUARANTINED
    key = f"1C61B4-Device2-{serial}"
    made = Device(number, key, "1C61B4", "Device2", serial, standing=standing, equipment=equipment)
    return replace(made, reason="no equipment has this serial or MAC", **fields)


def gaps(entries: list[Entry], devices: list[Device]) -> list[Finding]:
    return list(reconcile(entries, devices))


def test_what_agrees_is_not_mentioned() -> None:
    one = entry("EQ-1")
    assert gaps([one], [device(1, "S-EQ-1", "EQ-1")]) == []


@pytest.mark.parametrize(
    ("gap", "entries", "devices", "named"),
    [
        (Gap.ACS_ONLY, [], [device(1, "XYZ123")], "XYZ123"),
        (Gap.ERP_ONLY, [entry("EQ-1")], [], "EQ-1"),
        (Gap.GONE, [], [device(1, "S1", "EQ-9")], "EQ-9"),
        (
            Gap.TWO_BOXES,
            [entry("EQ-1")],
            [device(1, "S-EQ-1", "EQ-1"), device(2, "S2", "EQ-1")],
            "matched to 2 devices",
        ),
        (
            Gap.TWO_RECORDS,
            [entry("EQ-1", mac="1C61B4FA11C8"), entry("EQ-2", HOME, mac="1C61B4FA11C8")],
            [],
            "the MAC 1C61B4FA11C8 is on EQ-1, EQ-2",
        ),
        (
            Gap.IMPOSSIBLE,
            [entry("EQ-1", Intent(wifi=(WifiNetwork(Band.GHZ_5, ssid="x" * 33),)))],
            [],
            "EQ-1",
        ),
        (Gap.EMPTY, [entry("EQ-1", Intent())], [], "wants nothing"),
        (Gap.NO_IDENTIFIER, [entry("EQ-1", serial_number="")], [], "neither a serial nor a MAC"),
        (Gap.SHARED_LINE, [entry("EQ-1"), entry("EQ-2")], [], "4505550101"),
    ],
)
def test_each_gap_is_named(
    gap: Gap, entries: list[Entry], devices: list[Device], named: str
) -> None:
    found = [finding for finding in gaps(entries, devices) if finding.gap is gap]
    assert len(found) == 1
    assert named in found[0].text and found[0].fix


def test_a_device_that_was_recorded_since_it_called_is_only_waited_for() -> None:
    boxes = [entry("EQ-1", serial_number="22275A7000001"), entry("EQ-2", mac="1C61B4FA11CA")]
    lone = device(1, "22275A7000001", mac="1C61B4FA11C8")
    told = gaps(boxes, [lone])
    (found,) = [each for each in told if each.gap is Gap.ACS_ONLY]
    assert (found.devices, found.equipment, found.suggestions) == ((lone.key,), ("EQ-1",), ())
    assert found.fix == f"wait for its next call, or acs device wake {lone.key}"
    assert [each.equipment for each in told if each.gap is Gap.ERP_ONLY] == [("EQ-2",)]


def test_two_devices_on_one_serial_are_found_whatever_their_class() -> None:
    first = device(1, "S1")
    second = replace(device(2, "S1"), key="1C61B4-IGD-S1", product_class="IGD")
    found = [f for f in gaps([], [first, second]) if f.gap is Gap.TWO_BOXES]
    assert found[0].devices == (first.key, second.key)


@pytest.mark.parametrize("treatment", [Treatment.HOLD, Treatment.NEUTRAL])
def test_what_is_out_of_service_is_missed_by_nobody(treatment: Treatment) -> None:
    assert gaps([entry("EQ-1", Intent(), treatment=treatment)], []) == []


def test_no_finding_holds_a_secret() -> None:
    entries = [entry("EQ-1"), entry("EQ-2"), entry("EQ-3", Intent())]
    told = repr(gaps(entries, [device(1, "S9")]))
    assert "motdepasse" not in told and "sip-secret" not in told


# --- suggestions ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("recorded", "serial", "mac", "why"),
    [
        ({"serial_number": "22275A7000001"}, "22275A7000O01", "", "one character off"),
        ({"serial_number": "22275A700001"}, "22275A7000001", "", "one character off"),
        ({"serial_number": "22275A7000010"}, "22275A7000001", "", "one character off"),
        ({"mac": "1C61B4FA11CB"}, "S1", "1C61B4FA11C8", "MAC is 3 above"),
        ({"mac": "1C61B4FA11C7"}, "S1", "1C61B4FA11C8", "MAC is 1 below"),
        ({"mac": "1C61B4FB11C8"}, "S1", "1C61B4FA11C8", "one character off"),
        ({"gpon_serial": normal_gpon("TPLGB4FA11C8")}, "TPLGB4FA11C9", "", "one character off"),
        ({"gpon_serial": normal_gpon("TPLGB4FA11C8")}, "54504C47B4FA11C0", "", "one character"),
    ],
)
def test_a_typing_error_is_suggested(
    recorded: dict[str, str], serial: str, mac: str, why: str
) -> None:
    known = Suggestions([Equipment("EQ-1", **recorded), Equipment("EQ-2", serial_number="OTHER9")])
    found = known.of(Hints(DeviceId("1C61B4", "Device2", serial), mac))
    assert [each.equipment for each in found] == ["EQ-1"]
    assert why in found[0].why


@pytest.mark.parametrize(
    ("recorded", "serial", "mac"),
    [
        ({"serial_number": "22275A7000001"}, "22275A7000OO1", ""),
        ({"mac": "1C61B4FA11CD"}, "S1", "1C61B4FA1188"),
        ({"serial_number": "AB12"}, "AB13", ""),
    ],
)
def test_two_errors_and_short_texts_are_no_suggestion(
    recorded: dict[str, str], serial: str, mac: str
) -> None:
    known = Suggestions([Equipment("EQ-1", **recorded)])
    assert known.of(Hints(DeviceId("1C61B4", "Device2", serial), mac)) == ()


def test_an_equipment_that_another_device_holds_is_not_suggested() -> None:
    entries = [entry("EQ-1", serial_number="22275A7000001")]
    devices = [device(1, "22275A7000001", "EQ-1"), device(2, "22275A7000002")]
    found = [f for f in gaps(entries, devices) if f.gap is Gap.ACS_ONLY]
    assert found[0].suggestions == ()


@given(st.text("0123456789ABCDEF", min_size=6, max_size=14), st.data())
def test_one_error_anywhere_is_found(text: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(text) - 1))
    sign = data.draw(st.sampled_from("0123456789ABCDEF"))
    wrong = {
        text[:at] + sign + text[at + 1 :],
        text[:at] + text[at + 1 :],
        text[:at] + sign + text[at:],
        text[:at] + text[at : at + 2][::-1] + text[at + 2 :],
    } - {text}
    known = Suggestions([Equipment("EQ-1", serial_number=text)])
    for each in wrong:
        assert one_error(text, each) and one_error(each, text)
        if len(each) >= 6:
            assert known.of(Hints(DeviceId("AABBCC", "x", each)))
