"""The simulated CPE's parameter tree: methods, refusals, late application, reset."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.cpe.faults import CpeFaultError
from simulators.cpe.model import AttributeChange, Tree
from simulators.cpe.modelfile import Identity, ModelFileError, load_model, model_names
from simulators.cpe.schema import parse_parameter

IDENTITY = Identity("1C61B4", "Device2", "22275A7000001", "1C:61:B4:FA:11:C8")
SSID = "Device.WiFi.SSID.1.SSID"
KEY = "Device.WiFi.AccessPoint.1.Security.KeyPassphrase"
MODE = "Device.WiFi.AccessPoint.1.Security.ModeEnabled"
INTERVAL = "Device.ManagementServer.PeriodicInformInterval"
CODE = "Device.DeviceInfo.ProvisioningCode"


def tree(model: str = "tplink-a-xx230v", **settings: object) -> Tree:
    return Tree(load_model(model), IDENTITY, **settings)  # type: ignore[arg-type]


def refusal(changes: list[tuple[str, str, str]], on: Tree | None = None) -> dict[str, int]:
    with pytest.raises(CpeFaultError) as caught:
        (on or tree()).write(changes)
    assert caught.value.code == 9003
    return {parameter.name: parameter.code for parameter in caught.value.parameters}


def test_addresses_of_one_unit_hang_together() -> None:
    unit = tree()
    assert unit.get("Device.Ethernet.Interface.1.MACAddress") == "1C:61:B4:FA:11:C8"
    assert unit.get("Device.WiFi.SSID.1.BSSID") == "1C:61:B4:FA:11:C8"
    assert unit.get("Device.WiFi.SSID.3.BSSID") == "1C:61:B4:FA:11:CA"
    assert unit.get("Device.Ethernet.Link.5.MACAddress") == "1C:61:B4:FA:11:CB"
    assert unit.get("Device.Optical.Interface.1.GponAuth.GponSn") == "54504C47B4FA11C8"
    assert unit.get(SSID) == "TP-Link_11C8"
    assert unit.get("Device.WiFi.SSID.3.SSID") == "TP-Link_11C8_5G"
    assert int(unit.get("Device.WiFi.SSID.9.BSSID")[:2], 16) & 2


@pytest.mark.parametrize("model", ["tplink-a-xx230v", "tplink-a-ex220", "tplink-a-xc220-g3v"])
def test_family_a_roles_of_the_wifi_instances(model: str) -> None:
    unit = tree(model)
    roles = [unit.get(f"Device.WiFi.AccessPoint.{i}.X_TP_APType") for i in range(1, 15)]
    assert roles[:4] == ["Primary", "Guest", "Primary", "Guest"]
    assert roles[4:8] == ["Guest", "GuestNetwork", "Guest", "GuestNetwork"]
    assert roles[8:] == ["Backhaul"] * 4 + ["Public"] * 2
    assert unit.get("Device.WiFi.AccessPoint.1.SSIDReference").endswith(".")


def test_models_differ_where_the_real_ones_do() -> None:
    voice = "Device.X_TP_Services.X_TP_VoiceService.1.VoiceProfile.1.MultiIsp.8.MultiVoipNum"
    assert voice in tree("tplink-a-xx230v")
    assert voice in tree("tplink-a-xc220-g3v")
    assert voice not in tree("tplink-a-ex220")
    assert "Device.WiFi.SSID.1.LowerLayers" in tree("tplink-a-ex220")
    assert "Device.WiFi.SSID.1.LowerLayers" not in tree("tplink-a-xc220-g3v")
    assert "Device.Optical.Interface.1.Enable" not in tree("tplink-a-ex220")
    assert tree().get("Device.DeviceInfo.HardwareVersion") == "XX230v v1.0 00000000"
    assert tree("generic-tr181").get("Device.WiFi.AccessPoint.1.SSIDReference").endswith(".3")
    assert tree("generic-tr098").rows("InternetGatewayDevice.LANDevice.1.WLANConfiguration.") == [
        1,
        5,
    ]


@pytest.mark.parametrize("model", model_names())
def test_factory_values_of_every_model_keep_its_own_rules(model: str) -> None:
    unit = tree(model)
    for name, writable in unit.names("", False):
        if writable and not name.endswith((".", "DiagnosticsState")) and not unit.hidden(name):
            (shown,) = unit.read([name])
            if shown.text:
                unit.write([(shown.name, shown.type, shown.text)])
    assert "Device." in unit.model.top or unit.model.top == "InternetGatewayDevice."


def test_an_unknown_model_is_named_with_the_known_ones() -> None:
    with pytest.raises(ModelFileError, match="tplink-a-ex220"):
        load_model("nonsense")


# --- GetParameterValues and GetParameterNames


def test_partial_paths_read_all_below() -> None:
    found = [p.name for p in tree().read(["Device.WiFi.AccessPoint.3.Security."])]
    assert "Device.WiFi.AccessPoint.3.Security.ModeEnabled" in found
    assert all(name.startswith("Device.WiFi.AccessPoint.3.Security.") for name in found)
    assert tree().read(["Device.WiFi.AccessPoint.1.AssociatedDevice."]) == []


def test_the_empty_name_reads_everything() -> None:
    everything = tree().read([""])
    assert {p.name.split(".")[0] for p in everything} == {"Device"}
    assert len(everything) > 6000


def test_secrets_read_empty_and_are_kept() -> None:
    unit = tree()
    unit.write([(KEY, "string", "motdepasse")])
    unit.apply()
    assert unit.read([KEY])[0].text == ""
    assert unit.get(KEY) == "motdepasse"
    assert unit.hidden(KEY)
    assert not unit.hidden(SSID)


@pytest.mark.parametrize("name", ["Device.Nothing", "Device.WiFi.SSID.99.SSID", "Device.WiFi"])
def test_one_unknown_name_fails_the_whole_read(name: str) -> None:
    with pytest.raises(CpeFaultError) as caught:
        tree().read([SSID, name])
    assert caught.value.code == 9005


def test_names_of_the_next_level_and_of_all_levels() -> None:
    unit = tree()
    assert unit.names("", True) == [("Device.", False)]
    assert unit.names("Device.WiFi.Radio.", True) == [
        ("Device.WiFi.Radio.1.", False),
        ("Device.WiFi.Radio.2.", False),
    ]
    below = dict(unit.names("Device.PPP.", False))
    assert below["Device.PPP."] is False
    assert below["Device.PPP.Interface."] is True
    assert below["Device.PPP.Interface.3.Username"] is True
    assert below["Device.PPP.Interface.3.ConnectionStatus"] is False
    assert unit.names(SSID, False) == [(SSID, True)]


@pytest.mark.parametrize(
    ("path", "level", "code"), [(SSID, True, 9003), ("Device.No.", True, 9005)]
)
def test_names_refused(path: str, level: bool, code: int) -> None:
    with pytest.raises(CpeFaultError) as caught:
        tree().names(path, level)
    assert caught.value.code == code


def test_number_of_entries_follows_the_rows() -> None:
    assert tree().get("Device.WiFi.SSIDNumberOfEntries") == "14"


# --- SetParameterValues


@pytest.mark.parametrize(
    ("name", "kind", "text", "code"),
    [
        ("Device.WiFi.SSID.1.Nothing", "string", "x", 9005),
        ("Device.WiFi.SSID.1.", "string", "x", 9005),
        ("Device.DeviceInfo.SerialNumber", "string", "x", 9008),
        (INTERVAL, "string", "60", 9006),
        (SSID, "", "x", 9006),
        (INTERVAL, "unsignedInt", "0", 9007),
        (INTERVAL, "unsignedInt", "soon", 9007),
        (SSID, "string", "é" * 17, 9007),
        (SSID, "string", "", 9007),
        (KEY, "string", "short", 9007),
        (MODE, "string", "WPA3-Personal-Transition", 9007),
        ("Device.WiFi.Radio.1.Enable", "boolean", "Enabled", 9007),
        ("Device.ManagementServer.PeriodicInformTime", "dateTime", "noon", 9007),
        ("Device.WiFi.AccessPoint.1.Security.PreSharedKey", "hexBinary", "xy", 9007),
    ],
)
def test_a_refused_parameter_carries_its_own_code(
    name: str, kind: str, text: str, code: int
) -> None:
    assert refusal([(name, kind, text)]) == {name: code}


def test_all_or_nothing_and_every_refusal_named() -> None:
    unit = tree()
    codes = refusal(
        [(CODE, "string", "QC"), (INTERVAL, "unsignedInt", "0"), ("X", "int", "1")], unit
    )
    assert codes == {INTERVAL: 9007, "X": 9005}
    assert unit.get(CODE) == ""


def test_a_name_given_twice_is_refused() -> None:
    assert refusal([(CODE, "string", "a"), (CODE, "string", "b")]) == {CODE: 9003}


def test_wifi_applies_later_and_management_at_once() -> None:
    unit = tree()
    assert unit.write([(INTERVAL, "unsignedInt", "60")]) is False
    assert unit.get(INTERVAL) == "60"
    assert unit.write([(SSID, "string", "Maison"), (CODE, "string", "QC")]) is True
    assert (unit.read([SSID])[0].text, unit.get(CODE)) == ("TP-Link_11C8", "QC")
    assert unit.apply() == [SSID]
    assert unit.read([SSID])[0].text == "Maison"
    assert unit.apply() == []


def test_booleans_are_kept_as_one_and_zero() -> None:
    unit = tree()
    unit.write([("Device.ManagementServer.PeriodicInformEnable", "boolean", "false")])
    assert unit.get("Device.ManagementServer.PeriodicInformEnable") == "0"


# --- AddObject and DeleteObject


def test_rows_come_with_defaults_and_go_for_good() -> None:
    unit = tree()
    number = unit.add("Device.PPP.Interface.")
    assert number == 4
    assert unit.get("Device.PPP.Interface.4.AuthenticationProtocol") == "AUTO_AUTH"
    unit.write([("Device.PPP.Interface.4.Username", "string", "late")])
    unit.delete("Device.PPP.Interface.4.")
    assert "Device.PPP.Interface.4.Username" not in unit
    assert unit.apply() == []
    assert unit.add("Device.PPP.Interface.") == 5


@pytest.mark.parametrize(
    "path", ["Device.WiFi.SSID.", "Device.WiFi.", "Device.No.", "Device.PPP.Interface"]
)
def test_rows_that_cannot_be_added(path: str) -> None:
    with pytest.raises(CpeFaultError) as caught:
        tree().add(path)
    assert caught.value.code == 9005


@pytest.mark.parametrize("path", ["Device.WiFi.SSID.1.", "Device.PPP.Interface.", "Device.PPP."])
def test_rows_that_cannot_be_deleted(path: str) -> None:
    with pytest.raises(CpeFaultError) as caught:
        tree().delete(path)
    assert caught.value.code == 9005


def test_a_full_table_refuses_more_rows() -> None:
    unit = tree()
    with pytest.raises(CpeFaultError) as caught:
        for _ in range(100):
            unit.add("Device.NAT.PortMapping.")
    assert caught.value.code == 9004


def test_an_active_pppoe_row_refuses_deletion_as_the_real_one_does() -> None:
    with pytest.raises(CpeFaultError) as caught:
        tree().delete("Device.PPP.Interface.3.")
    assert (caught.value.code, caught.value.text) == (9814, "Parse xml string failed")


# --- attributes, reset, state


def test_notification_is_switched_per_parameter_and_below_a_path() -> None:
    unit = tree()
    unit.set_attributes([AttributeChange("Device.WiFi.SSID.1.", 2, ("Subscriber",))])
    (found,) = unit.attributes([SSID])
    assert (found.notification, found.access_list) == (2, ("Subscriber",))
    unit.set_attributes([AttributeChange(SSID, None, ())])
    assert unit.attributes([SSID])[0] == (SSID, 2, ())


def test_software_version_stays_under_active_notification() -> None:
    name = "Device.DeviceInfo.SoftwareVersion"
    unit = tree()
    with pytest.raises(CpeFaultError) as caught:
        unit.set_attributes([AttributeChange(SSID, 1, None), AttributeChange(name, 0, None)])
    assert caught.value.code == 9009
    assert unit.notification(SSID) == 0
    unit.put(name, "0.7.0")
    assert unit.changed == {name: 2}


def test_a_factory_reset_returns_everything() -> None:
    unit = tree(factory={"Device.ManagementServer.Username": "factory"})
    unit.write([("Device.ManagementServer.Username", "string", "own"), (SSID, "string", "M")])
    unit.add("Device.PPP.Interface.")
    unit.set_attributes([AttributeChange(SSID, 2, None)])
    unit.factory_reset()
    assert unit.get("Device.ManagementServer.Username") == "factory"
    assert unit.rows("Device.PPP.Interface.") == [3]
    assert (unit.pending, unit.notification(SSID)) == ({}, 0)


def test_state_survives_as_json() -> None:
    unit = tree()
    unit.write([(CODE, "string", "QC"), (SSID, "string", "Maison")])
    unit.add("Device.PPP.Interface.")
    unit.delete("Device.NAT.InterfaceSetting.1.")
    again = tree()
    again.load(json.loads(json.dumps(unit.dump())))
    assert again.read([""]) == unit.read([""])
    assert again.apply() == [SSID]
    assert again.add("Device.PPP.Interface.") == 5


def test_firmware_without_an_optional_leaf() -> None:
    leaf = "Device.WiFi.AccessPoint.1.X_TP_FTEnable"
    unit = tree(without=[leaf])
    assert refusal([(leaf, "boolean", "1")], unit) == {leaf: 9005}
    unit.factory_reset()
    assert leaf not in unit


@pytest.mark.parametrize("line", ["x string", "rw nonsense", "rw", "rw string("])
def test_a_bad_line_of_a_model_file_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match="P: "):
        parse_parameter("P", line)


@given(st.text(max_size=40))
def test_a_string_is_measured_in_octets(text: str) -> None:
    spec = parse_parameter("P", "rw string(1:32)")
    assert spec.accepts(text) is (1 <= len(text.encode("utf-8", "surrogatepass")) <= 32)


@given(st.integers(-(2**40), 2**40))
def test_a_number_stays_in_its_range(number: int) -> None:
    assert parse_parameter("P", "rw unsignedInt").accepts(str(number)) is (0 <= number < 2**32)
    assert parse_parameter("P", "rw int(-1:100)").accepts(str(number)) is (-1 <= number <= 100)


def test_a_promised_row_outlives_a_power_cut_and_has_its_number_alone() -> None:
    table = "Device.NAT.PortMapping."
    unit, again = tree(), tree()
    first = unit.add(table, late=True)
    again.load(json.loads(json.dumps(unit.dump())))
    second = again.add(table)
    assert second == first + 1
    assert f"{table}{first}.Enable" not in again
    again.apply()
    assert f"{table}{first}.Enable" in again
    assert again.late_rows == []
