"""Golden plans of each family: the right leaves, words, types and order, and nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest
from device_in_memory import MemoryDevice
from device_trees import VOICE, WLAN, crossed_tr181, ec220v3, ex220, tr098, xx230v

from acs.devices.record import Snapshot
from acs.model import Secret, Value, ValueType
from acs.profiles import (
    Band,
    Blueprint,
    Intent,
    Library,
    Management,
    Plan,
    Role,
    Security,
    VoiceLine,
    Wan,
    WifiNetwork,
    fingerprint,
    make_plan,
    reads,
)
from acs.profiles.compare import same

LIBRARY = Library.load()
KEY = b"k" * 32
HOME = WifiNetwork(
    Band.GHZ_2_4, Role.MAIN, "Maison", Secret("motdepasse"), Security.WPA2_WPA3, True
)


def blueprint(name: str) -> Blueprint:
    found = LIBRARY.get(name)
    assert found is not None
    return found


def plan(device: MemoryDevice, name: str, intent: Intent, **options: object) -> Plan:
    known = {
        path: Value("", value.type) if "Pass" in path or "PreSharedKey" in path else value
        for path, value in device.values.items()
    }
    return make_plan(intent, blueprint(name), Snapshot(1.0, known), key=KEY, **options)  # type: ignore[arg-type]


def changes(plan: Plan) -> list[tuple[str, str]]:
    return [(change.path, change.wanted.text) for change in plan.changes]


def test_family_a_wifi_on_both_bands_and_guest() -> None:
    guest = WifiNetwork(Band.GHZ_5, Role.GUEST, "Visite", Secret("bienvenue"), None, True)
    intent = Intent(wifi=(HOME, replace(HOME, band=Band.GHZ_5, hidden=True), guest))
    wifi = "Device.WiFi."
    assert changes(plan(xx230v(), "tplink-a", intent)) == [
        (wifi + "SSID.1.SSID", "Maison"),
        (wifi + "AccessPoint.1.Security.ModeEnabled", "WPA2-WPA3-Personal"),
        (wifi + "AccessPoint.1.Security.KeyPassphrase", "motdepasse"),
        (wifi + "SSID.3.SSID", "Maison"),
        (wifi + "AccessPoint.3.SSIDAdvertisementEnabled", "0"),
        (wifi + "AccessPoint.3.Security.ModeEnabled", "WPA2-WPA3-Personal"),
        (wifi + "AccessPoint.3.Security.KeyPassphrase", "motdepasse"),
        (wifi + "SSID.8.SSID", "Visite"),
        (wifi + "AccessPoint.8.Security.KeyPassphrase", "bienvenue"),
        (wifi + "AccessPoint.8.Enable", "1"),
    ]


def test_family_a_switches_off_first_and_on_last_then_management_then_mark() -> None:
    intent = Intent(
        wifi=(
            WifiNetwork(Band.GHZ_2_4, enabled=False, ssid="x"),
            WifiNetwork(Band.GHZ_2_4, Role.GUEST, enabled=True),
        ),
        management=Management(periodic_inform=False, periodic_inform_interval=300),
    )
    planned = plan(xx230v(), "tplink-a", intent, marker="gf-12345678")
    assert changes(planned) == [
        ("Device.WiFi.SSID.1.Enable", "0"),
        ("Device.WiFi.AccessPoint.1.Enable", "0"),
        ("Device.WiFi.SSID.1.SSID", "x"),
        ("Device.WiFi.AccessPoint.6.Enable", "1"),
        ("Device.ManagementServer.PeriodicInformEnable", "0"),
        ("Device.DeviceInfo.ProvisioningCode", "gf-12345678"),
    ]
    assert planned.changes[0].wanted.type is ValueType.BOOLEAN


def test_wpa3_on_an_ex220_is_a_problem_and_the_rest_is_planned() -> None:
    planned = plan(ex220(), "tplink-a", Intent(wifi=(replace(HOME, security=Security.WPA3),)))
    assert [str(problem) for problem in planned.problems] == [
        "wifi 2.4 main: security: the device cannot do wpa3; "
        "it can do None, WPA2-Personal, WPA-WPA2-Personal, WPA2-WPA3-Personal"
    ]
    assert changes(planned) == [
        ("Device.WiFi.SSID.1.SSID", "Maison"),
        ("Device.WiFi.AccessPoint.1.Security.KeyPassphrase", "motdepasse"),
    ]


def test_wpa3_on_an_xx230v_is_written() -> None:
    planned = plan(xx230v(), "tplink-a", Intent(wifi=(replace(HOME, security=Security.WPA3),)))
    assert planned.problems == ()
    assert ("Device.WiFi.AccessPoint.1.Security.ModeEnabled", "WPA3-Personal") in changes(planned)


def test_family_a_without_layers_or_roles_falls_back_to_1_and_3() -> None:
    device = xx230v()
    for path in list(device.values):
        if path.endswith(("LowerLayers", "X_TP_APType")):
            del device.values[path]
    wish = WifiNetwork(Band.GHZ_5, ssid="x")
    planned = plan(device, "tplink-a", Intent(wifi=(wish, replace(wish, role=Role.GUEST))))
    assert changes(planned) == [("Device.WiFi.SSID.3.SSID", "x")]
    assert "no guest network in 5 GHz" in str(planned.problems[0])


def test_what_is_wanted_off_need_not_be_there() -> None:
    device = ec220v3()
    six = WifiNetwork(Band.GHZ_6, Role.GUEST, isolated=False)
    off = replace(six, ssid="Visite", enabled=False)
    for network in (six, off):
        wish = Intent(wifi=(network,), voice=(VoiceLine(enabled=False),))
        planned = plan(device, "tplink-b", wish)
        assert planned.problems == ()
        assert planned.notes == (
            "wifi 6 guest: the device has no guest network in 6 GHz; none is wanted",
            "voice line 1: this blueprint knows no telephone service; none is wanted",
        )
    for network in (replace(six, isolated=True), replace(off, enabled=None)):
        [problem] = plan(device, "tplink-b", Intent(wifi=(network,))).problems
        assert problem.reason == "the device has no guest network in 6 GHz"


def test_a_six_ghz_network_is_found_by_its_radio() -> None:
    device = xx230v()
    device.values["Device.WiFi.Radio.3.OperatingFrequencyBand"] = Value("6GHz")
    for leaf, text in (("SSID", "old"), ("LowerLayers", "Device.WiFi.Radio.3.")):
        device.values[f"Device.WiFi.SSID.15.{leaf}"] = Value(text)
    for leaf, text in (("SSIDReference", "Device.WiFi.SSID.15."), ("X_TP_APType", "Primary")):
        device.values[f"Device.WiFi.AccessPoint.15.{leaf}"] = Value(text)
    planned = plan(device, "tplink-a", Intent(wifi=(WifiNetwork(Band.GHZ_6, ssid="six"),)))
    assert changes(planned) == [("Device.WiFi.SSID.15.SSID", "six")]


def test_family_b_writes_its_guest_rows() -> None:
    intent = Intent(wifi=(WifiNetwork(Band.GHZ_2_4, Role.GUEST, "Visite"),))
    assert changes(plan(ec220v3(), "tplink-b", intent)) == [("Device.WiFi.SSID.2.SSID", "Visite")]


def test_spare_rows_of_family_a_are_no_guest_network() -> None:
    device = xx230v()
    for number in (6, 8):
        device.values[f"Device.WiFi.AccessPoint.{number}.X_TP_APType"] = Value("IoTNetwork")
    planned = plan(device, "tplink-a", Intent(wifi=(WifiNetwork(Band.GHZ_5, Role.GUEST, "v"),)))
    assert not planned
    assert "no guest network" in str(planned.problems[0])


def test_band_steering_refuses_names_that_differ() -> None:
    device = xx230v()
    device.values["Device.WiFi.X_TP_BandSteering.Enable"] = Value("1", ValueType.BOOLEAN)
    five = replace(HOME, band=Band.GHZ_5, ssid="Maison 5G")
    planned = plan(device, "tplink-a", Intent(wifi=(HOME, five)))
    assert [str(p) for p in planned.problems] == [
        "wifi 5 main: ssid: band steering is on: 5 GHz follows 2.4 GHz"
    ]
    assert all(".3." not in path for path, _ in changes(planned))
    assert (
        plan(device, "tplink-a", Intent(wifi=(HOME, replace(HOME, band=Band.GHZ_5)))).problems == ()
    )


def test_generic_tr181_follows_references_not_numbers() -> None:
    intent = Intent(
        wifi=(
            replace(HOME, band=Band.GHZ_5),
            WifiNetwork(Band.GHZ_2_4, Role.GUEST, "Guest", enabled=False),
        )
    )
    wifi = "Device.WiFi."
    assert changes(plan(crossed_tr181(), "tr181", intent)) == [
        (wifi + "SSID.6.Enable", "false"),
        (wifi + "SSID.3.SSID", "Maison"),
        (wifi + "AccessPoint.1.Security.ModeEnabled", "WPA3-Personal-Transition"),
        (wifi + "AccessPoint.1.Security.KeyPassphrase", "motdepasse"),
        (wifi + "AccessPoint.1.Security.SAEPassphrase", "motdepasse"),
        (wifi + "SSID.6.SSID", "Guest"),
        (wifi + "AccessPoint.1.Enable", "true"),
    ]


def test_a_reference_that_leads_nowhere_finds_no_network() -> None:
    device = crossed_tr181()
    for target in ("", "Device.WiFi.SSID.99", "Device.WiFi.AccessPoint.1", "0"):
        device.values["Device.WiFi.AccessPoint.1.SSIDReference"] = Value(target)
        planned = plan(device, "tr181", Intent(wifi=(replace(HOME, band=Band.GHZ_5),)))
        assert not planned
        assert "no main network in 5 GHz" in str(planned.problems[0])


def test_a_key_of_64_digits_goes_to_its_own_leaf() -> None:
    wish = WifiNetwork(Band.GHZ_5, passphrase=Secret("ab" * 32))
    assert changes(plan(crossed_tr181(), "tr181", Intent(wifi=(wish,)))) == [
        ("Device.WiFi.AccessPoint.1.Security.PreSharedKey", "ab" * 32)
    ]


def test_generic_tr098_wifi() -> None:
    intent = Intent(wifi=(replace(HOME, band=Band.GHZ_5, security=Security.WPA2, hidden=True),))
    row = WLAN + "5."
    assert changes(plan(tr098(), "tr098", intent)) == [
        (row + "SSID", "Maison"),
        (row + "SSIDAdvertisementEnabled", "0"),
        (row + "BeaconType", "11i"),
        (row + "IEEE11iAuthenticationMode", "PSKAuthentication"),
        (row + "IEEE11iEncryptionModes", "AESEncryption"),
        (row + "PreSharedKey.1.KeyPassphrase", "motdepasse"),
    ]


def test_tr098_without_the_long_form_takes_the_short_one() -> None:
    device = tr098()
    del device.values[WLAN + "1.PreSharedKey.1.KeyPassphrase"]
    wish = WifiNetwork(Band.GHZ_2_4, passphrase=Secret("motdepasse"))
    assert changes(plan(device, "tr098", Intent(wifi=(wish,)))) == [
        (WLAN + "1.KeyPassphrase", "motdepasse")
    ]
    del device.values[WLAN + "1.KeyPassphrase"]
    [problem] = plan(device, "tr098", Intent(wifi=(wish,))).problems
    row = "InternetGatewayDevice.LANDevice.1.WLANConfiguration.1."
    named = f"{row}PreSharedKey.1.KeyPassphrase, {row}KeyPassphrase"
    assert problem.reason == f"the device has none of {named}"


def test_family_c_uses_the_vendors_leaf_and_has_no_wpa3() -> None:
    planned = plan(tr098(vendor=True), "tplink-c", Intent(wifi=(HOME,)))
    assert (WLAN + "1.X_TP_PreSharedKey", "motdepasse") in changes(planned)
    assert "this blueprint has no word for wpa2-wpa3" in str(planned.problems[0])


VOICE_LINE = VoiceLine(
    1,
    True,
    "5145551234",
    password=Secret("sip-secret"),
    registrar="sip.example.net",
    registrar_port=5070,
    proxy="sip.example.net",
    outbound_proxy="",
    domain="example.net",
    digit_map="911|[2-9]xxxxxx",
)


def test_family_a_voice() -> None:
    planned = plan(xx230v(), "tplink-a", Intent(voice=(VOICE_LINE,)))
    account = VOICE + "MultiIsp.1.Multi"
    assert planned.problems == ()
    assert changes(planned) == [
        (account + "IspName", "Other provider"),
        (account + "AccountInRoute", "0"),
        (account + "AccountPrior", "1"),
        (account + "Extension", "5145551234"),
        (account + "VoipNum", "5145551234"),
        (account + "ProfileName", "5145551234"),
        (account + "AuthUserName", "5145551234"),
        (account + "AuthPassword", "sip-secret"),
        (account + "RegistrarServer", "sip.example.net"),
        (account + "RegistrarServerPort", "5070"),
        (account + "ProxyServer", "sip.example.net"),
        (account + "Domain", "example.net"),
        (VOICE + "DigitMap", "911|[2-9]xxxxxx"),
        (account + "AccountEnable", "1"),
    ]


def test_family_a_voice_off_writes_numbers_and_words_as_the_leaves_take_them() -> None:
    device = xx230v()
    device.values[VOICE + "MultiIsp.1.MultiAccountEnable"] = Value("1", ValueType.UNSIGNED_INT)
    planned = plan(device, "tplink-a", Intent(voice=(VoiceLine(1, False),)))
    assert [(c.path, c.wanted) for c in planned.changes] == [
        (VOICE + "MultiIsp.1.MultiAccountEnable", Value("0", ValueType.UNSIGNED_INT)),
        (VOICE + "Line.1.Enable", Value("Disabled")),
    ]


def test_voice_on_a_device_without_telephone_is_a_problem_and_the_rest_is_planned() -> None:
    planned = plan(ex220(), "tplink-a", Intent(wifi=(HOME,), voice=(VOICE_LINE,)))
    assert [str(problem) for problem in planned.problems] == [
        "voice line 1: line: the device has no telephone service"
    ]
    assert ("Device.WiFi.SSID.1.SSID", "Maison") in changes(planned)


def test_a_line_the_device_has_no_socket_for() -> None:
    planned = plan(xx230v(), "tplink-a", Intent(voice=(VoiceLine(2, True),)))
    assert [str(p) for p in planned.problems] == [
        "voice line 2: line: the device has 1 telephone line"
    ]


def test_tr104_version_1_voice_and_its_shared_profile() -> None:
    second = VoiceLine(2, True, "5145550000", registrar="sip.example.net", uri="sip:2@example.net")
    planned = plan(tr098(), "tr098", Intent(voice=(VOICE_LINE, second)))
    profile = "InternetGatewayDevice.Services.VoiceService.1.VoiceProfile.1."
    assert planned.problems == ()
    written = dict(changes(planned))
    assert written[profile + "SIP.RegistrarServer"] == "sip.example.net"
    assert written[profile + "DigitMapEnable"] == "1"
    assert written[profile + "Line.2.SIP.URI"] == "sip:2@example.net"
    assert [path for path, _ in changes(planned)][-3:] == [
        profile + "Enable",
        profile + "Line.1.Enable",
        profile + "Line.2.Enable",
    ]


def test_two_lines_that_want_different_servers_in_one_place() -> None:
    second = VoiceLine(2, registrar="other.example.net")
    planned = plan(tr098(), "tr098", Intent(voice=(VOICE_LINE, second)))
    assert [problem.where for problem in planned.problems] == ["voice line 2"]
    assert "voice line 1 wants another value in the same place" in planned.problems[0].reason


def test_what_a_family_has_no_place_for_is_a_problem_or_a_note() -> None:
    intent = Intent(
        voice=(VoiceLine(uri="sip:a@b"),), wan=Wan("pppoe"), admin_password=Secret("root-pass")
    )
    planned = plan(xx230v(), "tplink-a", intent)
    assert planned.notes == ("voice line 1: uri is not used by this family",)
    assert ("Device.Users.User.2.Password", "root-pass") in changes(planned)
    generic = plan(crossed_tr181(), "tr181", intent)
    assert "admin: password: the device has none of Device.Users.User.1.Password" in map(
        str, generic.problems
    )


def test_impossible_values_are_problems_of_the_plan() -> None:
    planned = plan(xx230v(), "tplink-a", Intent(wifi=(replace(HOME, ssid=""),)))
    assert not planned
    assert "1 to 32 are possible" in str(planned.problems[0])


def test_secrets_are_in_nothing_that_is_shown() -> None:
    intent = Intent(wifi=(HOME,), voice=(VOICE_LINE,), admin_password=Secret("root-pass"))
    planned = plan(xx230v(), "tplink-a", intent)
    shown = repr(planned) + "\n".join(planned.render()) + str(planned.as_mapping())
    for secret in ("motdepasse", "sip-secret", "root-pass", "factory-key"):
        assert secret not in shown
    assert "Device.WiFi.AccessPoint.1.Security.KeyPassphrase: ***" in shown


def test_the_plan_as_lines_and_as_data() -> None:
    planned = plan(xx230v(), "tplink-a", Intent(wifi=(WifiNetwork(Band.GHZ_5, ssid="new"),)))
    assert planned.render() == [
        "Device.WiFi.SSID.3.SSID: 'TP-Link_3' -> 'new'  (wifi 5 main: ssid)"
    ]
    assert planned.as_mapping()["changes"] == [
        {
            "path": "Device.WiFi.SSID.3.SSID",
            "wanted": "new",
            "current": "TP-Link_3",
            "type": "string",
            "secret": False,
            "why": "wifi 5 main: ssid",
            "group": "set",
        }
    ]


def test_the_digest_follows_the_changes_secrets_included() -> None:
    first = plan(xx230v(), "tplink-a", Intent(wifi=(HOME,)))
    again = plan(xx230v(), "tplink-a", Intent(wifi=(HOME,)))
    other = replace(HOME, passphrase=Secret("motdepassf"))
    assert first.digest == again.digest
    assert first.digest != plan(xx230v(), "tplink-a", Intent(wifi=(other,))).digest


def test_the_fingerprint_follows_intent_blueprint_and_key() -> None:
    family = blueprint("tplink-a")
    prints = {
        fingerprint(Intent(wifi=(HOME,)), family, KEY),
        fingerprint(Intent(wifi=(replace(HOME, passphrase=Secret("other-one")),)), family, KEY),
        fingerprint(Intent(wifi=(HOME,)), blueprint("tr181"), KEY),
        fingerprint(Intent(wifi=(HOME,)), replace(family, common_digest="changed"), KEY),
        fingerprint(Intent(wifi=(HOME,)), family, b"other"),
    }
    assert len(prints) == 5
    assert all(len(one) == 32 for one in prints)
    assert fingerprint(Intent(wifi=(HOME,)), family, KEY) in prints


def test_only_what_the_intent_names_is_read() -> None:
    needed = reads(blueprint("tplink-a"), Intent(management=Management(periodic_inform=True)))
    assert needed.identify == needed.leaves == {}
    assert needed.paths == (
        "Device.ManagementServer.PeriodicInformEnable",
        "Device.DeviceInfo.ProvisioningCode",
    )
    needed = reads(blueprint("tplink-a"), Intent(wifi=(WifiNetwork(Band.GHZ_5, ssid="x"),)))
    assert needed.identify == {
        "Device.WiFi.AccessPoint.{i}.": ("Enable", "SSIDReference", "X_TP_APType"),
        "Device.WiFi.Radio.{i}.": ("OperatingFrequencyBand",),
        "Device.WiFi.SSID.{i}.": ("LowerLayers",),
    }
    assert needed.leaves == {("accesspoint", "ssid"): ("SSID",)}


@pytest.mark.parametrize(
    ("wanted", "read", "equal"),
    [
        (Value("1", ValueType.BOOLEAN), Value("true"), True),
        (Value("false", ValueType.BOOLEAN), Value(" 0 "), True),
        (Value("1", ValueType.BOOLEAN), Value("0"), False),
        (Value("1", ValueType.BOOLEAN), Value(""), False),
        (Value("300", ValueType.UNSIGNED_INT), Value(" 0300 "), True),
        (Value("300", ValueType.UNSIGNED_INT), Value("three"), False),
        (Value("a"), Value("A"), False),
        (Value("a"), Value("a "), False),
    ],
)
def test_values_are_compared_by_type(wanted: Value, read: Value, equal: bool) -> None:
    assert same(wanted, read) is equal


def test_case_and_final_dots_are_looked_over_only_when_told() -> None:
    assert same(Value("AES"), Value("aes"), fold=True)
    assert same(Value("Device.A.1"), Value("Device.A.1."), reference=True)
    assert not same(Value("Device.A.1"), Value("Device.A.1."))
