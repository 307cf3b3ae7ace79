"""What each family can be given besides names and keys, as golden plans, and how sure it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from device_in_memory import MemoryDevice
from device_trees import brand, crossed_tr181, ec220v3, ex220, tr098, xx230v

from acs.devices.record import Snapshot
from acs.model import Secret, Value, ValueType
from acs.profiles import (
    Band,
    Blueprint,
    Certainty,
    DialPlan,
    Intent,
    Library,
    Management,
    Plan,
    Radio,
    Role,
    Security,
    VoiceLine,
    WifiNetwork,
    check,
    health_of,
    intent_from_mapping,
    intent_to_mapping,
    make_plan,
    reads,
)
from acs.profiles.compare import same
from acs.profiles.secrets import Masks
from acs.profiles.supported import refusal

LIBRARY = Library.load()
GOLDEN = Path(__file__).parent.parent / "golden"
KEY = b"k" * 32
EVERYTHING = Intent(
    wifi=(
        WifiNetwork(
            Band.GHZ_2_4,
            Role.MAIN,
            "Maison",
            Secret("motdepasse"),
            Security.WPA2,
            True,
            hidden=False,
            isolated=True,
            max_clients=20,
        ),
        WifiNetwork(Band.GHZ_5, Role.GUEST, "Visite", Secret("bienvenue"), Security.WPA2, True),
        WifiNetwork(Band.GHZ_2_4, Role.SECOND, "Bureau", Secret("travail-fort"), None, True),
    ),
    radios=(
        Radio(Band.GHZ_2_4, channel=11, width=20),
        Radio(Band.GHZ_5, enabled=True, channel="auto", width=80),
    ),
    band_steering=False,
    voice=(
        VoiceLine(
            1,
            True,
            "4185550100",
            password=Secret("sip-secret"),
            registrar="sip.example.net",
            dial_plan=DialPlan.QUEBEC,
            region="CA",
        ),
    ),
    management=Management(
        periodic_inform_time="2026-01-31T04:00:00Z",
        stun_enabled=True,
        stun_server="stun.example.net",
        stun_port=3479,
        stun_username="unit",
        stun_password=Secret("stun-secret"),
        stun_min_keepalive=20,
        stun_max_keepalive=60,
    ),
    admin_password=Secret("root-pass"),
)
UNITS: dict[str, tuple[str, Callable[[], MemoryDevice]]] = {
    "xx230v": ("tplink-a", xx230v),
    "ex220": ("tplink-a", ex220),
    "ec220-v3": ("tplink-b", ec220v3),
    "ec220-v2": ("tplink-c", lambda: tr098(vendor=True)),
    "generic-tr181": ("tr181", crossed_tr181),
    "generic-tr098": ("tr098", tr098),
    "huawei": ("huawei", lambda: brand("huawei")),
    "zte": ("zte", lambda: brand("zte")),
    "nokia": ("nokia", lambda: brand("nokia")),
}


def blueprint(name: str) -> Blueprint:
    found = LIBRARY.get(name)
    assert found is not None
    return found


def plan(unit: str, intent: Intent, **changed: str) -> Plan:
    name, make = UNITS[unit]
    device = make()
    masks = Masks.of(blueprint(name))
    known = {
        path: Value("", value.type) if masks.hides(path) else value
        for path, value in device.values.items()
    }
    for path, text in changed.items():
        known[path] = known[path]._replace(text=text)
    return make_plan(intent, blueprint(name), Snapshot(1.0, known), key=KEY)


def written(plan: Plan) -> dict[str, str]:
    return {change.path: change.wanted.text for change in plan.changes}


@pytest.mark.parametrize("unit", UNITS)
def test_the_whole_of_an_intent_is_planned_as_it_was_reviewed(unit: str) -> None:
    text = "\n".join(plan(unit, EVERYTHING).render()) + "\n"
    assert text == (GOLDEN / f"breadth-{unit}.txt").read_text(encoding="utf-8")


def test_a_channel_of_ones_choice_ends_the_devices_own() -> None:
    planned = written(plan("xx230v", Intent(radios=(Radio(Band.GHZ_5, channel=44),))))
    assert planned == {
        "Device.WiFi.Radio.2.AutoChannelEnable": "0",
        "Device.WiFi.Radio.2.Channel": "44",
    }


def test_auto_writes_no_channel() -> None:
    on = {"Device.WiFi.Radio.2.AutoChannelEnable": "false"}
    planned = written(plan("xx230v", Intent(radios=(Radio(Band.GHZ_5, channel="auto"),)), **on))
    assert planned == {"Device.WiFi.Radio.2.AutoChannelEnable": "1"}


def test_a_channel_the_device_does_not_list_is_a_problem_and_auto_stays() -> None:
    planned = plan("xx230v", Intent(radios=(Radio(Band.GHZ_5, channel=68, enabled=False),)))
    assert [str(problem) for problem in planned.problems] == [
        "radio 5: channel: the device cannot do 68; "
        "it can do 36,40,44,48,52-64,100-140,149,153,157,161,165"
    ]
    assert written(planned) == {"Device.WiFi.Radio.2.Enable": "0"}


def test_a_width_without_a_word_is_a_problem() -> None:
    planned = plan("xx230v", Intent(radios=(Radio(Band.GHZ_5, width=160),)))
    assert str(planned.problems[0]) == (
        "radio 5: width: this blueprint has no word for 160; it has 20, 40, 80, auto"
    )
    assert not planned


def test_a_band_the_device_has_not_is_a_problem() -> None:
    planned = plan("ex220", Intent(radios=(Radio(Band.GHZ_6, channel=5),)))
    assert str(planned.problems[0]) == "radio 6: radio: the device has no network in 6 GHz"


def test_a_region_is_chosen_from_what_the_device_lists() -> None:
    line = VoiceLine(1, region="FR")
    planned = plan("xx230v", Intent(voice=(line,)))
    assert "voice line 1: region: the device cannot do FR; it can do US, CA, DE" in map(
        str, planned.problems
    )
    region = "Device.X_TP_Services.X_TP_VoiceService.1.VoiceProfile.1.Region"
    assert written(plan("xx230v", Intent(voice=(replace(line, region="CA"),))))[region] == "CA"


def test_steering_wanted_makes_bands_that_differ_a_problem() -> None:
    home = WifiNetwork(Band.GHZ_2_4, ssid="Maison")
    other = WifiNetwork(Band.GHZ_5, ssid="Maison-5G")
    switch = "Device.WiFi.X_TP_BandSteering.Enable"
    planned = plan("xx230v", Intent(wifi=(home, other), band_steering=True))
    assert "wifi 5 main: ssid: band steering is on: 5 GHz follows 2.4 GHz" in map(
        str, planned.problems
    )
    assert written(planned)[switch] == "1"
    # Switched off by the same wish, the bands are free although it is still on.
    free = plan("xx230v", Intent(wifi=(home, other), band_steering=False), **{switch: "true"})
    assert free.problems == ()
    assert written(free)[switch] == "0"


def test_steering_on_a_family_without_it_is_a_problem() -> None:
    planned = plan("generic-tr181", Intent(band_steering=True))
    assert "wifi: band_steering" in str(planned.problems[0])


def test_guests_of_family_c_live_in_a_row_of_their_own() -> None:
    guest = WifiNetwork(Band.GHZ_5, Role.GUEST, "Visite", Secret("bienvenue"), None, True)
    row = "InternetGatewayDevice.LANDevice.1.WLANConfiguration.5."
    planned = written(plan("ec220-v2", Intent(wifi=(guest,))))
    assert planned == {
        f"{row}X_TP_MultiSSID.MultiSSIDEntry.1.SSID": "Visite",
        f"{row}X_TP_MultiSSID.MultiSSIDEntry.1.PreSharedKey": "bienvenue",
        f"{row}X_TP_MultiSSID.MultiSSIDEnable": "1",
        f"{row}X_TP_MultiSSID.MultiSSIDEntry.1.Enable": "1",
    }
    # A guest network switched off does not switch the others of its kind on.
    off = written(plan("ec220-v2", Intent(wifi=(replace(guest, enabled=False),))))
    assert f"{row}X_TP_MultiSSID.MultiSSIDEnable" not in off


def test_inner_networks_are_read_only_when_they_are_wished() -> None:
    c = blueprint("tplink-c")
    main = Intent(wifi=(WifiNetwork(Band.GHZ_5, ssid="x"),))
    guest = Intent(wifi=(WifiNetwork(Band.GHZ_5, Role.GUEST, ssid="x"),))
    assert not any("MultiSSID" in table for table in reads(c, main).identify)
    assert any("MultiSSID" in table for table in reads(c, guest).identify)


def test_a_guest_of_a_huawei_is_a_problem_since_its_rows_have_no_role() -> None:
    planned = plan("huawei", Intent(wifi=(WifiNetwork(Band.GHZ_5, Role.GUEST, ssid="x"),)))
    assert str(planned.problems[0]) == (
        "wifi 5 guest: network: the device has no guest network in 5 GHz"
    )


def test_a_digit_map_under_which_911_waits_is_noted() -> None:
    planned = plan("xx230v", Intent(voice=(VoiceLine(1, digit_map="9x.t|[2-8]x.t"),)))
    assert any("911 waits for a timer" in note for note in planned.notes)
    named = plan("xx230v", Intent(voice=(VoiceLine(1, dial_plan=DialPlan.QUEBEC),)))
    assert named.notes == ()


@pytest.mark.parametrize(("name", "rx"), [("huawei", -21.0), ("zte", -22.0), ("nokia", -21.3)])
def test_light_of_other_brands_is_in_dbm(name: str, rx: float) -> None:
    values = {path: value.text for path, value in brand(name).values.items()}
    health = health_of(values, blueprint(name), 1.0)
    assert health is not None and health.optics is not None
    assert health.optics.rx is not None
    assert round(float(str(health.optics.rx.value)), 1) == rx


def test_moments_are_compared_and_not_their_spelling() -> None:
    wanted = Value("2026-01-31T04:00:00Z", ValueType.DATE_TIME)
    assert same(wanted, Value("2026-01-31T04:00:00"))
    assert same(wanted, Value("2026-01-30T23:00:00-05:00"))
    assert not same(wanted, Value("2026-01-31T05:00:00Z"))
    assert not same(wanted, Value("soon"))


@pytest.mark.parametrize(
    ("wish", "listed", "refused"),
    [
        (40, "36-64,149", False),
        (36, "36-64", False),
        (65, "36-64,149", True),
        (149, " 36-64 , 149 ", False),
        ("CA", "US,CA", False),
        ("C", "US,CA", True),
        (40, "", False),
        (40, None, False),
        pytest.param(40, "1-" + "9" * 5000, True, id="no number anybody means"),
        (True, "x", False),
    ],
)
def test_what_a_device_lists_bounds_what_is_sent(
    wish: int | str, listed: str | None, refused: bool
) -> None:
    setting = blueprint("tplink-a").management["stun_port"]
    assert bool(refusal(wish, setting, listed)) is refused


@pytest.mark.parametrize(
    ("intent", "problem"),
    [
        (Intent(radios=(Radio(Band.GHZ_2_4, channel=36),)), "radio 2.4: channel: is 36"),
        (Intent(radios=(Radio(Band.GHZ_5, width=30),)), "radio 5: width: is 30"),
        (Intent(radios=(Radio(Band.GHZ_5),) * 2), "radio 5: radio: is wanted more than once"),
        (
            Intent(wifi=(WifiNetwork(Band.GHZ_5, max_clients=300),)),
            "wifi 5 main: max_clients: is 300",
        ),
        (Intent(voice=(VoiceLine(region="Canada"),)), "voice line 1: region: must be two capital"),
        (Intent(management=Management(stun_server="")), "management: stun_server: must be"),
        (Intent(management=Management(stun_port=0)), "management: stun_port: is 0"),
        (Intent(management=Management(stun_max_keepalive=-2)), "stun_max_keepalive: is -2"),
        (
            Intent(management=Management(stun_min_keepalive=60, stun_max_keepalive=30)),
            "less than stun_min_keepalive",
        ),
        (
            Intent(management=Management(periodic_inform_time="4 am")),
            "management: periodic_inform_time: is no date and time",
        ),
    ],
)
def test_impossible_wishes_are_named(intent: Intent, problem: str) -> None:
    checked = check(intent)
    assert problem in str(checked.problems[0])
    assert checked.intent.empty


def test_an_intent_of_everything_is_plain_data_and_back() -> None:
    plain = intent_to_mapping(EVERYTHING)
    assert intent_from_mapping(plain) == EVERYTHING
    assert plain["radios"][1]["channel"] == "auto"
    with pytest.raises(ValueError, match="radios: unknown setting 'chanel'; did you mean"):
        intent_from_mapping({"radios": [{"band": "5", "chanel": 1}]})


@pytest.mark.parametrize("name", LIBRARY.names())
def test_every_family_has_the_settings_of_the_connection_request(name: str) -> None:
    settings = blueprint(name).management
    assert settings["connection_request_password"].secret
    assert settings["stun_password"].secret
    assert {"connection_request_username", "acs_url", "periodic_inform_time"} <= set(settings)


@pytest.mark.parametrize(
    ("key", "certainty"),
    [
        ("health.optical.temperature", Certainty.INFERRED),
        ("health.optical.bias", Certainty.INFERRED),
        ("voice.also", Certainty.SINGLE_SOURCE),
        ("voice.set.username", Certainty.SINGLE_SOURCE),
        ("wifi.band.words.6GHz", Certainty.OPEN),
        ("health.wan.sent", Certainty.SINGLE_SOURCE),
    ],
)
def test_what_is_not_sure_of_family_a_is_said(key: str, certainty: Certainty) -> None:
    assert certainty in {doubt.certainty for _, doubt in blueprint("tplink-a").doubts_of(key)}


def test_doubts_are_taken_over_but_for_what_is_not() -> None:
    a, b = blueprint("tplink-a"), blueprint("tplink-b")
    assert "match" in a.doubts and "match" not in b.doubts
    assert "voice.set" in a.doubts and "voice.set" not in b.doubts
    assert b.doubts["identity.mac"] != a.doubts["identity.mac"]
    assert "behaviour.verify" in b.doubts
