"""How a device is: what is asked of it, what its answer means, and what stands out."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acs.profiles import Blueprint, Health, Library, Light, Severity, check_file, health_of
from acs.profiles import reads_of_health as wanted_of
from acs.profiles.health.optical import Thresholds
from acs.profiles.health.report import Finding, Scope
from simulators.cpe.faults import CpeFaultError
from simulators.cpe.model import Tree
from simulators.cpe.modelfile import Identity, load_model

LIBRARY = Library.load()
IDENTITY = Identity("1C61B4", "Device2", "22275A7000001", "1C:61:B4:FA:11:C8")
AT = 1_790_000_000.0
OPTICAL = "Device.Optical.Interface.1."
RX = f"{OPTICAL}X_TP_GPON_Config.RXPower"
OTHER_RX = f"{OPTICAL}Stats.SignalRxPower"
NODE = "Device.WiFi.MultiAP.APDevice."
HOST = "Device.Hosts.Host."
STATION = "Device.WiFi.AccessPoint.3.AssociatedDevice."
LAPTOP, PHONE = "3C:7C:3F:00:10:01", "A4:83:E7:00:10:02"


def blueprint(name: str = "tplink-a") -> Blueprint:
    found = LIBRARY.get(name)
    assert found is not None
    return found


def answered(model: str, name: str, *, known: bool = True) -> tuple[dict[str, str], list[str]]:
    """What a simulated unit answers to the read of its blueprint, and what it does not have."""
    tree = Tree(load_model(model), IDENTITY)
    names = [parameter.name for parameter in tree.read([""])] if known else []
    values: dict[str, str] = {}
    missing = []
    for path in wanted_of(blueprint(name), names):
        try:
            values |= {parameter.name: parameter[2] for parameter in tree.read([path])}
        except CpeFaultError:
            missing.append(path)
    return values, missing


def look(values: dict[str, str], name: str = "tplink-a") -> Health:
    found = health_of(values, blueprint(name), AT)
    assert found is not None
    return found


def xx230v(**changes: str) -> Health:
    values, _ = answered("tplink-a-xx230v", "tplink-a")
    return look(values | changes)


def found(health: Health, subject: str) -> list[Finding]:
    return [finding for finding in health.findings if finding.subject == subject]


# --- what is asked --------------------------------------------------------------------------


@pytest.mark.parametrize("name", LIBRARY.names())
def test_parts_are_asked_for_never_the_whole_tree(name: str) -> None:
    for path in wanted_of(blueprint(name)):
        assert len(path.rstrip(".").split(".")) >= 2
        assert path not in ("", blueprint(name).root)


def test_no_name_is_asked_for_twice() -> None:
    asked = wanted_of(blueprint())
    assert len(set(asked)) == len(asked)
    assert not [path for path in asked for o in asked if path != o and path.startswith(o)]


def test_known_rows_spare_the_secrets_beside_a_table() -> None:
    asked = wanted_of(blueprint(), [f"Device.WiFi.AccessPoint.{n}.Enable" for n in (1, 3)])
    assert "Device.WiFi.AccessPoint.3.AssociatedDevice." in asked
    assert "Device.WiFi.AccessPoint." not in asked
    assert "Device.WiFi.AccessPoint." in wanted_of(blueprint())


def test_the_optical_level_that_is_always_0_is_not_asked_for() -> None:
    asked = wanted_of(blueprint())
    assert f"{OPTICAL}X_TP_GPON_Config." in asked
    assert not [path for path in asked if f"{OPTICAL}OpticalSignalLevel".startswith(path)]


# --- a simulated XX230v ---------------------------------------------------------------------


def test_an_xx230v_has_all_that_is_asked_for() -> None:
    values, missing = answered("tplink-a-xx230v", "tplink-a")
    assert missing == []
    assert len(values) < 1000


def test_the_optics_of_an_xx230v() -> None:
    optics = xx230v().optics
    assert optics is not None
    assert [optics.rx.value, optics.tx.value] == [-21.02, 1.73]
    assert [optics.rx.unit, optics.rx.path, optics.rx.raw] == ["dBm", RX, "79"]
    assert optics.rx.at == AT
    assert (optics.temperature.value, optics.temperature.unit) == (47.9, "°C")
    assert (optics.voltage.value, optics.voltage.unit) == (3.298, "V")
    assert (optics.bias.value, optics.bias.unit) == (16.6, "mA")
    assert optics.temperature.note == "unit inferred from one export"
    assert (optics.state.value, optics.operating) == ("5", True)
    assert optics.light is Light.GOOD


@pytest.mark.parametrize(
    ("values", "path"),
    [
        ({RX: "5624"}, RX),
        ({OTHER_RX: "5624"}, OTHER_RX),
        ({OTHER_RX: "-2500"}, OTHER_RX),
        ({OTHER_RX: "-2.5"}, OTHER_RX),
        ({OTHER_RX: "-2.50 dBm"}, OTHER_RX),
        ({RX: "0", OTHER_RX: "-2.5"}, OTHER_RX),
        ({RX: "-99999", OTHER_RX: "-2.5"}, OTHER_RX),
        ({RX: "5624", OTHER_RX: "-9"}, RX),
    ],
)
def test_both_optical_paths_give_the_same_dbm(values: dict[str, str], path: str) -> None:
    optics = look(values).optics
    assert optics is not None
    assert (optics.rx.value, optics.rx.path) == (-2.5, path)


@pytest.mark.parametrize(("other", "note"), [("-9", f"{OTHER_RX} says -9.0 dBm"), ("-3", "")])
def test_optical_paths_that_contradict_each_other_say_so(other: str, note: str) -> None:
    optics = look({RX: "5624", OTHER_RX: other}).optics
    assert optics is not None
    assert (optics.rx.value, optics.rx.note) == (-2.5, note)


def test_what_it_was_judged_by_goes_with_it() -> None:
    blueprint = LIBRARY.get("tplink-a")
    assert blueprint is not None
    limits = Thresholds(high=-10, warning=-20, low=-22, signal=-60)
    seen = health_of({RX: "79"}, blueprint, AT, thresholds=limits)
    assert seen is not None and seen.optics is not None
    assert (seen.optics.light, seen.limits) == (Light.WARNING, limits)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("tr181", {f"{OPTICAL}OpticalSignalLevel": "-22500"}),
        ("tr181", {"Device.XPON.ONU.1.ANI.1.Transceiver.1.RxPower": "-225"}),
        ("tr181", {f"{OPTICAL}OpticalSignalLevel": "0", OTHER_RX: "-22.5"}),
        (
            "tr098",
            {"InternetGatewayDevice.WANDevice.1.X_GponInterafceConfig.RXPower": "-22.5"},
        ),
        (
            "tr098",
            {"InternetGatewayDevice.WANDevice.1.X_ZTE-COM_WANPONInterfaceConfig.RXPower": "56.234"},
        ),
        ("tr098", {"InternetGatewayDevice.X_ALU_OntOpticalParam.RXPower": "-22.5 dBm"}),
    ],
)
def test_each_family_writes_the_same_light_in_its_own_unit(
    name: str, values: dict[str, str]
) -> None:
    optics = look(values, name).optics
    assert optics is not None
    assert optics.rx.value == -22.5


def test_a_refused_figure_is_kept_as_it_was_with_the_reason() -> None:
    optics = look({RX: "-99999"}).optics
    assert optics is not None
    assert (optics.rx.value, optics.rx.raw, optics.rx.path) == (None, "-99999", RX)
    assert optics.rx.note.startswith("refused: ")
    assert optics.light is Light.UNKNOWN


def test_addresses_of_all_interfaces_with_where_they_reach() -> None:
    extra = "Device.IP.Interface.4."
    health = xx230v(
        **{
            f"{extra}IPv4Address.1.IPAddress": "203.0.113.7",
            f"{extra}IPv4Address.2.IPAddress": "8.8.8.8",
            f"{extra}IPv6Address.1.IPAddress": "2606:4700::1",
            f"{extra}IPv6Address.2.IPAddress": "fe80::1",
            f"{extra}IPv6Address.3.IPAddress": "no address",
        }
    )
    links = {link.name: link for link in health.wans}
    assert links["LAN"].lan and not links["pppoe_gpon_2_1"].lan
    assert [(a.reading.value, a.scope) for a in links["LAN"].addresses] == [
        ("192.168.0.1", Scope.PRIVATE)
    ]
    assert [a.scope for a in links["pppoe_gpon_2_1"].addresses] == [Scope.SHARED]
    assert {(a.reading.value, a.scope) for a in links["ipoe_0_0_d"].addresses} >= {
        ("8.8.8.8", Scope.PUBLIC),
        ("2606:4700::1", Scope.PUBLIC),
        ("fe80::1", Scope.LINK_LOCAL),
    }
    assert links["dhcp_usb"].addresses == ()


def test_radios_hosts_and_telephone() -> None:
    health = xx230v()
    assert [(r.band, r.channel.value, r.auto) for r in health.radios] == [
        ("2.4GHz", 6, True),
        ("5GHz", 36, True),
    ]
    assert [(h.name, h.mac, h.kind) for h in health.hosts] == [
        ("laptop", LAPTOP, "wired"),
        ("phone", PHONE, "5 GHz"),
    ]
    assert [(line.enabled, line.status.value) for line in health.voice] == [(True, "Disabled")] * 2
    assert (health.uptime.value, health.uptime.unit) == (0, "s")


def mesh() -> dict[str, str]:
    return {
        f"{NODE}1.MACAddress": "1C:61:B4:FA:11:C8",
        f"{NODE}1.Radio.1.AP.1.AssociatedDevice.1.MACAddress": PHONE,
        f"{NODE}1.Radio.1.AP.1.AssociatedDevice.1.SignalStrength": "120",
        f"{NODE}2.MACAddress": "1c-61-b4-00-00-02",
        f"{NODE}2.X_TP_HostName": "Deco étage",
        f"{NODE}2.X_TP_Active": "1",
        f"{NODE}2.BackhaulSignalStrength": "60",
        f"{NODE}2.Radio.2.AP.1.AssociatedDevice.10.MACAddress": "0A0000000010",
        f"{NODE}2.Radio.2.AP.1.AssociatedDevice.10.SignalStrength": "-81",
        f"{NODE}2.Radio.2.AP.1.AssociatedDevice.2.MACAddress": "0A0000000002",
        f"{NODE}2.Radio.2.AP.1.AssociatedDevice.2.SignalStrength": "255",
        f"{STATION}1.MACAddress": PHONE.lower(),
        f"{STATION}1.SignalStrength": "-50",
        "Device.WiFi.AccessPoint.3.SSIDReference": "Device.WiFi.SSID.3.",
        "Device.WiFi.SSID.3.SSID": "Maison",
        f"{HOST}1.PhysAddress": PHONE,
        f"{HOST}1.Active": "0",
        f"{HOST}2.PhysAddress": LAPTOP,
        f"{HOST}2.Active": "1",
        f"{HOST}3.PhysAddress": "0A:00:00:00:00:02",
    }


def test_mesh_nodes_hold_their_clients_and_both_scales_show_the_same() -> None:
    health = look(mesh())
    assert [(node.mac, len(node.clients)) for node in health.mesh] == [
        ("1C:61:B4:FA:11:C8", 1),
        ("1C:61:B4:00:00:02", 2),
    ]
    assert health.mesh[0].clients[0].signal.value == health.stations[0].signal.value == -50.0
    assert health.mesh[0].clients[0].signal.note.startswith("from RCPI 120")
    assert health.stations[0].network == "Maison"
    assert [client.signal.value for client in health.mesh[1].clients] == [None, -81.0]
    assert health.mesh[1].signal.value == -80.0


def test_each_client_counts_once() -> None:
    assert look(mesh()).wireless_clients == 3


def test_the_active_flag_is_believed_only_where_a_radio_hears_the_host() -> None:
    heard, wired, behind = look(mesh()).hosts
    assert (heard.active, heard.sure, heard.node) == (True, True, "1C:61:B4:FA:11:C8")
    assert (wired.active, wired.sure) == (True, False)
    assert (behind.active, behind.sure, behind.node) == (True, True, "1C:61:B4:00:00:02")
    standard = look({f"{HOST}1.PhysAddress": LAPTOP, f"{HOST}1.Active": "0"}, "tr181").hosts[0]
    assert (standard.active, standard.sure) == (False, True)


def test_values_of_another_time_keep_it() -> None:
    health = health_of(mesh(), blueprint(), AT, times={f"{HOST}2.Active": AT - 60})
    assert health is not None
    assert [host.at for host in health.hosts] == [AT, AT - 60, AT]


# --- other devices --------------------------------------------------------------------------


def test_a_router_without_fibre_or_telephone_has_neither() -> None:
    values, missing = answered("tplink-a-ex220", "tplink-a")
    health = look(values)
    assert f"{OPTICAL}X_TP_GPON_Config." in missing
    assert (health.optics, health.voice, found(health, "optical")) == (None, (), [])


def test_a_tr098_device_without_vendor_leaves() -> None:
    values, _ = answered("generic-tr098", "tr098", known=False)
    health = look(values, "tr098")
    assert health.optics is None
    assert [a.scope for link in health.wans for a in link.addresses] == [Scope.SHARED]
    assert [(radio.name, radio.channel.value) for radio in health.radios] == [
        ("Gateway-11C8", 6),
        ("Gateway-11C8-5G", 36),
    ]
    assert len(health.voice) == 2


def test_networks_that_nobody_uses_are_no_radios_that_are_off() -> None:
    path = "InternetGatewayDevice.LANDevice.1.WLANConfiguration.{}.Enable"
    for model, name in (("huawei-eg8145v5", "huawei"), ("zte-f670l", "zte")):
        values, _ = answered(model, name)
        health = look(values, name)
        off = [radio.path for radio in health.radios if radio.enabled is False]
        assert len(off) == 6
        assert found(health, "wifi") == []
        five = {path.format(number): "0" for number in range(5, 9)}
        [warning] = found(look({**values, **five}, name), "wifi")
        assert warning.severity is Severity.WARNING
        assert warning.text == "all networks of 5GHz are switched off"


def test_a_family_without_health_says_nothing(tmp_path: Path) -> None:
    (tmp_path / "bare.toml").write_text('[blueprint]\nname = "bare"\n')
    bare = Library.load(str(tmp_path)).get("bare")
    assert bare is not None
    assert wanted_of(bare) == ()
    assert health_of({RX: "5624"}, bare, AT) is None


def test_a_silent_device_is_no_error() -> None:
    health = look({})
    assert health.uptime.value is None
    assert (health.optics, health.wans, health.findings) == (None, (), ())


@settings(max_examples=200)
@given(
    st.dictionaries(
        st.sampled_from(
            [
                *mesh(),
                RX,
                f"{HOST}{'9' * 5000}.PhysAddress",
                f"{NODE}{'9' * 5000}.MACAddress",
                "Device.IP.Interface.1.IPv4Address.1.IPAddress",
                "Device.IP.Interface.1.Stats.BytesSent",
                "Device.DeviceInfo.UpTime",
            ]
        ),
        st.text(max_size=30),
    )
)
def test_whatever_a_device_answers_there_is_a_health(values: dict[str, str]) -> None:
    assert look(values).at == AT


# --- what stands out ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("micro", "severity", "advice"),
    [
        ("2000", Severity.WARNING, "attenuator"),
        ("1000", None, ""),
        ("45", Severity.WARNING, "Clean the connector"),
        ("20", Severity.BAD, "Dirty connector or broken fibre, not the ONT"),
        ("0", Severity.NOTE, ""),
    ],
)
def test_light_is_judged_with_advice(micro: str, severity: Severity | None, advice: str) -> None:
    told = found(xx230v(**{RX: micro}), "optical")
    assert [finding.severity for finding in told] == ([severity] if severity else [])
    assert all(advice in finding.advice and finding.path == RX for finding in told)


def test_what_stands_out_is_in_the_order_in_which_to_check_it() -> None:
    health = xx230v(
        **{
            RX: "20",
            f"{OPTICAL}X_TP_GPON_Config.Status": "1",
            "Device.IP.Interface.6.IPv4Address.1.IPAddress": "0.0.0.0",
            "Device.WiFi.Radio.1.Enable": "0",
            "Device.WiFi.Radio.2.Status": "Error",
            f"{NODE}2.X_TP_Active": "0",
            f"{STATION}1.MACAddress": PHONE,
            f"{STATION}1.SignalStrength": "-80",
            "Device.X_TP_Services.X_TP_VoiceService.1.VoiceProfile.1.Line.1.Status": "Registering",
        }
    )
    subjects = [finding.subject for finding in health.findings]
    assert subjects == [
        *("optical", "optical", "wan", "wifi", "wifi", "wifi", "mesh", "voice", "device")
    ]
    texts = "\n".join(finding.text for finding in health.findings)
    assert "state 1" in texts
    assert "radio 2.4GHz is switched off" in texts
    assert "radio 5GHz is on but its status is Error" in texts
    assert f"1 of 1 clients below -75 dBm: {PHONE} (-80)" in texts


# --- blueprints of operators ----------------------------------------------------------------

OWN = """\
[blueprint]
name = "mine"
extends = "tplink-a"

[match]
root = "Device."
manufacturer = ["TP-Link"]

[health.wan]
swapped = true

[health.optical.rx]
"Device.Optical.Interface.1.X_MINE" = "0.1dBm"
"""


def test_an_operators_file_adds_places_and_swaps_counters(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(OWN)
    library = Library.load(str(tmp_path))
    assert library.issues == ()
    mine = library.get("mine")
    assert mine is not None
    row = "Device.IP.Interface.1.Stats."
    values = {f"{row}BytesSent": "7", f"{row}BytesReceived": "9", f"{OPTICAL}X_MINE": "-101"}
    health = health_of(values, mine, AT)
    assert health is not None and health.optics is not None
    assert (health.wans[0].sent.value, health.wans[0].sent.path) == (9, f"{row}BytesReceived")
    assert (health.wans[0].received.value, health.wans[0].received.raw) == (7, "7")
    assert health.optics.rx.value == -10.1


def test_where_health_is_read_changes_nothing_that_is_written(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(OWN)
    mine = Library.load(str(tmp_path)).get("mine")
    assert mine is not None
    assert mine.digest == blueprint().digest


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("swapped = true", "swaped = true", 10, "did you mean swapped?"),
        ("swapped = true", 'swapped = "yes"', 10, "must be true or false"),
        ('"0.1dBm"', '"0.1dB"', 13, "unit '0.1dB' is none of"),
        ('"0.1dBm"', "1", 13, "must be text"),
        ('"Device.Optical.Interface.1.X_MINE"', '"RXPower"', 13, "is not a full path"),
        ("[health.optical.rx]", "[health.optical.rz]", 12, "did you mean rx?"),
        ("swapped = true", 'tables = ["Device.IP.Interface."]', 10, "is no full path ending with"),
        ("swapped = true", 'sent = ["Device.IP.X"]', 10, "is not a leaf of a row"),
        (
            "[health.wan]\nswapped",
            "[health.hosts]\nmac = []\nreplace",
            9,
            "hosts.tables is missing",
        ),
        ("[health.wan]\nswapped", "[health.mesh]\nreplace", 9, "must lie inside health.mesh"),
        (
            "[health.wan]\nswapped = true",
            '[health.stations]\nsignal_unit = "percent"',
            10,
            "'percent' is none of dBm, auto",
        ),
        (
            "[health.wan]\nswapped = true",
            '[health.notes]\ntemprature = "x"',
            10,
            "did you mean temperature?",
        ),
    ],
)
def test_a_mistake_is_named_with_its_line(
    tmp_path: Path, old: str, new: str, line: int, message: str
) -> None:
    path = tmp_path / "mine.toml"
    assert old in OWN
    path.write_text(OWN.replace(old, new))
    issues = check_file(path)
    assert message in "\n".join(issue.message for issue in issues)
    assert line in [issue.line for issue in issues]
