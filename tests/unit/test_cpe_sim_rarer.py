"""Simulated CPEs: deployment units, options, faults on demand, the rarer models, their size."""

from __future__ import annotations

import re
import sys
from base64 import b64encode
from pathlib import Path

import pytest
from click.testing import CliRunner
from test_cpe_sim_session import NOW, ask, ont, opened, set_values, text_of

from simulators.cpe.cli import main
from simulators.cpe.content import read_image
from simulators.cpe.device import Ont
from simulators.cpe.misbehaviour import Draw, Misbehaviour, parse_draw
from simulators.cpe.model import Tree
from simulators.cpe.modelfile import Identity, load_model
from simulators.cpe.session import Session
from simulators.cpe.software import Operation, carry_out

UUID = "00000000-0000-0000-0000-00000000000{}"
SSID = "Device.WiFi.SSID.1.SSID"
IP = "Device.IP.Interface."


def change(*operations: tuple[str, dict[str, str]]) -> str:
    listed = "".join(
        f'<Operations xsi:type="cwmp:{kind}OpStruct">'
        + "".join(f"<{name}>{text}</{name}>" for name, text in given.items())
        + "</Operations>"
        for kind, given in operations
    )
    return f"<cwmp:ChangeDUState>{listed}<CommandKey>du</CommandKey></cwmp:ChangeDUState>"


def settled(unit: Ont, *faults: int) -> list[tuple[str, int]]:
    """Carry the waiting changes out; ``faults`` are those of the files in turn."""
    given = list(faults)
    for waiting in unit.changes:
        for errand in carry_out(unit, waiting, lambda: "c", lambda: NOW):
            errand.fault = given.pop(0) if given else 0
    unit.changes.clear()
    told = unit.announcements[-1].arguments
    states = re.findall(r"<CurrentState>(\w+)<", told)
    codes = [int(code) for code in re.findall(r"<FaultCode>(\d+)<", told)]
    return list(zip(states, codes, strict=True))


# --- ChangeDUState


def test_results_come_in_the_order_of_the_operations() -> None:
    unit = ont()
    one, two = UUID.format(1), UUID.format(2)
    session = opened(unit)
    body = change(
        ("Install", {"URL": "http://f/a-1.0.ipk", "UUID": one}),
        ("Install", {"URL": "http://f/b-2.0.ipk", "UUID": two}),
        ("Update", {"UUID": one, "Version": "1.1", "URL": "http://f/a-1.1.ipk"}),
        ("Uninstall", {"UUID": two}),
    )
    assert b"<cwmp:ChangeDUStateResponse></" in ask(session, body)
    assert settled(unit) == [
        ("Installed", 0), ("Installed", 0), ("Installed", 0), ("Uninstalled", 0)
    ]  # fmt: skip
    told = unit.announcements[0]
    assert re.findall(r"<Version>([\d.]+)<", told.arguments) == ["1.0", "2.0", "1.1", "2.0"]
    assert [event.code for event in told.events] == [
        "11 DU STATE CHANGE COMPLETE",
        "M ChangeDUState",
    ]
    assert told.arguments.endswith("<CommandKey>du</CommandKey>")
    assert set(unit.software.units) == {one}


@pytest.mark.parametrize(
    ("operation", "file", "code"),
    [
        (Operation("Install", uuid="nonsense", url="http://f/x"), 0, 9022),
        (Operation("Install", url="http://f/x", environment="Device.No.1"), 0, 9023),
        (Operation("Install", uuid=UUID.format(1), url="http://f/x"), 0, 9026),
        (Operation("Install", url="http://f/x"), 9015, 9015),
        (Operation("Update", uuid=UUID.format(9), version="2.0"), 0, 9028),
        (Operation("Update", uuid=UUID.format(1), version="0.9"), 0, 9030),
        (Operation("Update", uuid=UUID.format(1)), 0, 9031),
        (Operation("Update", uuid=UUID.format(1), version="1.0"), 0, 9032),
        (Operation("Uninstall", uuid=UUID.format(9)), 0, 9028),
    ],
)
def test_operations_that_fail(operation: Operation, file: int, code: int) -> None:
    units = ont().software
    units.perform(Operation("Install", uuid=UUID.format(1), url="http://f/a-1.0.ipk"), 0, 1, 2)
    result = units.perform(operation, file, 1, 2)
    assert (result.state, result.fault) == ("Failed", code)
    assert list(units.units) == [UUID.format(1)]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (change(), "9003"),
        (change(("Replace", {"UUID": "x"})), "9003"),
        (change(("Uninstall", {"URL": "http://f/x"})), "9003"),
        (change(("Install", {"URL": "ftp://f/x"})), "9013"),
    ],
)
def test_changes_that_are_refused_at_once(body: str, code: str) -> None:
    unit = ont()
    assert text_of(ask(opened(unit), body), "FaultCode") == code
    assert unit.changes == []


def test_deployment_units_show_in_a_tree_that_has_them_and_survive_a_power_cut() -> None:
    unit = ont("generic-tr181-full")
    table = "Device.SoftwareModules.DeploymentUnit."
    first = Operation("Install", uuid=UUID.format(1), url="http://f/a-1.0.ipk")
    assert unit.software.perform(first, 0, 1, 2).reference == table + "1"
    assert unit.tree.get(table + "1.Version") == "1.0"
    again = ont("generic-tr181-full")
    again.load(unit.dump())
    assert again.software.perform(Operation("Uninstall", uuid=UUID.format(1)), 0, 1, 2).fault == 0
    assert again.tree.rows(table) == []


def test_a_du_outcome_can_be_drawn() -> None:
    unit = ont(misbehaviour=Misbehaviour(faults=(parse_draw("DUStateChangeComplete=9027@2"),)))
    operations = [("Install", {"URL": f"http://f/{name}"}) for name in "abc"]
    ask(opened(unit), change(*operations))
    assert [code for _, code in settled(unit)] == [0, 9027, 0]


# --- options


def test_a_voucher_enables_an_option() -> None:
    session = opened()
    voucher = b"<Option><VSerialNum>987</VSerialNum><OptionIdent>Firewall</OptionIdent></Option>"
    body = (
        '<cwmp:SetVouchers><VoucherList e:arrayType="e:base64[1]">'
        f"<base64>{b64encode(voucher).decode()}</base64></VoucherList></cwmp:SetVouchers>"
    )
    assert b"SetVouchersResponse" in ask(session, body)
    asked = "<cwmp:GetOptions><OptionName>{}</OptionName></cwmp:GetOptions>"
    for name in ("", "Firewall"):
        answer = ask(session, asked.format(name))
        assert (text_of(answer, "OptionName"), text_of(answer, "VoucherSN")) == ("Firewall", "987")
    assert text_of(ask(session, asked.format("Other")), "FaultCode") == "9003"
    broken = body.replace(b64encode(voucher).decode(), "bm90aGluZw==")
    assert text_of(ask(session, broken), "FaultCode") == "9003"


def test_it_names_all_its_methods() -> None:
    answer = ask(opened(), "<cwmp:GetRPCMethods/>").decode()
    assert {"Download", "ChangeDUState", "SetVouchers"} <= set(
        re.findall(r"<string>(\w+)<", answer)
    )


# --- faults on demand


@pytest.mark.parametrize(
    ("text", "draw"),
    [
        ("Reboot=9002", Draw("Reboot", 9002)),
        ("*:Device.WiFi.*=9005@once", Draw("*", 9005, "Device.WiFi.*", 1)),
        ("Download=9010@3", Draw("Download", 9010, "", 3)),
        ("SetParameterValues:A.B=9814@always", Draw("SetParameterValues", 9814, "A.B")),
    ],
)
def test_faults_are_ordered_in_one_word(text: str, draw: Draw) -> None:
    assert parse_draw(text) == draw


@pytest.mark.parametrize("text", ["Reboot", "Reboot=x", "=9001", "Reboot=8000", "Reboot=9001@0"])
def test_orders_that_cannot_be_read(text: str) -> None:
    with pytest.raises(ValueError, match=r"9|METHOD"):
        parse_draw(text)


def drawing(*texts: str) -> Session:
    return opened(ont(misbehaviour=Misbehaviour(faults=tuple(map(parse_draw, texts)))))


@pytest.mark.parametrize("code", [*range(9000, 9033), 9814])
def test_every_code_of_a_cpe_can_be_drawn(code: int) -> None:
    answer = ask(drawing(f"GetRPCMethods={code}"), "<cwmp:GetRPCMethods/>")
    assert text_of(answer, "FaultCode") == str(code)
    assert text_of(answer, "FaultString") != "Vendor fault"


def test_a_fault_is_drawn_once_or_the_nth_time_and_noted() -> None:
    session = drawing("GetRPCMethods=9002@2", "Reboot=9001@once")
    answers = [ask(session, "<cwmp:GetRPCMethods/>") for _ in range(3)]
    assert [b"9002" in answer for answer in answers] == [False, True, False]
    reboot = "<cwmp:Reboot><CommandKey></CommandKey></cwmp:Reboot>"
    assert [b"9001" in ask(session, reboot) for _ in range(2)] == [True, False]
    assert [rpc.drawn for rpc in session.report.rpcs] == [False, True, False, True, False]


def test_a_single_parameter_is_refused_in_the_detail() -> None:
    session = drawing(f"SetParameterValues:{SSID}=9007")
    code = "Device.DeviceInfo.ProvisioningCode"
    answer = ask(session, set_values((SSID, "string", "a"), (code, "string", "b"))).decode()
    assert re.findall(r"<FaultCode>(\d+)<", answer) == ["9003", "9007"]
    assert re.findall(r"<ParameterName>([^<]+)<", answer) == [SSID]


# --- models


@pytest.mark.parametrize(
    ("model", "least"),
    [
        ("tplink-a-xx230v", 6000),
        ("tplink-a-ex220", 5000),
        ("tplink-b-ec220-g5-v3", 3000),
        ("tplink-c-ec220-g5-v2", 1500),
        ("huawei-eg8145v5", 1400),
        ("zte-f670l", 1400),
        ("nokia-g-2425", 1400),
        ("generic-tr098-full", 1000),
        ("generic-tr181-full", 3000),
    ],
)
def test_trees_are_as_large_as_those_of_real_units(model: str, least: int) -> None:
    unit = ont(model)
    assert len(unit.tree.read([""])) > least
    names = [name for name, _ in unit.tree.names("", False)]
    assert len(names) == len(set(names))
    assert unit.wan in unit.tree
    assert all(name in unit.tree for name in unit.model.inform if name != "{wan}")


def test_family_b_has_four_networks_and_layers_that_do_not_move() -> None:
    unit = ont("tplink-b-ec220-g5-v3").tree
    assert unit.rows("Device.WiFi.SSID.") == [1, 2, 3, 4]
    assert unit.get("Device.RootDataModelVersion") == "2.12"
    writable = dict(unit.names(IP, False))
    assert writable[IP + "4.LowerLayers"] is False
    assert writable[IP] is False


def test_the_vendors_keep_their_keys_where_they_do() -> None:
    wlan = "InternetGatewayDevice.LANDevice.1.WLANConfiguration.1."
    assert wlan + "X_TP_PreSharedKey" in ont("tplink-c-ec220-g5-v2").tree
    assert wlan + "PreSharedKey.1.PreSharedKey" in ont("huawei-eg8145v5").tree
    assert wlan + "KeyPassphrase" not in ont("huawei-eg8145v5").tree
    assert wlan + "PreSharedKey.1.KeyPassphrase" in ont("nokia-g-2425").tree


def test_a_mesh_has_an_extender_with_its_clients() -> None:
    node = "Device.WiFi.MultiAP.APDevice."
    unit = ont("tplink-a-xx230v-mesh").tree
    assert unit.rows(node) == [1, 2]
    assert unit.get(node + "2.X_TP_ModelName") == "HX220"
    client = node + "2.Radio.1.AP.1.AssociatedDevice.1."
    assert int(unit.get(client + "SignalStrength")) // 2 - 110 == -62


def test_a_new_wan_takes_the_session_over() -> None:
    unit = ont()
    row = f"{IP}{unit.tree.add(IP)}."
    assert unit.tree.get(row + "X_TP_ConnType") == "Unknown"
    assert unit.tree.get(row + "X_TP_IPv6AddrType") == "Auto"
    vlan = f"Device.Ethernet.VLANTermination.{unit.tree.add('Device.Ethernet.VLANTermination.')}."
    assert unit.tree.get(vlan + "X_TP_VLANMode") == "0"
    later = unit.tree.write(
        [
            (row + "Enable", "boolean", "1"),
            (row + "X_TP_ConnType", "string", "DHCP"),
            (row + "X_TP_ServiceType", "string", "Internet,TR069"),
        ]
    )
    before = unit.wan
    unit.apply()
    assert (later, unit.wan) == (True, row + "IPv4Address.1.IPAddress")
    assert unit.wan != before
    assert ("4 VALUE CHANGE", "") in unit.next_events()
    assert unit.wan in [parameter.name for parameter in unit.inform_parameters(NOW)]


def test_a_pppoe_without_account_tells_its_error() -> None:
    unit = ont()
    row = f"Device.PPP.Interface.{unit.tree.add('Device.PPP.Interface.')}."
    unit.tree.write([(row + "Enable", "boolean", "1")])
    unit.apply()
    assert unit.tree.get(row + "LastConnectionError") == "ERROR_AUTHENTICATION_FAILURE"
    unit.tree.write([(row + "Username", "string", "me@isp")])
    unit.apply()
    assert unit.tree.get(row + "ConnectionStatus") == "Connected"
    assert unit.tree.get(row + "IPCP.LocalIPAddress").startswith("100.64.")


def test_a_tr098_gateway_moves_to_its_default_connection() -> None:
    unit = ont("tplink-c-ec220-g5-v2")
    row = "InternetGatewayDevice.WANDevice.1.WANConnectionDevice.2.WANIPConnection.1"
    unit.tree.write(
        [
            (row + ".Enable", "boolean", "1"),
            ("InternetGatewayDevice.Layer3Forwarding.DefaultConnectionService", "string", row),
        ]
    )
    unit.apply()
    assert unit.tree.get(row + ".ConnectionStatus") == "Connected"
    assert unit.wan == row + ".ExternalIPAddress"


# --- size


def test_an_idle_unit_keeps_only_what_is_its_own() -> None:
    model = load_model("tplink-a-xx230v")
    identity = Identity("1C61B4", "Device2", "22275A7000001", "1C:61:B4:FA:11:C8")
    one, two = Tree(model, identity), Tree(model, identity)
    two.write([("Device.DeviceInfo.ProvisioningCode", "string", "QC")])
    two.add("Device.PPP.Interface.")
    assert one.get("Device.DeviceInfo.ProvisioningCode") == ""
    assert one.rows("Device.PPP.Interface.") == [3]
    own = sum(sys.getsizeof(value) for value in vars(one).values() if value is not model)
    assert own < 4096


# --- the command


def test_an_image_is_written_for_a_model(tmp_path: Path) -> None:
    target = tmp_path / "a.bin"
    command = ["image", str(target), "--version", "9.9.9", "--model", "XX230v", "--size", "64"]
    assert CliRunner().invoke(main, command).exit_code == 0
    found = read_image(target.read_bytes())
    assert found is not None
    assert (found.version, found.model) == ("9.9.9", "XX230v")


def test_a_wrong_fault_is_explained() -> None:
    result = CliRunner().invoke(
        main, ["demo", "--acs", "http://127.0.0.1:1/", "--fault", "Reboot=8000"]
    )
    assert result.exit_code == 1
    assert "8000 is no fault of a CPE" in result.output
